// Package agefile is the store for machines without a keyring: one file, encrypted
// with age and opened with a passphrase.
//
// The passphrase opens identity.age, which is slow on purpose and done once per
// process. identity.age opens vault.age, which is quick. So a read costs little
// after the first.
//
// Readers need no lock because vault.age is replaced in one step. Writers hold a
// lock while they read, change and replace. Every file has a copy, which
// [Store.Restore] puts back if the file is damaged. What is removed from a file is
// removed from its copy too.
package agefile

import (
	"bytes"
	"context"
	"encoding/json"
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

// The file store's files in the data folder. Stock age opens them as well:
//
//	age -d identity.age > key.txt && age -d -i key.txt vault.age
const (
	identityFile   = "identity.age"     // an age identity, wrapped by the passphrase
	identityBackup = "identity.age.bak" // a copy of it: without it everything is lost
	itemsFile      = "vault.age"        // the items as JSON, encrypted to the identity
	itemsBackup    = "vault.age.bak"    // a copy of it
	itemsLock      = "store"
)

// maxItems bounds how much of a vault.age is read, in bytes: some ten thousand
// profiles.
const maxItems = 64 << 20

// ErrDamaged: a file of the store cannot be read as a whole, so that no item can be
// read.
var ErrDamaged = errors.New("damaged")

// Name is the store's name in settings and on the command line.
const Name = "file"

// Store is a [vault.Store] in one encrypted file. [New] makes one.
type Store struct {
	dir        string
	ask        vault.Passphrase
	locks      disk.Locker
	workFactor int           // see SetWorkFactor
	slot       chan struct{} // held while identity is used: one question at a time
	identity   *age.X25519Identity
	wrapped    []byte // the identity.age that identity was read from
	keeper     keeper
	// replace is disk.Replace. Tests replace it to fail at a step.
	replace func(path, backup string, data []byte) error
}

var _ interface {
	vault.Store
	vault.Lister
	vault.Locker
	vault.Unlocker
	vault.Restorer
	vault.Recoverer
	vault.Discarder
	vault.Keeper
} = (*Store)(nil)

// New returns the store in folder dir, which is created with the first item. If a
// passphrase is needed, ask is called, by one call at a time.
func New(dir string, ask vault.Passphrase) *Store {
	return &Store{
		dir: dir, ask: ask, locks: disk.FileLocks{Dir: filepath.Join(dir, disk.Folder)},
		workFactor: defaultWorkFactor, slot: make(chan struct{}, 1),
		keeper: newKeeper(), replace: disk.Replace,
	}
}

// SetWorkFactor sets how slow it is to open the store with a passphrase that is set
// from now on. n is scrypt's work factor, a power of two; the default takes about
// 0.6 s. Tests make it quick.
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

// Path returns the file in which a store in folder dir keeps its items.
func Path(dir string) string { return filepath.Join(dir, itemsFile) }

// Name returns [Name].
func (s *Store) Name() string { return Name }

// Noun implements [vault.Named].
func (s *Store) Noun() string { return "file store" }

// Get implements [vault.Store].
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	items, err := s.items(ctx, vault.OpRead)
	if err != nil {
		return nil, err
	}
	value, ok := items[key]
	delete(items, key)
	erase(items)
	if !ok {
		return nil, s.failed(vault.OpRead, vault.ErrNotFound, nil)
	}
	if len(value) == 0 {
		return nil, s.failed(vault.OpRead, vault.ErrCorrupt, vault.ErrEmpty)
	}
	return value, nil
}

// erase overwrites every value.
func erase(items map[string][]byte) {
	for _, value := range items {
		clear(value)
	}
}

// Set implements [vault.Store]. The first Set creates the store and asks for a new
// passphrase.
func (s *Store) Set(ctx context.Context, key string, value []byte) error {
	if err := vault.CheckItem(s, key, value); err != nil {
		return err
	}
	return s.change(ctx, vault.OpWrite, true, func(items, alone map[string][]byte) error {
		items[key] = bytes.Clone(value)
		delete(alone, key)
		return nil
	})
}

