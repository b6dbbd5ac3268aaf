package vault

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

// How long to wait for another process. The index is only ever held for a few
// file operations; a profile is held while its token is minted, which the
// gateway may drag out.
const (
	indexWait   = 10 * time.Second
	profileWait = 2 * time.Minute
	lockPoll    = 5 * time.Millisecond
)

// locker hands out named locks that hold between goroutines and, where there is
// a folder, between processes. The operating system drops a dead process's
// locks, which is how the living know that what it left half done is theirs to
// finish.
type locker interface {
	// lock waits for name, at most for wait. It fails with ErrBusy or ctx's error.
	lock(ctx context.Context, name string, wait time.Duration) (unlock func(), err error)
	// tryLock does not wait; ok is false when somebody else has it.
	tryLock(name string) (unlock func(), ok bool, err error)
	// discard forgets name, for ids that will never be used again. The caller holds the lock.
	discard(name string)
}

// fileLocks keeps one lock file per name in a folder.
type fileLocks struct{ dir string }

func (l fileLocks) path(name string) string { return filepath.Join(l.dir, name+".lock") }

func (l fileLocks) lock(ctx context.Context, name string, wait time.Duration) (func(), error) {
	return waitLock(ctx, l, name, wait)
}

func (l fileLocks) tryLock(name string) (func(), bool, error) {
	f := flock.New(l.path(name), flock.SetPermissions(0o600))
	ok, err := f.TryLock()
	if errors.Is(err, os.ErrNotExist) {
		if err = os.MkdirAll(l.dir, 0o700); err == nil {
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

func (l fileLocks) discard(name string) { _ = os.Remove(l.path(name)) }

// memoryLocks is for a vault that lives in one process only.
type memoryLocks struct {
	mu   sync.Mutex
	held map[string]bool
}

func (l *memoryLocks) lock(ctx context.Context, name string, wait time.Duration) (func(), error) {
	return waitLock(ctx, l, name, wait)
}

func (l *memoryLocks) tryLock(name string) (func(), bool, error) {
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

func (l *memoryLocks) discard(string) {}

// waitLock polls: a blocking flock cannot be cancelled.
func waitLock(ctx context.Context, l locker, name string, wait time.Duration) (func(), error) {
	var deadline <-chan time.Time
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		unlock, ok, err := l.tryLock(name)
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
