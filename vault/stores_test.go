package vault_test

import (
	"context"
	"testing"

	"kitekey/kite"
	. "kitekey/vault"
	"kitekey/vault/agefile"
)

const testPassphrase = "correct horse for tests"

// newFileStore returns a file store in dir that is opened with testPassphrase, or
// with the given one.
func newFileStore(t testing.TB, dir string, passphrase ...string) *agefile.Store {
	t.Helper()
	passphrase = append(passphrase, testPassphrase)
	s := agefile.New(dir, func(_ context.Context, ask Ask) (kite.Secret, error) {
		if ask.Attempt > 0 {
			return kite.Secret{}, ErrWrongPassphrase
		}
		return kite.NewSecret(passphrase[0]), nil
	})
	s.SetWorkFactor(4)
	return s
}
