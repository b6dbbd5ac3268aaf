//go:build linux

package cli_test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/ui/clipboard/clipboardtest"
)

// secretsOf returns the halves of a merchant's credential, which must not appear
// anywhere.
func secretsOf(merchant string) []string {
	cred := merchantOf(merchant).Credential
	return []string{cred.APIKey.Reveal(), cred.APISecret.Reveal()}
}

// filesHave fails the test if a file in dir has one of the texts.
func filesHave(t *testing.T, dir string, texts ...string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		for _, text := range texts {
			if strings.Contains(string(content), text) {
				t.Errorf("%s has %q in it", path, text)
			}
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Error(err)
	}
}

// walletAnswers asks the simulator's wallet endpoint with a ready-made header line.
func walletAnswers(t *testing.T, base, header string) int {
	t.Helper()
	name, value, _ := strings.Cut(header, ": ")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/data/wallets/balances", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(name, value)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// The test uses the real binary, a real gnome-keyring, and the gateway as its
// documentation describes it.
func TestCommands_DoTheMainJob(t *testing.T) {
	t.Parallel()
	h := newInstallation(t, "acme")
	home := envOf(h.env, "KITEKEY_HOME")
	h.must(credentialOf("acme"), "add", "acme/sandbox", "--stdin")

	users := h.keyring.Users("kitekey")
	if len(users) != 1 {
		t.Fatalf("the keyring has %d items, want 1", len(users))
	}
	if item := h.keyring.Lookup("kitekey", users[0]); !strings.Contains(item, secretsOf("acme")[1]) {
		t.Errorf("secret-tool finds %d bytes without the secret", len(item))
	}
	filesHave(t, home, secretsOf("acme")...)

	type reply struct {
		Token, Header string
		ExpiresAt     time.Time `json:"expires_at"`
		ExpiresIn     float64   `json:"expires_in"`
	}
	token := func(args ...string) (r reply) {
		t.Helper()
		out := h.must("", append([]string{"token", "acme", "--json"}, args...)...)
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatalf("%v in %s", err, out)
		}
		return r
	}
	began := time.Now()
	first := token("--expires-in", "5m")
	if status := walletAnswers(t, h.sim.BaseURL(kite.Sandbox), first.Header); status != http.StatusOK {
		t.Errorf("the wallet endpoint answers %d to its header", status)
	}
	// 299 ± 2 s left; a slow machine's own time comes off it.
	if left := first.ExpiresAt.Sub(began); left < 297*time.Second || left > 301*time.Second+time.Since(began) {
		t.Errorf("it has %v left", left)
	}

	before := h.sim.Count()
	if again := token(); again.Token != first.Token {
		t.Error("the second call gave another token")
	}
	if after := h.sim.Count(); after != before {
		t.Errorf("the second call went to the network: %+v, before %+v", after, before)
	}
	if fresh := token("--fresh"); fresh.Token == first.Token {
		t.Error("--fresh gave the same token")
	}

	h.must("", "forget", "acme")
	if users := h.keyring.Users("kitekey"); len(users) != 1 {
		t.Errorf("after forget the keyring has %v", users)
	}
	h.must("", "remove", "acme", "--yes")
	if users := h.keyring.Users("kitekey"); len(users) != 0 {
		t.Errorf("after remove the keyring has %v", users)
	}
	if list := h.must("", "list", "--json"); strings.Contains(list, "acme") {
		t.Errorf("after remove the list has %s", list)
	}
}

