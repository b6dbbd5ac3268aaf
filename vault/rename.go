package vault

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"kitekey/kite"
)

// Renaming changes the name in three places, in an order in which no crash loses a
// credential:
//
//  1. where a credential is in a source, it is written under the new name, provided
//     that there is nothing, and read back;
//  2. one write of the index gives all profiles their new names;
//  3. items in the store follow, and what the source has under the old name is
//     deleted, provided that it is still what was read.

// renamed is a profile that is being renamed.
type renamed struct {
	Profile // under its old name
	to      Selector
	item    credentials
	found   bool // it has an item; a profile without a credential can be renamed too
	label   string
	copied  int64 // version written to the source under the new name, 0 for none
}

// RenamedError means that the new name holds, but something under the old name is
// left to do.
type RenamedError struct {
	From, To Selector
	Source   string // what was not deleted there under the old name; "" when it is the store that was not told
	Store    string
	Err      error
}

// Error implements error.
func (e *RenamedError) Error() string {
	if e.Source != "" {
		return fmt.Sprintf("%s is now %s; what the source %s has under the old name was not deleted: %v", e.From, e.To, e.Source, e.Err)
	}
	return fmt.Sprintf("%s is now %s; the %s gets the new name when it answers again: %v", e.From, e.To, e.Store, e.Err)
}

// Unwrap returns the cause.
func (e *RenamedError) Unwrap() error { return e.Err }

// CheckRename returns the error that [Vault.Rename] would return because of the new
// name. It changes nothing.
func (v *Vault) CheckRename(oldAccount, newAccount string) error {
	if err := ValidAccount(newAccount); err != nil {
		return inputError{err}
	}
	if oldAccount == newAccount {
		return inputError{fmt.Errorf("%s already has that name", oldAccount)}
	}
	return v.checkFree(func(p Profile) bool { return p.Account == newAccount })
}

// CheckMove is CheckRename for [Vault.Move].
func (v *Vault) CheckMove(from, to Selector) error {
	if err := ValidAccount(to.Account); err != nil {
		return inputError{err}
	}
	if from == to {
		return inputError{fmt.Errorf("%s already has that name", from)}
	}
	return v.checkFree(func(p Profile) bool { return p.Selector == to })
}

// checkFree fails if a profile has one of the new names. One that is being added or
// removed does not count: that is finished first.
func (v *Vault) checkFree(taken func(Profile) bool) error {
	profiles, err := v.index.load()
	if err != nil {
		return err
	}
	for _, p := range profiles {
		if p.State == StateSettled && taken(p) {
			return existsError(p)
		}
	}
	return nil
}

// Rename changes the name of an account in all its environments. After a
// [*RenamedError] the new name holds.
func (v *Vault) Rename(ctx context.Context, oldAccount, newAccount string) error {
	if err := v.CheckRename(oldAccount, newAccount); err != nil {
		return err
	}
	if err := v.Settle(ctx); err != nil {
		return fmt.Errorf("%s: %w", oldAccount, err)
	}
	var list []*renamed
	for _, env := range kite.Environments {
		p, unlock, err := v.lockProfile(ctx, Selector{oldAccount, env})
		if errors.Is(err, ErrNoProfile) {
			continue
		}
		if err != nil {
			return err
		}
		defer unlock()
		list = append(list, &renamed{Profile: p, to: Selector{newAccount, env}})
	}
	if len(list) == 0 {
		_, err := v.Lookup(Selector{oldAccount, kite.Sandbox})
		return err
	}
	return v.rename(ctx, list, func(p Profile) bool { return p.Account == newAccount })
}

// Move gives a profile another account or environment, for example if a live
// credential was stored as a sandbox one. It clears the verdict and forgets the
// cached token, which mean nothing in another environment. After a [*RenamedError] the new
// name holds.
func (v *Vault) Move(ctx context.Context, from, to Selector) (Profile, error) {
	if err := v.CheckMove(from, to); err != nil {
		return Profile{}, err
	}
	if err := v.Settle(ctx); err != nil {
		return Profile{}, About(from, err)
	}
	p, unlock, err := v.lockProfile(ctx, from)
	if err != nil {
		return Profile{}, err
	}
	defer unlock()
	if p.Source == "" {
		return v.moveStored(ctx, p, to)
	}
	err = v.rename(ctx, []*renamed{{Profile: p, to: to}}, func(p Profile) bool { return p.Selector == to })
	var holds *RenamedError
	if err != nil && !errors.As(err, &holds) {
		return Profile{}, err
	}
	moved, lookup := v.Lookup(to)
	return moved, errors.Join(err, lookup)
}

