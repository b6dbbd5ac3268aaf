package source_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/vault"
	"kitekey/vault/source"
	"kitekey/vault/source/sourcetest"
)

// engines runs a test over the stand-in and, if there is one, a real server.
func engines(t *testing.T, test func(t *testing.T, e sourcetest.Engine)) {
	t.Run("stand-in", func(t *testing.T) {
		s := sourcetest.New(nil)
		defer s.Close()
		test(t, sourcetest.Engine{Address: s.URL, Root: sourcetest.RootToken})
	})
	t.Run("real", func(t *testing.T) { test(t, sourcetest.StartReal(t).Engine) })
}

// gateway accepts every credential except the refused ones, and counts requests.
type gateway struct {
	latency time.Duration
	mu      sync.Mutex
	refused map[string]bool
	mints   int
	down    bool
	refuse  func(key string) // called with each key that is refused
}

func (g *gateway) Host() string { return "sandbox.example" }

func (g *gateway) Origin() kite.Origin { return kite.OriginKitegateway }

func (g *gateway) Way() string { return "" }

func (g *gateway) Mint(ctx context.Context, c kite.Credential, life kite.Lifetime) (kite.Token, error) {
	select {
	case <-time.After(g.latency):
	case <-ctx.Done():
		return kite.Token{}, ctx.Err()
	}
	g.mu.Lock()
	g.mints++
	n, refused, down := g.mints, g.refused[c.APIKey.Reveal()], g.down
	g.mu.Unlock()
	if down {
		return kite.Token{}, kite.ErrUnreachable
	}
	if refused {
		if g.refuse != nil {
			g.refuse(c.APIKey.Reveal())
		}
		return kite.Token{}, kite.ErrRefused
	}
	now := time.Now()
	return kite.Token{Value: kite.NewSecret(fmt.Sprintf("JWT t-%d", n)), Expires: now.Add(life.Duration()), Minted: now, Requested: life}, nil
}

func (g *gateway) Balances(context.Context, kite.Token) ([]kite.Balance, error) { return nil, nil }

// machine is a data folder with a store and a source called "bao".
type machine struct {
	*vault.Vault
	gateway *gateway
	store   *vault.Memory
	dir     string
}

func newMachine(t testing.TB, e sourcetest.Engine, mount, token string) *machine {
	t.Helper()
	return machineAt(t, t.TempDir(), e.Config(mount), token, &gateway{})
}

