package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"kitekey/vault"
	"kitekey/vault/internal/disk"
)

// File is a store in a plain JSON file, for tests of several processes. It
// encrypts nothing. [NewFile] makes one.
type File struct{ name, path string }

// NewFile returns a store with a name that keeps its items in the file at path.
func NewFile(name, path string) *File { return &File{name, path} }

func (f *File) failed(op string, kind, err error) error {
	return &vault.StoreError{Op: op, Store: f.name, Kind: kind, Err: err}
}

func (f *File) load(ctx context.Context, op string) (map[string][]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	items := map[string][]byte{}
	var data []byte
	err := disk.RetrySharingViolation(func() (err error) { data, err = os.ReadFile(f.path); return err })
	if errors.Is(err, fs.ErrNotExist) {
		return items, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &items)
	}
	if err != nil {
		return nil, f.failed(op, vault.ErrUnavailable, err)
	}
	return items, nil
}

func (f *File) save(op string, items map[string][]byte) error {
	data, err := json.Marshal(items)
	if err != nil {
		return f.failed(op, vault.ErrUnavailable, err)
	}
	tmp := f.path + strconv.Itoa(os.Getpid())
	if err = os.WriteFile(tmp, data, 0o600); err == nil {
		err = disk.RetrySharingViolation(func() error { return os.Rename(tmp, f.path) })
	}
	if err != nil {
		return f.failed(op, vault.ErrUnavailable, err)
	}
	return nil
}

func (f *File) lock(ctx context.Context) (func(), error) {
	dir, base := filepath.Split(f.path)
	return disk.FileLocks{Dir: dir}.Lock(ctx, base, disk.IndexWait)
}

// Name implements [vault.Store].
func (f *File) Name() string { return f.name }

// Get implements [vault.Store].
func (f *File) Get(ctx context.Context, key string) ([]byte, error) {
	items, err := f.load(ctx, vault.OpRead)
	if err != nil {
		return nil, err
	}
	value, ok := items[key]
	if !ok {
		return nil, f.failed(vault.OpRead, vault.ErrNotFound, nil)
	}
	return value, nil
}

// Set implements [vault.Store].
func (f *File) Set(ctx context.Context, key string, value []byte) error {
	if err := vault.CheckItem(f, key, value); err != nil {
		return err
	}
	unlock, err := f.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	items, err := f.load(ctx, vault.OpWrite)
	if err != nil {
		return err
	}
	items[key] = value
	return f.save(vault.OpWrite, items)
}

// Delete implements [vault.Store].
func (f *File) Delete(ctx context.Context, key string) error {
	unlock, err := f.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	items, err := f.load(ctx, vault.OpDelete)
	if err != nil {
		return err
	}
	if _, ok := items[key]; !ok {
		return f.failed(vault.OpDelete, vault.ErrNotFound, nil)
	}
	delete(items, key)
	return f.save(vault.OpDelete, items)
}

// Keys implements [vault.Lister].
func (f *File) Keys(ctx context.Context) ([]string, error) {
	items, err := f.load(ctx, vault.OpList)
	keys := make([]string, 0, len(items))
	for key := range items {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys, err
}
