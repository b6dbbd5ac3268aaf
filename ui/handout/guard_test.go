package handout

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/vault"
)

func sel(account string, env kite.Environment) vault.Selector {
	return vault.Selector{Account: account, Environment: env}
}

var (
	acmeLive    = sel("acme", kite.Live)
	acmeSandbox = sel("acme", kite.Sandbox)
	coralLive   = sel("coral", kite.Live)
)

type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

// A new action must be put into one of the two lists.
func TestGuard_AsksForWhatHandsOutOrChanges(t *testing.T) {
	asks := []Action{Mint, Copy, Run, Call, Proxy, KeepAlive, Reveal, Export, Replace, Rotate, Rollback, Drop, Redirect, Rename, Remove, Move, Migrate}
	free := []Action{Verify, List, Edit, Forget}
	if len(asks)+len(free) != len(rules) {
		t.Fatalf("%d actions are tested here, %d have a rule", len(asks)+len(free), len(rules))
	}
	for _, do := range asks {
		g := &Guard{}
		q, ok := g.Question(do, acmeLive)
		if !ok || q.Name != "acme/live" || !strings.HasSuffix(q.Text(), q.Does()+", type acme/live") || q.Does() == "" {
			t.Errorf("%s on live: %v %q", do, ok, q.Text())
		}
		if !g.Allows(do, acmeSandbox) {
			t.Errorf("%s asks on the sandbox", do)
		}
	}
	for _, do := range free {
		if !(&Guard{}).Allows(do, acmeLive, coralLive) {
			t.Errorf("%s asks", do)
		}
	}
	if (&Guard{}).Allows("an action of tomorrow", acmeLive) {
		t.Error("an action without a rule does not ask")
	}
}

func TestGuard_AsksOneWordForSeveralProfiles(t *testing.T) {
	g := &Guard{}
	q, ok := g.Question(Export, acmeSandbox, acmeLive, coralLive, acmeLive)
	if !ok || q.Name != "live" || len(q.Profiles) != 2 {
		t.Errorf("%v %+v", ok, q)
	}
	if q, _ := g.Question(Export, acmeSandbox, acmeLive); q.Name != "acme/live" {
		t.Errorf("one live profile among others: %q", q.Name)
	}
}

func TestGuard_RemembersForItsTime(t *testing.T) {
	c := &clock{time.Unix(1e9, 0)}
	g := &Guard{Remember: ScreenMemory, Now: c.now}
	q, _ := g.Question(Mint, acmeLive)
	for _, wrong := range []string{"", "acme", "live", "acme/sandbox", "coral/live"} {
		if g.Answer(q, wrong) || g.Allows(Mint, acmeLive) {
			t.Fatalf("%q counts as the name", wrong)
		}
	}
	if !g.Answer(q, " acme/live ") || !g.Allows(Mint, acmeLive) || !g.Allows(Copy, acmeLive) {
		t.Fatal("the name does not count")
	}
	if g.Allows(Mint, coralLive) {
		t.Error("one name opens another profile")
	}
	if g.Allows(Remove, acmeLive) || g.Allows(Export, acmeLive) {
		t.Error("what cannot be undone relies on a name typed before")
	}
	c.t = c.t.Add(ScreenMemory - time.Second)
	if !g.Allows(Mint, acmeLive) || g.Until(acmeLive).IsZero() {
		t.Error("forgotten too early")
	}
	c.t = c.t.Add(time.Second)
	if g.Allows(Mint, acmeLive) || !g.Until(acmeLive).IsZero() {
		t.Error("remembered too long")
	}
	g.Answer(q, "acme/live")
	if g.Forget(); g.Allows(Mint, acmeLive) {
		t.Error("a locked screen remembers")
	}
}

// On a command line, a selector typed in full confirms an action that gets a token,
// and no other action.
func TestGuard_TakesASelectorTypedInFullForTheName(t *testing.T) {
	for do := range rules {
		g := &Guard{}
		g.TypedInFull(do, acmeLive)
		want := do == Mint || do == Copy || do == Run || rules[do].does == ""
		if got := g.Allows(do, acmeLive); got != want {
			t.Errorf("%s acme/live goes ahead: %v, want %v", do, got, want)
		}
	}
}

func TestGuard_ConfirmTakesTheNameOnly(t *testing.T) {
	ctx := context.Background()
	asked := 0
	type answer = func(context.Context, Question) (string, error)
	say := func(text string, err error) answer {
		return func(context.Context, Question) (string, error) { asked++; return text, err }
	}
	g := &Guard{}
	if err := g.Confirm(ctx, Mint, say("", nil), acmeSandbox); err != nil || asked != 0 {
		t.Errorf("sandbox: asked %d times, %v", asked, err)
	}
	var no *NotConfirmedError
	err := g.Confirm(ctx, Mint, say("acme", nil), acmeLive)
	if !errors.Is(err, ErrNotConfirmed) || !errors.As(err, &no) || no.Typed != "acme" || !strings.HasPrefix(err.Error(), "acme/live: ") {
		t.Errorf("a wrong name: %v", err)
	}
	if err := g.Confirm(ctx, Mint, say("", context.Canceled), acmeLive); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	if err := g.Confirm(ctx, Mint, say("acme/live", nil), acmeLive); err != nil || asked != 3 {
		t.Errorf("the name: asked %d times, %v", asked, err)
	}
}
