package vault

import (
	"context"
	"errors"
	"fmt"

	"kitekey/kite"
)

// Source is where a profile's credential comes from if the store does not hold it:
// a team's secret manager. The credential is read when it is needed and never kept
// on this machine. The cached token is in the store.
//
// A source must be safe for concurrent use and limit the time of its own calls. Its
// errors match one of [ErrNotFound], [ErrConflict], [ErrReadOnly] and
// [ErrSourceUnavailable], or are the context's own. An error with a method
// OutcomeUnknown() bool that returns true means that a write may have happened. One
// with SourceDown() bool that returns true means that the source as a whole does
// not work.
type Source interface {
	// Name is the source's name in the settings.
	Name() string
	// List returns the profiles in the source without reading a credential.
	List(ctx context.Context) ([]Listed, error)
	// Get reads one profile. The error is ErrNotFound if there is no such item or no
	// credential in it.
	Get(ctx context.Context, sel Selector) (SourceItem, error)
}

// Listed is a profile in a source's list.
type Listed struct {
	Selector
	Was Selector // its name before it was renamed, zero if the source does not know
}

// SourceWriter is a [Source] that can also be changed.
type SourceWriter interface {
	// Put writes a profile if the source still has version item.Version of it, or has
	// none if that is 0. Otherwise the error is ErrConflict.
	Put(ctx context.Context, item SourceItem) error
	// Delete removes a profile for everyone who uses the source, if the source still
	// has that version of it.
	Delete(ctx context.Context, sel Selector, version int64) error
}

// SourceItem is a profile as a source stores it.
type SourceItem struct {
	Entry
	Version int64    // counted by the source, from 1
	Was     Selector // its name before this one, zero if it has had no other
	Rest    any      // other fields of the source's item; Put writes them back
}

// What can be wrong with a source.
var (
	// ErrConflict: the source holds another version than the one that was read.
	ErrConflict = errors.New("changed elsewhere in the meantime")
	// ErrReadOnly: kitekey cannot write to the source.
	ErrReadOnly = errors.New("read-only")
	// ErrSourceUnavailable: the source could not be used. Its credential was neither
	// read nor written, unless the error says that this is not known.
	ErrSourceUnavailable = errors.New("source unavailable")
)

// Source returns the source with that name.
func (v *Vault) Source(name string) (Source, error) {
	if v.source == nil {
		return nil, fmt.Errorf("%w: this kitekey has no source named %q", ErrSourceUnavailable, name)
	}
	src, err := v.source(name)
	if err == nil {
		v.opened.Store(name, src)
	}
	return src, err
}

// sourceDown reports whether err means that the source as a whole does not work
// now, so that asking it for another profile is pointless.
func sourceDown(err error) bool {
	var source interface{ SourceDown() bool }
	return errors.As(err, &source) && source.SourceDown()
}

// readSource reads a profile's item from its source.
func (v *Vault) readSource(ctx context.Context, p Profile) (credentials, error) {
	src, err := v.Source(p.Source)
	if err != nil {
		return credentials{}, About(p.Selector, err)
	}
	item, err := src.Get(ctx, p.Selector)
	c := credentials{Selector: p.Selector, Current: item.Current, Previous: item.Previous, ReplacedAt: item.ReplacedAt, Staged: item.Staged, Origin: item.Origin, item: &item}
	switch {
	case errors.Is(err, ErrNotFound):
		// rewrite needs the version of what is there.
		return c, aboutf(p.Selector, "%w in the source %s: %w", ErrNoCredential, p.Source, err)
	case err != nil:
		return credentials{}, About(p.Selector, err)
	}
	item.Current, item.Previous, item.Staged = kite.Credential{}, kite.Credential{}, kite.Credential{}
	return c, nil
}

// writer returns a profile's source for writing.
func (v *Vault) writer(p Profile) (SourceWriter, error) {
	src, err := v.Source(p.Source)
	if err != nil {
		return nil, About(p.Selector, err)
	}
	w, ok := src.(SourceWriter)
	if !ok {
		return nil, aboutf(p.Selector, "the source %s is %w", p.Source, ErrReadOnly)
	}
	return w, nil
}

// checkWritable fails if a profile's source cannot be written. It is called before
// a change begins.
func (v *Vault) checkWritable(p Profile) error {
	if p.Source == "" {
		return nil
	}
	_, err := v.writer(p)
	return err
}