func machineAt(t testing.TB, dir string, c source.Config, token string, g *gateway) *machine {
	t.Helper()
	m := &machine{gateway: g, store: vault.NewMemory(), dir: dir}
	var opened vault.Source
	sys := sourcetest.System(token)
	v, err := vault.Open(vault.Options{
		Dir: dir, Store: m.store, Gateway: func(kite.Environment) vault.Gateway { return g },
		Source: func(name string) (vault.Source, error) {
			if name != c.Name {
				return nil, vault.ErrSourceUnavailable
			}
			if opened == nil {
				s, err := source.Open(c, sys)
				if err != nil {
					return nil, err
				}
				opened = s
			}
			return opened, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	m.Vault = v
	return m
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// add writes a profile with credential 1 for the team.
func (m *machine) add(t testing.TB, sel vault.Selector) {
	t.Helper()
	_, err := m.Add(t.Context(), vault.NewProfile{Selector: sel, Label: "Acme Ltd", ExpiresIn: 90, Credential: sourcetest.Credential(1), Source: "bao"})
	ok(t, err)
}

// nothingKept looks for parts of the test credentials in the data folder and in
// the store.
func (m *machine) nothingKept(t testing.TB) {
	t.Helper()
	err := filepath.WalkDir(m.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte("secret_0")) || bytes.Contains(data, []byte("key_0")) {
			t.Errorf("%s holds a credential", path)
		}
		return err
	})
	ok(t, err)
	keys, err := m.store.Keys(t.Context())
	ok(t, err)
	for _, key := range keys {
		value, err := m.store.Get(t.Context(), key)
		ok(t, err)
		if !strings.HasSuffix(key, "-token") || bytes.Contains(value, []byte("secret_0")) || bytes.Contains(value, []byte("key_0")) {
			t.Errorf("the store holds %s", key)
		}
	}
}

func TestTeam_ThreeMachinesShareCredentials(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, e sourcetest.Engine) {
		ctx, mount := t.Context(), e.Mount(t, 2)
		a, b, c := newMachine(t, e, mount, e.Root), newMachine(t, e, mount, e.Root), newMachine(t, e, mount, e.Token(t, sourcetest.Support(mount), "5m"))
		a.add(t, acme)
		for _, m := range []*machine{b, c} {
			s, err := m.SyncSource(ctx, "bao")
			ok(t, err)
			if !slices.Equal(s.New, []vault.Selector{acme}) {
				t.Errorf("synced %+v", s)
			}
			if _, err := m.Token(ctx, acme, vault.TokenRequest{}); err != nil {
				t.Error(err)
			}
			p, _ := m.Lookup(acme)
			if p.KeyHint != "abcd" || p.Label != "Acme Ltd" || p.ExpiresIn != 90 {
				t.Errorf("after a mint the list has %+v", p)
			}
		}
		// b rotates; a's and c's next mint uses the new credential.
		r, err := b.Rotate(ctx, acme, sourcetest.Credential(2))
		ok(t, err)
		if r.Outcome != vault.OutcomeReplaced || !r.Profile.Previous {
			t.Errorf("%+v", r)
		}
		for _, m := range []*machine{a, c} {
			m.gateway.refused = map[string]bool{"key_00000001_abcd": true}
			if _, err := m.Token(ctx, acme, vault.TokenRequest{Fresh: true}); err != nil {
				t.Errorf("after a colleague's rotation: %v", err)
			}
		}
		// Only the machine that staged a credential finishes the rotation: a
		// colleague's verification changes nothing.
		b.gateway.down = true
		if r, err := b.Rotate(ctx, acme, sourcetest.Credential(3)); r.Outcome != vault.OutcomeStaged {
			t.Errorf("%v: %v", r.Outcome, err)
		}
		b.gateway.down = false
		before := get(t, e, mount, acme).Version
		if r := a.Verify(ctx, acme, false); r.Verdict != vault.VerdictOK || get(t, e, mount, acme).Version != before {
			t.Errorf("verifying wrote: %v", r.Err)
		}
		_, err = b.DiscardStaged(ctx, acme)
		ok(t, err)
		// Every machine can roll back, except support's.
		if _, err := c.Rollback(ctx, acme); !errors.Is(err, vault.ErrSourceUnavailable) {
			t.Errorf("support rolled back: %v", err)
		}
		if p, _ := c.Lookup(acme); p.State != vault.StateSettled {
			t.Errorf("a refused change is left %q", p.State)
		}
		_, err = a.Rollback(ctx, acme)
		ok(t, err)
		item := get(t, e, mount, acme)
		if !sourcetest.Is(item.Current, 1) || !sourcetest.Is(item.Previous, 2) || item.Version != 6 {
			t.Errorf("version %d", item.Version)
		}
		// The team shares the label and the default life too.
		label, life := "Acme Stores", kite.Lifetime(120)
		_, err = a.Edit(ctx, acme, vault.ProfileUpdate{Label: &label, ExpiresIn: &life})
		ok(t, err)
		b.gateway.refused = nil
		_, err = b.Token(ctx, acme, vault.TokenRequest{Fresh: true})
		ok(t, err)
		if p, _ := b.Lookup(acme); p.Label != label || p.ExpiresIn != life {
			t.Errorf("b has %q, %v", p.Label, p.ExpiresIn)
		}
		for _, m := range []*machine{a, b, c} {
			m.nothingKept(t)
		}
	})
}

func get(t testing.TB, e sourcetest.Engine, mount string, sel vault.Selector) vault.SourceItem {
	t.Helper()
	item, err := e.Open(t, mount, e.Root).Get(t.Context(), sel)
	ok(t, err)
	return item
}