// Scripts run "kitekey copy" in $(…), which ends when the last process closes the
// pipe.
func TestCopy_ReturnsBeforeItClears(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a time to pass")
	}
	t.Parallel()
	x := clipboardtest.StartX(t)
	h := newInstallation(t, "acme")
	h.env = append(h.env, "DISPLAY="+x.Display)
	h.must(credentialOf("acme"), "add", "acme", "--stdin")
	cmd := exec.Command("sh", "-c", `said=$(`+h.binary+` copy acme --clear-after 8s 2>&1); echo "$said" | wc -l`)
	cmd.Env = h.env
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) == "0" {
		t.Fatalf("%v: %s", err, out)
	}
	header, err := x.Paste()
	if err != nil || !strings.HasPrefix(header, "Authorization: JWT ") {
		t.Fatalf("on the clipboard: %.20q, %v", header, err)
	}
	if status := walletAnswers(t, h.sim.BaseURL(kite.Sandbox), header); status != http.StatusOK {
		t.Errorf("the wallet endpoint answers %d to it", status)
	}
	x.WaitForNothing()
}

// The test looks for the secrets and the token everywhere except where they were
// asked for: stderr, files, and what ps shows of every process.
func TestCommands_ShowNoSecretUnasked(t *testing.T) {
	if testing.Short() {
		t.Skip("reads every process again and again")
	}
	x := clipboardtest.StartX(t)
	h := newInstallation(t, "acme", "coral")
	h.env = append(h.env, "DISPLAY="+x.Display)
	watch := watchProcesses(t)
	h.must(credentialOf("acme"), "add", "acme", "--stdin")
	token := strings.TrimSpace(h.must("", "token", "acme"))
	_, signature, _ := strings.Cut(strings.TrimPrefix(token, "JWT "), ".")
	canaries := append(secretsOf("acme"), secretsOf("coral")...)
	canaries = append(canaries, signature)
	watch.look(canaries...)

	var said strings.Builder
	for _, c := range []struct {
		stdin string
		args  []string
		asked bool // stdout is what was asked for
	}{
		{"", []string{"list"}, false},
		{"", []string{"list", "--json"}, false},
		{"", []string{"token", "acme", "--header"}, true},
		{"", []string{"token", "acme", "--curl"}, true},
		{"", []string{"copy", "acme"}, false},
		{"", []string{"copy", "acme", "--as", "curl", "--clear-after", "1s"}, false},
		{"", []string{"verify", "acme", "--deep"}, false},
		{"", []string{"verify", "acme", "--json"}, false},
		{"", []string{"api", "acme", "/data/wallets/balances"}, false},
		{"", []string{"doctor"}, false},
		{"", []string{"log"}, false},
		{credentialOf("acme"), []string{"add", "acme", "--stdin"}, false},                              // it exists already
		{credentialOf("unknown"), []string{"add", "coral", "--stdin"}, false},                          // it is refused
		{strings.Replace(credentialOf("coral"), "}", ",}", 1), []string{"add", "x", "--stdin"}, false}, // invalid JSON
		{credentialOf("coral"), []string{"rotate", "acme", "--stdin"}, false},
		{"", []string{"token", "acme", secretsOf("acme")[1][:3]}, false},
		{"", []string{"remove", "acme"}, false}, // it needs --yes
		{"", []string{"remove", "acme", "--yes"}, false},
	} {
		_, out, errs := h.run(c.stdin, c.args...)
		said.WriteString(errs)
		if !c.asked {
			said.WriteString(out)
		}
	}
	watch.stop()
	for _, canary := range append(canaries, secretsOf("unknown")...) {
		if strings.Contains(said.String(), canary) {
			t.Errorf("%q was printed:\n%s", canary, said.String())
		}
	}
	filesHave(t, envOf(h.env, "KITEKEY_HOME"), canaries...)
	filesHave(t, envOf(h.env, "HOME"), canaries...)
}

// processWatch reads every process's command line and environment again and again.
type processWatch struct {
	texts chan []string
	done  chan struct{}
}

func watchProcesses(t *testing.T) *processWatch {
	w := &processWatch{texts: make(chan []string), done: make(chan struct{})}
	texts := w.texts
	go func() {
		defer close(w.done)
		var wanted []string
		for {
			select {
			case more, open := <-texts:
				if !open {
					return
				}
				wanted = more
			case <-time.After(2 * time.Millisecond):
			}
			files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
			for _, file := range files {
				cmdline, _ := os.ReadFile(file)
				environ, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "environ"))
				for _, text := range wanted {
					if strings.Contains(string(cmdline), text) || strings.Contains(string(environ), text) {
						t.Errorf("%q is in the command line or environment of: %q", text, cmdline)
					}
				}
			}
		}
	}()
	t.Cleanup(w.stop)
	return w
}