// writeSource writes an item that was read from the source, or a new one. It fails
// if the source has been changed meanwhile.
func (v *Vault) writeSource(ctx context.Context, p Profile, c credentials) error {
	w, err := v.writer(p)
	if err != nil {
		return err
	}
	var item SourceItem
	if c.item != nil {
		item = *c.item
	}
	item.Selector, item.Current, item.Previous, item.ReplacedAt, item.Staged = p.Selector, c.Current, c.Previous, c.ReplacedAt, c.Staged
	item.Origin = c.originOf(p)
	return w.Put(ctx, item)
}

// rewriteAgain is rewrite for a change that can be repeated: if the source was
// changed between reading and writing, it does both again.
func (v *Vault) rewriteAgain(ctx context.Context, sel Selector, change func(*credentials) error) (p Profile, err error) {
	for range 3 {
		if p, err = v.rewrite(ctx, sel, false, change); !errors.Is(err, ErrConflict) {
			break
		}
	}
	return p, err
}

// editSourced changes a profile's settings in its source. The label belongs to the
// account, so the profile of the other environment gets it too.
func (v *Vault) editSourced(ctx context.Context, p Profile, expiresIn *kite.Lifetime, labelled bool, label string) error {
	profiles, err := v.index.load()
	if err != nil {
		return err
	}
	for _, q := range profiles {
		if q.Source == "" || q.ID != p.ID && !(labelled && q.Account == p.Account) {
			continue
		}
		_, err := v.rewriteAgain(ctx, q.Selector, func(c *credentials) error {
			if labelled {
				c.item.Label = label
			}
			if expiresIn != nil && q.ID == p.ID {
				c.item.ExpiresIn = *expiresIn
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// adopt takes over a profile's settings from its source.
func (p *Profile) adopt(item SourceItem) {
	if label, err := CleanLabel(item.Label); err == nil && label != "" {
		p.Label = label
	}
	if item.ExpiresIn != 0 {
		p.ExpiresIn = item.ExpiresIn
	}
}

// learn records in the index what reading a source has shown, if it is new. The
// index gets a colleague's changes only in this way.
func (v *Vault) learn(ctx context.Context, p Profile, c credentials) {
	if c.item == nil {
		return
	}
	seen := p
	seen.syncFrom(c)
	if seen == p {
		return
	}
	v.updateBestEffort(ctx, p.ID, func(p *Profile) { p.syncFrom(c) })
}

// replacedSince reads a source again after the gateway has refused its credential:
// a colleague may have rotated it meanwhile. ok is false if the credential is
// unchanged, or is in the store.
func (v *Vault) replacedSince(ctx context.Context, p Profile, refused credentials) (now credentials, ok bool) {
	if p.Source == "" {
		return credentials{}, false
	}
	now, err := v.read(ctx, p)
	if err != nil || sameCredential(now.Current, refused.Current) {
		now.erase()
		return credentials{}, false
	}
	return now, true
}

// deleteSourced deletes a version of a profile in its source. It is not an error if
// the source has none.
func (v *Vault) deleteSourced(ctx context.Context, p Profile, version int64) error {
	w, err := v.writer(p)
	if err == nil {
		err = w.Delete(ctx, p.Selector, version)
	}
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// RemoveForAll deletes the credential of a profile in its source, for everyone who
// uses it, and then removes the profile. It fails if the credential was changed meanwhile.
func (v *Vault) RemoveForAll(ctx context.Context, sel Selector) error {
	p, unlock, err := v.lockProfile(ctx, sel)
	if err != nil {
		return err
	}
	if p.Source == "" {
		unlock()
		return v.Remove(ctx, sel)
	}
	c, err := v.read(ctx, p)
	if err == nil || errors.Is(err, ErrNoCredential) && c.item != nil && c.item.Version > 0 {
		err = v.deleteSourced(ctx, p, c.item.Version)
	} else if errors.Is(err, ErrNoCredential) {
		err = nil
	}
	c.erase()
	unlock()
	if err != nil {
		return aboutf(sel, "not removed: %w", err)
	}
	return v.Remove(ctx, sel)
}

// Link lists a profile whose credential is in a source already. It reads the
// credential once to check that it is there. If not, the error is ErrNoCredential.
func (v *Vault) Link(ctx context.Context, source string, sel Selector) (Profile, error) {
	if err := ValidName(sel.Account); err != nil {
		return Profile{}, inputError{err}
	}
	p := v.linked(source, sel)
	c, err := v.read(ctx, p)
	defer c.erase()
	if err != nil {
		return Profile{}, err
	}
	p.syncFrom(c)
	err = v.index.update(ctx, func(profiles *[]Profile) error {
		if i := find(*profiles, sel); i >= 0 {
			return existsError((*profiles)[i])
		}
		if p.Label == "" {
			p.Label = accountLabel(*profiles, p.Account)
		}
		*profiles = append(*profiles, p)
		return nil
	})
	v.Record(ActionAdded, sel, err)
	return p, err
}

func (v *Vault) linked(source string, sel Selector) Profile {
	return Profile{ID: newID(), Selector: sel, Store: v.store.Name(), Source: source, ExpiresIn: DefaultExpiresIn}
}

// MoveToSource moves a profile's credential from the store into a source: it is
// written there, read back, and deleted here. If the source has the same credential
// already, that one is used. If it has another, the error matches ErrConflict and
// nothing changes.
func (v *Vault) MoveToSource(ctx context.Context, sel Selector, source string) (_ Profile, err error) {
	defer func() {
		v.Log(Activity{Selector: sel, Action: ActionMoved, From: v.store.Name(), To: source}, err)
	}()
	if err := v.Settle(ctx); err != nil {
		return Profile{}, About(sel, err)
	}
	p, unlock, err := v.lockProfile(ctx, sel)
	if err != nil {
		return Profile{}, err
	}
	defer unlock()
	if p.Source != "" {
		return Profile{}, About(sel, BadInput(fmt.Errorf("its credential is in the source %s already", p.Source)))
	}
	c, err := v.read(ctx, p)
	if err != nil {
		return Profile{}, err
	}
	defer c.erase()
	to := p
	to.Source = source
	if err := v.checkWritable(to); err != nil {
		return Profile{}, err
	}
	c.Selector, c.item = sel, &SourceItem{Entry: Entry{Label: p.Label, ExpiresIn: p.ExpiresIn}}
	if err := v.write(ctx, to, c); err != nil && !errors.Is(err, ErrConflict) {
		return Profile{}, aboutf(sel, "not moved: %w", err)
	}
	there, err := v.read(ctx, to)
	defer there.erase()
	switch {
	case err != nil:
		return Profile{}, aboutf(sel, "not moved: it cannot be read back: %w", err)
	case !sameCredential(there.Current, c.Current):
		return Profile{}, aboutf(sel, "not moved: the source %s has another credential for it: %w", source, ErrConflict)
	}
	// From here on the source counts. The state makes sure that the item here is
	// deleted.
	ctx = context.WithoutCancel(ctx)
	if p, err = v.change(ctx, p.ID, func(p *Profile) { p.Source, p.State = source, StateChanging }); err != nil {
		return Profile{}, err
	}
	if err := v.deleteItem(ctx, p.ID); err != nil {
		return p, aboutf(sel, "its credential is in the source now, and the one here could not be deleted yet: %w", err)
	}
	return v.change(ctx, p.ID, func(p *Profile) { p.State = StateSettled })
}

// MoveFromSource moves a profile's credential from its source into the store. The
// source keeps it, for everyone else who uses it.
func (v *Vault) MoveFromSource(ctx context.Context, sel Selector) (_ Profile, err error) {
	p, unlock, err := v.lockProfile(ctx, sel)
	if err != nil {
		return Profile{}, err
	}
	defer unlock()
	defer func() {
		v.Log(Activity{Selector: sel, Action: ActionMoved, From: p.Source, To: v.store.Name()}, err)
	}()
	if p.Source == "" {
		return Profile{}, About(sel, BadInput(fmt.Errorf("its credential is in the %s already", nounOf(v.store))))
	}
	c, err := v.read(ctx, p)
	if err != nil {
		return Profile{}, err
	}
	defer c.erase()
	here := p
	here.Source = ""
	ctx = context.WithoutCancel(ctx)
	if err := v.write(ctx, here, c); err != nil {
		return Profile{}, aboutf(sel, "not moved: %w", err)
	}
	back, err := v.read(ctx, here)
	defer back.erase()
	if err == nil && !sameCredential(back.Current, c.Current) {
		err = notReadBack(v.store)
	}
	if err != nil {
		_ = v.deleteItem(ctx, p.ID)
		return Profile{}, aboutf(sel, "not moved: %w", err)
	}
	return v.change(ctx, p.ID, func(p *Profile) {
		p.Source = ""
		p.syncFrom(c)
	})
}
