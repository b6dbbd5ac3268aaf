//go:build (dragonfly && cgo) || (freebsd && cgo) || linux || netbsd || openbsd

package keyring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"kitekey/vault"
	"kitekey/vault/keyring/secretservice"
)

var _ interface {
	vault.Lister
	vault.Locker
	vault.Pinger
	vault.Prober
	vault.Inspector
	vault.Preparer
} = (*Store)(nil)

// Get implements [vault.Store].
func (s *Store) Get(ctx context.Context, key string) (value []byte, err error) {
	err = s.use(ctx, vault.OpRead, key, func(u *use) error {
		u.latest = true
		items, err := u.find(true)
		if err != nil {
			return err
		}
		value, _, err = u.read(items)
		return err
	})
	return value, err
}

// Set implements [vault.Store]. It replaces an item in the collection that holds
// it, and creates a new one in the login collection or else in the default one. If
// several items have the name, one remains.
func (s *Store) Set(ctx context.Context, key string, value []byte) error {
	if err := vault.CheckItem(s, key, value); err != nil {
		return err
	}
	return s.use(ctx, vault.OpWrite, key, func(u *use) error {
		items, err := u.find(false)
		if err != nil {
			return err
		}
		var item secretservice.Path
		if len(items) > 0 {
			// If they are equal, any of them gets the value and the others are deleted.
			if item, err = u.newest(items); err != nil && !errors.Is(err, errDuplicates) {
				return err
			}
			u.wrote = true
			err = u.SetSecret(item, value)
		} else {
			item, err = u.create(key, value)
		}
		if err != nil {
			return err
		}
		if err := u.verify(item, value); err != nil {
			return err
		}
		for _, other := range items {
			if other != item {
				if err := u.Delete(other); err != nil && !gone(err) {
					return err
				}
			}
		}
		return nil
	})
}

// Delete implements [vault.Store]. It deletes every item of the name, and succeeds
// if then no collection has one.
func (s *Store) Delete(ctx context.Context, key string) error {
	return s.use(ctx, vault.OpDelete, key, func(u *use) error {
		items, err := u.find(true)
		if err != nil {
			return err
		}
		for _, item := range items {
			u.wrote = true
			if err := u.Op.Delete(item); err != nil && !gone(err) {
				return err
			}
		}
		unlocked, locked, err := u.Search(u.attributes)
		if err == nil && len(unlocked)+len(locked) > 0 {
			return errNotDeleted
		}
		return err
	})
}

