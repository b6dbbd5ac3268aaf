package vault

import (
	"context"
	"errors"
)

// Settle finishes changes that were interrupted. It skips entries that a running
// process is still working on. Every operation that uses the store calls it first;
// List does not. It returns an error only if the store as a whole does not work.
func (v *Vault) Settle(ctx context.Context) error {
	profiles, err := v.index.load()
	if err != nil {
		return err
	}
	return v.settle(ctx, profiles)
}

// settle is Settle for a caller that has read the index already.
func (v *Vault) settle(ctx context.Context, profiles []Profile) error {
	for _, p := range profiles {
		if p.State == StateSettled || v.checkStore(p) != nil || p.Source != "" {
			continue // a source that is away must not delay others: its entries are settled when they are used
		}
		if err := v.settleOne(ctx, p); err != nil && (storeDown(err) || ctx.Err() != nil) {
			return err
		}
	}
	return nil
}

func (v *Vault) settleOne(ctx context.Context, p Profile) error {
	unlock, ok, err := v.locks.TryLock(p.ID)
	if err != nil || !ok {
		return err
	}
	defer unlock()
	profiles, err := v.index.load() // another process may have finished it meanwhile
	if err != nil {
		return err
	}
	i := findID(profiles, p.ID)
	if i < 0 {
		v.locks.Discard(p.ID)
		return nil
	}
	return v.settleLocked(ctx, profiles[i])
}

// settleLocked settles an entry that was read under its lock.
func (v *Vault) settleLocked(ctx context.Context, p Profile) error {
	switch p.State {
	case StateAdding:
		return v.settleAdding(ctx, p)
	case StateChanging:
		return v.settleChanging(ctx, p)
	case StateRemoving:
		return v.finishRemoval(ctx, p)
	}
	return nil
}

// settleAdding keeps an item that was written, even if its process died before it
// could say so, and otherwise removes what is left: a keyring that is killed while
// it creates an item can leave one with an empty secret.
func (v *Vault) settleAdding(ctx context.Context, p Profile) error {
	c, err := v.read(ctx, p)
	switch {
	case err == nil:
		_, err = v.change(ctx, p.ID, func(p *Profile) {
			p.State = StateSettled
			p.syncFrom(c)
		})
		return err
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrCorrupt):
		return v.finishRemoval(ctx, p)
	}
	return err
}

// settleChanging makes index and item agree. The index is right about the name, the
// item about its contents.
func (v *Vault) settleChanging(ctx context.Context, p Profile) error {
	c, err := v.read(ctx, p)
	if err != nil {
		return err
	}
	if c.Selector != p.Selector {
		c.Selector = p.Selector
		if err := v.write(ctx, p, c); err != nil {
			return err
		}
	}
	if p.Source != "" { // it has moved to the source and must not stay here
		if err := v.deleteItem(ctx, p.ID); err != nil {
			return err
		}
	}
	// The credential may have been replaced: its token goes, as after every rotation.
	if err := v.deleteItem(ctx, tokenKey(p.ID)); err != nil {
		return err
	}
	_, err = v.change(ctx, p.ID, func(p *Profile) {
		p.State, p.Token = StateSettled, TokenInfo{}
		p.syncFrom(c)
	})
	return err
}

// syncFrom sets the fields of the index that follow from the item.
func (p *Profile) syncFrom(c credentials) {
	if hint := c.Current.Hint(); hint != p.KeyHint {
		p.KeyHint = hint
		p.clearVerdict()
	}
	p.Staged, p.Previous, p.Origin = c.Staged.Complete(), c.Previous.Complete(), c.originOf(*p)
	if c.item != nil {
		p.adopt(*c.item)
	}
}

// finishRemoval deletes both items and then the entry. The caller holds the
// profile's lock.
func (v *Vault) finishRemoval(ctx context.Context, p Profile) error {
	if err := v.checkStore(p); err != nil {
		return err
	}
	keys := []string{tokenKey(p.ID), p.ID}
	if p.Source != "" {
		keys = keys[:1] // the source's item is not this machine's to delete
	}
	for _, key := range keys {
		if err := v.deleteItem(ctx, key); err != nil {
			return err
		}
	}
	v.failures.clear(p.ID)
	if err := noteRemoved(v.dir, p.ID); err != nil {
		return err
	}
	if err := v.deleteEntry(ctx, p.ID); err != nil {
		return err
	}
	v.locks.Discard(p.ID)
	return nil
}

// deleteItem deletes an item. An item that does not exist is not an error.
func (v *Vault) deleteItem(ctx context.Context, key string) error {
	if err := v.store.Delete(ctx, key); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}
