//go:build unix

package disk

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestRead_DoesNotWaitForPipesAndDevices(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, "/dev/zero"} {
		if _, err := Read(path, 1<<20); !errors.Is(err, ErrNotRegular) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestLock_IsARegularFile(t *testing.T) {
	locks := FileLocks{filepath.Join(t.TempDir(), "locks")}
	if err := errors.Join(os.Mkdir(locks.Dir, 0o700), syscall.Mkfifo(locks.path("a"), 0o600)); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() {
		_, err := locks.Lock(t.Context(), "a", time.Minute)
		failed <- err
	}()
	select {
	case err := <-failed:
		if !errors.Is(err, ErrNotRegular) {
			t.Errorf("a pipe as a lock: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("a pipe as a lock is waited for")
	}
}

// A link may lead to /dev/null, which root could replace.
func TestReplace_LeavesDevicesBehindLinksAlone(t *testing.T) {
	dir := t.TempDir()
	device, link := filepath.Join(dir, "device"), filepath.Join(dir, "link")
	if err := errors.Join(syscall.Mkfifo(device, 0o644), os.Symlink(device, link)); err != nil {
		t.Fatal(err)
	}
	if err := Replace(link, "", []byte("x")); !errors.Is(err, ErrNotRegular) {
		t.Error(err)
	}
	if info, err := os.Lstat(device); err != nil || info.Mode() != os.ModeNamedPipe|0o644 {
		t.Error(info.Mode(), err)
	}
}

// KITEKEY_HOME=/dev/null must not close /dev/null to other users.
func TestOwn_ChangesNoModeButAFolders(t *testing.T) {
	device := filepath.Join(t.TempDir(), "device")
	if err := errors.Join(syscall.Mkfifo(device, 0o600), os.Chmod(device, 0o666)); err != nil {
		t.Fatal(err)
	}
	err := Own(device)
	if info, statErr := os.Stat(device); !errors.Is(err, syscall.ENOTDIR) || statErr != nil || info.Mode().Perm() != 0o666 {
		t.Error(info.Mode(), err, statErr)
	}
}
