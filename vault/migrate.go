package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"kitekey/vault/internal/disk"
)

// A migration moves every profile's items from one store to another:
//
//  1. all profiles are locked, so that nothing changes while it is copied;
//  2. a note of the migration is written beside the index;
//  3. every item is copied and read back;
//  4. one write of the index says that all items are in the new store now;
//  5. the old store's items are deleted, then the note.
//
// A process that dies before step 4 leaves copies in the new store, and after it
// items in the old one. The note has the ids concerned, and the index says which
// store counts, so that the next migration can delete them.

const (
	migrationFile = "migration.json"
	migrationLock = "migration"
)

// migrationNote is migrationFile's content.
type migrationNote struct {
	Version int      `json:"version"`
	From    string   `json:"from"`
	To      string   `json:"to"`
	IDs     []string `json:"ids"`
}

// Migration lists what a migration moved, or would move.
type Migration struct {
	From, To string
	Moved    []Selector // with their credentials
	Empty    []Selector // the old store had no (readable) item of them
}

// Migrate moves every profile's items from the vault's store to another one, and
// finishes what an interrupted migration between the two left behind. Each item is
// read back, and nothing is deleted before everything is in the new store and the
// index says so. If Migrate fails before that, the old store still counts. The
// vault must not be used afterwards: open another on the new store.
//
// If each is not nil, it is called after each profile that was copied.
func (v *Vault) Migrate(ctx context.Context, to Store, each func(done, total int)) (m Migration, err error) {
	m = Migration{From: v.store.Name(), To: to.Name()}
	if m.From == m.To {
		return m, inputError{fmt.Errorf("everything is in the %s already", m.To)}
	}
	unlock, err := v.locks.Lock(ctx, migrationLock, disk.IndexWait)
	if err != nil {
		return m, err
	}
	defer unlock()
	if _, err := v.clearMigration(ctx, to, nil); err != nil {
		return m, fmt.Errorf("clear away what an interrupted migration left: %w", err)
	}
	if err := v.Settle(ctx); err != nil {
		return m, err
	}
	locked := map[string]Profile{}
	defer func() {
		if err != nil && len(locked) > 0 {
			// The old store still counts. Remove the copies, which no index lists.
			_ = v.clearCopies(context.WithoutCancel(ctx), to, locked)
		}
	}()
	for {
		added, release, err := v.lockAll(ctx, locked)
		defer release()
		if err != nil {
			return m, err
		}
		if err := v.noteMigration(m, locked); err != nil {
			return m, err
		}
		for _, p := range added {
			if moved, err := v.copyItems(ctx, to, p); err != nil {
				return m, aboutf(p.Selector, "nothing was moved: %w", err)
			} else if p.Source != "" {
				continue // its token moves, and its credential stays where it is
			} else if moved {
				m.Moved = append(m.Moved, p.Selector)
			} else {
				m.Empty = append(m.Empty, p.Selector)
			}
			if each != nil {
				each(len(m.Moved)+len(m.Empty), len(locked))
			}
		}
		switched, err := v.switchStore(ctx, m, locked)
		if err != nil {
			return m, err
		}
		if switched {
			break
		} // a profile was added meanwhile
	}
	for _, sel := range m.Moved {
		v.Log(Activity{Selector: sel, Action: ActionMoved, From: m.From, To: m.To}, nil)
	}
	// From here on the new store counts. An error only means that items remain in the
	// old one.
	err = v.deleteFrom(context.WithoutCancel(ctx), v.store, locked)
	locked = nil
	if err != nil {
		return m, fmt.Errorf("everything is in the %s now, but the %s could not be cleared: run the same again later: %w", m.To, m.From, err)
	}
	return m, v.endMigration(ctx, v.store)
}

// PlanMigration says what [Vault.Migrate] would do. It reads every credential and
// changes nothing.
func (v *Vault) PlanMigration(ctx context.Context, to Store) (Migration, error) {
	m := Migration{From: v.store.Name(), To: to.Name()}
	profiles, err := v.index.load()
	if err != nil {
		return m, err
	}
	if _, err := to.Get(ctx, "migration"); err != nil && !errors.Is(err, ErrNotFound) {
		return m, err
	}
	for _, p := range profiles {
		if v.checkStore(p) != nil || p.Source != "" {
			continue
		}
		switch _, err := v.store.Get(ctx, p.ID); {
		case err == nil:
			m.Moved = append(m.Moved, p.Selector)
		case errors.Is(err, ErrNotFound), errors.Is(err, ErrCorrupt):
			m.Empty = append(m.Empty, p.Selector)
		default:
			return m, About(p.Selector, err)
		}
	}
	return m, nil
}

