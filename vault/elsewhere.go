package vault

import (
	"context"
	"fmt"

	"kitekey/kite"
)

// VerifyElsewhere tries the profile's credential in the other environment, and
// records nothing of it. An origin that may not have the credential is not asked.
func (v *Vault) VerifyElsewhere(ctx context.Context, sel Selector) Report {
	env := kite.Sandbox
	if sel.Environment == kite.Sandbox {
		env = kite.Live
	}
	elsewhere := Selector{sel.Account, env}
	failed := func(err error) Report {
		return Report{Selector: elsewhere, Store: v.store.Name(), Host: v.gateway(env).Host(), At: v.now(), Verdict: VerdictOf(err), Err: err}
	}
	p, err := v.Lookup(sel)
	if err != nil {
		return failed(err)
	}
	c, err := v.read(ctx, p)
	defer c.erase()
	if err == nil {
		err = checkOrigin(sel, c.originOf(p), v.gateway(env))
	}
	if err != nil {
		return failed(err)
	}
	return v.verifyOwn(ctx, elsewhere, c.Current, c.originOf(p), false)
}

// Move gives a profile another account or environment, as when a live credential
// was stored as a sandbox one. The credentials are stored under the new name before
// they are removed from the old one, so that an interruption leaves both. The
// verdict and the cached token, which say nothing in another environment, do not
// come along.
func (v *Vault) Move(ctx context.Context, from, to Selector) (Profile, error) {
	if from == to {
		return Profile{}, inputError{fmt.Errorf("%s is its name already", from)}
	}
	if err := v.Settle(ctx); err != nil {
		return Profile{}, fmt.Errorf("%s: %w", from, err)
	}
	p, err := v.Lookup(from)
	if err != nil {
		return Profile{}, err
	}
	if p.Source != "" {
		return Profile{}, inputError{fmt.Errorf("%s: its credential is in the source %s and is moved there", from, p.Source)}
	}
	c, err := v.read(ctx, p)
	defer c.erase()
	if err != nil {
		return Profile{}, fmt.Errorf("not moved: %w", err)
	}
	moved, err := v.Add(ctx, NewProfile{Selector: to, Label: p.Label, ExpiresIn: p.ExpiresIn, Credential: c.Current, Origin: c.originOf(p), extra: c})
	if err != nil {
		return Profile{}, err
	}
	if err := v.Remove(ctx, from); err != nil {
		return moved, fmt.Errorf("%s is stored, and %s could not be removed: %w", to, from, err)
	}
	return moved, nil
}
