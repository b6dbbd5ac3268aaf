package vault

import "context"

// VerifyElsewhere tries the profile's credential in the other environment and
// records nothing. It sends nothing to a gateway that the credential does not
// belong to.
func (v *Vault) VerifyElsewhere(ctx context.Context, sel Selector) Report {
	elsewhere := sel.Elsewhere()
	env := elsewhere.Environment
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