// Delete implements [vault.Store]. It deletes the item from the copy of vault.age
// too.
func (s *Store) Delete(ctx context.Context, key string) error {
	missing := false
	err := s.change(ctx, vault.OpDelete, false, func(items, alone map[string][]byte) error {
		_, ok := items[key]
		_, inCopy := alone[key] // a crash may have left it there
		if missing = !ok; missing && !inCopy {
			return s.failed(vault.OpDelete, vault.ErrNotFound, nil)
		}
		delete(items, key)
		delete(alone, key)
		return nil
	})
	if errors.Is(err, errNoStore) || err == nil && missing {
		return s.failed(vault.OpDelete, vault.ErrNotFound, nil)
	}
	return err
}

// Keys implements [vault.Lister].
func (s *Store) Keys(ctx context.Context) ([]string, error) {
	items, err := s.items(ctx, vault.OpList)
	defer erase(items)
	keys := make([]string, 0, len(items))
	for key := range items {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys, err
}

// items reads all items. A store that does not exist has none.
func (s *Store) items(ctx context.Context, op string) (items map[string][]byte, err error) {
	for range 2 { // again if the passphrase was changed in between
		var identity *age.X25519Identity
		identity, err = s.open(ctx, op, false)
		if errors.Is(err, errNoStore) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if items, err = s.load(op, itemsFile, identity); err == nil || s.current() {
			break
		}
	}
	return items, err
}

// change calls edit with the items and with those that the copy alone has, replaces
// vault.age and its copy with the result, and reads it back. Without create it fails
// with errNoStore if the store does not exist.
func (s *Store) change(ctx context.Context, op string, create bool, edit func(items, alone map[string][]byte) error) (err error) {
	for range 2 { // again if the passphrase was changed in between
		var identity *age.X25519Identity
		if identity, err = s.open(ctx, op, create); err != nil {
			return err
		}
		if err = s.changeWith(ctx, op, identity, edit); !errors.Is(err, errReplaced) {
			break
		}
	}
	return err
}

// errReplaced reports that identity.age has changed since it was opened.
var errReplaced = errors.New("another kitekey has removed or replaced it")

func (s *Store) changeWith(ctx context.Context, op string, identity *age.X25519Identity, edit func(items, alone map[string][]byte) error) error {
	unlock, err := s.lock(ctx, op)
	if err != nil {
		return err
	}
	defer unlock()
	for _, name := range []string{identityFile, identityBackup, itemsFile, itemsBackup} {
		disk.RemoveTemp(s.dir, name)
	}
	// Another process may have changed the passphrase, or removed the store and
	// created it again, since this process opened it. Items encrypted to the old key
	// could not be opened then.
	if !s.current() {
		s.forget()
		e := s.failed(op, vault.ErrUnavailable, errReplaced)
		e.Reason = vault.ReasonReplaced
		return e
	}
	items, err := s.load(op, itemsFile, identity)
	if err != nil {
		return err
	}
	defer erase(items)
	alone := s.copyAlone(identity, items)
	defer erase(alone)
	if err := edit(items, alone); err != nil {
		return err
	}
	return s.writeItems(op, items, alone, identity.Recipient())
}

// writeItems replaces vault.age, reads it back, and replaces its copy, which keeps what
// it alone has. The caller holds the lock.
func (s *Store) writeItems(op string, items, alone map[string][]byte, to ...age.Recipient) error {
	data, err := seal(items, to...)
	if err != nil {
		return s.failed(op, vault.ErrUnavailable, err)
	}
	if err := s.replace(s.path(itemsFile), "", data); err != nil {
		return s.failed(op, vault.ErrUnavailable, err)
	}
	if back, err := os.ReadFile(s.path(itemsFile)); err != nil || !bytes.Equal(back, data) {
		return s.failed(op, vault.ErrUnavailable, errors.Join(errors.New("what was read back is not what was written"), err))
	}
	if len(alone) > 0 {
		all := maps.Clone(items)
		maps.Copy(all, alone)
		if data, err = seal(all, to...); err != nil {
			return s.failed(op, vault.ErrUnavailable, err)
		}
	}
	if err := s.replace(s.path(itemsBackup), "", data); err != nil {
		return s.failed(op, vault.ErrUnavailable, err)
	}
	return nil
}

// current reports whether identity.age is still the file that was opened.
func (s *Store) current() bool {
	now, err := disk.Read(s.path(identityFile), maxIdentity)
	s.slot <- struct{}{}
	defer func() { <-s.slot }()
	return err == nil && bytes.Equal(now, s.wrapped)
}

// lock takes the lock for writers. If it fails, nothing has been written.
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
func seal(items map[string][]byte, to ...age.Recipient) ([]byte, error) {
	plain, err := json.Marshal(itemsJSON{itemsVersion, items})
	defer clear(plain)
	if err != nil {
		return nil, err
	}
	return encrypt(plain, to...)
}

func encrypt(plain []byte, to ...age.Recipient) ([]byte, error) {
	var buf bytes.Buffer
	w, err := age.Encrypt(&buf, to...)
	if err != nil {
		return nil, err
	}
	if _, err = w.Write(plain); err == nil {
		err = w.Close()
	}
	return buf.Bytes(), err
}

// decrypt returns what it could read even if it fails. The caller overwrites it.
func decrypt(data []byte, with ...age.Identity) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(data), with...)
	if err != nil {
		return nil, err
	}
	// Large enough never to grow, which would leave copies behind.
	plain := bytes.NewBuffer(make([]byte, 0, len(data)+bytes.MinRead))
	_, err = plain.ReadFrom(r)
	return plain.Bytes(), err
}

