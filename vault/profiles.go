package vault

import (
	"cmp"
	"context"
	"errors"

	"kitekey/kite"
	"kitekey/vault/internal/disk"
)

// Add stores a credential under a new name. If it returns nil, the credential has
// been written and read back. The error is ErrExists if the name is taken, and
// ErrBadInput if the input cannot be stored. After any other error nothing is
// stored, unless its text says that this is not known: the next call that uses the
// store then settles the entry.
func (v *Vault) Add(ctx context.Context, n NewProfile) (p Profile, err error) {
	defer func() { v.Record(ActionAdded, n.Selector, err) }()
	return v.add(ctx, n)
}

// add is Add without an entry in the log.
func (v *Vault) add(ctx context.Context, n NewProfile) (p Profile, err error) {
	p, err = v.newProfile(n)
	if err != nil {
		return Profile{}, err
	}
	if !n.listOnly() {
		if err := v.checkWritable(p); err != nil {
			return Profile{}, err
		}
	}
	if before, ok, err := v.addedBefore(ctx, n); ok || err != nil {
		return before, err
	}
	if n.Source == "" {
		if err := v.checkUnused(ctx, p); err != nil {
			return Profile{}, err
		}
	}
	unlock, err := v.locks.Lock(ctx, p.ID, disk.ProfileWait)
	if err != nil {
		return Profile{}, err
	}
	defer unlock()
	if !n.listOnly() {
		p.State = StateAdding
	}
	if err := v.enlist(ctx, &p); err != nil {
		v.locks.Discard(p.ID)
		return Profile{}, err
	}
	if n.listOnly() {
		return p, nil
	}
	n.extra.Selector, n.extra.Current, n.extra.Origin = n.Selector, n.Credential, p.Origin
	if p.Source != "" {
		n.extra.item = &SourceItem{Entry: Entry{Label: p.Label, ExpiresIn: p.ExpiresIn}}
	}
	if err := v.write(ctx, p, n.extra); err != nil {
		return Profile{}, v.addFailed(ctx, p, err)
	}
	place := v.placeOf(p)
	if p, err = v.change(ctx, p.ID, func(p *Profile) { p.State = StateSettled }); err != nil {
		return Profile{}, aboutf(n.Selector, "the credential is in %s, but the index could not be updated: %w; the next command updates it", place, err)
	}
	return p, nil
}

// addedBefore settles what was begun. ok is true if an earlier Add with an unknown
// outcome has stored the same credential: adding it again then succeeds.
func (v *Vault) addedBefore(ctx context.Context, n NewProfile) (p Profile, ok bool, err error) {
	begun, _ := v.Lookup(n.Selector)
	if err := v.Settle(ctx); err != nil {
		return Profile{}, false, About(n.Selector, err)
	}
	if begun.State != StateAdding {
		return Profile{}, false, nil
	}
	if begun.Source != "" {
		if err := v.settleOne(ctx, begun); err != nil {
			return Profile{}, false, About(n.Selector, err)
		}
	}
	p, err = v.Lookup(n.Selector)
	if err != nil || p.ID != begun.ID || p.State != StateSettled {
		return Profile{}, false, nil //nolint:nilerr // it was not stored
	}
	c, err := v.read(ctx, p)
	if err != nil || !sameCredential(c.Current, n.Credential) {
		return Profile{}, false, nil //nolint:nilerr // another one was stored, or none
	}
	return p, true, nil
}

// checkUnused asks the store for the new profile's item, so that a locked or missing
// store shows before anything is written.
func (v *Vault) checkUnused(ctx context.Context, p Profile) error {
	_, err := v.store.Get(ctx, p.ID)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err == nil {
		err = ErrExists // cannot happen: ids have 80 random bits
	}
	return aboutf(p.Selector, "not added: %w", err)
}

