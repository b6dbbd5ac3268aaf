package disk

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

func TestRead_OpensRegularFilesOnly(t *testing.T) {
	dir := t.TempDir()
	file, big := filepath.Join(dir, "file"), filepath.Join(dir, "big")
	if err := errors.Join(os.WriteFile(file, []byte("content"), 0o600), os.WriteFile(big, nil, 0o600), os.Truncate(big, 20<<30)); err != nil {
		t.Fatal(err)
	}
	if data, err := Read(file, 7); err != nil || string(data) != "content" {
		t.Errorf("%q %v", data, err)
	}
	for name, c := range map[string]struct {
		path string
		want error
	}{
		"over the limit": {file, ErrTooLarge}, "20 GB, sparse": {big, ErrTooLarge}, "a folder": {dir, ErrNotRegular}, "nothing": {file + "x", fs.ErrNotExist},
	} {
		if _, err := Read(c.path, 6); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLock_WaitsForTheHolderAndGivesUp(t *testing.T) {
	for name, locks := range map[string]Locker{"files": FileLocks{filepath.Join(t.TempDir(), "locks")}, "memory": NewMemoryLocks()} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			release, err := locks.Lock(ctx, "a", time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok, err := locks.TryLock("a"); ok || err != nil {
				t.Errorf("locked twice: %v", err)
			}
			var busy *BusyError
			if _, err := locks.Lock(ctx, "a", time.Millisecond); !errors.As(err, &busy) || !errors.Is(err, ErrBusy) || busy.Name != "a" {
				t.Errorf("%v", err)
			}
			gone, cancel := context.WithCancel(ctx)
			cancel()
			if _, err := locks.Lock(gone, "a", time.Hour); !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
			var released atomic.Bool
			got := make(chan bool)
			go func() {
				unlock, err := locks.Lock(ctx, "a", time.Minute)
				got <- err == nil && released.Load()
				unlock()
			}()
			time.AfterFunc(20*time.Millisecond, func() {
				released.Store(true)
				release()
			})
			if !<-got {
				t.Error("the waiter had the lock too early")
			}
			// The caller that gave up does not get the lock later.
			unlock, err := locks.Lock(ctx, "a", time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			unlock()
		})
	}
}
