// Package agefile is the store for machines without a keyring: one file,
// encrypted with age and opened with a passphrase.
//
// The passphrase opens identity.age, which is slow on purpose and done once per
// process; identity.age opens vault.age, which is quick. So a read costs little
// after the first.
//
// Readers need no lock because vault.age is replaced in one step; writers hold a
// lock around reading, changing and replacing. Every file has a copy from before
// its last change, which [Store.Restore] puts back when the file is damaged.
package agefile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"filippo.io/age"

	"kitekey/vault"
	"kitekey/vault/internal/disk"
)

// The file store's files in the data folder. Stock age opens them as well:
//
//	age -d identity.age > key.txt && age -d -i key.txt vault.age
const (
	identityFile   = "identity.age"     // an age identity, wrapped by the passphrase
	identityBackup = "identity.age.bak" // a copy of it: without it everything is lost
	itemsFile      = "vault.age"        // the items as JSON, encrypted to the identity
	itemsBackup    = "vault.age.bak"    // vault.age before its last change
	itemsLock      = "store"
)

// maxItems bounds how much of a vault.age is read, in bytes: some ten thousand
// profiles.
const maxItems = 64 << 20

// ErrDamaged: a file of the file store cannot be read as a whole, so that nothing
// is known about any item.
var ErrDamaged = errors.New("damaged")

// Name is the store's name in settings and on the command line.
const Name = "file"

// noun is what the store is called in a sentence.
const noun = "file store"

// Store is a [vault.Store] in one encrypted file. [New] makes one.
type Store struct {
	dir        string
	ask        vault.Passphrase
	locks      disk.Locker
	workFactor int           // see SetWorkFactor
	slot       chan struct{} // held while identity is looked at: one question at a time
	identity   *age.X25519Identity
	wrapped    []byte // the identity.age that identity came from
}

var _ interface {
	vault.Store
	vault.Lister
	vault.Locker
	vault.Unlocker
	vault.Restorer
	vault.Discarder
} = (*Store)(nil)

// New returns the store kept in folder dir, which is created with the first
// item. ask is called when a passphrase is needed, by one call at a time.
func New(dir string, ask vault.Passphrase) *Store {
	return &Store{
		dir: dir, ask: ask, locks: disk.FileLocks{Dir: filepath.Join(dir, disk.Folder)},
		workFactor: defaultWorkFactor, slot: make(chan struct{}, 1),
	}
}

// SetWorkFactor sets how slow opening with a passphrase is made when one is set,
// as the power of two that scrypt goes by; without it that is some 0.6 s. Tests
// make it quick.
func (s *Store) SetWorkFactor(n int) { s.workFactor = n }

// Exists reports whether a file store has been created in dir.
func Exists(dir string) bool {
	for _, name := range []string{identityFile, identityBackup, itemsFile, itemsBackup} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// Path is the file in which a store in folder dir keeps its items.
func Path(dir string) string { return filepath.Join(dir, itemsFile) }

// Name gives [Name].
func (s *Store) Name() string { return Name }

// Get implements [vault.Store].
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	items, err := s.items(ctx, vault.OpRead)
	if err != nil {
		return nil, err
	}
	value, ok := items[key]
	if !ok {
		return nil, s.failed(vault.OpRead, vault.ErrNotFound, nil)
	}
	if len(value) == 0 {
		return nil, s.failed(vault.OpRead, vault.ErrCorrupt, vault.ErrEmpty)
	}
	return value, nil
}

// Set implements [vault.Store]. The first one makes the store and asks for a new
// passphrase.
func (s *Store) Set(ctx context.Context, key string, value []byte) error {
	if err := vault.CheckItem(s, key, value); err != nil {
		return err
	}
	identity, err := s.open(ctx, vault.OpWrite, true)
	if err != nil {
		return err
	}
	return s.change(ctx, vault.OpWrite, identity, func(items map[string][]byte) error {
		items[key] = bytes.Clone(value)
		return nil
	})
}

// Delete implements [vault.Store]. What is deleted is gone from the copy that is kept
// of vault.age too.
func (s *Store) Delete(ctx context.Context, key string) error {
	identity, err := s.open(ctx, vault.OpDelete, false)
	if errors.Is(err, errNoStore) {
		return s.failed(vault.OpDelete, vault.ErrNotFound, nil)
	}
	if err != nil {
		return err
	}
	return s.change(ctx, vault.OpDelete, identity, func(items map[string][]byte) error {
		if _, ok := items[key]; !ok {
			return s.failed(vault.OpDelete, vault.ErrNotFound, nil)
		}
		delete(items, key)
		return nil
	})
}

