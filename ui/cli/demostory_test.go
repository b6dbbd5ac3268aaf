package cli

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/kite/simulator"
	"kitekey/vault"
)

func newDemoVault(t *testing.T) *vault.Vault {
	t.Helper()
	v, _ := newDemoAndSimulator(t)
	return v
}

func newDemoAndSimulator(t *testing.T) (*vault.Vault, *simulator.Simulator) {
	t.Helper()
	sim := simulator.New(simulator.Options{Merchants: demoMerchants()})
	if err := sim.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	a := &app{System: System{Now: time.Now, Stderr: io.Discard}}
	v, err := a.demoVault(t.Context(), sim)
	if err != nil {
		t.Fatal(err)
	}
	return v, sim
}

// On a busy machine the time for a rotation that is given up ends before the new
// credential is staged.
func TestDemo_BeginsOnABusyMachine(t *testing.T) {
	t.Parallel()
	v, sim := newDemoAndSimulator(t)
	s := scenes[0]
	sim.Set(s.account, s.env, simulator.Behavior{Latency: time.Minute})
	if err := s.giveUpRotating(t.Context(), v, time.Nanosecond); err != nil {
		t.Fatal(err)
	}
	if p, err := v.Lookup(vault.Selector{Account: s.account, Environment: s.env}); err != nil || !p.Staged {
		t.Errorf("not staged: %+v %v", p, err)
	}
}

// A new verdict must get a place in the demo, or a reason here.
func TestDemo_ShowsEveryVerdictThereIs(t *testing.T) {
	t.Parallel()
	profiles, err := newDemoVault(t).List()
	if err != nil {
		t.Fatal(err)
	}
	without := map[vault.Verdict]string{
		vault.VerdictInvalid:         "a request that kitekey never makes",
		vault.VerdictUnexpectedReply: "a portal or a firewall, not an account's state",
		vault.VerdictNoCredential:    "a keyring that lost an item",
	}
	for _, v := range vault.Verdicts {
		shown := slices.ContainsFunc(profiles, func(p vault.Profile) bool { return p.Verdict == v })
		if _, left := without[v]; !shown && !left && !isStoreDown(v) {
			t.Errorf("no profile of the demo is %s", v)
		}
	}
	for what, has := range map[string]func(vault.Profile) bool{
		"not verified":        func(p vault.Profile) bool { return p.Verdict == vault.VerdictNone },
		"locked":              func(p vault.Profile) bool { return p.Verdict == vault.VerdictStoreLocked },
		"a staged credential": func(p vault.Profile) bool { return p.Staged },
		"a previous one":      func(p vault.Profile) bool { return p.Previous },
		"a wrong clock":       func(p vault.Profile) bool { return p.Token.Skew > time.Minute },
		"live":                func(p vault.Profile) bool { return p.Environment == kite.Live },
	} {
		if !slices.ContainsFunc(profiles, has) {
			t.Errorf("no profile of the demo shows: %s", what)
		}
	}
}

// isStoreDown tells the verdicts on a store or a source, of which one is enough.
func isStoreDown(v vault.Verdict) bool {
	return v == vault.VerdictUnavailable || v == vault.VerdictSource
}

func TestDemo_NoTokenEndsInTheFirstMinute(t *testing.T) {
	t.Parallel()
	profiles, err := newDemoVault(t).List()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range profiles {
		if left := p.Token.Remaining(time.Now()); !p.Token.Deadline.IsZero() && left < time.Minute {
			t.Errorf("%s has a token for %v", p.Selector, left)
		}
	}
}

func TestDemo_ALockedProfileStaysLocked(t *testing.T) {
	t.Parallel()
	v := newDemoVault(t)
	r := v.Verify(t.Context(), vault.Selector{Account: "kelp", Environment: kite.Sandbox}, false)
	if r.Verdict != vault.VerdictStoreLocked {
		t.Errorf("verifying it found %q", r.Verdict)
	}
}

func TestDemo_ARefusedRotationIsInTheLog(t *testing.T) {
	t.Parallel()
	sel := vault.Selector{Account: "jade", Environment: kite.Sandbox}
	log, err := newDemoVault(t).Activities(&sel, 10)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(log, func(a vault.Activity) bool { return a.Result != "" && a.Result != "ok" }) {
		t.Errorf("the log has no failure: %+v", log)
	}
}

// What the demo shows must stay true when everything is verified.
func TestDemo_VerifyingAllLeavesOneLocked(t *testing.T) {
	t.Parallel()
	v := newDemoVault(t)
	profiles, err := v.List()
	if err != nil {
		t.Fatal(err)
	}
	var sels []vault.Selector
	for _, p := range profiles {
		if p.Verdict != vault.VerdictUnreachable { // trying it takes long
			sels = append(sels, p.Selector)
		}
	}
	var locked []string
	v.VerifyAll(t.Context(), sels, false, func(r vault.Report) {
		if r.Verdict == vault.VerdictStoreLocked {
			locked = append(locked, r.Selector.String())
		}
	})
	if !slices.Equal(locked, []string{"kelp/sandbox"}) {
		t.Errorf("locked: %v", locked)
	}
}

// The list shows why a profile fails before anything is verified on the screen.
func TestDemo_EveryFailureHasItsReason(t *testing.T) {
	t.Parallel()
	profiles, err := newDemoVault(t).List()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range profiles {
		switch p.Verdict {
		case vault.VerdictNone, vault.VerdictOK, vault.VerdictStoreLocked:
			continue
		}
		if r := p.Report(); r.Message == "" && r.Cause == "" && r.Status == 0 {
			t.Errorf("%s (%s) has no reason", p.Selector, p.Verdict)
		}
	}
}

// clipboardStub is a clipboard whose last copy is gone at a time, and the error of
// clearing it.
type clipboardStub struct {
	err error
	at  time.Time
}

func (c clipboardStub) Clear(context.Context) error { return c.err }
func (c clipboardStub) ClearsAt() time.Time         { return c.at }

func TestDemo_SaysThatACopyRemains(t *testing.T) {
	now, stays := time.Now(), errors.New("no answer")
	for want, c := range map[string]clipboardStub{
		"": {nil, now.Add(time.Minute)},
		"a token of the demo is still in the clipboard; it leaves in 40 s":                 {stays, now.Add(40 * time.Second)},
		"a token of the demo is still in the clipboard: copy something else to replace it": {stays, time.Time{}},
	} {
		if got := clearCopy(t.Context(), c, now); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := clearCopy(t.Context(), clipboardStub{stays, now.Add(-time.Second)}, now); got != "" {
		t.Errorf("%q of a copy whose time has passed", got)
	}
}
