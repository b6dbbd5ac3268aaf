//go:build !windows

package vault_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"kitekey/kite"
	. "kitekey/vault"
	"kitekey/vault/internal/disk"
	"kitekey/vault/storetest"
)

// A pipe or a link in the place of the record of a failure is neither waited for nor
// written through.
func TestToken_FailsThoughItsRecordIsAPipe(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home")
	w := newFixtureIn(t, dir, storetest.NewFaulty(nil))
	p := w.mustAdd(t, "acme")
	w.gateway.err = &kite.Error{Kind: kite.ErrUnreachable, Host: "sandbox.test", Op: "mint a token"}
	other := filepath.Join(t.TempDir(), "other")
	record := filepath.Join(dir, disk.Folder, p.ID+".failed")
	for name, plant := range map[string]func() error{
		"pipe": func() error { return syscall.Mkfifo(record, 0o600) },
		"link": func() error { return os.Symlink(other, record) },
	} {
		_ = os.Remove(record)
		if err := plant(); err != nil {
			t.Fatal(err)
		}
		failed := make(chan error, 1)
		go func() { failed <- second(w.Token(t.Context(), sel("acme"), TokenRequest{Fresh: true})) }()
		select {
		case err := <-failed:
			if !errors.Is(err, kite.ErrUnreachable) {
				t.Errorf("%s: %v", name, err)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: it is waited for", name)
		}
		if _, err := os.Stat(other); err == nil {
			t.Errorf("%s: it was followed", name)
		}
	}
}