func TestTeam_ARefusedMintReadsOnceMore(t *testing.T) {
	engines(t, func(t *testing.T, e sourcetest.Engine) {
		mount := e.Mount(t, 2)
		a, b := newMachine(t, e, mount, e.Root), newMachine(t, e, mount, e.Root)
		a.add(t, acme)
		_, err := b.Link(t.Context(), "bao", acme)
		ok(t, err)
		b.gateway.refused = map[string]bool{"key_00000001_abcd": true}
		b.gateway.refuse = func(string) {
			b.gateway.refuse = nil
			_, err := a.Rotate(t.Context(), acme, sourcetest.Credential(2))
			ok(t, err)
		}
		if _, err := b.Token(t.Context(), acme, vault.TokenRequest{}); err != nil {
			t.Errorf("a colleague rotated between the read and the mint: %v", err)
		}
		b.gateway.refused["key_00000002_abcd"] = true
		b.gateway.refuse = func(string) {
			b.gateway.refuse = nil
			_, err := a.Rotate(t.Context(), acme, sourcetest.Credential(3))
			ok(t, err)
		}
		if r := b.Verify(t.Context(), acme, false); r.Verdict != vault.VerdictOK {
			t.Errorf("verified %s: %v", r.Verdict, r.Err)
		}
		b.gateway.refused["key_00000003_abcd"] = true
		if _, err := b.Token(t.Context(), acme, vault.TokenRequest{Fresh: true}); !errors.Is(err, kite.ErrRefused) {
			t.Errorf("the same credential again: %v", err)
		}
		if p, _ := b.Lookup(acme); p.Verdict != vault.VerdictRejected {
			t.Errorf("listed as %q", p.Verdict)
		}
	})
}

func TestTeam_AColleaguesChangeIsToldAndKept(t *testing.T) {
	engines(t, func(t *testing.T, e sourcetest.Engine) {
		mount := e.Mount(t, 2)
		a := newMachine(t, e, mount, e.Root)
		a.add(t, acme)
		// Another program writes between the read and the write.
		between := newMachine(t, e, mount, e.Root)
		c := e.Config(mount)
		src, err := source.Open(c, sourcetest.System(e.Root))
		ok(t, err)
		_, err = between.Link(t.Context(), "bao", acme)
		ok(t, err)
		item, err := src.Get(t.Context(), acme)
		ok(t, err)
		e.Call(t, http.MethodPost, mount+"/data/kitegateway/acme/live", map[string]any{"data": map[string]string{"api_key": "key_terraform", "api_secret": "secret_terraform"}})
		item.Current = sourcetest.Credential(7)
		if err := src.(vault.SourceWriter).Put(t.Context(), item); !errors.Is(err, vault.ErrConflict) {
			t.Errorf("got %v", err)
		}
		if got := get(t, e, mount, acme).Current.APIKey.Reveal(); got != "key_terraform" {
			t.Errorf("the engine has %s", got)
		}
		// Adding a profile that exists fails and changes nothing.
		other := newMachine(t, e, mount, e.Root)
		_, err = other.Add(t.Context(), vault.NewProfile{Selector: acme, Credential: sourcetest.Credential(8), Source: "bao"})
		if !errors.Is(err, vault.ErrConflict) {
			t.Errorf("added over it: %v", err)
		}
		if all, _ := other.List(); len(all) != 0 {
			t.Errorf("an adding that failed is listed: %+v", all)
		}
	})
}

func TestTeam_RenamesAndRemovesReachEveryone(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, e sourcetest.Engine) {
		ctx, mount := t.Context(), e.Mount(t, 2)
		sandbox := vault.Selector{Account: "acme", Environment: kite.Sandbox}
		a, b := newMachine(t, e, mount, e.Root), newMachine(t, e, mount, e.Root)
		a.add(t, acme)
		a.add(t, sandbox)
		_, err := b.SyncSource(ctx, "bao")
		ok(t, err)
		_, err = b.Token(ctx, acme, vault.TokenRequest{})
		ok(t, err)
		ok(t, a.Rename(ctx, "acme", "coral"))
		s, err := b.SyncSource(ctx, "bao")
		ok(t, err)
		if len(s.Renamed) != 2 || len(s.New)+len(s.Gone) != 0 {
			t.Fatalf("b sees %+v", s)
		}
		live := vault.Selector{Account: "coral", Environment: kite.Live}
		if tok, err := b.Token(ctx, live, vault.TokenRequest{}); err != nil || tok.Minted {
			t.Errorf("the cached token did not come along: %v", err)
		}
		// If the name is taken in the source, that is reported before anything changes.
		_, err = b.Add(ctx, vault.NewProfile{Selector: vault.Selector{Account: "dune", Environment: kite.Live}, Credential: sourcetest.Credential(5), Source: "bao"})
		ok(t, err)
		if err := a.Rename(ctx, "coral", "dune"); !errors.Is(err, vault.ErrExists) {
			// The sandbox's copy was removed again.
			t.Errorf("renamed onto another: %v", err)
		}
		if _, err := e.Open(t, mount, e.Root).Get(ctx, vault.Selector{Account: "dune", Environment: kite.Sandbox}); !errors.Is(err, source.ErrMissing) {
			t.Errorf("half a renaming stayed: %v", err)
		}
		// First from this list only, then for the team.
		ok(t, a.Remove(ctx, live))
		get(t, e, mount, live)
		ok(t, b.RemoveForAll(ctx, live))
		if _, err := e.Open(t, mount, e.Root).Get(ctx, live); !errors.Is(err, source.ErrMissing) {
			t.Errorf("still there: %v", err)
		}
		ok(t, a.RemoveForAll(ctx, vault.Selector{Account: "coral", Environment: kite.Sandbox}))
		s, err = b.SyncSource(ctx, "bao")
		ok(t, err)
		if len(s.Gone) != 1 || len(s.New) != 0 {
			t.Errorf("b sees %+v", s)
		}
		a.nothingKept(t)
		b.nothingKept(t)
	})
}

