package vault

import (
	"context"
	"errors"
	"fmt"
)

// A profile with a Source keeps its credential there: the store has at most its
// cached token, and what is read for a mint is not kept.

// openSource returns the source of that name.
func (v *Vault) openSource(name string) (Source, error) {
	if v.source == nil {
		return nil, fmt.Errorf("%w: this kitekey has no source named %q", ErrSourceUnavailable, name)
	}
	return v.source(name)
}

// readSource reads a profile's credential from its source.
func (v *Vault) readSource(ctx context.Context, p Profile) (credentials, error) {
	src, err := v.openSource(p.Source)
	if err != nil {
		return credentials{}, profileError(p.Selector, err)
	}
	item, err := src.Get(ctx, p.Selector)
	switch {
	case errors.Is(err, ErrNotFound):
		return credentials{}, fmt.Errorf("%s: %w in the source %s: %w", p.Selector, ErrNoCredential, p.Source, err)
	case err != nil:
		return credentials{}, profileError(p.Selector, err)
	}
	c := item.credentials()
	c.Selector, c.item = p.Selector, &item
	return c, nil
}

// writeSource writes a profile's credential to its source, unless it has changed
// there since it was read.
func (v *Vault) writeSource(ctx context.Context, p Profile, c credentials) error {
	src, err := v.openSource(p.Source)
	if err != nil {
		return err
	}
	w, ok := src.(SourceWriter)
	if !ok {
		return fmt.Errorf("the source %s is %w", p.Source, ErrReadOnly)
	}
	var item SourceItem
	if c.item != nil {
		item = *c.item
	}
	item.Selector, item.Current, item.Previous, item.ReplacedAt, item.Staged = p.Selector, c.Current, c.Previous, c.ReplacedAt, c.Staged
	return w.Put(ctx, item)
}
