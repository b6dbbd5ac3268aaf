package vault

import (
	"context"
	"errors"

	"kitekey/kite"
)

// A credential belongs to the gateway that accepted it: Kitegateway, or an override
// on this machine. It is never sent to the other one, so that setting a variable
// cannot make kitekey hand a credential to whatever listens on a port.

// checkOrigin fails if a credential of that origin must not be sent to g.
func checkOrigin(sel Selector, origin kite.Origin, g Gateway) error {
	if origin == g.Origin() {
		return nil
	}
	return About(sel, &OriginError{Origin: origin, InUse: g.Origin(), Host: g.Host()})
}

// originOf returns the origin of an item. Items from before origins were recorded
// have that of their profile.
func (c credentials) originOf(p Profile) kite.Origin {
	if c.Origin != "" {
		return c.Origin
	}
	if p.Origin != "" {
		return p.Origin
	}
	return kite.OriginKitegateway
}

// setOrigin changes the gateway that a profile's credential belongs to. It drops
// the verdict and the token, which came from the other gateway.
func (v *Vault) setOrigin(ctx context.Context, p Profile, origin kite.Origin) (Profile, error) {
	if _, err := kite.ParseOrigin(string(origin)); err != nil {
		return p, inputError{err}
	}
	_, err := v.rewrite(ctx, p.Selector, false, func(c *credentials) error {
		c.Origin = origin
		return nil
	})
	if err != nil && !errors.Is(err, ErrReadOnly) { // only this machine's index records it then
		return p, err
	}
	return v.change(ctx, p.ID, func(p *Profile) {
		p.Origin, p.Token = origin, TokenInfo{}
		p.clearVerdict()
	})
}