// Keys implements [vault.Lister].
func (s *Store) Keys(ctx context.Context) ([]string, error) {
	items, err := s.items(ctx, vault.OpList)
	keys := make([]string, 0, len(items))
	for key := range items {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys, err
}

// items reads everything. A store that was never made has none.
func (s *Store) items(ctx context.Context, op string) (map[string][]byte, error) {
	identity, err := s.open(ctx, op, false)
	if errors.Is(err, errNoStore) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return s.load(op, itemsFile, identity)
}

// change replaces vault.age with what edit makes of its items, and reads it back.
func (s *Store) change(ctx context.Context, op string, identity *age.X25519Identity, edit func(map[string][]byte) error) error {
	unlock, err := s.lock(ctx, op)
	if err != nil {
		return err
	}
	defer unlock()
	for _, name := range []string{identityFile, identityBackup, itemsFile, itemsBackup} {
		disk.RemoveTemp(s.dir, name)
	}
	if err := s.stillOurs(op); err != nil {
		return err
	}
	items, err := s.load(op, itemsFile, identity)
	if err != nil {
		return err
	}
	if err := edit(items); err != nil {
		return err
	}
	data, err := seal(items, identity.Recipient())
	if err != nil {
		return s.failed(op, vault.ErrUnavailable, err)
	}
	if err := disk.Replace(s.path(itemsFile), s.path(itemsBackup), data); err != nil {
		return s.failed(op, vault.ErrUnavailable, err)
	}
	if op == vault.OpDelete {
		if err := disk.Replace(s.path(itemsBackup), "", data); err != nil {
			return s.failed(op, vault.ErrUnavailable, err)
		}
	}
	if back, err := os.ReadFile(s.path(itemsFile)); err != nil || !bytes.Equal(back, data) {
		return s.failed(op, vault.ErrUnavailable, errors.Join(errors.New("what was written does not read back"), err))
	}
	return nil
}

// stillOurs keeps a process that has been running for long from writing what
// nobody could open: the store may have been emptied, removed and made anew by
// others. The caller holds the lock.
func (s *Store) stillOurs(op string) error {
	s.slot <- struct{}{}
	defer func() { <-s.slot }()
	now, err := disk.Read(s.path(identityFile), maxIdentity)
	if err == nil && bytes.Equal(now, s.wrapped) {
		return nil
	}
	// With another passphrase on the same identity, vault.age says which it is.
	if _, missing := os.Lstat(s.path(itemsFile)); err == nil && missing == nil {
		return nil
	}
	s.identity, s.wrapped = nil, nil
	e := s.failed(op, vault.ErrUnavailable, errors.New("another kitekey has removed or replaced it"))
	e.Reason = vault.ReasonReplaced
	return e
}

// lock is for writers. Not getting it means that nothing was written.
func (s *Store) lock(ctx context.Context, op string) (func(), error) {
	unlock, err := s.locks.Lock(ctx, itemsLock, disk.IndexWait)
	if errors.Is(err, vault.ErrBusy) {
		return nil, s.failed(op, vault.ErrBusy, err)
	}
	if err != nil && ctx.Err() == nil {
		return nil, s.failed(op, vault.ErrUnavailable, err)
	}
	return unlock, err
}

// itemsJSON is vault.age's format.
type itemsJSON struct {
	Version int               `json:"version"`
	Items   map[string][]byte `json:"items"`
}

const itemsVersion = 1

// seal encrypts items.
func seal(items map[string][]byte, to age.Recipient) ([]byte, error) {
	plain, err := json.Marshal(itemsJSON{itemsVersion, items})
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	w, err := age.Encrypt(&buf, to)
	if err != nil {
		return nil, err
	}
	if _, err = w.Write(plain); err == nil {
		err = w.Close()
	}
	return buf.Bytes(), err
}

// load decrypts one of the item files. A missing vault.age is an empty one,
// unless it has been there before.
func (s *Store) load(op, name string, identity age.Identity) (map[string][]byte, error) {
	_, err := os.Lstat(s.path(itemsBackup))
	before := err == nil
	data, err := disk.Read(s.path(name), maxItems)
	switch {
	case errors.Is(err, fs.ErrNotExist) && before:
		return nil, s.damaged(op, name, errors.New("it is gone"))
	case errors.Is(err, fs.ErrNotExist):
		return map[string][]byte{}, nil
	}
	if err != nil {
		return nil, s.failed(op, vault.ErrUnavailable, err)
	}
	items, err := unseal(data, identity)
	if err != nil {
		return nil, s.damaged(op, name, err)
	}
	return items, nil
}

// unseal is seal's inverse. Its errors quote nothing of what it decrypted.
func unseal(data []byte, identity age.Identity) (map[string][]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(data), identity)
	if errors.Is(err, age.ErrIncorrectIdentity) {
		return nil, errors.New("it was not written for this identity.age")
	}
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var raw itemsJSON
	if err := json.Unmarshal(plain, &raw); err != nil {
		return nil, errors.New("it is not what kitekey writes")
	}
	if raw.Version != itemsVersion {
		return nil, fmt.Errorf("its version is %d and this kitekey reads %d", raw.Version, itemsVersion)
	}
	if raw.Items == nil {
		raw.Items = map[string][]byte{}
	}
	return raw.Items, nil
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, name) }

func (s *Store) failed(op string, kind, err error) *vault.StoreError {
	return &vault.StoreError{Op: op, Store: Name, Noun: noun, Kind: kind, Err: err}
}

// damaged is an error about a whole file. Its kind is not vault.ErrCorrupt, which
// speaks of one item that is lost.
func (s *Store) damaged(op, name string, err error) error {
	e := s.failed(op, vault.ErrUnavailable, fmt.Errorf("%s is %w: %w", s.path(name), ErrDamaged, err))
	e.Reason, e.Path = vault.ReasonDamaged, s.path(name)
	return e
}
