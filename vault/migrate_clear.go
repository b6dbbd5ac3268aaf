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
	return v.clearMigration(ctx, other, discard)
}

// clearMigration is ClearMigration for a caller that holds the migration's lock.
// last, if not nil, runs for each store that no profile uses any more.
func (v *Vault) clearMigration(ctx context.Context, other Store, last func(context.Context, Store) error) (int, error) {
	note, err := readMigrationNote(v.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	stores := []Store{v.store, other}
	for _, name := range []string{note.From, note.To} {
		if !slices.ContainsFunc(stores, func(s Store) bool { return s.Name() == name }) {
			return 0, fmt.Errorf("the interrupted migration was from the %s to the %s", note.From, note.To)
		}
	}
	for _, id := range note.IDs {
		if err := v.clearID(ctx, id, stores); err != nil {
			return 0, err
		}
	}
	for _, s := range stores {
		if last != nil && cmp.Or(StoreInUse(v.dir), v.store.Name()) != s.Name() {
			if err := last(ctx, s); err != nil {
				return len(note.IDs), err
			}
		}
	}
	return len(note.IDs), v.forgetMigration()
}

// clearID deletes an id's items from every store except the one that the index
// names. If the index does not know the id, clearID deletes only what was removed
// since the interruption: an index that was lost, or rebuilt from one store, does
// not know what is in the other.
func (v *Vault) clearID(ctx context.Context, id string, stores []Store) error {
	unlock, err := v.locks.Lock(ctx, id, disk.ProfileWait)
	if err != nil {
		return err
	}
	defer unlock()
	profiles, err := v.index.load()
	if err != nil {
		return err
	}
	keep := ""
	if i := findID(profiles, id); i >= 0 {
		keep = profiles[i].Store
	} else if !v.removedMeanwhile(id) {
		return v.clearUnlisted(ctx, id, stores)
	}
	for _, s := range stores {
		if s.Name() == keep {
			continue
		}
		if err := deleteItems(ctx, s, id); err != nil {
			return err
		}
	}
	if keep == "" {
		v.locks.Discard(id)
		return removeIfThere(v.removedPath(id))
	}
	return nil
}

// clearUnlisted deletes the second of two equal copies. It fails while a store
// holds the only copy, which a repair can list again.
func (v *Vault) clearUnlisted(ctx context.Context, id string, stores []Store) error {
	var first []byte
	for _, s := range stores {
		value, err := s.Get(ctx, id)
		switch {
		case errors.Is(err, ErrNotFound), errors.Is(err, ErrCorrupt):
		case err != nil:
			return err
		case first == nil && s.Name() == v.store.Name():
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
func (v *Vault) noteRemoved(id string) error {
	if _, _, pending := MigrationPending(v.dir); !pending {
		return nil
	}
	return disk.Replace(v.removedPath(id), "", []byte{})
}

func (v *Vault) removedMeanwhile(id string) bool {
	_, err := os.Stat(v.removedPath(id))
	return err == nil
}

func (v *Vault) removedPath(id string) string {
	return filepath.Join(v.dir, migrationFile+"."+id+".removed")
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (v *Vault) noteMigration(m Migration, locked map[string]Profile) error {
	note := migrationNote{Version: 1, From: m.From, To: m.To}
	for id := range locked {
		note.IDs = append(note.IDs, id)
	}
	slices.Sort(note.IDs)
	data, err := json.Marshal(note)
	if err != nil {
		return err
	}
	return disk.Replace(filepath.Join(v.dir, migrationFile), "", data)
}

func (v *Vault) forgetMigration() error {
	if err := removeIfThere(filepath.Join(v.dir, migrationFile)); err != nil {
		return err
	}
	return disk.SyncDir(v.dir)
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
