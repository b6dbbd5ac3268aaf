package vault

import (
	"context"
	"fmt"

	"kitekey/kite"
)

// ProxyURL returns the URL that the profile's proxy keeps from run to run, zero if
// there is none. A profile whose credential is in a source has none.
func (v *Vault) ProxyURL(ctx context.Context, sel Selector) (kite.Secret, error) {
	p, err := v.Lookup(sel)
	if err != nil || p.Source != "" {
		return kite.Secret{}, err
	}
	c, err := v.read(ctx, p)
	if err != nil {
		return kite.Secret{}, err
	}
	url := c.ProxyURL.Clone()
	c.erase()
	return url, nil
}

// KeepProxyURL stores the URL in the item of the profile's credential, so that both
// move and are removed together. A backup does not contain it.
func (v *Vault) KeepProxyURL(ctx context.Context, sel Selector, url kite.Secret) error {
	p, unlock, err := v.lockProfile(ctx, sel)
	if err != nil {
		return err
	}
	defer unlock()
	if p.Source != "" {
		return About(sel, BadInput(fmt.Errorf("its credential is in the source %s, and a URL is kept only with a credential in the store", p.Source)))
	}
	c, err := v.read(ctx, p)
	if err != nil {
		return err
	}
	defer c.erase()
	if c.ProxyURL.Equal(url) {
		return nil
	}
	c.ProxyURL = url
	if err := v.write(ctx, p, c); err != nil {
		return aboutf(sel, "keep the proxy's URL: %w", err)
	}
	return nil
}
