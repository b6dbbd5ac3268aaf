package vault_test

import (
	"errors"
	"fmt"
	"testing"

	. "kitekey/vault"
)

func TestAbout_NamesProfileOnce(t *testing.T) {
	acme, other := sel("acme/live"), sel("coral/live")
	locked := &StoreError{Op: OpRead, Store: "keyring", Kind: ErrLocked}
	for _, c := range []struct {
		err  error
		want string
	}{
		{About(acme, ErrExists), "acme/live: exists already"},
		{About(acme, About(acme, ErrExists)), "acme/live: exists already"},
		{About(acme, fmt.Errorf("not renamed: %w", About(acme, ErrExists))), "not renamed: acme/live: exists already"},
		{About(acme, About(other, ErrExists)), "acme/live: coral/live: exists already"},
		// A text that happens to begin with the name is not the name.
		{About(acme, errors.New("acme/live: from elsewhere")), "acme/live: acme/live: from elsewhere"},
		{Aboutf(acme, "not moved: %w", About(acme, locked)), "acme/live: not moved: " + locked.Error()},
		{Aboutf(acme, "not moved: %w", About(other, locked)), "acme/live: not moved: coral/live: " + locked.Error()},
	} {
		var named *ProfileError
		if got := c.err.Error(); got != c.want || !errors.As(c.err, &named) {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	if About(acme, nil) != nil {
		t.Error("no error became one")
	}
}

func TestWithoutProfile_DropsNameAtFrontOnly(t *testing.T) {
	acme := sel("acme/live")
	for _, c := range []struct {
		err  error
		want string
	}{
		{About(acme, ErrExists), "exists already"},
		{About(sel("coral/live"), ErrExists), "coral/live: exists already"},
		{fmt.Errorf("cannot copy: %w", About(acme, ErrExists)), "cannot copy: acme/live: exists already"},
		{errors.New("acme/live: from elsewhere"), "acme/live: from elsewhere"},
	} {
		if got := WithoutProfile(acme, c.err).Error(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// Every failure of an operation on a profile is a ProfileError about it, so that a
// front end can name the profile, or leave its name out, without reading the text.
func TestProfileError_ComesFromEveryOperation(t *testing.T) {
	w := newFixture(t)
	ctx := t.Context()
	w.mustAdd(t, "acme/live")
	acme, missing := sel("acme/live"), sel("coral/live")
	for name, err := range map[string]error{
		"Lookup":         second(w.Lookup(missing)),
		"Token":          second(w.Token(ctx, missing, TokenRequest{})),
		"Cached":         second(w.Cached(ctx, acme)),
		"Add":            second(w.Add(ctx, NewProfile{Selector: acme, Credential: credential("another")})),
		"Replace":        second(w.Replace(ctx, acme, credential("acme/live"))),
		"FinishRotation": second(w.FinishRotation(ctx, acme)),
		"Rollback":       second(w.Rollback(ctx, acme)),
		"MoveFromSource": second(w.MoveFromSource(ctx, acme)),
		"Remove":         w.Remove(ctx, missing),
	} {
		var named *ProfileError
		switch {
		case !errors.As(err, &named):
			t.Errorf("%s: %v (%T)", name, err, err)
		case named.Selector != acme && named.Selector != missing, err.Error() != named.Selector.String()+": "+named.Err.Error():
			t.Errorf("%s: %v is about %s", name, err, named.Selector)
		}
	}
}
