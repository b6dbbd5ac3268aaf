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
// A process that ends before step 4 leaves copies in the new store, and after it
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
func (v *Vault) Migrate(ctx context.Context, to Store, each func(done, total int)) (Migration, error) {
	m := migration{v: v, to: to, each: each, Migration: Migration{From: v.store.Name(), To: to.Name()}, locked: map[string]Profile{}}
	if m.From == m.To {
		return m.Migration, inputError{fmt.Errorf("everything is in the %s already", m.To)}
	}
	unlock, err := v.locks.Lock(ctx, migrationLock, disk.IndexWait)
	if err != nil {
		return m.Migration, err
	}
	defer unlock()
	if _, err := (&interrupted{v, []Store{v.store, to}}).clear(ctx, nil); err != nil {
		return m.Migration, fmt.Errorf("clear away what an interrupted migration left: %w", err)
	}
	if err := v.Settle(ctx); err != nil {
		return m.Migration, err
	}
	defer m.unlockAll()
	if err := m.copyAll(ctx); err != nil {
		if len(m.locked) > 0 {
			// The old store still counts. Remove the copies, which no index lists.
			_ = m.clearCopies(context.WithoutCancel(ctx))
		}
		return m.Migration, err
	}
	for _, sel := range m.Moved {
		v.Log(Activity{Selector: sel, Action: ActionMoved, From: m.From, To: m.To}, nil)
	}
	// From here on the new store counts. An error only means that items remain in the
	// old one.
	if err := m.deleteFrom(context.WithoutCancel(ctx), v.store); err != nil {
		return m.Migration, fmt.Errorf("everything is in the %s now, but the %s could not be cleared: run the command again later: %w", m.To, m.From, err)
	}
	return m.Migration, endMigration(ctx, v.dir, v.store)
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

// migration is one run of [Vault.Migrate].
type migration struct {
	Migration
	v       *Vault
	to      Store
	each    func(done, total int)
	locked  map[string]Profile // by id, with their locks held
	unlocks []func()
}

func (m *migration) unlockAll() {
	for _, unlock := range m.unlocks {
		unlock()
	}
}

// copyAll copies every profile's items and makes the new store count. It goes on
// until no profile has been added meanwhile.
func (m *migration) copyAll(ctx context.Context) error {
	for switched := false; !switched; {
		added, err := m.lockAll(ctx)
		if err != nil {
			return err
		}
		if err := noteMigration(m.v.dir, m.Migration, m.locked); err != nil {
			return err
		}
		for _, p := range added {
			if err := m.copyProfile(ctx, p); err != nil {
				return aboutf(p.Selector, "nothing was moved: %w", err)
			}
		}
		if switched, err = m.switchStore(ctx); err != nil {
			return err
		}
	}
	return nil
}

// copyProfile copies a profile's items and counts it. Of a profile in a source only
// the cached token moves.
func (m *migration) copyProfile(ctx context.Context, p Profile) error {
	moved, err := m.copyItems(ctx, p)
	switch {
	case err != nil || p.Source != "":
		return err
	case moved:
		m.Moved = append(m.Moved, p.Selector)
	default:
		m.Empty = append(m.Empty, p.Selector)
	}
	if m.each != nil {
		m.each(len(m.Moved)+len(m.Empty), len(m.locked))
	}
	return nil
}

// lockAll locks every profile of the old store that is not in locked yet, adds it
// there, and returns those it added.
func (m *migration) lockAll(ctx context.Context) (added []Profile, err error) {
	profiles, err := m.v.index.load()
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, p := range profiles { // in the index's order, as renaming does: two orders could deadlock
		if _, ok := m.locked[p.ID]; ok || m.v.checkStore(p) != nil {
			continue
		}
		unlock, err := m.v.locks.Lock(ctx, p.ID, disk.ProfileWait)
		if err != nil {
			return nil, About(p.Selector, err)
		}
		m.unlocks, ids = append(m.unlocks, unlock), append(ids, p.ID)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	// Read the index again: entries may have changed before we held their locks; now
	// they cannot.
	if profiles, err = m.v.index.load(); err != nil {
		return nil, err
	}
	for _, id := range ids {
		i := findID(profiles, id)
		if i < 0 {
			m.v.locks.Discard(id) // removed
			continue
		}
		p := profiles[i]
		if p.State != StateSettled {
			if err := m.v.settleLocked(ctx, p); err != nil {
				return nil, About(p.Selector, err)
			}
			if p, err = m.v.Lookup(p.Selector); errors.Is(err, ErrNoProfile) {
				continue // its removal was finished, or its adding undone
			} else if err != nil {
				return nil, err
			}
		}
		m.locked[id] = p
		added = append(added, p)
	}
	return added, nil
}

// copyItems copies a profile's items and reads them back. It skips an item that
// does not exist or is empty.
func (m *migration) copyItems(ctx context.Context, p Profile) (moved bool, err error) {
	for _, key := range []string{p.ID, tokenKey(p.ID)} {
		value, err := m.v.store.Get(ctx, key)
		if errors.Is(err, ErrNotFound) || errors.Is(err, ErrCorrupt) {
			continue
		}
		if err != nil {
			return false, err
		}
		if err := m.to.Set(ctx, key, value); err != nil {
			return false, err
		}
		back, err := m.to.Get(ctx, key)
		if err != nil {
			return false, err
		}
		if !bytes.Equal(back, value) {
			return false, notReadBack(m.to)
		}
		moved = moved || key == p.ID
	}
	return moved, nil
}

// switchStore makes the new store the one that counts, in one write. It does not if
// the index has a profile that was not copied.
func (m *migration) switchStore(ctx context.Context) (bool, error) {
	errMore := errors.New("more to copy")
	err := m.v.index.update(ctx, func(profiles *[]Profile) error {
		for i := range *profiles {
			p := &(*profiles)[i]
			if p.Store != m.From {
				continue
			}
			if _, ok := m.locked[p.ID]; !ok {
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
func (m *migration) clearCopies(ctx context.Context) error {
	profiles, err := m.v.index.load()
	if err != nil {
		return err
	}
	if slices.ContainsFunc(profiles, func(p Profile) bool { return p.Store == m.To }) {
		return nil
	}
	if err := m.deleteFrom(ctx, m.to); err != nil {
		return err
	}
	return endMigration(ctx, m.v.dir, m.to)
}

// deleteFrom deletes what was copied from one of the two stores.
func (m *migration) deleteFrom(ctx context.Context, s Store) error {
	for id := range m.locked {
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
func endMigration(ctx context.Context, dir string, left Store) error {
	if err := discard(ctx, left); err != nil {
		return err
	}
	return forgetMigration(dir)
}

// discard removes the files of a store that is empty, if the store can do it.
func discard(ctx context.Context, s Store) error {
	if d, ok := s.(Discarder); ok {
		return d.Discard(ctx)
	}
	return nil
}
