//go:build linux

package cli_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A cached token from an unlocked file store takes as long as one from the keyring,
// measured in turns.
func TestUnlock_TokenCostsWhatOneFromTheKeyringCosts(t *testing.T) {
	if testing.Short() {
		t.Skip("measures time")
	}
	keyring, file := newInstallation(t, "acme"), newInstallation(t, "acme")
	passphrase := filepath.Join(t.TempDir(), "passphrase")
	if err := os.WriteFile(passphrase, []byte(aPassphrase), 0o600); err != nil {
		t.Fatal(err)
	}
	file.env = append(file.env, "KITEKEY_STORE=file")
	unlocked := file.env
	file.env = append(file.env, "KITEKEY_PASSPHRASE_FILE="+passphrase)
	for _, h := range []*installation{keyring, file} {
		h.must(credentialOf("acme"), "add", "acme", "--stdin")
		h.must("", "token", "acme", "--expires-in", "1h")
	}
	took := map[string][]time.Duration{}
	measure := func(name string, h *installation) {
		began := time.Now()
		if out := h.must("", "token", "acme"); !strings.HasPrefix(out, "JWT ") {
			t.Fatalf("%s: %q", name, out)
		}
		took[name] = append(took[name], time.Since(began))
	}
	for range 5 {
		measure("file, locked", file)
	}
	if code, _, errs := file.run("", "unlock", "--for", "10m"); code == 6 && strings.Contains(errs, "the kernel") {
		t.Skip(errs)
	} else if code != 0 {
		t.Fatal(errs)
	}
	t.Cleanup(func() { file.run("", "lock") })
	file.env = unlocked
	for range 40 {
		measure("keyring", keyring)
		measure("file, unlocked", file)
	}
	median := func(name string) time.Duration {
		slices.Sort(took[name])
		return took[name][len(took[name])/2].Round(100 * time.Microsecond)
	}
	k, u, l := median("keyring"), median("file, unlocked"), median("file, locked")
	t.Logf("token from the cache: keyring %v; file store unlocked %v, locked %v", k, u, l)
	if u > 3*k/2 || u > l/3 {
		t.Error("unlocking is not worth it")
	}
}
