package agefile

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"filippo.io/age"
	"golang.org/x/text/unicode/norm"

	"kitekey/kite"
	"kitekey/vault"
)

const nextPassphrase = "another horse for tests"

// identityOf opens an identity.age.
func identityOf(t *testing.T, path, passphrase string) *age.X25519Identity {
	t.Helper()
	wrapped, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	identity, err := unwrapIdentity(wrapped, kite.NewSecret(passphrase))
	if err != nil {
		t.Fatal(err)
	}
	return identity
}

// opens lists the files of the store that an identity opens.
func opens(t *testing.T, dir string, identity age.Identity) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			continue // the folder of the locks
		}
		if plain, _ := decrypt(data, identity); len(plain) > 0 {
			names = append(names, e.Name())
		}
	}
	return names
}

// opensWith returns the files that a passphrase opens.
func opensWith(t *testing.T, dir, passphrase string) (names []string) {
	t.Helper()
	with, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	return opens(t, dir, with)
}

func changePassphrase(t *testing.T, s *Store, to string) error {
	t.Helper()
	return s.ChangePassphrase(t.Context(), (&answers{words: []string{to}}).ask)
}

// A copy of identity.age from before the change, with the old passphrase, opens no
// file of the store.
func TestChangePassphrase_OldIdentityOpensNothing(t *testing.T) {
	dir := filled(t)
	old := identityOf(t, filepath.Join(dir, identityFile), testPassphrase)
	copyTo := func(from, to string) {
		data, err := os.ReadFile(filepath.Join(dir, from))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, to), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{itemsFile, itemsBackup, identityFile, identityBackup} {
		copyTo(name, name+damagedMark)
	}
	if got := opens(t, dir, old); len(got) != 4 {
		t.Fatalf("before the change the identity opens %v", got)
	}
	s, _ := newTestFile(t, dir)
	if err := changePassphrase(t, s, nextPassphrase); err != nil {
		t.Fatal(err)
	}
	if got := append(opens(t, dir, old), opensWith(t, dir, testPassphrase)...); len(got) != 0 {
		t.Errorf("what was known before opens %v", got)
	}
	fresh := identityOf(t, filepath.Join(dir, identityFile), nextPassphrase)
	if got := opens(t, dir, fresh); len(got) != 4 {
		t.Errorf("the new identity opens %v: a copy did not follow", got)
	}
	s, _ = newTestFile(t, dir, nextPassphrase)
	if got, err := s.Get(t.Context(), "k1"); err != nil || string(got) != "v1" {
		t.Errorf("%q %v", got, err)
	}
}

const changerDir = "TEST_CHANGE_PASSPHRASE"

// The helper process is killed at one of its writes.
func TestHelperProcess_ChangesThePassphrase(t *testing.T) {
	dir := os.Getenv(changerDir)
	if dir == "" {
		return // not the other process
	}
	at, _ := strconv.Atoi(os.Getenv("TEST_CHANGE_STEP"))
	s, _ := newTestFile(t, dir)
	replace, step := s.replace, 0
	die := func() {
		if step++; step == at {
			self, _ := os.FindProcess(os.Getpid())
			_ = self.Kill()
			select {}
		}
	}
	s.replace = func(path, backup string, data []byte) error {
		die()
		err := replace(path, backup, data)
		die()
		return err
	}
	if err := changePassphrase(t, s, nextPassphrase); err != nil {
		t.Fatal(err)
	}
	fmt.Println("changed")
}

// The change is killed before and after each of its writes. Each time the store
// opens with one of the two passphrases and has everything in it, and the change is
// finished: nothing opens for both.
func TestChangePassphrase_EveryCrashLeavesOneThatOpens(t *testing.T) {
	for step := 1; ; step++ {
		dir := filled(t)
		old := identityOf(t, filepath.Join(dir, identityFile), testPassphrase)
		cmd := exec.Command(os.Args[0], "-test.run=^TestHelperProcess_ChangesThePassphrase$")
		cmd.Env = append(os.Environ(), changerDir+"="+dir, "TEST_CHANGE_STEP="+strconv.Itoa(step))
		out, err := cmd.CombinedOutput()
		changed := bytes.Contains(out, []byte("changed"))
		if changed != (err == nil) {
			t.Fatalf("step %d: %v: %s", step, err, out)
		}
		passphrase := testPassphrase
		s, _ := newTestFile(t, dir)
		got, err := s.Get(t.Context(), "k1")
		if errors.Is(err, vault.ErrWrongPassphrase) {
			passphrase = nextPassphrase
			s, _ = newTestFile(t, dir, passphrase)
			got, err = s.Get(t.Context(), "k1")
		}
		if err != nil || string(got) != "v1" {
			t.Errorf("step %d: %q %v", step, got, err)
		}
		if changed && passphrase != nextPassphrase {
			t.Errorf("step %d: the old passphrase still opens it", step)
		}
		// Opening has finished the change, whichever passphrase it is.
		mine := identityOf(t, filepath.Join(dir, identityFile), passphrase)
		if names := opens(t, dir, mine); len(names) != 2 {
			t.Errorf("step %d: the identity in use opens %v", step, names)
		}
		if names := opens(t, dir, old); passphrase == nextPassphrase && len(names) != 0 {
			t.Errorf("step %d: the old identity still opens %v", step, names)
		}
		for _, name := range []string{identityBackup, itemsBackup} {
			a, _ := os.ReadFile(filepath.Join(dir, name))
			b, _ := os.ReadFile(filepath.Join(dir, strings.TrimSuffix(name, ".bak")))
			if !bytes.Equal(a, b) {
				t.Errorf("step %d: %s is not the copy that it should be", step, name)
			}
		}
		// The store can be written.
		if err := s.Set(t.Context(), "k2", []byte("v2")); err != nil {
			t.Errorf("step %d: %v", step, err)
		}
		if changed {
			if step < 12 {
				t.Errorf("the change has only %d steps", step)
			}
			return
		}
	}
}

