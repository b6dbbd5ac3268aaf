//go:build !windows

package clipboard

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func hangUp(t *testing.T, pid int) {
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
		t.Error(err)
	}
}

// controlling makes standard input the controlling terminal of a session of its own.
func controlling() *syscall.SysProcAttr { return controllingFrom(0) }

// controllingFrom does so with another standard file.
func controllingFrom(fd int) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: fd}
}

// Another user who can replace the file of the newest copy, or put a pipe in its place,
// would keep the helper from clearing.
func TestMark_IsInNoFolderOfAnotherUser(t *testing.T) {
	own, open, foreign := t.TempDir(), t.TempDir(), t.TempDir()
	if err := errors.Join(os.Chmod(own, 0o700), os.Chmod(open, 0o777)); err != nil {
		t.Fatal(err)
	}
	folders := []string{open, "relative"}
	if os.Getuid() == 0 {
		if err := os.Chown(foreign, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		folders = append(folders, foreign)
	}
	for _, dir := range folders {
		t.Setenv("XDG_RUNTIME_DIR", dir)
		t.Setenv("TMPDIR", dir)
		if m := newMark("X11:0"); m.path != "" || !m.newest() {
			t.Errorf("%s is used", dir)
		}
		t.Setenv("TMPDIR", own)
		if m := newMark("X11:0"); !strings.HasPrefix(m.path, own) {
			t.Errorf("with a runtime folder %s it is in %q", dir, m.path)
		}
	}
}

func TestMark_WaitsForNoPipe(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", dir)
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	m := newMark("X11:0")
	if filepath.Dir(m.path) != dir {
		t.Fatalf("it is in %q", m.path)
	}
	if err := errors.Join(os.Remove(m.path), syscall.Mkfifo(m.path, 0o600)); err != nil {
		t.Fatal(err)
	}
	if !m.newest() {
		t.Error("a pipe counts as a newer copy")
	}
}