// labelOfMoved returns the label of a profile that moves to another name. An
// account that has a label keeps it.
func labelOfMoved(profiles []Profile, p Profile, to Selector) string {
	if p.Account == to.Account {
		return p.Label
	}
	return cmp.Or(accountLabel(profiles, to.Account), p.Label)
}

// moveStored is Move for a profile whose credential is in the store. The item names
// its environment, so a new item is stored before the old one is removed; an
// interruption leaves both. The caller holds the profile's lock.
func (v *Vault) moveStored(ctx context.Context, p Profile, to Selector) (moved Profile, err error) {
	entry := Activity{Selector: p.Selector, Action: ActionRenamed, From: p.Selector.String(), To: to.String()}
	defer func() { v.Log(entry, err) }()
	c, err := v.read(ctx, p)
	defer c.erase()
	if err != nil {
		return Profile{}, fmt.Errorf("not moved: %w", err)
	}
	profiles, err := v.index.load()
	if err != nil {
		return Profile{}, err
	}
	moved, err = v.add(ctx, NewProfile{Selector: to, Label: labelOfMoved(profiles, p, to), ExpiresIn: p.ExpiresIn, Credential: c.Current, Origin: c.originOf(p), extra: c})
	if err != nil {
		return Profile{}, err
	}
	old, err := v.removeLocked(ctx, p)
	old.Erase()
	if err != nil {
		return moved, fmt.Errorf("%s is stored, and %s could not be removed: %w", to, p.Selector, err)
	}
	entry.Selector = to
	return moved, nil
}

// rename renames profiles that the caller has locked. taken reports whether a
// profile already has one of the new names.
func (v *Vault) rename(ctx context.Context, list []*renamed, taken func(Profile) bool) error {
	defer func() {
		for _, r := range list {
			r.item.erase()
		}
	}()
	err := v.renameEntries(ctx, list, taken)
	for _, r := range list {
		a := Activity{Selector: r.to, Action: ActionRenamed, From: r.Selector.String(), To: r.to.String()}
		if err != nil {
			a.Selector = r.Selector
		}
		v.Log(a, err)
	}
	if err != nil {
		return err
	}
	// The new names count from here on.
	ctx = context.WithoutCancel(ctx)
	var left []error
	for _, r := range list {
		if err := v.followRenaming(ctx, r); err != nil {
			left = append(left, err)
		}
	}
	return errors.Join(left...)
}

// renameEntries does the first two steps. If it fails the old names hold, and
// nothing is left under the new ones.
func (v *Vault) renameEntries(ctx context.Context, list []*renamed, taken func(Profile) bool) (err error) {
	defer func() {
		if err == nil {
			return
		}
		for _, r := range list {
			if r.copied > 0 {
				to := r.Profile
				to.Selector = r.to
				_ = v.deleteSourced(context.WithoutCancel(ctx), to, r.copied)
			}
		}
	}()
	profiles, err := v.index.load()
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(profiles, taken); i >= 0 { // before a source is changed
		return existsError(profiles[i])
	}
	for _, r := range list {
		if err := v.checkWritable(r.Profile); err != nil {
			return fmt.Errorf("not renamed: %w", err)
		}
		r.label = labelOfMoved(profiles, r.Profile, r.to)
		c, err := v.read(ctx, r.Profile)
		if err != nil && !errors.Is(err, ErrNoCredential) {
			return fmt.Errorf("not renamed: %w", err)
		}
		r.item, r.found = c, err == nil
	}
	for _, r := range list {
		if err := v.copySourced(ctx, r); err != nil {
			return fmt.Errorf("not renamed: %w", err)
		}
	}
	return v.index.update(ctx, func(profiles *[]Profile) error {
		if i := slices.IndexFunc(*profiles, taken); i >= 0 {
			return existsError((*profiles)[i])
		}
		for _, r := range list {
			i := findID(*profiles, r.ID)
			if i < 0 {
				return About(r.Selector, ErrNoProfile)
			}
			r.rename(&(*profiles)[i])
		}
		return nil
	})
}

