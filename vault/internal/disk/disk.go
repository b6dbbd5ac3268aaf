// Package disk reads, replaces and locks kitekey's own files: a crash at any moment
// leaves either the whole old content or the whole new one, and several processes
// change a file one after another.
package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Replace puts data in path's place so that a crash at any moment leaves the
// old content or the new one, whole: a temporary file in the same folder, synced,
// renamed over the old one, and the folder synced. With backup, what was there
// before is kept under that name. Where path is a link of this user's, as people keep
// one to a folder that they synchronise, the file that it leads to is replaced; a
// link to a device, such as /dev/null, is an error. The caller holds the lock that
// guards path.
func Replace(path, backup string, data []byte) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("cannot write %s: %w", path, Refused(path, SyscallError(err)))
		}
	}()
	if target := follow(path); target != path {
		if info, err := os.Lstat(target); err == nil && !info.Mode().IsRegular() {
			return ErrNotRegular
		}
		path = target
	}
	dir := filepath.Dir(path)
	RemoveTemp(dir, filepath.Base(path))
	f, err := os.CreateTemp(dir, filepath.Base(path)+TempMark+"*") // 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already when all went well
	inherit(f.Name())
	if _, err = f.Write(data); err == nil {
		err = synced(f)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if backup != "" {
		if err = keepBackup(path, backup); err != nil {
			return err
		}
	}
	if err = RetrySharingViolation(func() error { return os.Rename(f.Name(), path) }); err != nil {
		return err
	}
	return SyncDir(dir)
}

// SyscallError returns the system's error without its path: the path of a temporary
// file means nothing to a user.
func SyscallError(err error) error {
	var inner *fs.PathError
	if errors.As(err, &inner) {
		return inner.Err
	}
	return err
}

// RetrySharingViolation repeats op for up to 2 s while Windows refuses it: there a
// file that another process reads cannot be replaced, and one that is being
// replaced cannot be read.
func RetrySharingViolation(op func() error) error {
	for end := time.Now().Add(2 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		err := op()
		const violation = syscall.Errno(32) // ERROR_SHARING_VIOLATION
		refused := errors.Is(err, fs.ErrPermission) || errors.Is(err, violation)
		if runtime.GOOS != "windows" || !refused || time.Now().After(end) {
			return err
		}
	}
}

// TempMark is part of the names of temporary files, so that those left by a crash
// can be recognised.
const TempMark = ".tmp-"

// RemoveTemp removes the temporary files of base that crashes left behind.
func RemoveTemp(dir, base string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), base+TempMark) {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// keepBackup gives the file at path a second name. A link costs nothing, and is
// safe because the file will be replaced, not changed. If links are not possible,
// the file is copied.
func keepBackup(path, backup string) error {
	tmp := backup + TempMark + "link"
	_ = os.Remove(tmp)
	err := os.Link(path, tmp)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // no file to keep yet
	case err != nil:
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(tmp, data, 0o600); err != nil {
			return err
		}
	}
	err = RetrySharingViolation(func() error { return os.Rename(tmp, backup) })
	_ = os.Remove(tmp) // renaming a link over a link to the same file leaves both
	return err
}

// SyncDir makes a rename durable. Windows has no such call and needs none.
func SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(synced(d), d.Close())
}

// synced syncs a file or a folder, where the file system can: some network and shared
// file systems refuse it, mostly for folders. There the data is as durable as it can be.
func synced(f interface{ Sync() error }) error {
	if err := f.Sync(); !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

// follow gives the file that path leads to when it is a link of this user's, whether
// or not there is one yet.
func follow(path string) string {
	for range 40 { // as many as Linux follows
		info, err := os.Lstat(path)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 || !ours(info) {
			return path
		}
		to, err := os.Readlink(path)
		if err != nil {
			return path
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	return path
}

// MakeFolder is [os.MkdirAll] for a folder of ours.
func MakeFolder(dir string) error {
	var made []string
	for d := filepath.Clean(dir); !exists(d) && d != filepath.Dir(d); d = filepath.Dir(d) {
		made = append(made, d)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, d := range slices.Backward(made) { // the outermost first: the others inherit from it
		inherit(d)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// AccessError: this user may not use one of our files. Root leaves such files behind
// when it makes them, as other users do.
type AccessError struct {
	Path  string
	Owner string // who else it belongs to, "" when it is this user's or cannot be told
	Err   error
}

// Error implements error.
func (e *AccessError) Error() string {
	if e.Owner == "" {
		return e.Err.Error()
	}
	return e.Err.Error() + ", because it belongs to " + e.Owner
}

// Unwrap gives the cause.
func (e *AccessError) Unwrap() error { return e.Err }

// Refused makes an [*AccessError] of a refusal; another err stays as it is.
func Refused(path string, err error) error {
	var already *AccessError
	if err == nil || !errors.Is(err, fs.ErrPermission) || errors.As(err, &already) {
		return err
	}
	return &AccessError{Path: path, Owner: Foreign(path), Err: err}
}

// SetAside gives a damaged file at path a second name, before it is replaced:
// path.damaged, or the first of path.damaged-2, path.damaged-3 … that is free.
// Anything that is not a file is moved there. SetAside does nothing if path does
// not exist.
func SetAside(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	to := path + ".damaged"
	for n := 2; ; n++ {
		if _, err := os.Lstat(to); errors.Is(err, fs.ErrNotExist) {
			break
		}
		to = fmt.Sprintf("%s.damaged-%d", path, n)
	}
	if info.Mode().IsRegular() && os.Link(path, to) == nil {
		return nil
	}
	return RetrySharingViolation(func() error { return os.Rename(path, to) })
}