func TestTeam_CredentialsMoveThereAndBack(t *testing.T) {
	engines(t, func(t *testing.T, e sourcetest.Engine) {
		ctx, mount := t.Context(), e.Mount(t, 2)
		a := newMachine(t, e, mount, e.Root)
		_, err := a.Add(ctx, vault.NewProfile{Selector: acme, Credential: sourcetest.Credential(1)})
		ok(t, err)
		_, err = a.Rotate(ctx, acme, sourcetest.Credential(2))
		ok(t, err)
		p, err := a.MoveToSource(ctx, acme, "bao")
		ok(t, err)
		if p.Source != "bao" || p.State != vault.StateSettled || !p.Previous {
			t.Errorf("%+v", p)
		}
		if item := get(t, e, mount, acme); !sourcetest.Is(item.Current, 2) || !sourcetest.Is(item.Previous, 1) {
			t.Error("not all of it moved")
		}
		a.nothingKept(t)
		// A second machine has the same credential, and a third has another.
		for n, want := range map[int]error{2: nil, 9: vault.ErrConflict} {
			m := newMachine(t, e, mount, e.Root)
			_, err := m.Add(ctx, vault.NewProfile{Selector: acme, Credential: sourcetest.Credential(n)})
			ok(t, err)
			if _, err = m.MoveToSource(ctx, acme, "bao"); !errors.Is(err, want) {
				t.Errorf("%d: %v", n, err)
			}
			if c, err := m.Credential(ctx, acme); err != nil || !sourcetest.Is(c, n) {
				t.Errorf("%d: lost on the way: %v", n, err)
			}
		}
		p, err = a.MoveFromSource(ctx, acme)
		ok(t, err)
		if c, err := a.Credential(ctx, acme); err != nil || !sourcetest.Is(c, 2) || p.Source != "" {
			t.Errorf("%+v %v", p, err)
		}
		get(t, e, mount, acme) // the team's copy stays
	})
}

