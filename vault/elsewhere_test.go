package vault_test

import (
	"errors"
	"strings"
	"testing"

	"kitekey/kite"
	. "kitekey/vault"
)

func TestMove_TakesTheCredentialAlong(t *testing.T) {
	w := newFixture(t)
	ctx := t.Context()
	w.mustAdd(t, "acme")
	w.mustAdd(t, "coral")
	if _, err := w.Token(ctx, sel("acme"), TokenRequest{}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Move(ctx, sel("acme"), sel("coral")); !errors.Is(err, ErrExists) {
		t.Errorf("onto another: %v", err)
	}
	if _, err := w.Move(ctx, sel("dune"), sel("ember")); !errors.Is(err, ErrNoProfile) {
		t.Errorf("of a profile that is not there: %v", err)
	}
	if _, err := w.Move(ctx, sel("acme"), sel("acme")); !errors.Is(err, ErrBadInput) {
		t.Errorf("to its own name: %v", err)
	}
	p, err := w.Move(ctx, sel("acme"), sel("acme/live"))
	if err != nil {
		t.Fatal(err)
	}
	if p.Selector != sel("acme/live") || p.State != StateSettled || p.Verdict != VerdictNone || !p.Token.Deadline.IsZero() {
		t.Errorf("%+v", p)
	}
	data, err := w.store.Get(ctx, p.ID)
	if err != nil || !strings.Contains(string(data), `"environment":"live"`) {
		t.Errorf("the item does not name its environment: %v", err)
	}
	if cred, err := w.Credential(ctx, sel("acme/live")); err != nil || !cred.APIKey.Equal(credential("acme").APIKey) {
		t.Errorf("the credential is another one, %v", err)
	}
	if _, err := w.Lookup(sel("acme")); !errors.Is(err, ErrNoProfile) {
		t.Errorf("the old name: %v", err)
	}
}

func TestMove_LosesNothingOnFailure(t *testing.T) {
	for _, op := range []string{"read", "write", "delete"} {
		w := newFixture(t)
		ctx := t.Context()
		w.mustAdd(t, "acme")
		w.store.On(onlyOn(op, &StoreError{Op: op, Store: "keyring", Kind: ErrUnavailable}), nil)
		if _, err := w.Move(ctx, sel("acme"), sel("acme/live")); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s fails: %v", op, err)
		}
		w.store.On(nil, nil)
		if err := w.Settle(ctx); err != nil {
			t.Fatal(err)
		}
		found := false
		for _, name := range []string{"acme", "acme/live"} {
			if cred, err := w.Credential(ctx, sel(name)); err == nil {
				found = found || cred.APIKey.Equal(credential("acme").APIKey)
			}
		}
		if !found {
			t.Errorf("%s fails: the credential is lost", op)
		}
	}
}

func TestVerifyElsewhere_LeavesTheProfileAlone(t *testing.T) {
	w := newFixture(t)
	w.mustAdd(t, "acme")
	r := w.VerifyElsewhere(t.Context(), sel("acme"))
	if r.Selector != sel("acme/live") || r.Environment != kite.Live {
		t.Errorf("%+v", r.Selector)
	}
	if p, err := w.Lookup(sel("acme")); err != nil || p.VerdictAt != (Profile{}).VerdictAt && p.Verdict == r.Verdict && r.Verdict != VerdictOK {
		t.Errorf("it changed the profile: %+v, %v", p, err)
	}
}

// A credential of Kitegateway is not sent to an override in the other environment
// either.
func TestVerifyElsewhere_KeepsToTheOrigin(t *testing.T) {
	w := newFixture(t)
	w.mustAdd(t, "acme")
	w.gateway.origin = kite.OriginOverride
	mints := w.gateway.count()
	if r := w.VerifyElsewhere(t.Context(), sel("acme")); !errors.Is(r.Err, ErrOrigin) || w.gateway.count() != mints {
		t.Errorf("%v, %d mints more", r.Err, w.gateway.count()-mints)
	}
}