// lockAll locks every profile of the vault's store that is not in locked yet, adds
// it there, and returns those it added.
func (v *Vault) lockAll(ctx context.Context, locked map[string]Profile) (added []Profile, release func(), err error) {
	var unlocks []func()
	release = func() {
		for _, unlock := range unlocks {
			unlock()
		}
	}
	profiles, err := v.index.load()
	if err != nil {
		return nil, release, err
	}
	var ids []string
	for _, p := range profiles { // in the index's order, as renaming does: two orders could deadlock
		if _, ok := locked[p.ID]; ok || v.checkStore(p) != nil {
			continue
		}
		unlock, err := v.locks.Lock(ctx, p.ID, disk.ProfileWait)
		if err != nil {
			return nil, release, About(p.Selector, err)
		}
		unlocks, ids = append(unlocks, unlock), append(ids, p.ID)
	}
	if len(ids) == 0 {
		return nil, release, nil
	}
	// Read the index again: entries may have changed before we held their locks; now
	// they cannot.
	if profiles, err = v.index.load(); err != nil {
		return nil, release, err
	}
	for _, id := range ids {
		i := findID(profiles, id)
		if i < 0 {
			v.locks.Discard(id) // removed
			continue
		}
		p := profiles[i]
		if p.State != StateSettled {
			if err := v.settleLocked(ctx, p); err != nil {
				return nil, release, About(p.Selector, err)
			}
			if p, err = v.Lookup(p.Selector); errors.Is(err, ErrNoProfile) {
				continue // its removal was finished, or its adding undone
			} else if err != nil {
				return nil, release, err
			}
		}
		locked[id] = p
		added = append(added, p)
	}
	return added, release, nil
}

// copyItems copies a profile's items and reads them back. It skips an item that
// does not exist or is empty.
func (v *Vault) copyItems(ctx context.Context, to Store, p Profile) (moved bool, err error) {
	for _, key := range []string{p.ID, tokenKey(p.ID)} {
		value, err := v.store.Get(ctx, key)
		if errors.Is(err, ErrNotFound) || errors.Is(err, ErrCorrupt) {
			continue
		}
		if err != nil {
			return false, err
		}
		if err := to.Set(ctx, key, value); err != nil {
			return false, err
		}
		back, err := to.Get(ctx, key)
		if err != nil {
			return false, err
		}
		if !bytes.Equal(back, value) {
			return false, &StoreError{Op: "write", Store: to.Name(), Kind: ErrCorrupt, Err: errors.New("what was written does not read back")}
		}
		moved = moved || key == p.ID
	}
	return moved, nil
}

// switchStore makes the new store the one that counts, in one write. It does not if
// the index has a profile that was not copied.
func (v *Vault) switchStore(ctx context.Context, m Migration, copied map[string]Profile) (bool, error) {
	errMore := errors.New("more to copy")
	err := v.index.update(ctx, func(profiles *[]Profile) error {
		for i := range *profiles {
			p := &(*profiles)[i]
			if p.Store != m.From {
				continue
			}
			if _, ok := copied[p.ID]; !ok {
				return errMore
			}
			p.Store = m.To
		}
		return nil
	})
	if errors.Is(err, errMore) {
		return false, nil
	}
	return err == nil, err
}

// clearCopies undoes the copying, unless the index says that the new store counts
// (a write that failed may have happened). If it cannot, the note stays.
func (v *Vault) clearCopies(ctx context.Context, to Store, copied map[string]Profile) error {
	profiles, err := v.index.load()
	if err != nil {
		return err
	}
	if slices.ContainsFunc(profiles, func(p Profile) bool { return p.Store == to.Name() }) {
		return nil
	}
	if err := v.deleteFrom(ctx, to, copied); err != nil {
		return err
	}
	return v.endMigration(ctx, to)
}

func (v *Vault) deleteFrom(ctx context.Context, s Store, profiles map[string]Profile) error {
	for id := range profiles {
		if err := deleteItems(ctx, s, id); err != nil {
			return err
		}
	}
	return nil
}

func deleteItems(ctx context.Context, s Store, id string) error {
	for _, key := range []string{tokenKey(id), id} {
		if err := s.Delete(ctx, key); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return nil
}

// endMigration removes the old store's files from the data folder and deletes the
// note.
func (v *Vault) endMigration(ctx context.Context, left Store) error {
	if err := discard(ctx, left); err != nil {
		return err
	}
	return v.forgetMigration()
}

// discard removes the files of a store that is empty, if the store can do it.
func discard(ctx context.Context, s Store) error {
	if d, ok := s.(Discarder); ok {
		return d.Discard(ctx)
	}
	return nil
}
