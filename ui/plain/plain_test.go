package plain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kitekey/kite"
	"kitekey/kite/simulator"
	"kitekey/ui/clipboard"
	"kitekey/ui/words"
	"kitekey/vault"
	"kitekey/vault/storetest"
)

// board is a clipboard for tests.
type board struct {
	mu      sync.Mutex
	text    string
	clearAt time.Time
	err     error
}

func (b *board) Copy(_ context.Context, secret []byte, clearAt time.Time) (clipboard.Receipt, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return clipboard.Receipt{}, b.err
	}
	b.text, b.clearAt = string(secret), clearAt
	return clipboard.Receipt{Way: clipboard.X11, ClearsAt: clearAt}, nil
}

func (b *board) Clear(context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = ""
	return nil
}

type inProcess struct{ handler http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	return w.Result(), nil
}

// fixture is the vault and the clipboard of a conversation, and what it said.
type fixture struct {
	t     *testing.T
	vault *vault.Vault
	store *storetest.Faulty
	sim   *simulator.Simulator
	clip  *board
	out   lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *lockedBuffer) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Reset()
}

// newFixture has acme in both environments, with a label, and borealis and dune.
func newFixture(t *testing.T, profiles ...string) *fixture {
	t.Helper()
	w := &fixture{t: t, store: storetest.NewFaulty(nil).Named("keyring"), sim: simulator.New(simulator.Options{}), clip: &board{}}
	v, err := vault.Open(vault.Options{Store: w.store, Gateway: func(e kite.Environment) vault.Gateway {
		base := "http://127.0.0.1:1/v1"
		if e == kite.Live {
			base = "http://127.0.0.1:1/live/v1"
		}
		return &kite.Client{Environment: e, BaseURL: base, Transport: inProcess{w.sim}}
	}})
	if err != nil {
		t.Fatal(err)
	}
	w.vault = v
	labels := map[string]string{"acme": "Acme Stores Ltd", "borealis": "Boréalis Café"}
	for _, name := range profiles {
		sel, err := vault.ParseSelector(name)
		if err != nil {
			t.Fatal(err)
		}
		cred, ok := w.sim.Credential(sel.Account, sel.Environment)
		if !ok {
			t.Fatalf("the simulator has no %s", sel)
		}
		n := vault.NewProfile{Selector: sel, Label: labels[sel.Account], Credential: cred, Verdict: vault.VerdictOK}
		if _, err := v.Add(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

var four = []string{"acme", "acme/live", "borealis", "dune"}

func (w *fixture) options() Options {
	return Options{Vault: w.vault, Clipboard: w.clip, Output: &w.out}
}

// talk enters lines, one after another, and returns the answers.
func (w *fixture) talk(o Options, lines ...string) string {
	w.t.Helper()
	w.out.reset()
	o.Input = strings.NewReader(strings.Join(lines, "\n") + "\n")
	if err := Run(w.t.Context(), o); err != nil {
		w.t.Fatal(err)
	}
	said := w.out.String()
	if strings.ContainsAny(said, "\x1b\r") {
		w.t.Errorf("plain mode moves the cursor: %q", said)
	}
	return said
}

// converse runs a test of one conversation on a fake clock.
func converse(t *testing.T, profiles []string, do func(t *testing.T, w *fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { do(t, newFixture(t, profiles...)) })
}

func has(t *testing.T, said string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(said, text) {
			t.Errorf("%q was not said in:\n%s", text, said)
		}
	}
}

func lacks(t *testing.T, said string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(said, text) {
			t.Errorf("%q was said in:\n%s", text, said)
		}
	}
}

func (w *fixture) count(name string) simulator.Counts {
	sel, _ := vault.ParseSelector(name)
	return w.sim.CountOf(sel.Account, sel.Environment)
}

func (w *fixture) lookup(name string) vault.Profile {
	w.t.Helper()
	sel, _ := vault.ParseSelector(name)
	p, err := w.vault.Lookup(sel)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func TestPlain_BeginsWithTotals(t *testing.T) {
	converse(t, four, func(t *testing.T, w *fixture) {
		said := w.talk(w.options(), "q")
		has(t, said, "4 profiles, 1 of them LIVE. 4 work.", "Type list")
		lacks(t, said, "borealis")
	})
	converse(t, nil, func(t *testing.T, w *fixture) {
		has(t, w.talk(w.options()), "No profiles yet. Type add")
	})
	converse(t, four, func(t *testing.T, w *fixture) {
		o := w.options()
		o.Demo, o.SandboxOnly, o.Overrides = true, true, []words.Override{{Environment: kite.Sandbox, URL: "http://127.0.0.1:1", Variable: "KITEKEY_SANDBOX_URL"}}
		said := w.talk(o, "list", "acme/live")
		has(t, said, "This is a demonstration", "3 profiles, 0 of them LIVE", "Override in force: sandbox goes to")
		lacks(t, strings.ReplaceAll(said, "of them LIVE", ""), "acme LIVE")
	})
}

func TestPlain_ChoosesByNumberNameAndLabel(t *testing.T) {
	for text, want := range map[string]string{
		"1":                    "acme sandbox, works.",
		"acme":                 "acme sandbox, works.",
		"acme live":            "acme LIVE, works.",
		"ACME/LIVE":            "acme LIVE, works.",
		"Acme Live":            "acme LIVE, works.",
		"boréalis café":        "borealis sandbox, works.",
		"acme stores ltd live": "acme LIVE, works.",
		"Acme Stores Ltd":      `"Acme Stores Ltd" means 2 profiles: acme sandbox, acme LIVE. Type the one you mean.`,
		"bore":                 `There is no profile or command "bore". Did you mean borealis sandbox?`,
		"dune live":            `There is no profile or command "dune live". Did you mean dune sandbox?`,
		"choose dune":          "dune sandbox, works.",
		"9":                    `"9" is neither a profile nor a command`,
		"x\x1b[31my":           "is neither a profile nor a command",
		"\x1b[A\x1b[B":         "Arrow keys and the like do nothing here. Type list or help.",
		"copy\x1b[D":           `"copy" is neither a profile nor a command. Arrow keys and the like`,
	} {
		converse(t, four, func(t *testing.T, w *fixture) { has(t, w.talk(w.options(), text), want) })
	}
}

// A credential that was pasted as a command is not read out again.
func TestPlain_RepeatsNoSecret(t *testing.T) {
	for _, line := range []string{
		`{"api_key":"sim-key-x","api_secret":"sim-secret-x"}`, `"api_secret": "sim-secret-x"`, "KITE_API_KEY=sim-secret-x",
		"sim-secret-that-is-as-long-as-they-are", `'sim-secret-x'`,
	} {
		converse(t, four, func(t *testing.T, w *fixture) {
			said := w.talk(w.options(), line)
			lacks(t, said, "sim-")
			if !strings.Contains(said, "holds a credential") && !strings.Contains(said, "That is neither a profile nor a command") {
				t.Errorf("%s: %s", line, said)
			}
		})
	}
}

func TestPlain_ListsWhatIsAskedFor(t *testing.T) {
	converse(t, four, func(t *testing.T, w *fixture) {
		said := w.talk(w.options(), "list")
		has(t, said, "1: acme sandbox, Acme Stores Ltd, works.", "2: acme LIVE", "3: borealis sandbox, Boréalis Café", "4: dune sandbox, works.")
		said = w.talk(w.options(), "l live")
		has(t, said, "2: acme LIVE")
		lacks(t, said, "1: acme", "3: borealis")
		has(t, w.talk(w.options(), "list failing"), `No profile matches "failing"`)
	})
}

func TestPlain_CopiesAndMints(t *testing.T) {
	converse(t, four, func(t *testing.T, w *fixture) {
		said := w.talk(w.options(), "acme", "time", "copy", "t", "c token", "c nonsense", "mint 90s", "m 1e9", "x")
		has(t, said, "acme sandbox has no token. Type copy or mint.", "Minting.", "New token of acme sandbox, valid for 5 min.",
			"Its header is in the clipboard (X11) until", "token unexpired for another 5 min", "Its token is in the clipboard",
			"header, token or curl", "valid for 1 min 30 s", "Failed: ", "Cleared from the clipboard.")
		if n := w.count("acme").Mints; n != 2 || w.clip.text != "" {
			t.Errorf("%d mints, %q left", n, w.clip.text)
		}
		lacks(t, said, "eyJ", "sim-")
		said = w.talk(w.options(), "copy")
		has(t, said, "1 token unexpired.", "Choose a profile first")
		w.clip.err = errors.New("no display")
		has(t, w.talk(w.options(), "1", "m"), "New token of acme sandbox", "Failed: Cannot copy: no display")
	})
}

// Everything that hands something of live out, or changes it, asks for its name.
func TestPlain_AsksForTheNameOfLive(t *testing.T) {
	for _, tt := range []struct {
		line string
		asks bool
	}{
		{"copy", true}, {"copy token", true}, {"mint", true}, {"reveal", true}, {"rotate", true}, {"remove", true},
		{"keep-alive", true}, {"rollback", true}, {"drop", true}, {"finish", true}, {"discard", true},
		{"verify", false}, {"report", false}, {"why", false}, {"forget", false}, {"time", false}, {"activity", false}, {"list", false},
	} {
		converse(t, four, func(t *testing.T, w *fixture) {
			switch tt.line {
			case "rollback", "drop": // need a previous credential
				w.rotate("acme/live", false)
			case "finish", "discard": // need a staged credential
				w.rotate("acme/live", true)
			}
			before := w.count("acme/live").Requests
			said := w.talk(w.options(), "acme live", tt.line, "acme")
			if asked := strings.Contains(said, "LIVE: real keys, real money."); asked != tt.asks {
				t.Errorf("%s asked: %v, want %v:\n%s", tt.line, asked, tt.asks, said)
			}
			if !tt.asks {
				return
			}
			has(t, said, "type acme/live: That is not its name; nothing was done.")
			if w.count("acme/live").Requests != before || w.clip.text != "" || strings.Contains(said, "sim-") {
				t.Errorf("%s touched live without its name", tt.line)
			}
			if p := w.lookup("acme/live"); p.Previous != (tt.line == "rollback" || tt.line == "drop") || p.Staged != (tt.line == "finish" || tt.line == "discard") {
				t.Errorf("%s changed live without its name: %+v", tt.line, p)
			}
		})
	}
	converse(t, four, func(t *testing.T, w *fixture) {
		said := w.talk(w.options(), "acme live", "copy", "acme/live", "mint")
		has(t, said, "New token of acme LIVE")
		if n := strings.Count(said, "LIVE: real keys"); n != 1 {
			t.Errorf("asked %d times within ten minutes:\n%s", n, said)
		}
		if said = w.talk(w.options(), "acme", "edit", "", "", "acme2", "no"); !strings.Contains(said, "type acme/live") {
			t.Errorf("renaming an account that has live does not ask:\n%s", said)
		}
	})
}

// rotate gives a profile another credential. If down is set the gateway fails, and
// the credential stays staged.
func (w *fixture) rotate(name string, down bool) {
	w.t.Helper()
	sel, _ := vault.ParseSelector(name)
	cred := secondCredential(sel)
	if down {
		w.down(sel.Environment, true)
	}
	_, err := w.vault.Rotate(w.t.Context(), sel, cred)
	if (err != nil) != down {
		w.t.Fatal(err)
	}
	w.down(sel.Environment, false)
}

// down makes the gateway fail for second credentials.
func (w *fixture) down(env kite.Environment, down bool) {
	b := simulator.Behavior{}
	if down {
		b.Failure = simulator.InternalError
	}
	for _, account := range []string{"ember", "coral"} {
		w.sim.Set(account, env, b)
	}
}

// secondCredential returns another credential that the environment's gateway
// accepts.
func secondCredential(sel vault.Selector) kite.Credential {
	account := "ember"
	if sel.Environment == kite.Live {
		account = "coral"
	}
	return simulator.NewMerchant(account, sel.Environment).Credential
}

func TestPlain_SaysTheGatewaysWords(t *testing.T) {
	converse(t, four, func(t *testing.T, w *fixture) {
		w.sim.Set("acme", kite.Sandbox, simulator.Behavior{Refuse: true})
		said := w.talk(w.options(), "1", "verify", "why")
		if strings.Count(said, "acme sandbox: refused; the gateway said: 401, Invalid") != 2 {
			t.Errorf("not the gateway's words:\n%s", said)
		}
		has(t, said, "Verified just now at 127.0.0.1:1.", "It means: Kitegateway answered", "Next: ", "type rotate")
		lacks(t, said, "press")
		// The gateway's words are there in a later run too.
		has(t, w.talk(w.options(), "1", "why"), "acme sandbox: refused; the gateway said: 401, Invalid")
	})
}

func TestPlain_VerifiesAll(t *testing.T) {
	converse(t, four, func(t *testing.T, w *fixture) {
		w.sim.Set("dune", kite.Sandbox, simulator.Behavior{Failure: simulator.HTMLPage})
		said := w.talk(w.options(), "verify all", "dune", "why")
		has(t, said, "Verifying 4 profiles.", "dune sandbox: not a Kitegateway reply", "Done: 1 not a Kitegateway reply, 3 work.", "type why", "It means: What answers at")
		lacks(t, said, "real money")
		has(t, w.talk(w.options(), "verify live"), "Verifying 1 profile.", "Done: 1 works.")
	})
}

func TestPlain_AddsAndVerifies(t *testing.T) {
	converse(t, nil, func(t *testing.T, w *fixture) {
		said := w.talk(w.options(), "a", "Acme", "acme", "", "sim-key-acme-sandbox", "wrong", "again", "sim-key-acme-sandbox", "sim-secret-acme-sandbox", "c")
		has(t, said, `try "acme"`, "The api_key is empty.", "Not accepted:", "acme sandbox added.", "Its header is in the clipboard")
		if w.lookup("acme").Verdict != vault.VerdictOK {
			t.Error("not verified")
		}
	})
	// A text with both halves fills both.
	converse(t, nil, func(t *testing.T, w *fixture) {
		said := w.talk(w.options(), "add", "acme", `{"api_key":"sim-key-acme-sandbox","api_secret":"sim-secret-acme-sandbox"}`)
		has(t, said, "read from JSON", "acme sandbox added.")
		lacks(t, said, "sim-")
	})
	converse(t, four, func(t *testing.T, w *fixture) {
		has(t, w.talk(w.options(), "add", "acme", "", "add", ""), "acme sandbox is there already")
	})
}

// What was typed is kept if the store fails. A missing store is reported before
// anything is typed.
func TestPlain_KeepsWhatWasTypedWhenTheStoreFails(t *testing.T) {
	converse(t, nil, func(t *testing.T, w *fixture) {
		o := w.options()
		o.Input = &hooked{lines: []string{"add", "acme", "sim-key-acme-sandbox", "sim-secret-acme-sandbox", "again", "q"}, before: map[int]func(){
			3: func() { w.store.Fail(vault.ErrLocked) }, 4: func() { w.store.Heal() },
		}}
		if err := Run(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		has(t, w.out.String(), "Not saved: acme/sandbox: not added: the keyring is locked", "What you typed is still here", "acme sandbox added.")
		w.store.Fail(vault.ErrLocked)
		said := w.talk(w.options(), "add", "neu")
		has(t, said, "Failed: The keyring is locked", "Next: ")
		lacks(t, said, "api_key")
	})
}

// hooked gives one line at a time, and calls a function before some of them.
type hooked struct {
	lines  []string
	before map[int]func()
	at     int
	rest   string
}

func (h *hooked) Read(p []byte) (int, error) {
	if h.rest == "" {
		if h.at == len(h.lines) {
			return 0, io.EOF
		}
		if do := h.before[h.at]; do != nil {
			do()
		}
		h.rest = h.lines[h.at] + "\n"
		h.at++
	}
	n := copy(p, h.rest)
	h.rest = h.rest[n:]
	return n, nil
}

func TestPlain_AsksAboutAnUnusualLife(t *testing.T) {
	const risk = "A token that lives 2 d works that long for anyone who gets hold of it; a shorter life is safer. Go on?"
	converse(t, four, func(t *testing.T, w *fixture) {
		said := w.talk(w.options(), "acme", "mint 2h")
		has(t, said, "Note: A token that lives 2 h works that long", "valid for 2 h")
		said = w.talk(w.options(), "acme", "mint 2d", "no")
		has(t, said, risk)
		if strings.Contains(said, "New token") {
			t.Error("minted after no")
		}
		has(t, w.talk(w.options(), "acme", "mint 2d", "yes"), risk, "valid for 2 d")
		has(t, w.talk(w.options(), "dune", "edit", "", "2d", "no", "90s", ""), risk, "dune sandbox saved.")
		if p := w.lookup("dune"); p.ExpiresIn.Duration() != 90*time.Second {
			t.Errorf("%+v", p)
		}
		has(t, w.talk(w.options(), "dune", "edit", "", "2d", "yes", ""), risk, "dune sandbox saved.")
		if p := w.lookup("dune"); p.ExpiresIn.Duration() != 48*time.Hour {
			t.Errorf("%+v", p)
		}
	})
}

func TestPlain_EditsLabelLifeAndName(t *testing.T) {
	converse(t, four, func(t *testing.T, w *fixture) {
		said := w.talk(w.options(), "dune", "edit", "Dune Tours", "1e9", "90s", "")
		has(t, said, "now none", "now 5 min", "No: ", "dune sandbox saved.")
		if p := w.lookup("dune"); p.Label != "Dune Tours" || p.ExpiresIn.Duration() != 90*time.Second {
			t.Errorf("%+v", p)
		}
		has(t, w.talk(w.options(), "dune", "edit", "-", "", "sahara"), "sahara sandbox saved.")
		if p := w.lookup("sahara"); p.Label != "" || p.ExpiresIn.Duration() != 90*time.Second {
			t.Errorf("%+v", p)
		}
		has(t, w.talk(w.options(), "sahara", "edit", "", "", ""), "Nothing was changed.")
		has(t, w.talk(w.options(), "sahara", "activity"), "renamed from dune to sahara, done.")
	})
}

func TestPlain_RotatesAndRollsBack(t *testing.T) {
	const key, secret = "sim-key-ember-sandbox", "sim-secret-ember-sandbox"
	converse(t, four, func(t *testing.T, w *fixture) {
		said := w.talk(w.options(), "dune", "rollback", "rotate", key, "wrong", "new", key, secret, "rollback", "drop", "no", "drop", "yes", "drop")
		has(t, said, "dune sandbox has no previous credential.", "Not replaced: ", "The new credential of dune sandbox is in use.",
			"The previous credential of dune sandbox is in use again.", "Nothing was done.", "The previous credential is deleted.")
		if w.lookup("dune").Previous {
			t.Error("not dropped")
		}
		lacks(t, said, "sim-")
	})
	converse(t, four, func(t *testing.T, w *fixture) {
		w.down(kite.Sandbox, true)
		said := w.talk(w.options(), "dune", "rotate", key, secret)
		has(t, said, "Not replaced yet", "It is staged", "Next: ")
		w.down(kite.Sandbox, false)
		has(t, w.talk(w.options(), "dune", "finish", "finish"), "The new credential of dune sandbox is in use", "dune sandbox has no staged credential.")
		has(t, w.talk(w.options(), "dune", "rollback"), "in use again")
		w.rotate("dune", true)
		has(t, w.talk(w.options(), "dune", "discard", "no", "discard", "yes"), "Nothing was done.", "The staged credential is discarded.")
	})
}

func TestPlain_RevealsRemovesAndForgets(t *testing.T) {
	converse(t, four, func(t *testing.T, w *fixture) {
		said := w.talk(w.options(), "dune", "reveal", "no")
		lacks(t, said, "sim-key")
		said = w.talk(w.options(), "dune", "reveal", "yes")
		has(t, said, "stay in the terminal's scrollback", "api_key: sim-key-dune-sandbox\n", "api_secret: sim-secret-dune-sandbox\n")
		o := w.options()
		o.NoReveal = true
		lacks(t, w.talk(o, "dune", "reveal", "yes"), "sim-")
		has(t, w.talk(w.options(), "dune", "copy", "forget", "time"), "is forgotten", "dune sandbox has no token")
		has(t, w.talk(w.options(), "dune", "remove", "no", "remove", "yes", "copy"), "Nothing was done.", "dune sandbox removed.", "Choose a profile first")
		has(t, w.talk(w.options(), "log all"), "dune sandbox removed, done", "dune sandbox revealed, done")
	})
}

func TestPlain_PutsBackWhatWasRemoved(t *testing.T) {
	converse(t, four, func(t *testing.T, w *fixture) {
		has(t, w.talk(w.options(), "undo"), "Nothing was removed in the last ten minutes.")
		has(t, w.talk(w.options(), "dune", "remove", "yes", "2", "undo", "reveal", "yes", "undo"),
			"dune sandbox removed. Undo puts it back", "dune sandbox is back.", "api_secret: sim-secret-dune-sandbox\n", "Nothing was removed")
		w.talk(w.options(), "dune", "remove", "yes")
		has(t, w.talk(w.options(), "undo"), "Nothing was removed") // the last conversation has ended
	})
}

func TestPlain_PutsBackForTenMinutes(t *testing.T) {
	converse(t, four, func(t *testing.T, w *fixture) {
		in, keyboard := io.Pipe()
		o := w.options()
		o.Input = in
		ended := make(chan error)
		go func() { ended <- Run(t.Context(), o) }()
		_, _ = io.WriteString(keyboard, "dune\nremove\nyes\n")
		time.Sleep(11 * time.Minute)
		_, _ = io.WriteString(keyboard, "undo\n")
		_ = keyboard.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		has(t, w.out.String(), "dune sandbox removed.", "Nothing was removed in the last ten minutes.")
	})
}

// A token is announced once when it is low and once when it has expired. The end of
// ctx ends a conversation that waits for a line.
func TestPlain_AnnouncesExpiry(t *testing.T) {
	converse(t, four, func(t *testing.T, w *fixture) {
		in, keyboard := io.Pipe()
		o := w.options()
		o.Input = in
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- Run(ctx, o) }()
		_, _ = io.WriteString(keyboard, "1\nc\n")
		time.Sleep(3*time.Minute + 50*time.Second)
		synctest.Wait()
		lacks(t, w.out.String(), "Notice")
		time.Sleep(11 * time.Second)
		synctest.Wait()
		has(t, w.out.String(), "Notice: the token of acme sandbox expires in 1 min.\nacme sandbox> ")
		time.Sleep(time.Minute)
		synctest.Wait()
		has(t, w.out.String(), "Notice: the token of acme sandbox has expired.\nacme sandbox> ")
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := strings.Count(w.out.String(), "Notice"); n != 2 {
			t.Errorf("%d announcements", n)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
		_ = keyboard.Close()
	})
}

// typing runs a conversation whose lines are typed at their time.
func (w *fixture) typing(o Options, do func(line func(string))) {
	w.t.Helper()
	in, keyboard := io.Pipe()
	o.Input = in
	ended := make(chan error)
	go func() { ended <- Run(w.t.Context(), o) }()
	do(func(text string) {
		_, _ = io.WriteString(keyboard, text+"\n")
		synctest.Wait()
	})
	_ = keyboard.Close()
	if err := <-ended; err != nil {
		w.t.Error(err)
	}
}

func TestPlain_KeepsATokenAlive(t *testing.T) {
	converse(t, four, func(t *testing.T, w *fixture) {
		w.typing(w.options(), func(line func(string)) {
			line("acme")
			line("keep-alive")
			time.Sleep(time.Second)
			if n := w.count("acme").Mints; n != 1 {
				t.Errorf("%d mints at the beginning", n)
			}
			time.Sleep(14 * time.Minute) // four renewals, each 30 s before the end
			if n := w.count("acme").Mints; n != 4 {
				t.Errorf("%d mints in a quarter of an hour", n)
			}
			line("time")
			line("list acme")
			line("K borealis") // it moves
			time.Sleep(time.Minute)
			line("k")
			time.Sleep(time.Hour)
		})
		said := w.out.String()
		has(t, said, "Keep-alive is on for acme sandbox, until", "Notice: keep-alive: acme sandbox has a new token for 5 min.\nacme sandbox> ", "kept alive",
			"Keep-alive is on for borealis sandbox", "It is off for acme sandbox.", "Keep-alive is off: borealis sandbox keeps", "the token of acme sandbox has expired")
		if a, b := w.count("acme").Mints, w.count("borealis").Mints; a != 4 || b != 1 {
			t.Errorf("%d and %d mints", a, b)
		}
		if n := strings.Count(said, "has a new token"); n != 3 {
			t.Errorf("%d renewals announced", n)
		}
		before, _, _ := strings.Cut(said, "borealis sandbox, until")
		lacks(t, before, "expires in")
	})
}

func TestPlain_KeepAliveSaysOnceThatItFails(t *testing.T) {
	converse(t, four, func(t *testing.T, w *fixture) {
		w.typing(w.options(), func(line func(string)) {
			line("acme")
			line("c")
			line("keep-alive")
			w.sim.Set("acme", kite.Sandbox, simulator.Behavior{Failure: simulator.InternalError})
			time.Sleep(20 * time.Minute)
			has(t, w.out.String(), "keep-alive of acme sandbox tries again every 15 s: ", "the token of acme sandbox has expired")
			w.sim.Set("acme", kite.Sandbox, simulator.Behavior{})
			time.Sleep(time.Minute)
			line("time")
			has(t, w.out.String(), "acme sandbox, token unexpired")
			w.sim.Set("acme", kite.Sandbox, simulator.Behavior{Refuse: true})
			time.Sleep(20 * time.Minute)
		})
		has(t, w.out.String(), "keep-alive of acme sandbox stopped: ", "Next: ")
		if n := strings.Count(w.out.String(), "tries again"); n != 1 {
			t.Errorf("said %d times:\n%s", n, w.out.String())
		}
	})
}

func TestPlain_CopiesReports(t *testing.T) {
	converse(t, four, func(t *testing.T, w *fixture) {
		said := w.talk(w.options(), "report", "report failing", "acme", "report")
		has(t, said, "Choose a profile first", "Type verify all first", "Report of acme sandbox copied, no secret in it (X11).")
		has(t, w.clip.text, "kitekey verification report", "acme/sandbox", "ok (works)")
		if !w.clip.clearAt.IsZero() {
			t.Error("a report would be cleared")
		}
		has(t, w.talk(w.options(), "verify all", "report failing"), "None fails. A report of the totals copied")
		has(t, w.clip.text, "kitekey verified all 4 in 0.0 s: 4 work")
		has(t, w.talk(w.options(), "verify all", "report all", "report dune"), "Report of 4 profiles copied", "Report of dune sandbox copied")
		lacks(t, w.clip.text, "sim-key", "sim-secret", "eyJ")
	})
}

func TestPlain_AnnouncesNothingWhenToldNotTo(t *testing.T) {
	converse(t, four, func(t *testing.T, w *fixture) {
		in, keyboard := io.Pipe()
		o := w.options()
		o.Input, o.NoNotices = in, true
		ended := make(chan error)
		go func() { ended <- Run(t.Context(), o) }()
		_, _ = io.WriteString(keyboard, "1\nc\n")
		time.Sleep(time.Hour)
		_ = keyboard.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		lacks(t, w.out.String(), "Notice")
	})
}

func TestPlain_EachCommandNameIsUsedOnce(t *testing.T) {
	seen := map[string]string{}
	for _, c := range commands() {
		if (c.run == nil) == (c.about == nil) || c.help == "" {
			t.Errorf("%s is not whole", c.names[0])
		}
		for _, name := range c.names {
			if other, ok := seen[name]; ok {
				t.Errorf("%q is %s and %s", name, other, c.names[0])
			}
			seen[name] = c.names[0]
		}
	}
	// Everything that it tells the user to type is a command.
	w := ways()
	for _, text := range []string{w.Verify, w.Rotate, w.Remove, w.Add, w.List} {
		word, ok := strings.CutPrefix(text, "type ")
		if _, known := seen[word]; !ok || !known {
			t.Errorf("%q is not a command", text)
		}
	}
}

// With 150 profiles it begins with a sentence, and verifying reports progress.
func TestPlain_SumsUpManyProfiles(t *testing.T) {
	converse(t, nil, func(t *testing.T, w *fixture) {
		cred, _ := w.sim.Credential("acme", kite.Sandbox)
		for i := range 150 {
			sel := vault.Selector{Account: fmt.Sprintf("m%03d", i), Environment: kite.Sandbox}
			if _, err := w.vault.Add(t.Context(), vault.NewProfile{Selector: sel, Credential: cred.Clone()}); err != nil {
				t.Fatal(err)
			}
		}
		said := w.talk(w.options(), "q")
		if n := strings.Count(said, "\n"); n > 4 {
			t.Errorf("%d lines before the first question:\n%s", n, said)
		}
		has(t, said, "150 profiles, 0 of them LIVE. 150 not verified.")
		has(t, w.talk(w.options(), "verify all"), "37 of 150.", "111 of 150.", "Done: 150 work.")
	})
}

// A command that names a profile must never act on the one that happens to be chosen.
func TestPlain_ACommandActsOnTheProfileItNames(t *testing.T) {
	converse(t, four, func(t *testing.T, w *fixture) {
		said := w.talk(w.options(), "acme", "copy borealis token", "mint dune 90s", "why DUNE/sandbox", "time Boréalis Café", "forget 4", "remove borealis", "yes")
		has(t, said, "New token of borealis sandbox", "Its token is in the clipboard", "New token of dune sandbox, valid for 1 min 30 s", "dune sandbox: works",
			"borealis sandbox, token unexpired", "The cached token of dune sandbox is forgotten", "Remove borealis sandbox?", "borealis sandbox removed")
		lacks(t, said, "token of acme sandbox", "Remove acme")
		if got := w.count("acme").Mints + w.count("acme/live").Mints; got != 0 {
			t.Errorf("%d tokens were minted for acme", got)
		}
	})
}

func TestPlain_ACommandWithAnUnknownNameDoesNothing(t *testing.T) {
	converse(t, four, func(t *testing.T, w *fixture) {
		said := w.talk(w.options(), "acme", "remove borealiss", "forget absent", "why acme stores ltd", "reveal coral", "copy acme life", "rotate xy", "activity xy", "undo dune", "remove")
		has(t, said, "neither a profile nor a command", "means 2 profiles", "copy takes a profile's name, and header, token or curl", "Nothing may follow undo; nothing was done.")
		lacks(t, said, "Failed", "api_key", "forgotten", "put back", "minted")
		if strings.Count(said, "Remove ") != 1 {
			t.Errorf("said:\n%s", said)
		}
	})
}

// A user who does not have the credential at hand must come back to the commands.
func TestPlain_TwoEmptyLinesGoBackFromASecret(t *testing.T) {
	for _, command := range []string{"rotate", "add"} {
		converse(t, four, func(t *testing.T, w *fixture) {
			lines := []string{"acme", command}
			if command == "add" {
				lines = append(lines, "zeta", "sandbox", "")
			}
			said := w.talk(w.options(), append(lines, "", "", "dune")...)
			has(t, said, "Another empty line goes back.", "Nothing was done.", "dune sandbox, works.")
			if n := w.count("acme").Requests; n != 0 {
				t.Errorf("%d requests", n)
			}
		})
	}
}
