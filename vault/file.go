package vault

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

	"kitekey/kite"
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

// File is a [Store] for machines without a keyring: one file, encrypted with age
// and opened with a passphrase.
//
// The passphrase opens identity.age, which is slow on purpose and done once per
// process; identity.age opens vault.age, which is quick. So a read costs little
// after the first, and changing the passphrase rewrites identity.age alone.
//
// Readers need no lock because vault.age is replaced in one step; writers hold a
// lock around reading, changing and replacing.
type File struct {
	dir        string
	ask        Passphrase
	locks      disk.Locker
	workFactor int           // see SetWorkFactor
	slot       chan struct{} // held while identity is looked at: one question at a time
	identity   *age.X25519Identity
	wrapped    []byte // the identity.age that identity came from
}

// NewFile returns the store kept in folder dir, which is made with the first
// item. ask is called when a passphrase is needed, at most once at a time.
func NewFile(dir string, ask Passphrase) *File {
	return &File{
		dir: dir, ask: ask, locks: disk.FileLocks{Dir: filepath.Join(dir, disk.Folder)},
		workFactor: defaultWorkFactor, slot: make(chan struct{}, 1),
	}
}

// SetWorkFactor sets how slow opening with a passphrase is made when one is set,
// as the power of two that scrypt goes by; without it that is some 0.6 s. Tests
// make it quick.
func (f *File) SetWorkFactor(n int) { f.workFactor = n }

