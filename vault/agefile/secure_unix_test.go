//go:build !windows

package agefile

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A link may lead to /dev/null, whose mode is not kitekey's to change.
func TestSecure_ChangesNoModeOfDevices(t *testing.T) {
	dir := t.TempDir()
	device := filepath.Join(t.TempDir(), "device")
	err := errors.Join(syscall.Mkfifo(device, 0o600), os.Chmod(device, 0o666), os.Symlink(device, filepath.Join(dir, itemsBackup)), secure(dir, itemsBackup))
	if info, statErr := os.Stat(device); err != nil || statErr != nil || info.Mode().Perm() != 0o666 {
		t.Error(info.Mode(), err, statErr)
	}
}
