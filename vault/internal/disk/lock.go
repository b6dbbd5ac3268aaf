package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// ErrBusy: another process held a lock for too long. See [BusyError].
var ErrBusy = errors.New("busy")

// ErrNoLocks: the file system has no locks, like some network file systems. Without
// locks two processes would overwrite each other's changes.
var ErrNoLocks = errors.New("the file system has no file locks")

// ErrFolder: the data folder cannot be created or used.
var ErrFolder = errors.New("cannot use the data folder")

// BusyError is an [ErrBusy].
type BusyError struct {
	Name   string        // the lock's name
	Waited time.Duration // how long the caller has waited for it
}

// Error implements error.
func (e *BusyError) Error() string {
	return fmt.Sprintf("another kitekey has held the lock for %v", e.Waited)
}

// Unwrap returns ErrBusy.
func (e *BusyError) Unwrap() error { return ErrBusy }

// Folder is the folder for lock files inside the data folder.
const Folder = "locks"

// How long to wait for another process. The index is held only for a few file
// operations. A profile is held while its token is minted, which depends on the
// gateway.
const (
	IndexWait   = 10 * time.Second
	ProfileWait = 2 * time.Minute
)

// Locker is a set of named locks that hold between goroutines and, with a folder,
// between processes. The operating system releases the locks of a process that
// ends, so that another process can notice the crash and finish the change.
type Locker interface {
	// Lock waits for the lock for at most wait. It fails with ErrBusy or ctx's error.
	Lock(ctx context.Context, name string, wait time.Duration) (unlock func(), err error)
	// TryLock does not wait; ok is false if the lock is taken.
	TryLock(name string) (unlock func(), ok bool, err error)
	// Discard removes the lock of an id that will never be used again. The caller
	// holds it.
	Discard(name string)
}

// FileLocks keeps one lock file per name in a folder.
type FileLocks struct{ Dir string }

func (l FileLocks) path(name string) string { return filepath.Join(l.Dir, name+".lock") }

// Lock implements [Locker]. It does not poll: a goroutine waits in a system call,
// which cannot be cancelled. If the caller gives up first, that goroutine releases
// the lock as soon as it gets it.
func (l FileLocks) Lock(ctx context.Context, name string, wait time.Duration) (func(), error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if unlock, ok, err := l.TryLock(name); err != nil || ok {
		return unlock, err
	}
	type result struct {
		unlock func()
		err    error
	}
	got, givenUp := make(chan result), make(chan struct{})
	defer close(givenUp)
	go func() {
		var r result
		for ok := false; !ok && r.err == nil; {
			r.unlock, ok, r.err = l.lock(name, (*flock.Flock).Lock)
		}
		select {
		case got <- r:
		case <-givenUp:
			if r.err == nil {
				r.unlock()
			}
		}
	}()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case r := <-got:
		return r.unlock, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
		return nil, &BusyError{Name: name, Waited: wait}
	}
}

// TryLock implements [Locker].
func (l FileLocks) TryLock(name string) (func(), bool, error) {
	return l.lock(name, func(f *flock.Flock) error {
		_, err := f.TryLock()
		return err
	})
}

// lock takes the lock with take. ok is false if take did not get it, or if the file
// was discarded between opening and locking it: the lock is worthless then and must
// be taken again.
func (l FileLocks) lock(name string, take func(*flock.Flock) error) (unlock func(), ok bool, err error) {
	f := flock.New(l.path(name), flock.SetFlag(os.O_CREATE|os.O_RDONLY|nonblock), flock.SetPermissions(0o600))
	err = take(f)
	if errors.Is(err, os.ErrNotExist) {
		if err = MakeFolder(l.Dir); err != nil {
			return nil, false, fmt.Errorf("%w: %s: %w", ErrFolder, filepath.Dir(l.Dir), Refused(l.Dir, SyscallError(err)))
		}
		err = take(f)
	}
	switch {
	case noLocks(err):
		return nil, false, fmt.Errorf("%s: %w", l.Dir, ErrNoLocks)
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EROFS):
		return nil, false, fmt.Errorf("%w: %s: %w", ErrFolder, l.Dir, SyscallError(err))
	case err != nil:
		return nil, false, fmt.Errorf("lock %s: %w", l.path(name), Refused(l.path(name), SyscallError(err)))
	}
	inherit(f.Path())
	if !f.Locked() {
		return nil, false, nil
	}
	held, err := f.Stat()
	if err == nil && !held.Mode().IsRegular() {
		_ = f.Unlock()
		return nil, false, fmt.Errorf("lock %s: %w", l.path(name), ErrNotRegular)
	}
	if err == nil {
		var there os.FileInfo
		if there, err = os.Stat(l.path(name)); err == nil && os.SameFile(held, there) {
			return func() { _ = f.Unlock() }, true, nil
		}
	}
	_ = f.Unlock()
	return nil, false, nil
}

// Discard implements [Locker].
func (l FileLocks) Discard(name string) { _ = os.Remove(l.path(name)) }

// MemoryLocks are the locks of a vault that is used by one process only.
type MemoryLocks struct {
	mu   sync.Mutex
	held map[string]chan struct{} // closed when the lock is released
}

// NewMemoryLocks returns an empty set of locks.
func NewMemoryLocks() *MemoryLocks { return &MemoryLocks{held: map[string]chan struct{}{}} }

// Lock implements [Locker].
func (l *MemoryLocks) Lock(ctx context.Context, name string, wait time.Duration) (func(), error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		unlock, released := l.take(name)
		if unlock != nil {
			return unlock, nil
		}
		select {
		case <-released:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-timer.C:
			return nil, &BusyError{Name: name, Waited: wait}
		}
	}
}

// TryLock implements [Locker].
func (l *MemoryLocks) TryLock(name string) (func(), bool, error) {
	unlock, _ := l.take(name)
	return unlock, unlock != nil, nil
}

// take takes a lock that is free, or returns a channel that is closed when it is
// released.
func (l *MemoryLocks) take(name string) (unlock func(), released <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if released, held := l.held[name]; held {
		return nil, released
	}
	done := make(chan struct{})
	l.held[name] = done
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.held, name)
		close(done)
	}, nil
}

// Discard implements [Locker].
func (l *MemoryLocks) Discard(string) {}