// FileExists reports whether a file store has been made in dir.
func FileExists(dir string) bool {
	for _, name := range []string{identityFile, identityBackup, itemsFile, itemsBackup} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

const fileStoreName = "file"

// Name gives "file".
func (f *File) Name() string { return fileStoreName }

// Get implements [Store].
func (f *File) Get(ctx context.Context, key string) ([]byte, error) {
	items, err := f.items(ctx, "read")
	if err != nil {
		return nil, err
	}
	value, ok := items[key]
	if !ok {
		return nil, f.failed("read", ErrNotFound, nil, "")
	}
	if len(value) == 0 {
		return nil, f.failed("read", ErrCorrupt, errEmpty, "")
	}
	return value, nil
}

// Set implements [Store]. The first one makes the store and asks for a new
// passphrase.
func (f *File) Set(ctx context.Context, key string, value []byte) error {
	switch err := validKey(key); {
	case err != nil:
		return f.failed("write", ErrUnavailable, err, "")
	case len(value) > MaxPayload:
		return f.failed("write", ErrTooBig, nil, "")
	case len(value) == 0:
		return f.failed("write", ErrCorrupt, errors.New("an empty value means a damaged item"), "")
	}
	identity, err := f.open(ctx, "write", true)
	if err != nil {
		return err
	}
	return f.change(ctx, "write", identity, func(items map[string][]byte) error {
		items[key] = bytes.Clone(value)
		return nil
	})
}

// Delete implements [Store]. What is deleted is gone from the copy that is kept
// of vault.age too.
func (f *File) Delete(ctx context.Context, key string) error {
	identity, err := f.open(ctx, "delete", false)
	if errors.Is(err, errNoFileStore) {
		return f.failed("delete", ErrNotFound, nil, "")
	}
	if err != nil {
		return err
	}
	return f.change(ctx, "delete", identity, func(items map[string][]byte) error {
		if _, ok := items[key]; !ok {
			return f.failed("delete", ErrNotFound, nil, "")
		}
		delete(items, key)
		return nil
	})
}

// Keys implements [Lister].
func (f *File) Keys(ctx context.Context) ([]string, error) {
	items, err := f.items(ctx, "list")
	keys := make([]string, 0, len(items))
	for key := range items {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys, err
}

// items reads everything. A store that was never made has none.
func (f *File) items(ctx context.Context, op string) (map[string][]byte, error) {
	identity, err := f.open(ctx, op, false)
	if errors.Is(err, errNoFileStore) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return f.load(op, itemsFile, identity)
}

// change replaces vault.age with what edit makes of its items, and reads it back.
func (f *File) change(ctx context.Context, op string, identity *age.X25519Identity, edit func(map[string][]byte) error) error {
	unlock, err := f.lock(ctx, op)
	if err != nil {
		return err
	}
	defer unlock()
	for _, name := range []string{identityFile, identityBackup, itemsFile, itemsBackup} {
		disk.Sweep(f.dir, name)
	}
	if err := f.stillOurs(op); err != nil {
		return err
	}
	items, err := f.load(op, itemsFile, identity)
	if err != nil {
		return err
	}
	if err := edit(items); err != nil {
		return err
	}
	data, err := seal(items, identity.Recipient())
	if err != nil {
		return f.failed(op, ErrUnavailable, err, "")
	}
	if err := disk.Replace(f.path(itemsFile), f.path(itemsBackup), data); err != nil {
		return f.failed(op, ErrUnavailable, err, "")
	}
	if op == "delete" {
		if err := disk.Replace(f.path(itemsBackup), "", data); err != nil {
			return f.failed(op, ErrUnavailable, err, "")
		}
	}
	if back, err := os.ReadFile(f.path(itemsFile)); err != nil || !bytes.Equal(back, data) {
		return f.failed(op, ErrUnavailable, errors.Join(errors.New("what was written does not read back"), err), "")
	}
	return nil
}

// stillOurs keeps a process that has been running for long from writing what
// nobody could open: the store may have been emptied, removed and made anew by
// others. The caller holds the lock.
func (f *File) stillOurs(op string) error {
	f.slot <- struct{}{}
	defer func() { <-f.slot }()
	now, err := disk.Read(f.path(identityFile), maxIdentity)
	if err == nil && bytes.Equal(now, f.wrapped) {
		return nil
	}
	// With another passphrase on the same identity, vault.age says which it is.
	if _, missing := os.Lstat(f.path(itemsFile)); err == nil && missing == nil {
		return nil
	}
	f.identity, f.wrapped = nil, nil
	return f.failed(op, ErrUnavailable, errors.New("another kitekey has removed or replaced it"), "try again")
}

// lock is for writers. Not getting it means that nothing was written.
func (f *File) lock(ctx context.Context, op string) (func(), error) {
	unlock, err := f.locks.Lock(ctx, itemsLock, disk.IndexWait)
	if errors.Is(err, ErrBusy) {
		return nil, f.failed(op, ErrBusy, err, "")
	}
	if err != nil && ctx.Err() == nil {
		return nil, f.failed(op, ErrUnavailable, err, "")
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
func (f *File) load(op, name string, identity age.Identity) (map[string][]byte, error) {
	_, err := os.Lstat(f.path(itemsBackup))
	before := err == nil
	data, err := disk.Read(f.path(name), maxItems)
	switch {
	case errors.Is(err, fs.ErrNotExist) && before:
		return nil, f.damaged(op, name, errors.New("it is gone"))
	case errors.Is(err, fs.ErrNotExist):
		return map[string][]byte{}, nil
	}
	if err != nil {
		return nil, f.failed(op, ErrUnavailable, err, "")
	}
	items, err := unseal(data, identity)
	if err != nil {
		return nil, f.damaged(op, name, err)
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

func (f *File) path(name string) string { return filepath.Join(f.dir, name) }

func (f *File) failed(op string, kind, err error, hint string) error {
	return &StoreError{Op: op, Store: f.Name(), Kind: kind, Hint: hint, Err: err}
}

// damaged is an error about a whole file. Its kind is not ErrCorrupt, which
// speaks of one item that is lost.
func (f *File) damaged(op, name string, err error) error {
	return f.failed(op, ErrUnavailable, fmt.Errorf("%s is %w: %w", f.path(name), ErrDamaged, err),
		`"kitekey doctor --repair" puts the last good copy back`)
}

// Passphrase gives the file store's passphrase: typed, or read from a file. Its
// error ends the operation that needed it; ErrWrongPassphrase when it has no
// other answer to a further attempt.
type Passphrase func(ctx context.Context, ask Ask) (kite.Secret, error)

// Ask is what a passphrase is wanted for.
type Ask struct {
	New     bool // a new one, for a new store or in place of the present one: best asked for twice
	Attempt int  // 0, then how many of this operation's answers were wrong
}
