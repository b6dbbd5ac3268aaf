package vault

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"kitekey/vault/internal/disk"
)

// MigrationPending reports whether a migration was interrupted, and between which
// stores.
func MigrationPending(dir string) (from, to string, pending bool) {
	if dir == "" {
		return "", "", false
	}
	note, err := readMigrationNote(dir)
	return note.From, note.To, err == nil
}

// ClearMigration finishes an interrupted migration from or to the vault's store. It
// deletes each item from the store that the index does not name, and returns the
// number of profiles looked at.
func (v *Vault) ClearMigration(ctx context.Context, other Store) (int, error) {
	unlock, err := v.locks.Lock(ctx, migrationLock, disk.IndexWait)
	if err != nil {
		return 0, err
	}
	defer unlock()
	return (&interrupted{v, []Store{v.store, other}}).clear(ctx, discard)
}

// interrupted is a migration that ended half-way.
type interrupted struct {
	v      *Vault
	stores []Store // both of them
}

// clear is ClearMigration for a caller that holds the migration's lock. last, if not
// nil, runs for each store that no profile uses any more.
func (m *interrupted) clear(ctx context.Context, last func(context.Context, Store) error) (int, error) {
	note, err := readMigrationNote(m.v.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for _, name := range []string{note.From, note.To} {
		if !slices.ContainsFunc(m.stores, func(s Store) bool { return s.Name() == name }) {
			return 0, fmt.Errorf("the interrupted migration was from the %s to the %s", note.From, note.To)
		}
	}
	for _, id := range note.IDs {
		if err := m.clearID(ctx, id); err != nil {
			return 0, err
		}
	}
	for _, s := range m.stores {
		if last != nil && cmp.Or(StoreInUse(m.v.dir), m.v.store.Name()) != s.Name() {
			if err := last(ctx, s); err != nil {
				return len(note.IDs), err
			}
		}
	}
	return len(note.IDs), forgetMigration(m.v.dir)
}

// clearID deletes an id's items from every store except the one that the index
// names. If the index does not know the id, clearID deletes only what was removed
// since the interruption: an index that was lost, or rebuilt from one store, does
// not know what is in the other.
func (m *interrupted) clearID(ctx context.Context, id string) error {
	unlock, err := m.v.locks.Lock(ctx, id, disk.ProfileWait)
	if err != nil {
		return err
	}
	defer unlock()
	profiles, err := m.v.index.load()
	if err != nil {
		return err
	}
	keep := ""
	if i := findID(profiles, id); i >= 0 {
		keep = profiles[i].Store
	} else if !removedMeanwhile(m.v.dir, id) {
		return m.clearUnlisted(ctx, id)
	}
	for _, s := range m.stores {
		if s.Name() == keep {
			continue
		}
		if err := deleteItems(ctx, s, id); err != nil {
			return err
		}
	}
	if keep == "" {
		m.v.locks.Discard(id)
		return removeIfThere(removedPath(m.v.dir, id))
	}
	return nil
}

// clearUnlisted deletes the second of two equal copies. It fails while a store
// holds the only copy, which a repair can list again.
func (m *interrupted) clearUnlisted(ctx context.Context, id string) error {
	var first []byte
	for _, s := range m.stores {
		value, err := s.Get(ctx, id)
		switch {
		case errors.Is(err, ErrNotFound), errors.Is(err, ErrCorrupt):
		case err != nil:
			return err
		case first == nil && s.Name() == m.v.store.Name():
			first = value
		case bytes.Equal(first, value):
			if err := deleteItems(ctx, s, id); err != nil {
				return err
			}
		default:
			return &UnlistedError{Store: s.Name()}
		}
	}
	return nil
}

// noteRemoved records, while a migration is unfinished, that an id's items may be
// deleted from both stores. The caller holds the profile's lock.
func noteRemoved(dir, id string) error {
	if _, _, pending := MigrationPending(dir); !pending {
		return nil
	}
	return disk.Replace(removedPath(dir, id), "", []byte{})
}

func removedMeanwhile(dir, id string) bool {
	_, err := os.Stat(removedPath(dir, id))
	return err == nil
}

func removedPath(dir, id string) string {
	return filepath.Join(dir, migrationFile+"."+id+".removed")
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func noteMigration(dir string, m Migration, locked map[string]Profile) error {
	note := migrationNote{Version: 1, From: m.From, To: m.To}
	for id := range locked {
		note.IDs = append(note.IDs, id)
	}
	slices.Sort(note.IDs)
	data, err := json.Marshal(note)
	if err != nil {
		return err
	}
	return disk.Replace(filepath.Join(dir, migrationFile), "", data)
}

func forgetMigration(dir string) error {
	if err := removeIfThere(filepath.Join(dir, migrationFile)); err != nil {
		return err
	}
	return disk.SyncDir(dir)
}

func readMigrationNote(dir string) (migrationNote, error) {
	path := filepath.Join(dir, migrationFile)
	data, err := disk.Read(path, maxIndex)
	if err != nil {
		return migrationNote{}, err
	}
	var note migrationNote
	err = decodeVersioned(data, &note, &note.Version, 1)
	var newer *NewerError
	if errors.As(err, &newer) {
		newer.Path = path
		return migrationNote{}, newer
	}
	if err != nil || !validIDs(note.IDs) {
		return migrationNote{}, fmt.Errorf("%s cannot be read", path)
	}
	return note, nil
}

func validIDs(ids []string) bool {
	return !slices.ContainsFunc(ids, func(id string) bool { return !validID(id) })
}