// enlist writes a new profile into the index. Both environments of an account have
// the same label.
func (v *Vault) enlist(ctx context.Context, p *Profile) error {
	return v.index.update(ctx, func(profiles *[]Profile) error {
		if i := find(*profiles, p.Selector); i >= 0 {
			return existsError((*profiles)[i])
		}
		if err := v.checkStores(*profiles); err != nil {
			return err
		}
		if p.Label == "" {
			p.Label = accountLabel(*profiles, p.Account)
		} else {
			labelAccount(*profiles, p.Account, p.Label)
		}
		*profiles = append(*profiles, *p)
		return nil
	})
}

// listOnly reports whether the credential is in a source already, so that the
// profile only needs to be listed.
func (n NewProfile) listOnly() bool { return n.Source != "" && !n.Credential.Complete() }

func (v *Vault) newProfile(n NewProfile) (Profile, error) {
	if err := ValidName(n.Account); err != nil {
		return Profile{}, inputError{err}
	}
	if _, err := kite.ParseEnvironment(string(n.Environment)); err != nil {
		return Profile{}, inputError{err}
	}
	label, err := CleanLabel(n.Label)
	if err != nil {
		return Profile{}, err
	}
	if n.ExpiresIn == 0 {
		n.ExpiresIn = DefaultExpiresIn
	}
	if n.Origin == "" {
		n.Origin = v.gateway(n.Environment).Origin()
	}
	if n.Source != "" {
		if err := ValidName(n.Source); err != nil {
			return Profile{}, inputError{err}
		}
	}
	if err := storable(n.Credential); err != nil && !n.listOnly() {
		return Profile{}, err
	}
	p := Profile{
		ID: newID(), Selector: n.Selector, Store: v.store.Name(), Source: n.Source, Label: label, KeyHint: n.Credential.Hint(), Origin: n.Origin, ExpiresIn: n.ExpiresIn,
		Verdict: n.Verdict, Staged: n.extra.Staged.Complete(), Previous: n.extra.Previous.Complete(),
	}
	switch host := v.gateway(p.Environment).Host(); {
	case n.Report.Verdict != VerdictNone:
		p.setReport(n.Report)
	case n.Verdict != VerdictNone:
		p.setReport(Report{Host: host, Verdict: n.Verdict, At: v.now()})
	}
	return p, nil
}

// storable refuses a credential that would not come back from the store unchanged.
func storable(c kite.Credential) error {
	own, trimmed, err := kite.NewCredential(c.APIKey, c.APISecret)
	own.Erase()
	if err == nil && trimmed {
		err = errors.New("the credential has spaces around it")
	}
	if err != nil {
		return inputError{err}
	}
	return nil
}

func existsError(p Profile) error {
	switch p.State {
	case StateAdding:
		return aboutf(p.Selector, "%w: another kitekey is adding it", ErrExists)
	case StateRemoving:
		return aboutf(p.Selector, "%w: another kitekey is removing it; try again in a moment", ErrExists)
	}
	return About(p.Selector, ErrExists)
}

// addFailed removes the entry again, unless the item may have been stored.
func (v *Vault) addFailed(ctx context.Context, p Profile, cause error) error {
	if unknownOutcome(cause) {
		return aboutf(p.Selector, "%w: %w", ErrUnknownOutcome, cause)
	}
	// Roll back even when ctx was cancelled.
	if err := v.finishRemoval(context.WithoutCancel(ctx), p); err != nil {
		return aboutf(p.Selector, "not added: %w (and what was begun could not be cleared away yet: %w)", cause, err)
	}
	return aboutf(p.Selector, "not added: %w", cause)
}

// Edit changes a profile's settings. It uses the store only to change the origin.
// For a profile in a source, Edit changes the source first.
func (v *Vault) Edit(ctx context.Context, sel Selector, u ProfileUpdate) (Profile, error) {
	var label string
	if u.Label != nil {
		var err error
		if label, err = CleanLabel(*u.Label); err != nil {
			return Profile{}, err
		}
	}
	p, err := v.Lookup(sel)
	if err != nil {
		return Profile{}, err
	}
	if u.ExpiresIn != nil || u.Label != nil {
		if err := v.editSourced(ctx, p, u.ExpiresIn, u.Label != nil, label); err != nil {
			return Profile{}, err
		}
	}
	if u.Origin != nil {
		if p, err = v.setOrigin(ctx, p, *u.Origin); err != nil {
			return Profile{}, err
		}
	}
	err = v.index.update(ctx, func(profiles *[]Profile) error {
		i := findID(*profiles, p.ID)
		if i < 0 {
			return ErrNoProfile
		}
		if u.Label != nil {
			labelAccount(*profiles, p.Account, label)
		}
		if u.ExpiresIn != nil {
			(*profiles)[i].ExpiresIn = cmp.Or(*u.ExpiresIn, DefaultExpiresIn)
		}
		p = (*profiles)[i]
		return nil
	})
	return p, err
}

