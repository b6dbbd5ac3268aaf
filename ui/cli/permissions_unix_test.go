//go:build !windows

package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A folder that every user can write to, such as /tmp, may hold another user's
// file.
func TestDirectoryAccount_IgnoresAnotherUsersFile(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give a file away")
	}
	outer := t.TempDir()
	inner := filepath.Join(outer, "inner")
	if err := os.Mkdir(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(inner, directoryFile)
	for path, account := range map[string]string{filepath.Join(outer, directoryFile): "acme", file: "evil"} {
		if err := os.WriteFile(path, []byte("\ufeff"+account+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	read := func() (string, string) {
		var stderr bytes.Buffer
		a := &app{System: System{Dir: inner, Stderr: &stderr}}
		_, account, err := a.directoryAccount()
		if err != nil {
			t.Fatal(err)
		}
		return account, stderr.String()
	}
	if account, _ := read(); account != "evil" {
		t.Fatalf("one's own file names %q", account)
	}
	if err := os.Chmod(file, 0o666); err != nil {
		t.Fatal(err)
	}
	if account, said := read(); account != "acme" || !strings.Contains(said, "can be changed by every user") {
		t.Errorf("%q, %q", account, said)
	}
	if err := errors.Join(os.Chmod(file, 0o664), os.Chown(file, 12345, 12345)); err != nil {
		t.Fatal(err)
	}
	if account, said := read(); account != "acme" || !strings.Contains(said, "belongs to another user") {
		t.Errorf("%q, %q", account, said)
	}
	// Another user's link to one of our own files is refused too.
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	mine := filepath.Join(t.TempDir(), "mine")
	if err := os.WriteFile(mine, []byte("evil"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(mine, file); err != nil {
		t.Fatal(err)
	}
	if err := os.Lchown(file, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if account, _ := read(); account != "acme" {
		t.Errorf("through another user's link: %q", account)
	}
}