// Keys implements [vault.Lister]. It fails with ErrLocked if a locked collection
// may hide an item.
func (s *Store) Keys(ctx context.Context) (keys []string, err error) {
	err = s.use(ctx, vault.OpList, "", func(u *use) error {
		items, err := u.list()
		for _, item := range items {
			if key := item.key; key != "" {
				keys = append(keys, key)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil
}

// Ping implements [vault.Pinger]: it succeeds if the collection for new items
// exists and is unlocked, or can be unlocked.
func (s *Store) Ping(ctx context.Context) error {
	return s.use(ctx, vault.OpOpen, "", func(u *use) error {
		home, err := u.Home()
		if err != nil {
			return err
		}
		return u.unlock(home)
	})
}

// Probe implements [vault.Prober]: it succeeds if the collection for new items exists.
func (s *Store) Probe(ctx context.Context) error {
	return s.use(ctx, vault.OpOpen, "", func(u *use) error {
		_, err := u.Home()
		return err
	})
}

// find returns the items that have the attributes, unlocked. If there is none but a
// locked collection may hide one, find unlocks the home collection and, with
// everywhere, the other collections too. With everywhere, an ErrNotFound means that
// no collection has the item.
func (u *use) find(everywhere bool) ([]secretservice.Path, error) {
	items, err := u.visible()
	if err != nil || len(items) > 0 {
		return items, err
	}
	hidden, err := u.hidden()
	if err != nil {
		return nil, err
	}
	if len(hidden) > 0 {
		if home, err := u.Home(); err == nil && slices.Contains(hidden, home) {
			if items, err := u.uncover(home); err != nil || len(items) > 0 {
				return items, err
			}
			hidden = slices.DeleteFunc(hidden, func(p secretservice.Path) bool { return p == home })
		}
	}
	if !everywhere {
		return nil, nil
	}
	if len(hidden) > 0 {
		if items, err := u.uncover(hidden...); err != nil || len(items) > 0 {
			return items, err
		}
		if err := u.allUnlocked(); err != nil {
			return nil, err
		}
	}
	return nil, vault.ErrNotFound
}

// uncover unlocks collections, and then searches again.
func (u *use) uncover(collections ...secretservice.Path) ([]secretservice.Path, error) {
	if err := u.unlock(collections...); err != nil {
		return nil, err
	}
	return u.visible()
}

// allUnlocked fails with a hiddenError if a collection is still locked.
func (u *use) allUnlocked() error {
	_, locked, err := u.Collections()
	if err == nil && len(locked) > 0 {
		return &hiddenError{len(locked)}
	}
	return err
}

// visible searches, and unlocks what it finds.
func (u *use) visible() ([]secretservice.Path, error) {
	unlocked, locked, err := u.unlocked, u.locked, error(nil)
	if !u.first {
		unlocked, locked, err = u.Search(u.attributes)
	}
	u.first = false
	if err == nil && len(locked) > 0 && !(u.latest && u.outdated(locked, unlocked)) {
		if err = u.access(locked...); err == nil {
			return append(unlocked, locked...), nil
		}
	}
	return unlocked, err
}

// outdated reports whether one of the others was changed after each of the items, so
// that a locked copy of an item need not be unlocked to be read.
func (u *use) outdated(items, others []secretservice.Path) bool {
	last := func(items []secretservice.Path) (last time.Time, ok bool) {
		for _, item := range items {
			at, err := u.Modified(item)
			if err != nil {
				return last, false
			}
			if at.After(last) {
				last = at
			}
		}
		return last, len(items) > 0
	}
	theirs, ok := last(others)
	if !ok {
		return false
	}
	ours, ok := last(items)
	return ok && theirs.After(ours)
}

// hidden lists the locked collections in which a search finds nothing.
func (u *use) hidden() ([]secretservice.Path, error) {
	all, locked, err := u.Collections()
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, secretservice.ErrNoCollection
	}
	if len(locked) == 0 {
		return nil, nil
	}
	if provider, _ := u.Provider(); secretservice.SearchesLocked(provider) {
		return nil, nil
	}
	return locked, nil
}

// unlock unlocks collections. A dismissed prompt, a wrong password and a missing
// display for the prompt cannot be told apart.
func (u *use) unlock(collections ...secretservice.Path) error {
	err := u.Unlock(collections...)
	if errors.Is(err, secretservice.ErrDismissed) {
		return secretservice.ErrStillLocked
	}
	return err
}

// access unlocks items. Their collection may already be unlocked: KeePassXC asks
// for each item.
func (u *use) access(items ...secretservice.Path) error {
	err := u.Unlock(items...)
	if errors.Is(err, secretservice.ErrDismissed) {
		if _, locked, err := u.Collections(); err == nil && len(locked) > 0 {
			return secretservice.ErrStillLocked
		}
	}
	return err
}

// read returns the value of the items. An empty item is left by a keyring that was
// killed while it created one, and was never a value. If the values differ, the
// last one written counts.
func (u *use) read(items []secretservice.Path) (value []byte, item secretservice.Path, err error) {
	type found struct {
		item  secretservice.Path
		value []byte
	}
	var all []found
	empty := false
	for _, item := range items {
		value, err := u.secret(item)
		switch {
		case gone(err):
		case err != nil:
			return nil, "", err
		case len(value) == 0:
			empty = true
		default:
			all = append(all, found{item, value})
		}
	}
	switch {
	case len(all) == 0 && empty:
		return nil, "", vault.ErrEmpty
	case len(all) == 0:
		return nil, "", vault.ErrNotFound
	case !slices.ContainsFunc(all, func(f found) bool { return !bytes.Equal(f.value, all[0].value) }):
		return all[0].value, all[0].item, nil
	}
	var paths []secretservice.Path
	for _, f := range all {
		paths = append(paths, f.item)
	}
	if item, err = u.newest(paths); err != nil {
		return nil, "", err
	}
	i := slices.IndexFunc(all, func(f found) bool { return f.item == item })
	return all[i].value, item, nil
}

// secret reads an item. It asks for access if the service says only now that it
// must be asked for.
func (u *use) secret(item secretservice.Path) ([]byte, error) {
	value, err := u.Secret(item)
	if named(err, ".IsLocked") {
		if err = u.access(item); err == nil {
			value, err = u.Secret(item)
		}
	}
	return value, err
}

// newest returns the item that was changed last. If two were changed in the same
// second it returns one of them and errDuplicates.
func (u *use) newest(items []secretservice.Path) (newest secretservice.Path, err error) {
	if len(items) == 1 {
		return items[0], nil
	}
	var last time.Time
	tie := false
	for _, item := range items {
		at, err := u.Modified(item)
		if gone(err) {
			continue
		}
		if err != nil {
			return "", err
		}
		switch {
		case newest == "" || at.After(last):
			newest, last, tie = item, at, false
		case at.Equal(last):
			tie = true
		}
	}
	switch {
	case newest == "":
		return "", vault.ErrNotFound
	case tie:
		return newest, errDuplicates
	}
	return newest, nil
}

var errDuplicates = errors.New("several items have the same name and different values")

// create creates an item with the label that go-keyring uses.
func (u *use) create(key string, value []byte) (secretservice.Path, error) {
	home, err := u.Home()
	if err != nil {
		return "", err
	}
	if err := u.unlock(home); err != nil {
		return "", err
	}
	u.wrote = true
	return u.Create(home, fmt.Sprintf("Password for '%s' on '%s'", key, Service), u.attributes, value)
}

// verify reads an item back.
func (u *use) verify(item secretservice.Path, want []byte) error {
	if item == "" || item == "/" {
		unlocked, locked, err := u.Search(u.attributes)
		if err != nil {
			return err
		}
		if unlocked = append(unlocked, locked...); len(unlocked) == 0 {
			return errNotWritten
		}
		item = unlocked[0]
	}
	got, err := u.secret(item)
	switch {
	case gone(err):
		return errNotWritten
	case err != nil:
		return err
	case len(got) == 0:
		return vault.ErrEmpty
	case !bytes.Equal(got, want):
		return errNotWritten
	}
	clear(got)
	return nil
}

// listed is one of kitekey's items.
type listed struct {
	key  string
	path secretservice.Path
}

// list returns all of kitekey's items. It fails if it cannot see all of them.
func (u *use) list() ([]listed, error) {
	hidden, err := u.hidden()
	if err != nil {
		return nil, err
	}
	if len(hidden) > 0 {
		if err := u.unlock(hidden...); err != nil {
			return nil, err
		}
		u.first = false
		if err := u.allUnlocked(); err != nil {
			return nil, err
		}
	}
	unlocked, locked, err := u.unlocked, u.locked, error(nil)
	if !u.first {
		unlocked, locked, err = u.Search(u.attributes)
	}
	if err != nil {
		return nil, err
	}
	var items []listed
	for _, path := range append(unlocked, locked...) {
		attributes, err := u.Attributes(path)
		if gone(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if attributes["username"] == "" && slices.Contains(locked, path) {
			if err := u.access(path); err != nil { // its attributes are hashed
				return nil, err
			}
			if attributes, err = u.Attributes(path); err != nil {
				return nil, err
			}
		}
		items = append(items, listed{attributes["username"], path})
	}
	return items, nil
}