// rename sets the new name in the profile's entry.
func (r *renamed) rename(p *Profile) {
	p.setSelector(r.to)
	p.Label = r.label
	if r.found && p.Source == "" || r.toOtherEnvironment() {
		p.State = StateChanging
	}
}

// setSelector changes the name of an entry. A verdict and a token mean nothing in
// another environment.
func (p *Profile) setSelector(to Selector) {
	if p.Environment != to.Environment {
		p.Token = TokenInfo{}
		p.clearVerdict()
	}
	p.Selector = to
}

func (r *renamed) toOtherEnvironment() bool { return r.to.Environment != r.Environment }

// copySourced writes the source's item under the new name and reads it back. If the
// same item is there already, a renaming was interrupted, or a colleague is
// renaming it too.
func (v *Vault) copySourced(ctx context.Context, r *renamed) error {
	if r.Source == "" || !r.found {
		return nil
	}
	item, c, to := *r.item.item, r.item, r.Profile
	item.Version, item.Was, item.Label = 0, r.Selector, r.label
	to.Selector, c.item = r.to, &item
	put := v.writeSource(ctx, to, c)
	if put != nil && !errors.Is(put, ErrConflict) {
		return put
	}
	if put == nil {
		r.copied = 1 // unless an item was deleted there before
	}
	there, err := v.readSource(ctx, to)
	defer there.erase()
	same := sameCredentials(there, c)
	switch {
	case err != nil:
		return err
	case put == nil && same:
		r.copied = there.item.Version
	case !same:
		return aboutf(r.to, "%w in the source %s", ErrExists, r.Source)
	}
	return nil
}

// followRenaming makes the store and the source follow a new name.
func (v *Vault) followRenaming(ctx context.Context, r *renamed) error {
	holds := &RenamedError{From: r.Selector, To: r.to, Store: v.store.Name()}
	var left error
	if r.found && r.Source != "" {
		if err := v.deleteRenamed(ctx, r); err != nil {
			left = &RenamedError{From: r.Selector, To: r.to, Source: r.Source, Err: err}
		}
	} else if r.found {
		r.item.Selector = r.to
		holds.Err = v.write(ctx, r.Profile, r.item)
	}
	if holds.Err == nil {
		holds.Err = v.renameToken(ctx, r.Profile, r.to)
	}
	if holds.Err == nil {
		_, holds.Err = v.change(ctx, r.ID, func(p *Profile) { p.State = StateSettled })
	}
	if holds.Err == nil { // otherwise the next kitekey does it
		return left
	}
	return errors.Join(left, holds)
}

// renameToken writes the new name into the cached token. A token that cannot be written
// is deleted, and so is one for another environment, where it means nothing.
func (v *Vault) renameToken(ctx context.Context, p Profile, to Selector) error {
	key := tokenKey(p.ID)
	switch {
	case to.Environment != p.Environment:
		return v.deleteItem(ctx, key)
	case p.Token.Deadline.IsZero():
		return nil
	}
	data, err := v.store.Get(ctx, key)
	defer clear(data)
	if err == nil {
		var tok kite.Token
		var host string
		if tok, _, host, err = decodeToken(data); err == nil {
			err = v.storeToken(ctx, key, to, host, tok)
			tok.Value.Erase()
		}
	}
	if err != nil {
		return v.deleteItem(ctx, key)
	}
	return nil
}

// deleteRenamed deletes the source's item under the old name if it is still the one
// that was copied.
func (v *Vault) deleteRenamed(ctx context.Context, r *renamed) error {
	w, err := v.writer(r.Profile)
	if err != nil {
		return err
	}
	err = w.Delete(ctx, r.Selector, r.item.item.Version)
	if errors.Is(err, ErrNotFound) {
		return fmt.Errorf("it was renamed or removed there too: %w", ErrConflict)
	}
	return err
}
