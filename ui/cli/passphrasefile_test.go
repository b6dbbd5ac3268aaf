//go:build !windows

package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A source's files decide whom kitekey trusts and as whom it signs in.
func TestVet_RefusesFilesThatOthersCanChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		mode   os.FileMode
		secret bool
		fails  string
		says   string
	}{
		{0o600, true, "", ""},
		{0o600, false, "", ""},
		{0o644, false, "", ""},
		{0o644, true, "", "other users can read the secret id in " + path},
		{0o666, true, "the secret id in " + path + " is not used: every user can change it", ""},
		{0o666, false, "the CA in " + path + " is not trusted: every user can change it", ""},
	} {
		if err := os.Chmod(path, tt.mode); err != nil {
			t.Fatal(err)
		}
		var said bytes.Buffer
		a := &app{System: System{Stderr: &said}}
		err := a.vet(path, tt.secret)
		if (err == nil) != (tt.fails == "") || err != nil && !strings.Contains(err.Error(), tt.fails) ||
			(said.Len() == 0) != (tt.says == "") || !strings.Contains(said.String(), tt.says) {
			t.Errorf("%o, secret %v: %v, %q", tt.mode, tt.secret, err, said.String())
		}
	}
	if err := (&app{}).vet(filepath.Join(t.TempDir(), "none"), true); err != nil {
		t.Errorf("a file that is not there: %v", err) // reading it says so
	}
}