func TestTeam_CachedTokensWorkWhileTheSourceIsAway(t *testing.T) {
	t.Parallel()
	s := sourcetest.New(nil)
	defer s.Close()
	e := sourcetest.Engine{Address: s.URL, Root: sourcetest.RootToken}
	m := newMachine(t, e, e.Mount(t, 2), e.Root)
	m.add(t, acme)
	here := vault.Selector{Account: "here", Environment: kite.Sandbox}
	_, err := m.Add(t.Context(), vault.NewProfile{Selector: here, Credential: sourcetest.Credential(5)})
	ok(t, err)
	_, err = m.Token(t.Context(), acme, vault.TokenRequest{})
	ok(t, err)
	for i := range 20 {
		sel := vault.Selector{Account: fmt.Sprintf("a%d", i), Environment: kite.Sandbox}
		m.add(t, sel)
	}
	s.Requests()
	s.Set(sourcetest.Knobs{Status: 503, Message: "Vault is sealed"})
	if tok, err := m.Token(t.Context(), acme, vault.TokenRequest{}); err != nil || tok.Minted {
		t.Errorf("the cached token: %v", err)
	}
	if _, err := m.Token(t.Context(), acme, vault.TokenRequest{Fresh: true}); vault.VerdictOf(err) != vault.VerdictSource {
		t.Errorf("a new one: %v", err)
	}
	_, err = m.Rotate(t.Context(), acme, sourcetest.Credential(6))
	if !errors.Is(err, source.ErrSealed) {
		t.Errorf("a rotation: %v", err)
	}
	s.Requests()
	// A profile in the store is not delayed, and a sealed engine is not asked 22
	// times.
	profiles, err := m.List()
	ok(t, err)
	verdicts := map[vault.Verdict]int{}
	var sels []vault.Selector
	for _, p := range profiles {
		sels = append(sels, p.Selector)
	}
	m.VerifyAll(t.Context(), sels, false, func(r vault.Report) { verdicts[r.Verdict]++ })
	if verdicts[vault.VerdictOK] != 1 || verdicts[vault.VerdictSource] != 21 {
		t.Errorf("verdicts %v", verdicts)
	}
	if n := len(s.Requests()); n > 8 {
		t.Errorf("a sealed engine was asked %d times", n)
	}
}

