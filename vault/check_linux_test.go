package vault_test

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	. "kitekey/vault"
	"kitekey/vault/internal/disk"
)

// The folder is the kernel's own, which not even root can write to. The error must
// not name a temporary file.
func TestWritable_NamesTheFolderOnly(t *testing.T) {
	dir := "/proc/self/fdinfo"
	if err := Writable(dir); err == nil || strings.Contains(err.Error(), disk.TempMark) {
		t.Errorf("writable says %v", err)
	}
	if err := Writable(t.TempDir()); err != nil {
		t.Errorf("a writable folder: %v", err)
	}
	err := disk.Replace(dir+"/index.json", "", []byte("{}"))
	if err == nil || !strings.HasPrefix(err.Error(), "cannot write "+dir+"/index.json: ") || strings.Contains(err.Error(), disk.TempMark) {
		t.Errorf("replaceFile says %v", err)
	}
	full := &os.PathError{Op: "write", Path: "x" + disk.TempMark + "1", Err: syscall.ENOSPC}
	if got := disk.SyscallError(full); !errors.Is(got, syscall.ENOSPC) || got.Error() != "no space left on device" {
		t.Errorf("cause is %v", got)
	}
}
