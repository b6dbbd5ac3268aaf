package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// ErrBusy means that another process held a lock for too long.
var ErrBusy = errors.New("busy")

// Folder is the folder for lock files inside the data folder.
const Folder = "locks"

// How long to wait for another process. The index is only ever held for a few
// file operations; a profile is held while its token is minted, which the
// gateway may drag out.
const (
	IndexWait   = 10 * time.Second
	ProfileWait = 2 * time.Minute
	lockPoll    = 5 * time.Millisecond
)

// Locker hands out named locks that hold between goroutines and, where there is
// a folder, between processes. The operating system drops a dead process's
// locks, which is how the living know that what it left half done is theirs to
// finish.
type Locker interface {
	// Lock waits for name, at most for wait. It fails with ErrBusy or ctx's error.
	Lock(ctx context.Context, name string, wait time.Duration) (unlock func(), err error)
	// TryLock does not wait; ok is false when somebody else has it.
	TryLock(name string) (unlock func(), ok bool, err error)
	// Discard forgets name, for ids that will never be used again. The caller holds the lock.
	Discard(name string)
}

// FileLocks keeps one lock file per name in a folder.
type FileLocks struct{ Dir string }

func (l FileLocks) path(name string) string { return filepath.Join(l.Dir, name+".lock") }

// Lock implements [Locker].
func (l FileLocks) Lock(ctx context.Context, name string, wait time.Duration) (func(), error) {
	return waitLock(ctx, l, name, wait)
}

// TryLock implements [Locker].
func (l FileLocks) TryLock(name string) (func(), bool, error) {
	f := flock.New(l.path(name), flock.SetPermissions(0o600))
	ok, err := f.TryLock()
	if errors.Is(err, os.ErrNotExist) {
		if err = os.MkdirAll(l.Dir, 0o700); err == nil {
			ok, err = f.TryLock()
		}
	}
	if err != nil {
		return nil, false, fmt.Errorf("lock %s: %w", l.path(name), err)
	}
	if !ok {
		return nil, false, nil
	}
	// The file may have been discarded between opening and locking it: then what
	// we hold is a lock on nothing, and the next comer would get one as well.
	held, err := f.Stat()
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

// MemoryLocks is for a vault that lives in one process only.
type MemoryLocks struct {
	mu   sync.Mutex
	held map[string]bool
}

// NewMemoryLocks returns locks of which none is held.
func NewMemoryLocks() *MemoryLocks { return &MemoryLocks{held: map[string]bool{}} }

// Lock implements [Locker].
func (l *MemoryLocks) Lock(ctx context.Context, name string, wait time.Duration) (func(), error) {
	return waitLock(ctx, l, name, wait)
}

// TryLock implements [Locker].
func (l *MemoryLocks) TryLock(name string) (func(), bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[name] {
		return nil, false, nil
	}
	l.held[name] = true
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.held, name)
	}, true, nil
}

// Discard implements [Locker].
func (l *MemoryLocks) Discard(string) {}

// waitLock polls: a blocking flock cannot be cancelled.
func waitLock(ctx context.Context, l Locker, name string, wait time.Duration) (func(), error) {
	var deadline <-chan time.Time
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		unlock, ok, err := l.TryLock(name)
		if err != nil || ok {
			return unlock, err
		}
		if deadline == nil {
			timer := time.NewTimer(wait)
			defer timer.Stop()
			deadline = timer.C
		}
		poll := time.NewTimer(lockPoll)
		select {
		case <-ctx.Done():
			poll.Stop()
			return nil, ctx.Err()
		case <-deadline:
			poll.Stop()
			return nil, fmt.Errorf("another kitekey has been at work here for %v: %w", wait, ErrBusy)
		case <-poll.C:
		}
	}
}