func (w *processWatch) look(texts ...string) { w.texts <- texts }

func (w *processWatch) stop() {
	if w.texts != nil {
		close(w.texts)
		w.texts = nil
		<-w.done
	}
}

// A token whose times cannot be written is minted again by the next call, which the
// gateway may limit.
func TestToken_SaysWhenItCannotBeCached(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	h := newInstallation(t, "acme")
	h.must(credentialOf("acme"), "add", "acme", "--stdin")
	status := filepath.Join(h.home, "status")
	if err := os.RemoveAll(status); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(status, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := h.run("", "token", "acme")
	if code != 0 || !strings.HasPrefix(out, "JWT ") || !strings.Contains(errs, "acme/sandbox: the token could not be cached") {
		t.Errorf("exit %d, %q", code, errs)
	}
	if _, _, errs := h.run("", "token", "acme", "--no-cache"); strings.Contains(errs, "cached") {
		t.Errorf("--no-cache: %q", errs)
	}
}

// Some servers carry out a read that names another method as that.
func TestAPI_AsksBeforeAnOverriddenReadOnLive(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	h := newInstallation(t, "acme")
	h.must(credentialOf("acme"), "add", "acme/live", "--stdin", "--no-verify")
	for _, args := range [][]string{
		{"/data/wallets/balances?_method=DELETE"}, {"/data/wallets/balances?_method[]=DELETE"},
		{"/data/wallets/balances", "-H", "X-HTTP-Method-Override: DELETE"}, {"/data/wallets/balances", "-H", "X_HTTP_Method: DELETE"},
		{"/data/wallets/balances", "-H", "X-Original-URL: /collections/request-to-pay"},
	} {
		if code, out, errs := h.run("", append([]string{"api", "acme/live"}, args...)...); code != 7 || out != "" {
			t.Errorf("%s: exit %d, want 7: %s", args, code, errs)
		}
	}
}

func TestDoctor_FindsADamagedListOfSources(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	h := newInstallation(t, "acme")
	h.must("", "source", "add", "team", "--address", "http://127.0.0.1:1", "--no-sync")
	if err := os.WriteFile(filepath.Join(h.home, "sources.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"doctor", "--offline"}, {"source", "list"}} {
		code, out, errs := h.run("", args...)
		if said := out + errs; code != 1 || !strings.Contains(said, "sources.json") || !strings.Contains(said, "correct the file") {
			t.Errorf("%s: exit %d: %s", args, code, said)
		}
	}
}

// A repair that cannot help says what can, and not to repair.
func TestRepair_ThatFailsRecommendsNoRepair(t *testing.T) {
	if testing.Short() {
		t.Skip("opens the file store at its full cost")
	}
	h := newInstallation(t, "acme")
	passphrase := filepath.Join(t.TempDir(), "passphrase")
	if err := os.WriteFile(passphrase, []byte("correct horse battery\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.env = append(h.env, "KITEKEY_PASSPHRASE_FILE="+passphrase)
	h.must(`{"api_key": "fake-key", "api_secret": "fake-secret"}`, "add", "acme", "--stdin", "--no-verify", "--store", "file")
	for _, name := range []string{"vault.age", "vault.age.bak"} {
		if err := os.Truncate(filepath.Join(h.home, name), 100); err != nil {
			t.Fatal(err)
		}
	}
	code, _, errs := h.run("", "doctor", "--offline", "--repair")
	if code != 6 || strings.Contains(errs, "doctor --repair") || !strings.Contains(errs, `"kitekey import"`) {
		t.Errorf("exit %d: %s", code, errs)
	}
}
