package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

func TestExitCode_FollowsTheKindOfError(t *testing.T) {
	documented := map[int]bool{}
	for _, c := range ExitCodes() {
		documented[c.Code] = true
	}
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("anything"), 1},
		{usagef("bad"), 2},
		{vault.ErrBadInput, 2},
		{vault.ErrExists, 2},
		{vault.ErrNoProfile, 3},
		{vault.ErrNoCredential, 3},
		// A profile whose item is lost has no credential, whatever the store's error
		// is.
		{fmt.Errorf("%w: %w", vault.ErrNoCredential, vault.ErrCorrupt), 3},
		{&kite.Error{Kind: kite.ErrRefused}, 4},
		{&kite.Error{Kind: kite.ErrInvalid}, 4},
		{&kite.Error{Kind: kite.ErrUnreachable}, 5},
		{&kite.Error{Kind: kite.ErrGateway}, 5},
		{&kite.Error{Kind: kite.ErrRateLimited}, 5},
		{&kite.Error{Kind: kite.ErrUnexpectedReply}, 5},
		{&vault.StoreError{Kind: vault.ErrLocked}, 6},
		{&vault.StoreError{Kind: vault.ErrUnavailable}, 6},
		{&vault.StoreError{Kind: vault.ErrTimeout}, 6},
		{&vault.StoreError{Kind: vault.ErrTooBig}, 6},
		{&vault.StoreError{Kind: vault.ErrCorrupt}, 6},
		{vault.ErrBusy, 6},
		{vault.ErrIndexDamaged, 6},
		{vault.ErrOtherStore, 6},
		{unconfirmedf("no"), 7},
		{context.Canceled, 130},
		{exitSilently(5), 5},
	} {
		for _, err := range []error{c.err, vault.About(vault.Selector{Account: "acme", Environment: kite.Live}, c.err)} {
			if err == nil && c.err != nil {
				t.Fatal("about lost an error")
			}
			if got := exitCode(err); got != c.want {
				t.Errorf("%v: exit %d, want %d", err, got, c.want)
			}
		}
		if !documented[c.want] {
			t.Errorf("exit %d is not documented", c.want)
		}
	}
	for _, v := range append([]vault.Verdict{vault.VerdictNone, "a verdict of tomorrow"}, vault.Verdicts...) {
		if code := words.Verdict(v, "").Exit; !documented[code] {
			t.Errorf("verdict %q has the undocumented exit code %d", v, code)
		}
	}
}

func TestTell_SaysTheNextStep(t *testing.T) {
	acme := vault.Selector{Account: "acme", Environment: kite.Live}
	refused := &kite.Error{Kind: kite.ErrRefused, Host: "kitegateway.com", Status: 401, Message: "Invalid API key", Op: "mint a token"}
	for _, c := range []struct {
		err  error
		want string
	}{
		{vault.About(acme, refused), `kitekey: acme/live: kitegateway.com refused the credential (401: Invalid API key); compare the last four characters of the api_key with the Kitegateway dashboard; to enter a new credential, run "kitekey rotate acme/live"` + "\n"},
		// The error names the profile already, so it is not named twice.
		{vault.About(acme, vault.About(acme, vault.ErrNoProfile)), `kitekey: acme/live: no such profile; to see the profiles, run "kitekey list"; to add one, run "kitekey add acme/live"` + "\n"},
		{vault.About(acme, &vault.NoProfileError{Near: []vault.Selector{{Account: "acne", Environment: kite.Live}}}), "kitekey: acme/live: no such profile; did you mean acne/live?\n"},
		{vault.About(vault.Selector{Account: "live", Environment: kite.Sandbox}, &vault.NoProfileError{}), `kitekey: live/sandbox: no such profile; to see the profiles, run "kitekey list"` + "\n"},
		{exitSilently(5), ""},
	} {
		var stderr bytes.Buffer
		a := &app{System: System{Stderr: &stderr}}
		a.tell(c.err)
		if got := stderr.String(); got != c.want {
			t.Errorf("got  %swant %s", got, c.want)
		}
	}
}

func TestFinish_InterruptedSaysNoMore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stderr bytes.Buffer
	a := &app{System: System{Stderr: &stderr}}
	// The failure of an interrupted call is a consequence of the interruption.
	if code := a.finish(ctx, &kite.Error{Kind: kite.ErrUnreachable}); code != 130 || stderr.String() != "kitekey: interrupted\n" {
		t.Errorf("%d %q", code, stderr.String())
	}
	// A command that finished anyway has succeeded.
	if code := a.finish(ctx, nil); code != 0 {
		t.Error(code)
	}
}

func TestSetenv_ReplacesEveryEarlierValue(t *testing.T) {
	before := []string{"A=1", "KITE_ACCOUNT=old", "=C:=C:\\x", "KITE_ACCOUNT=older", "B=x=y"}
	got := strings.Join(setenv(before, "KITE_ACCOUNT", "new"), "|")
	if want := `A=1|=C:=C:\x|B=x=y|KITE_ACCOUNT=new`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if before[1] != "KITE_ACCOUNT=old" {
		t.Error("the environment it was given changed")
	}
	a := &app{System: System{Environ: []string{"X=1", "X=2", "Y="}}}
	if a.getenv("X") != "2" || a.getenv("Y") != "" || a.getenv("Z") != "" {
		t.Error(a.getenv("X"), a.getenv("Y"), a.getenv("Z"))
	}
}