// A process that opened the store before the change neither writes something that
// the new passphrase does not open, nor continues without it.
func TestChangePassphrase_OtherProcessAsksAgain(t *testing.T) {
	dir, ctx := filled(t), t.Context()
	stale, asked := newTestFile(t, dir)
	if _, err := stale.Get(ctx, "k1"); err != nil {
		t.Fatal(err)
	}
	s, _ := newTestFile(t, dir)
	if err := changePassphrase(t, s, nextPassphrase); err != nil {
		t.Fatal(err)
	}
	if err := stale.Set(ctx, "k2", []byte("v2")); !errors.Is(err, vault.ErrWrongPassphrase) {
		t.Errorf("it wrote with the old passphrase: %v", err)
	}
	if _, err := stale.Get(ctx, "k1"); !errors.Is(err, vault.ErrWrongPassphrase) {
		t.Errorf("it read with the old passphrase: %v", err)
	}
	if !stale.Locked() {
		t.Error("it does not say that it needs the passphrase")
	}
	asked.words = []string{nextPassphrase}
	if err := stale.Set(ctx, "k2", []byte("v2")); err != nil {
		t.Error(err)
	}
	s, _ = newTestFile(t, dir, nextPassphrase)
	if keys, err := s.Keys(ctx); err != nil || len(keys) != 2 {
		t.Errorf("%v %v", keys, err)
	}
}

// An item's earlier value, such as a credential that a rotation drops, is in no
// file.
func TestSet_PreviousValueIsInNoFile(t *testing.T) {
	dir := filled(t)
	s, _ := newTestFile(t, dir)
	if err := s.Set(t.Context(), "k1", []byte("v2")); err != nil {
		t.Fatal(err)
	}
	identity := identityOf(t, filepath.Join(dir, identityFile), testPassphrase)
	names := opens(t, dir, identity)
	if len(names) != 2 {
		t.Fatalf("it opens %v", names)
	}
	for _, name := range names {
		data, _ := os.ReadFile(filepath.Join(dir, name))
		items, err := unseal(data, identity)
		if err != nil || string(items["k1"]) != "v2" {
			t.Errorf("%s holds %q, %v", name, items["k1"], err)
		}
	}
}

// Systems differ in whether "é" comes as one character or as two.
func TestPassphrase_ComposedAndDecomposedOpenTheSame(t *testing.T) {
	const text = "pässwörter für Zoë"
	composed, decomposed := norm.NFC.String(text), norm.NFD.String(text)
	mixed := "pässwörter " + norm.NFD.String("für Zoë")
	for _, made := range []string{composed, decomposed, mixed} {
		dir := t.TempDir()
		s, _ := newTestFile(t, dir, made)
		if err := s.Set(t.Context(), "k1", []byte("v1")); err != nil {
			t.Fatal(err)
		}
		for _, given := range []string{composed, decomposed, mixed} {
			s, a := newTestFile(t, dir, given)
			if got, err := s.Get(t.Context(), "k1"); err != nil || string(got) != "v1" || len(a.asked) != 1 {
				t.Errorf("made with %+q, opened with %+q: %q %v", made, given, got, err)
			}
		}
	}
	// An older store, encrypted with the exact bytes of a system that decomposes.
	with, err := age.NewScryptRecipient(decomposed)
	if err != nil {
		t.Fatal(err)
	}
	with.SetWorkFactor(4)
	identity, _ := age.GenerateX25519Identity()
	wrapped, err := encrypt([]byte(identity.String()), with)
	if err != nil {
		t.Fatal(err)
	}
	for _, given := range []string{composed, decomposed} {
		if got, err := unwrapIdentity(wrapped, kite.NewSecret(given)); err != nil || got.String() != identity.String() {
			t.Errorf("opened with %+q: %v", given, err)
		}
	}
}