// load decrypts one of the item files. A missing vault.age is an empty one, unless
// its copy exists.
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
		return nil, s.unreadable(op, name, err)
	}
	items, err := unseal(data, identity)
	var newer *vault.NewerError
	if errors.As(err, &newer) {
		newer.Path = s.path(name)
		e := s.failed(op, vault.ErrUnavailable, newer)
		e.Reason, e.Path = vault.ReasonNewerVersion, newer.Path
		return nil, e
	}
	if err != nil {
		return nil, s.damaged(op, name, err)
	}
	return items, nil
}

// unseal is the inverse of seal. Its errors do not quote what it decrypted.
func unseal(data []byte, identity age.Identity) (map[string][]byte, error) {
	plain, err := decrypt(data, identity)
	defer clear(plain)
	if errors.Is(err, age.ErrIncorrectIdentity) {
		return nil, errors.New("it was not written for this identity.age")
	}
	if err != nil {
		return nil, err
	}
	var raw itemsJSON
	if err := json.Unmarshal(plain, &raw); err != nil || raw.Version != itemsVersion {
		erase(raw.Items)
		if err := vault.CheckVersion(plain, itemsVersion); err != nil {
			return nil, err
		}
		return nil, errors.New("it is not what kitekey writes")
	}
	if raw.Items == nil {
		raw.Items = map[string][]byte{}
	}
	return raw.Items, nil
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, name) }

func (s *Store) failed(op string, kind, err error) *vault.StoreError {
	return &vault.StoreError{Op: op, Store: Name, Noun: s.Noun(), Kind: kind, Err: err}
}

// unreadable returns the error of reading a file. A folder, a device or a file that is
// too large to be ours counts as damaged, so that the copy can take its place.
func (s *Store) unreadable(op, name string, err error) error {
	if errors.Is(err, disk.ErrNotRegular) || errors.Is(err, disk.ErrTooLarge) {
		return s.damaged(op, name, disk.SyscallError(err))
	}
	return s.failed(op, vault.ErrUnavailable, err)
}

// damaged returns an error about a whole file. Its kind is not vault.ErrCorrupt,
// which means that one item is lost.
func (s *Store) damaged(op, name string, err error) error {
	e := s.failed(op, vault.ErrUnavailable, fmt.Errorf("%s is %w: %w", s.path(name), ErrDamaged, err))
	e.Reason, e.Path = vault.ReasonDamaged, s.path(name)
	return e
}
