package vault_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kitekey/kite"
	. "kitekey/vault"
	"kitekey/vault/storetest"
)

// An index of version 1 has the status in its entries. All of it is read, and moves
// to the status files with the first change.
func TestIndex_ReadsVersion1(t *testing.T) {
	w := newFixture(t)
	at := w.clock.now().UTC().Format(time.RFC3339)
	deadline := w.clock.now().Add(time.Minute).UTC().Format(time.RFC3339)
	write := func() {
		t.Helper()
		if err := os.MkdirAll(w.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		entry := `{"id":"%s","account":"%s","environment":"sandbox","store":"memory","key_hint":"1234","expires_in":300,"host":"sandbox.kitegateway.com",` +
			`"verdict":"ok","verdict_at":"` + at + `","token":{"minted":"` + at + `","deadline":"` + deadline + `","expires_in":60},"last_used":"` + at + `"}`
		text := `{"version":1,"profiles":[` + "\n" + fmt.Sprintf(entry, "aaaaaaaaaaaaaaaa", "acme") + "\n," + fmt.Sprintf(entry, "bbbbbbbbbbbbbbbb", "coral") + "\n]}\n"
		if err := os.WriteFile(filepath.Join(w.dir, IndexFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.gateway.host = "sandbox.kitegateway.com"
	check := func(when string) {
		t.Helper()
		for _, name := range []string{"acme", "coral"} {
			p, err := w.Lookup(sel(name))
			if err != nil || p.Verdict != VerdictOK || !p.Token.Unexpired(w.clock.now()) || p.LastUsed.IsZero() || p.KeyHint != "1234" || p.Origin != kite.OriginKitegateway {
				t.Errorf("%s: %+v %v", when, p, err)
			}
		}
	}
	write()
	check("version 1")
	// A change of the status alone does not change index.json.
	if _, err := w.ChangeEntry(t.Context(), "aaaaaaaaaaaaaaaa", func(p *Profile) { p.LastUsed = w.clock.now() }); err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(filepath.Join(w.dir, IndexFile)); !strings.HasPrefix(string(data), `{"version":1`) {
		t.Errorf("rewritten: %s", data)
	}
	check("one status moved")
	label := "Acme"
	if _, err := w.Edit(t.Context(), sel("acme"), ProfileUpdate{Label: &label}); err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(filepath.Join(w.dir, IndexFile)); !strings.HasPrefix(string(data), `{"version":2`) || strings.Contains(string(data), "deadline") {
		t.Errorf("not version 2: %s", data)
	}
	check("version 2")
}

func TestProfileReport_OutlivesAProcess(t *testing.T) {
	w := newFixture(t)
	w.mustAdd(t, "acme")
	w.gateway.err = &kite.Error{Kind: kite.ErrRefused, Host: "sandbox.test", Op: "mint a token", Status: 403, Message: "IP not allowed", Skew: 2 * time.Second}
	r := w.Verify(t.Context(), sel("acme"), true)
	again := newFixtureIn(t, w.dir, w.store) // another process
	p, err := again.Lookup(sel("acme"))
	if err != nil {
		t.Fatal(err)
	}
	got := p.Report()
	if got.Verdict != VerdictRejected || got.Status != 403 || got.Message != "IP not allowed" || got.Host != "sandbox.test" || !got.At.Equal(r.At) ||
		got.Skew != 2*time.Second || !got.Deep || got.Err == nil || got.Err.Error() != r.Err.Error() || got.KeyHint != p.KeyHint {
		t.Errorf("%+v\nwas %+v", got, r)
	}
	w.gateway.err = nil
	if _, err := w.Rotate(t.Context(), sel("acme"), credential("new")); err != nil {
		t.Fatal(err)
	}
	if p, _ := again.Lookup(sel("acme")); p.Report().Status != 200 || p.Report().Err != nil {
		t.Errorf("after a rotation: %+v", p.Report())
	}
}

// A status file that a crash has damaged counts as empty, and harms nothing.
func TestStatus_DamagedFilesCountAsEmpty(t *testing.T) {
	w := newFixture(t)
	p := w.mustAdd(t, "acme")
	if _, err := w.Token(t.Context(), sel("acme"), TokenRequest{}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(w.dir, "status", p.ID[:1]+".json")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"empty": "", "torn": string(good[:len(good)/2]), "other credential": strings.Replace(string(good), `"key_hint":"`+p.KeyHint, `"key_hint":"zzzz`, 1)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if q, err := w.Lookup(sel("acme")); err != nil || q.Verdict != VerdictNone || !q.Token.Deadline.IsZero() {
			t.Errorf("%s: %+v %v", name, q, err)
		}
		if tok, err := w.Token(t.Context(), sel("acme"), TokenRequest{}); err != nil || !tok.Minted {
			t.Errorf("%s: %v", name, err)
		}
		if q, err := w.Lookup(sel("acme")); err != nil || q.Verdict != VerdictOK || !q.Token.Unexpired(w.clock.now()) {
			t.Errorf("%s, minted again: %+v %v", name, q, err)
		}
	}
}

// Many mints at once, and changes of names between them, do not overwrite each
// other.
func TestStatus_ConcurrentChangesAreAllKept(t *testing.T) {
	w := newFixture(t)
	const n = 12
	for i := range n {
		w.mustAdd(t, fmt.Sprintf("a%d", i))
	}
	var workers sync.WaitGroup
	for i := range n {
		workers.Go(func() {
			v := newFixtureIn(t, w.dir, w.store)
			if _, err := v.Token(context.Background(), sel(fmt.Sprintf("a%d", i)), TokenRequest{}); err != nil {
				t.Error(err)
			}
		})
		workers.Go(func() {
			v := newFixtureIn(t, w.dir, w.store)
			label := fmt.Sprint(i)
			if _, err := v.Edit(context.Background(), sel(fmt.Sprintf("a%d", i)), ProfileUpdate{Label: &label}); err != nil {
				t.Error(err)
			}
		})
	}
	workers.Wait()
	profiles, err := w.List()
	if err != nil || len(profiles) != n {
		t.Fatal(len(profiles), err)
	}
	for _, p := range profiles {
		if p.Label != strings.TrimPrefix(p.Account, "a") || !p.Token.Unexpired(w.clock.now()) || p.Verdict != VerdictOK {
			t.Errorf("%+v", p)
		}
	}
}

func TestToken_WaitersShareAFailure(t *testing.T) {
	for name, dir := range map[string]string{"one process": "", "many": filepath.Join(t.TempDir(), "home")} {
		t.Run(name, func(t *testing.T) {
			w := newFixtureIn(t, dir, storetest.NewFaulty(nil))
			w.mustAdd(t, "acme")
			failed := &kite.Error{Kind: kite.ErrUnreachable, Host: "sandbox.test", Op: "mint a token", Err: errors.New("no answer in 20s")}
			w.gateway.block, w.gateway.waiting, w.gateway.err = make(chan struct{}), make(chan struct{}, 1), failed
			const n = 10
			errs := make(chan error, n)
			for range n {
				v := w
				if dir != "" {
					v = newFixtureIn(t, dir, w.store)
					v.SetGateway(func(kite.Environment) Gateway { return w.gateway })
				}
				go func() { errs <- second(v.Token(context.Background(), sel("acme"), TokenRequest{Fresh: true})) }()
			}
			<-w.gateway.waiting
			time.Sleep(100 * time.Millisecond) // the others wait by now
			close(w.gateway.block)
			for range n {
				if err := <-errs; !errors.Is(err, kite.ErrUnreachable) || err.Error() != "acme/sandbox: "+failed.Error() {
					t.Errorf("%v", err)
				}
			}
			if got := w.gateway.count(); got > 2 {
				t.Errorf("%d mints for %d callers", got, n)
			}
			// A later caller tries again.
			w.gateway.err = nil
			if tok, err := w.Token(t.Context(), sel("acme"), TokenRequest{}); err != nil || !tok.Minted {
				t.Errorf("later: %v", err)
			}
		})
	}
}

// A failure is not that of a caller with another proxy or another request.
func TestToken_WaitersWithAnotherRequestTryThemselves(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home")
	w := newFixtureIn(t, dir, storetest.NewFaulty(nil))
	w.mustAdd(t, "acme")
	w.gateway.block, w.gateway.waiting = make(chan struct{}), make(chan struct{}, 1)
	w.gateway.err = &kite.Error{Kind: kite.ErrInvalid, Host: "sandbox.test", Op: "mint a token", Status: 400}
	first := make(chan error, 1)
	go func() {
		first <- second(w.Token(context.Background(), sel("acme"), TokenRequest{ExpiresIn: 99, Fresh: true}))
	}()
	<-w.gateway.waiting
	errs := make(chan error, 2)
	for name, tt := range map[string]struct {
		way  string
		life kite.Lifetime
	}{"another proxy": {"proxy", 99}, "another life": {"", 60}} {
		v := newFixtureIn(t, dir, w.store)
		g := &fakeGateway{host: w.gateway.host, now: w.gateway.now, way: tt.way}
		v.SetGateway(func(kite.Environment) Gateway { return g })
		go func() {
			_, err := v.Token(context.Background(), sel("acme"), TokenRequest{ExpiresIn: tt.life, Fresh: true})
			if err != nil {
				err = fmt.Errorf("%s: %w", name, err)
			}
			errs <- err
		}()
	}
	time.Sleep(100 * time.Millisecond) // they wait by now
	close(w.gateway.block)
	for range 2 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if err := <-first; !errors.Is(err, kite.ErrInvalid) {
		t.Error(err)
	}
}
