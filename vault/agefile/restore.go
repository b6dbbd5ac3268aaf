package agefile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"filippo.io/age"

	"kitekey/vault"
	"kitekey/vault/internal/disk"
)

// damagedMark follows the name of a file that is kept as damaged. From the second
// one on a number follows it.
const damagedMark = ".damaged"

// setAside returns the paths of the damaged files that are kept.
func (s *Store) setAside(name string) []string {
	paths, _ := filepath.Glob(s.path(name + damagedMark + "*")) // the pattern is well formed
	return paths
}

// Restore replaces files that cannot be read with their last good copies, and
// returns the names of those files. It keeps a damaged file under another name. It
// does nothing if no file is damaged.
func (s *Store) Restore(ctx context.Context) (files []string, err error) {
	if !Exists(s.dir) {
		return nil, nil
	}
	s.slot <- struct{}{}
	defer func() { <-s.slot }()
	identity, from := s.identity, identityFile
	if identity == nil || !s.opens(identity) {
		if identity, from, err = s.openAny(ctx); err != nil {
			return nil, err
		}
		if s.wrapped, err = disk.Read(s.path(from), maxIdentity); err != nil {
			return nil, s.failed(vault.OpOpen, vault.ErrUnavailable, err)
		}
		s.identity = identity
	}
	unlock, err := s.lock(ctx, vault.OpOpen)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if from != identityFile {
		if err := s.putBack(identityBackup, identityFile); err != nil {
			return nil, err
		}
		files = append(files, identityFile)
	}
	_, damage := s.load(vault.OpOpen, itemsFile, identity)
	if !errors.Is(damage, ErrDamaged) {
		return files, damage
	}
	if _, err := s.load(vault.OpOpen, itemsBackup, identity); err != nil {
		return files, fmt.Errorf("%w; the copy of it cannot be read either: %w", damage, err)
	}
	if err := s.putBack(itemsBackup, itemsFile); err != nil {
		return files, err
	}
	return append(files, itemsFile), nil
}

// opens reports whether the identity opens vault.age or its copy.
func (s *Store) opens(identity age.Identity) bool {
	for _, name := range []string{itemsFile, itemsBackup} {
		items, err := s.load(vault.OpOpen, name, identity)
		erase(items)
		if !errors.Is(err, ErrDamaged) {
			return true
		}
	}
	return false
}

// openAny opens identity.age or its copy, whichever the passphrase opens, and
// returns its name. Of two identities it takes the one that opens the items: the
// other may be another data folder's.
func (s *Store) openAny(ctx context.Context) (*age.X25519Identity, string, error) {
	for attempt := 0; ; attempt++ {
		passphrase, err := s.ask(ctx, vault.Ask{Attempt: attempt})
		if err != nil {
			return nil, "", s.noPassphrase(ctx, vault.OpOpen, err)
		}
		var errs []error
		var first *age.X25519Identity
		var from string
		for _, name := range []string{identityFile, identityBackup} {
			wrapped, err := disk.Read(s.path(name), maxIdentity)
			if err == nil {
				var identity *age.X25519Identity
				if identity, err = unwrapIdentity(wrapped, passphrase); err == nil {
					if s.opens(identity) {
						return identity, name, nil
					}
					if first == nil {
						first, from = identity, name
					}
				}
			}
			errs = append(errs, err)
		}
		if first != nil {
			return first, from, nil
		}
		if err := errors.Join(errs...); !errors.Is(err, vault.ErrWrongPassphrase) {
			e := s.failed(vault.OpOpen, vault.ErrUnavailable, fmt.Errorf("identity.age and its copy are both %w: %w", ErrDamaged, errs[0]))
			e.Reason = vault.ReasonDamaged
			return nil, "", e
		}
	}
}

// putBack copies a good file over a damaged one. The caller holds the lock.
func (s *Store) putBack(good, damaged string) error {
	data, err := disk.Read(s.path(good), maxItems)
	if err == nil {
		err = disk.SetAside(s.path(damaged))
	}
	if err == nil {
		err = disk.Replace(s.path(damaged), "", data)
	}
	if err != nil {
		return s.failed(vault.OpWrite, vault.ErrUnavailable, err)
	}
	return nil
}

// Recoverable implements [vault.Recoverer].
func (s *Store) Recoverable(ctx context.Context, keys []string) (found []string, err error) {
	items, err := s.items(ctx, vault.OpRead)
	if err != nil || items == nil {
		return nil, err
	}
	defer erase(items)
	identity, err := s.open(ctx, vault.OpRead, false)
	if err != nil {
		return nil, err
	}
	alone := s.copyAlone(identity, items)
	defer erase(alone)
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return alone[key] == nil }), nil
}

// Recover implements [vault.Recoverer].
func (s *Store) Recover(ctx context.Context, keys []string) (found []string, err error) {
	err = s.change(ctx, vault.OpWrite, false, func(items, alone map[string][]byte) error {
		found = nil
		for _, key := range keys {
			if value, ok := alone[key]; ok {
				items[key] = value
				delete(alone, key)
				found = append(found, key)
			}
		}
		if len(found) == 0 {
			return errNothingLost
		}
		return nil
	})
	if errors.Is(err, errNothingLost) || errors.Is(err, errNoStore) {
		err = nil
	}
	return found, err
}

var errNothingLost = errors.New("the copy has no other items")

// copyAlone returns what the copy of vault.age has and items does not. A copy that
// cannot be read has nothing.
func (s *Store) copyAlone(identity age.Identity, items map[string][]byte) map[string][]byte {
	file, _ := disk.Read(s.path(itemsFile), maxItems)
	if backup, err := disk.Read(s.path(itemsBackup), maxItems); err != nil || bytes.Equal(file, backup) {
		return nil
	}
	alone, err := s.load(vault.OpRead, itemsBackup, identity)
	if err != nil {
		return nil
	}
	maps.DeleteFunc(alone, func(key string, value []byte) bool { return len(items[key]) > 0 || len(value) == 0 })
	return alone
}

// Discard removes a store that holds no items.
func (s *Store) Discard(ctx context.Context) error {
	items, err := s.items(ctx, vault.OpDelete)
	if err != nil || len(items) > 0 || !Exists(s.dir) {
		return err
	}
	unlock, err := s.lock(ctx, vault.OpDelete)
	if err != nil {
		return err
	}
	defer unlock()
	if items, err = s.items(ctx, vault.OpDelete); err != nil || len(items) > 0 {
		return err
	}
	// Remove the identity last: without it the other files could not be opened.
	for _, name := range []string{itemsBackup, itemsFile, identityBackup, identityFile} {
		if err := os.Remove(s.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return s.failed(vault.OpDelete, vault.ErrUnavailable, err)
		}
	}
	s.Lock()
	return nil
}