// labelAccount sets the label of an account, which both its environments share.
func labelAccount(profiles []Profile, account, label string) {
	for i := range profiles {
		if profiles[i].Account == account {
			profiles[i].Label = label
		}
	}
}

// accountLabel returns the label that an account has.
func accountLabel(profiles []Profile, account string) string {
	for _, p := range profiles {
		if p.Account == account && p.Label != "" {
			return p.Label
		}
	}
	return ""
}

// Remove deletes the credential and cached token of a profile, then its entry. If the
// store fails, the next call that uses the store finishes the removal.
func (v *Vault) Remove(ctx context.Context, sel Selector) error {
	removed, err := v.RemoveWithUndo(ctx, sel)
	removed.Erase()
	return err
}

// Removed is a profile that was removed, with its credentials.
type Removed struct {
	Profile Profile
	item    credentials
}

// Erase overwrites the credentials. The profile cannot be put back any more.
func (r *Removed) Erase() {
	if r == nil {
		return
	}
	r.item.erase()
	r.item = credentials{}
}

// RemoveWithUndo is [Vault.Remove], and returns what it removed for
// [Vault.PutBack]. The caller must erase it in time.
func (v *Vault) RemoveWithUndo(ctx context.Context, sel Selector) (removed *Removed, err error) {
	defer func() { v.Record(ActionRemoved, sel, err) }()
	if err := v.Settle(ctx); err != nil {
		return nil, About(sel, err)
	}
	p, unlock, err := v.lockProfile(ctx, sel)
	if err != nil {
		return nil, err
	}
	defer unlock()
	return v.removeLocked(ctx, p)
}

// PutBack adds a removed profile again: its credentials, label, lifetime and
// verdict. The cached token is gone.
func (v *Vault) PutBack(ctx context.Context, r *Removed) (Profile, error) {
	p := r.Profile
	if p.Source == "" && !r.item.Current.Complete() {
		return Profile{}, aboutf(p.Selector, "%w: it has been erased", ErrNoCredential)
	}
	n := NewProfile{Selector: p.Selector, Label: p.Label, ExpiresIn: p.ExpiresIn, Origin: p.Origin, Source: p.Source, Report: p.Report()}
	if p.Source == "" {
		n.Credential, n.extra = r.item.Current, r.item
	}
	return v.Add(ctx, n)
}

// removeLocked removes a profile whose lock the caller holds. The caller erases the
// result.
func (v *Vault) removeLocked(ctx context.Context, p Profile) (*Removed, error) {
	sel := p.Selector
	if err := v.checkStore(p); err != nil {
		return nil, err
	}
	// Read first: a store that is locked or hangs then changes nothing.
	data, err := v.store.Get(ctx, p.ID)
	defer clear(data)
	var c credentials
	if err == nil {
		if c, err = decodeCredentials(data); !errors.Is(err, ErrNewer) {
			err = nil
		}
	}
	if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrCorrupt) {
		return nil, aboutf(sel, "not removed: %w", err)
	}
	removed := &Removed{Profile: p, item: c}
	if p, err = v.change(ctx, p.ID, func(p *Profile) { p.State = StateRemoving }); err != nil {
		removed.Erase()
		return nil, err
	}
	// From here on the removal cannot be undone, so a canceled ctx must not stop it.
	if err := v.finishRemoval(context.WithoutCancel(ctx), p); err != nil {
		return removed, aboutf(sel, "its removal has begun and will be finished when the %s answers again: %w", nounOf(v.store), err)
	}
	return removed, nil
}