// delayed returns an engine behind a slow proxy.
func delayed(t *testing.T, e sourcetest.Engine, latency time.Duration, count *atomic.Int64) sourcetest.Engine {
	t.Helper()
	target, err := url.Parse(e.Address)
	ok(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		count.Add(1)
		time.Sleep(latency)
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	e.Address = s.URL
	return e
}

func TestTeam_VerifiesFiveHundredWithinTheIdeal(t *testing.T) {
	if testing.Short() || raceDetector {
		t.Skip("takes its 13 s, and measures time")
	}
	engines(t, func(t *testing.T, e sourcetest.Engine) {
		const profiles, atOnce, latency = 500, 8, 100 * time.Millisecond
		mount := e.Mount(t, 2)
		direct := e.Open(t, mount, e.Root)
		for n := range profiles {
			ok(t, direct.Put(t.Context(), sourcetest.Item(vault.Selector{Account: fmt.Sprintf("a%03d", n), Environment: kite.Sandbox}, n, 0)))
		}
		var requests atomic.Int64
		slow := delayed(t, e, latency, &requests)
		m := machineAt(t, t.TempDir(), slow.Config(mount), e.Root, &gateway{latency: latency})
		_, err := m.SyncSource(t.Context(), "bao")
		ok(t, err)
		all, err := m.List()
		ok(t, err)
		var sels []vault.Selector
		for _, p := range all {
			sels = append(sels, p.Selector)
		}
		took, ideal := time.Duration(0), profiles/atOnce*2*latency
		for range 2 { // once more on a busy machine
			requests.Store(0)
			began, works := time.Now(), 0
			m.VerifyAll(t.Context(), sels, false, func(r vault.Report) {
				if r.Verdict == vault.VerdictOK {
					works++
				} else {
					t.Error(r.Err)
				}
			})
			took = time.Since(began)
			t.Logf("%d profiles, %d at once, %v for a read and %v for a mint: %v, ideal %v, ratio %.2f; %d reads",
				works, atOnce, latency, latency, took.Round(time.Millisecond), ideal, float64(took)/float64(ideal), requests.Load())
			if works != profiles || requests.Load() != profiles {
				t.Errorf("%d work, %d reads", works, requests.Load())
			}
			if took <= ideal*13/10 {
				break
			}
		}
		if took > ideal*13/10 {
			t.Errorf("took %v, more than 1.3 times the ideal %v", took, ideal)
		}
		m.nothingKept(t)
	})
}

// The campaign's processes are this test binary: "campaign ADDRESS MOUNT TOKEN
// FOLDER WORKER ROTATIONS".
func campaign(args []string) int {
	address, mount, token, dir := args[0], args[1], args[2], args[3]
	var worker, rotations int
	_, _ = fmt.Sscan(args[4], &worker)
	_, _ = fmt.Sscan(args[5], &rotations)
	c := source.Config{Name: "bao", Kind: source.KindVault, Address: address, Mount: mount}.WithDefaults()
	ctx, end := context.WithTimeout(context.Background(), 5*time.Minute)
	defer end()
	m := machineAt(panics{}, dir, c, token, &gateway{})
	link := func() error { _, err := m.Link(ctx, "bao", acme); return err }
	for link() != nil && ctx.Err() == nil {
		time.Sleep(20 * time.Millisecond)
	}
	for n := 0; n < rotations && ctx.Err() == nil; {
		id := 1000*(worker+1) + n
		r, err := m.Rotate(ctx, acme, sourcetest.Credential(id))
		switch {
		case err == nil && r.Outcome == vault.OutcomeReplaced:
			fmt.Println("replaced", id)
			n++
		case err == nil:
			fmt.Println("odd", r.Outcome)
			return 1
		case errors.Is(err, vault.ErrConflict), errors.Is(err, vault.ErrBusy):
			fmt.Println("conflict", id)
		case errors.Is(err, vault.ErrSourceUnavailable):
			fmt.Println("away", id)
			time.Sleep(50 * time.Millisecond)
		case errors.Is(err, vault.ErrBadInput): // the write was made and its reply lost
			fmt.Println("replaced", id)
			n++
		default:
			fmt.Println("failed", err)
			return 1
		}
	}
	return 0
}

// panics is a testing.TB for a process that is not a test.
type panics struct{ testing.TB }

func (panics) Helper()           {}
func (panics) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

func TestTeam_TwoHundredRotationsByFourProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("a campaign")
	}
	real := sourcetest.StartReal(t)
	const workers, each = 4, 50
	mount := real.Mount(t, 2)
	newMachine(t, real.Engine, mount, real.Root).add(t, acme)
	real.Call(t, http.MethodPost, mount+"/metadata/kitegateway/acme/live", map[string]any{"max_versions": 5000})

	program, err := os.Executable()
	ok(t, err)
	lines := make(chan string)
	var running sync.WaitGroup
	for w := range workers {
		cmd := exec.Command(program, "campaign", real.Address, mount, real.Root, t.TempDir(), fmt.Sprint(w), fmt.Sprint(each))
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		ok(t, err)
		ok(t, cmd.Start())
		running.Go(func() {
			for s := bufio.NewScanner(out); s.Scan(); {
				lines <- s.Text()
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("worker %d: %v", w, err)
			}
		})
	}
	go func() { running.Wait(); close(lines) }()
	counts, replaced, kills := map[string]int{}, []string{}, 0
	for line := range lines {
		what, id, _ := strings.Cut(line, " ")
		counts[what]++
		if what == "replaced" {
			replaced = append(replaced, id)
			if len(replaced)%40 == 20 { // the server is killed five times
				real.Kill(t)
				kills++
				real.Restart(t)
			}
		} else if what != "conflict" && what != "away" {
			t.Error(line)
		}
	}
	t.Logf("%d rotations, %d conflicts told, %d times away, %d kills", len(replaced), counts["conflict"], counts["away"], kills)
	if len(replaced) != workers*each || kills < 4 {
		t.Errorf("%d rotations, %d kills", len(replaced), kills)
	}
	// Every version is whole, and every acknowledged rotation is in the history as
	// the current credential.
	current := map[string]bool{}
	last := get(t, real.Engine, mount, acme)
	for version := int64(1); version <= last.Version; version++ {
		reply := real.Call(t, http.MethodGet, fmt.Sprintf("%s/data/kitegateway/acme/live?version=%d", mount, version), nil)
		data, err := json.Marshal(reply["data"].(map[string]any)["data"])
		ok(t, err)
		var fields map[string]string
		ok(t, json.Unmarshal(data, &fields))
		for _, prefix := range []string{"", "previous_", "staged_"} {
			key, secret := fields[prefix+"api_key"], fields[prefix+"api_secret"]
			if key == "" && secret == "" && prefix != "" {
				continue
			}
			var k, s int
			if _, err := fmt.Sscanf(key, "key_%d_abcd", &k); err != nil {
				t.Errorf("version %d: %v", version, err)
			}
			if _, err := fmt.Sscanf(secret, "secret_%d_", &s); err != nil || k != s {
				t.Errorf("version %d is torn: %d and %d", version, k, s)
			}
			if prefix == "" {
				current[fmt.Sprint(k)] = true
			}
		}
	}
	for _, id := range replaced {
		if !current[id] {
			t.Errorf("rotation %s was acknowledged and is lost", id)
		}
	}
}
