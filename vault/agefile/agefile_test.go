package agefile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"

	"kitekey/kite"
	"kitekey/vault"
	"kitekey/vault/internal/disk"
	"kitekey/vault/storetest"
)

const testPassphrase = "correct horse for tests"

// answers returns one passphrase after another and then fails. It records the
// questions.
type answers struct {
	mu    sync.Mutex
	words []string
	asked []vault.Ask
}

func (a *answers) ask(_ context.Context, ask vault.Ask) (kite.Secret, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, ask)
	if ask.Attempt >= len(a.words) {
		return kite.Secret{}, vault.ErrWrongPassphrase
	}
	return kite.NewSecret(a.words[ask.Attempt]), nil
}

func newTestFile(t testing.TB, dir string, words ...string) (*Store, *answers) {
	t.Helper()
	if len(words) == 0 {
		words = []string{testPassphrase}
	}
	a := &answers{words: words}
	f := New(dir, a.ask)
	f.workFactor = 4
	return f, a
}

// filled creates a file store with one item.
func filled(t testing.TB) (dir string) {
	t.Helper()
	dir = t.TempDir()
	f, _ := newTestFile(t, dir)
	if err := f.Set(t.Context(), "k1", []byte("v1")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestStore_OnFiles(t *testing.T) {
	storetest.Run(t, storetest.Suite{Name: Name, Lists: true, Passphrase: testPassphrase, New: func(t *testing.T) storetest.Place {
		dir := filepath.Join(t.TempDir(), "home")
		return func() vault.Store {
			s := New(dir, (&answers{words: []string{testPassphrase}}).ask)
			s.workFactor = 4
			return s
		}
	}})
}

func TestStore_ThatDoesNotExistIsEmptyAndAsksNothing(t *testing.T) {
	dir, ctx := filepath.Join(t.TempDir(), "home"), t.Context()
	f, a := newTestFile(t, dir)
	if _, err := f.Get(ctx, "k1"); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("Get: %v", err)
	}
	if err := f.Delete(ctx, "k1"); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("Delete: %v", err)
	}
	if keys, err := f.Keys(ctx); len(keys) != 0 || err != nil {
		t.Errorf("Keys: %v %v", keys, err)
	}
	if f.Locked() || len(a.asked) != 0 || Exists(dir) {
		t.Errorf("asked %v, exists %v", a.asked, Exists(dir))
	}
}

func TestStore_AsksOncePerProcess(t *testing.T) {
	dir, ctx := filepath.Join(t.TempDir(), "home"), t.Context()
	f, a := newTestFile(t, dir)
	for _, key := range []string{"k1", "k2-token"} {
		if err := f.Set(ctx, key, []byte("v")); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(a.asked, []vault.Ask{{New: true}}) {
		t.Errorf("the first process is asked %v", a.asked)
	}
	g, a := newTestFile(t, dir)
	if !g.Locked() {
		t.Error("another process has it open without the passphrase")
	}
	if keys, err := g.Keys(ctx); err != nil || !slices.Equal(keys, []string{"k1", "k2-token"}) {
		t.Errorf("Keys: %v %v", keys, err)
	}
	if err := g.Delete(ctx, "k1"); err != nil {
		t.Error(err)
	}
	if !slices.Equal(a.asked, []vault.Ask{{}}) || g.Locked() {
		t.Errorf("another process is asked %v, locked %v", a.asked, g.Locked())
	}
}

func TestStore_DeletesForEveryProcessAndFromTheCopy(t *testing.T) {
	dir, ctx := filepath.Join(t.TempDir(), "home"), t.Context()
	f, _ := newTestFile(t, dir)
	for _, key := range []string{"k1", "k2"} {
		if err := f.Set(ctx, key, []byte("v")); err != nil {
			t.Fatal(err)
		}
	}
	g, _ := newTestFile(t, dir) // another process
	if err := g.Delete(ctx, "k1"); err != nil {
		t.Fatal(err)
	}
	if err := g.Delete(ctx, "k1"); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("Delete twice: %v", err)
	}
	for name, s := range map[string]*Store{"its own process": g, "the other": f} {
		if _, err := s.Get(ctx, "k1"); !errors.Is(err, vault.ErrNotFound) {
			t.Errorf("Get in %s: %v", name, err)
		}
	}
	if items, err := g.load("read", itemsBackup, g.identity); err != nil || len(items) != 1 {
		t.Errorf("the copy holds %d items: %v", len(items), err)
	}
}

func TestStore_KeepsTheLargestValueExactly(t *testing.T) {
	f, _ := newTestFile(t, t.TempDir())
	want := bytes.Repeat([]byte{0, 255, '"', '\n'}, vault.MaxPayload/4)
	if err := f.Set(t.Context(), "k1", want); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Get(t.Context(), "k1"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("Get: %q %v", got, err)
	}
}

func TestSet_RefusesWhatNoStoreKeeps(t *testing.T) {
	f, _ := newTestFile(t, filled(t))
	for name, err := range map[string]error{
		"empty":   f.Set(t.Context(), "k3", nil),
		"too big": f.Set(t.Context(), "k3", make([]byte, vault.MaxPayload+1)),
		"key":     f.Set(t.Context(), "K/3", []byte("v")),
	} {
		var se *vault.StoreError
		if !errors.As(err, &se) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUnlock_NeedsTheRightPassphrase(t *testing.T) {
	s, _ := newTestFile(t, filled(t))
	if _, err := s.Get(t.Context(), "k1"); err != nil {
		t.Fatal(err)
	}
	s.Lock()
	if !s.Locked() {
		t.Error("Lock did not lock")
	}
	if err := s.Unlock(t.Context(), kite.NewSecret("another passphrase")); !errors.Is(err, vault.ErrLocked) || !errors.Is(err, vault.ErrWrongPassphrase) {
		t.Errorf("Unlock with a wrong one: %v", err)
	}
	if err := s.Unlock(t.Context(), kite.NewSecret(testPassphrase)); err != nil || s.Locked() {
		t.Errorf("Unlock: %v", err)
	}
}

func TestStore_HoldsNoPlainText(t *testing.T) {
	dir := t.TempDir()
	f, _ := newTestFile(t, dir)
	if err := f.Set(t.Context(), "somekey", []byte("canary-value")); err != nil {
		t.Fatal(err)
	}
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, word := range []string{"canary", "somekey", testPassphrase, "AGE-SECRET-KEY", "Y2FuYXJ5"} {
			if bytes.Contains(data, []byte(word)) {
				t.Errorf("%s holds %q", path, word)
			}
		}
		if info, _ := d.Info(); runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
}

func TestStore_WrongPassphraseChangesNothing(t *testing.T) {
	dir, ctx := filled(t), t.Context()
	before, _ := os.ReadFile(filepath.Join(dir, itemsFile))
	f, a := newTestFile(t, dir, "wrong one here", "and another")
	for name, err := range map[string]error{
		"Get": second(f.Get(ctx, "k1")), "Set": f.Set(ctx, "k1", []byte("x")),
		"Delete": f.Delete(ctx, "k1"), "Keys": second(f.Keys(ctx)),
	} {
		if !errors.Is(err, vault.ErrLocked) || !errors.Is(err, vault.ErrWrongPassphrase) ||
			err.Error() != "the file store is locked (wrong passphrase)" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if want := []vault.Ask{{}, {Attempt: 1}, {Attempt: 2}}; !slices.Equal(a.asked[:3], want) {
		t.Errorf("asked %v", a.asked)
	}
	if after, _ := os.ReadFile(filepath.Join(dir, itemsFile)); !bytes.Equal(before, after) {
		t.Error("vault.age changed")
	}
	// The third answer is right.
	f, _ = newTestFile(t, dir, "wrong one here", "", testPassphrase)
	if got, err := f.Get(ctx, "k1"); err != nil || string(got) != "v1" {
		t.Errorf("%q %v", got, err)
	}
	// Without a user to ask.
	f = New(dir, func(context.Context, vault.Ask) (kite.Secret, error) {
		return kite.Secret{}, errors.New("no terminal")
	})
	if _, err := f.Get(ctx, "k1"); !errors.Is(err, vault.ErrLocked) || !strings.Contains(err.Error(), "no terminal") {
		t.Error(err)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := f.Get(gone, "k1"); !errors.Is(err, context.Canceled) || errors.Is(err, vault.ErrLocked) {
		t.Error(err)
	}
}

func TestStore_ChecksANewPassphrase(t *testing.T) {
	for _, word := range []string{"", "short", "two\nlines of it", "\xff\xfe\xfd not utf-8"} {
		dir := t.TempDir()
		f, _ := newTestFile(t, dir, word)
		if err := f.Set(t.Context(), "k", []byte("v")); !errors.Is(err, vault.ErrBadInput) {
			t.Errorf("%q: %v", word, err)
		}
		if Exists(dir) {
			t.Errorf("%q made a store", word)
		}
	}
}

func TestChangePassphrase_OldOneOpensNothing(t *testing.T) {
	dir, ctx := filled(t), t.Context()
	const next = "another horse for tests"
	f, a := newTestFile(t, dir)
	if _, err := f.Get(ctx, "k1"); err != nil {
		t.Fatal(err)
	}
	to := &answers{words: []string{next}}
	if err := f.ChangePassphrase(ctx, to.ask); err != nil {
		t.Fatal(err)
	}
	if len(a.asked) != 2 || !slices.Equal(to.asked, []vault.Ask{{New: true}}) {
		t.Errorf("asked for the current one %v, the next %v", a.asked, to.asked)
	}
	f, _ = newTestFile(t, dir)
	if _, err := f.Get(ctx, "k1"); !errors.Is(err, vault.ErrWrongPassphrase) {
		t.Errorf("the old one still opens it: %v", err)
	}
	f, _ = newTestFile(t, dir, next)
	if got, err := f.Get(ctx, "k1"); err != nil || string(got) != "v1" {
		t.Errorf("%q %v", got, err)
	}
	a1, _ := os.ReadFile(filepath.Join(dir, identityFile))
	a2, _ := os.ReadFile(filepath.Join(dir, identityBackup))
	if !bytes.Equal(a1, a2) {
		t.Error("the copy of identity.age is another one")
	}
	// A crash after the rename leaves the old copy behind; the next opening repairs
	// it.
	if err := os.WriteFile(filepath.Join(dir, identityBackup), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, _ = newTestFile(t, dir, next)
	if _, err := f.Get(ctx, "k1"); err != nil {
		t.Fatal(err)
	}
	if a2, _ = os.ReadFile(filepath.Join(dir, identityBackup)); !bytes.Equal(a1, a2) {
		t.Error("the copy was not repaired")
	}
	// A new passphrase that is refused changes nothing.
	bad := &answers{words: []string{"short"}}
	if err := f.ChangePassphrase(ctx, bad.ask); !errors.Is(err, vault.ErrBadInput) {
		t.Error(err)
	}
	if now, _ := os.ReadFile(filepath.Join(dir, identityFile)); !bytes.Equal(a1, now) {
		t.Error("identity.age changed")
	}
	none, _ := newTestFile(t, t.TempDir())
	if err := none.ChangePassphrase(ctx, to.ask); !errors.Is(err, vault.ErrNotFound) {
		t.Error(err)
	}
}

func TestStore_SweepsWhatACrashLeft(t *testing.T) {
	dir := filled(t)
	for _, name := range []string{identityFile, identityBackup, itemsFile, itemsBackup} {
		if err := os.WriteFile(filepath.Join(dir, name+disk.TempMark+"123"), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, _ := newTestFile(t, dir)
	if err := f.Set(t.Context(), "k1", []byte("v2")); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*"+disk.TempMark+"*")); len(left) != 0 {
		t.Errorf("stale files: %v", left)
	}
}

func TestStore_TightensPermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no permission bits")
	}
	dir := filled(t)
	for _, name := range []string{identityFile, itemsFile} {
		if err := os.Chmod(filepath.Join(dir, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	f, _ := newTestFile(t, dir)
	if _, err := f.Get(t.Context(), "k1"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{identityFile: 0o600, itemsFile: 0o600, ".": 0o755} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
}

func TestStore_TakesTheCopyWhenAFileIsDamaged(t *testing.T) {
	flip := func(b []byte) []byte { b[len(b)-3] ^= 1; return b }
	cut := func(b []byte) []byte { return b[:len(b)/2] }
	for _, c := range []struct {
		name, file string
		change     func([]byte) []byte // nil removes it
		repairs    bool
	}{
		{"items flipped", itemsFile, flip, true},
		{"items cut", itemsFile, cut, true},
		{"items empty", itemsFile, func([]byte) []byte { return nil }, true},
		{"items gone", itemsFile, nil, true},
		{"items of another store", itemsFile, func([]byte) []byte {
			id, _ := age.GenerateX25519Identity()
			data, _ := seal(map[string][]byte{"k1": []byte("forged")}, id.Recipient())
			return data
		}, true},
		{"identity flipped", identityFile, flip, true},
		{"identity cut", identityFile, cut, true},
		{"identity gone", identityFile, nil, true},
		{"identity asks too much work", identityFile, func(b []byte) []byte {
			return bytes.Replace(b, []byte(" 4\n"), []byte(" 21\n"), 1)
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, ctx := filled(t), t.Context()
			f, _ := newTestFile(t, dir)
			if err := f.Set(ctx, "k2", []byte("v2")); err != nil { // so that vault.age.bak is there
				t.Fatal(err)
			}
			path := filepath.Join(dir, c.file)
			data, _ := os.ReadFile(path)
			if c.change == nil {
				_ = os.Remove(path)
			} else if err := os.WriteFile(path, c.change(data), 0o600); err != nil {
				t.Fatal(err)
			}
			f, _ = newTestFile(t, dir)
			for op, err := range map[string]error{
				"Get": second(f.Get(ctx, "k1")), "Set": f.Set(ctx, "k1", []byte("x")), "Delete": f.Delete(ctx, "k1"),
			} {
				if !errors.Is(err, ErrDamaged) || !errors.Is(err, vault.ErrUnavailable) || errors.Is(err, vault.ErrCorrupt) ||
					errors.Is(err, vault.ErrNotFound) || reasonOf(err) != vault.ReasonDamaged {
					t.Errorf("%s: %v", op, err)
				}
			}
			files, err := f.Restore(ctx)
			if err != nil || !slices.Equal(files, []string{c.file}) {
				t.Fatalf("Restore: %v %v", files, err)
			}
			if got, err := f.Get(ctx, "k1"); err != nil || string(got) != "v1" {
				t.Errorf("after Restore: %q %v", got, err)
			}
			if done, err := f.Restore(ctx); err != nil || len(done) != 0 {
				t.Errorf("Restore of what is well: %v %v", done, err)
			}
		})
	}
}

func TestRestore_MovesAFolderInAFilesPlaceAside(t *testing.T) {
	for _, name := range []string{itemsFile, identityFile} {
		t.Run(name, func(t *testing.T) {
			dir, ctx := filled(t), t.Context()
			path := filepath.Join(dir, name)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
			f, _ := newTestFile(t, dir)
			if _, err := f.Get(ctx, "k1"); reasonOf(err) != vault.ReasonDamaged {
				t.Errorf("Get: %v", err)
			}
			if files, err := f.Restore(ctx); err != nil || !slices.Equal(files, []string{name}) {
				t.Fatalf("Restore: %v %v", files, err)
			}
			if got, err := f.Get(ctx, "k1"); err != nil || string(got) != "v1" {
				t.Errorf("after Restore: %q %v", got, err)
			}
		})
	}
}

// An identity.age that a synchronising tool or a person has taken from another data
// folder opens with the same passphrase, and opens no item.
func TestRestore_TakesTheIdentityThatOpensTheItems(t *testing.T) {
	for _, opened := range []bool{false, true} {
		dir, ctx := filled(t), t.Context()
		theirs, err := os.ReadFile(filepath.Join(filled(t), identityFile))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, identityFile), theirs, 0o600); err != nil {
			t.Fatal(err)
		}
		f, _ := newTestFile(t, dir)
		if opened {
			if _, err := f.Get(ctx, "k1"); reasonOf(err) != vault.ReasonDamaged {
				t.Errorf("Get: %v", err)
			}
		}
		if files, err := f.Restore(ctx); err != nil || !slices.Equal(files, []string{identityFile}) {
			t.Fatalf("Restore: %v %v", files, err)
		}
		if got, err := f.Get(ctx, "k1"); err != nil || string(got) != "v1" {
			t.Errorf("after Restore: %q %v", got, err)
		}
		if kept, err := os.ReadFile(filepath.Join(dir, identityFile+damagedMark)); err != nil || !bytes.Equal(kept, theirs) {
			t.Errorf("the other identity was not kept: %v", err)
		}
	}
}

// A synchronising tool puts an older vault.age in the place of a newer one: what was
// added since is in the copy alone. What was deleted since is not asked for.
func TestRecover_TakesWhatOnlyTheCopyHas(t *testing.T) {
	dir, ctx := filled(t), t.Context()
	path := filepath.Join(dir, itemsFile)
	older, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, _ := newTestFile(t, dir)
	for key, value := range map[string]string{"k1": "changed", "k2": "v2", "k3": "v3"} {
		if err := f.Set(ctx, key, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, older, 0o600); err != nil {
		t.Fatal(err)
	}
	f, _ = newTestFile(t, dir)
	if got, err := f.Get(ctx, "k1"); err != nil || string(got) != "v1" { // reading leaves the copy alone
		t.Errorf("k1 is %q, %v", got, err)
	}
	if err := f.Set(ctx, "k5", []byte("v5")); err != nil { // nor does a change lose what it has
		t.Fatal(err)
	}
	if err := f.ChangePassphrase(ctx, func(context.Context, vault.Ask) (kite.Secret, error) { return kite.NewSecret(testPassphrase), nil }); err != nil {
		t.Fatal(err)
	}
	older, _ = os.ReadFile(path)
	keys := []string{"k1", "k2", "k4"}
	if found, err := f.Recoverable(ctx, keys); err != nil || !slices.Equal(found, []string{"k2"}) {
		t.Errorf("Recoverable: %v, %v", found, err)
	}
	if now, _ := os.ReadFile(path); !bytes.Equal(now, older) {
		t.Error("Recoverable changed the file")
	}
	if found, err := f.Recover(ctx, keys); err != nil || !slices.Equal(found, []string{"k2"}) {
		t.Fatalf("Recover: %v, %v", found, err)
	}
	for key, want := range map[string]string{"k1": "v1", "k2": "v2", "k3": "", "k5": "v5"} {
		if got, _ := f.Get(ctx, key); string(got) != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if found, err := f.Recover(ctx, keys); err != nil || len(found) != 0 {
		t.Errorf("Recover again: %v, %v", found, err)
	}
	none, _ := newTestFile(t, t.TempDir())
	if found, err := none.Recover(ctx, keys); err != nil || len(found) != 0 {
		t.Errorf("Recover without a store: %v, %v", found, err)
	}
}

// A crash in the middle of a deletion leaves the item in the copy. To delete it again
// removes it there.
func TestDelete_RemovesWhatOnlyTheCopyHas(t *testing.T) {
	dir, ctx := filled(t), t.Context()
	f, _ := newTestFile(t, dir)
	if err := f.Set(ctx, "k2", []byte("v2")); err != nil {
		t.Fatal(err)
	}
	f.replace = func(path, backup string, data []byte) error {
		if filepath.Base(path) == itemsBackup {
			return errors.New("killed")
		}
		return disk.Replace(path, backup, data)
	}
	if err := f.Delete(ctx, "k2"); err == nil {
		t.Fatal("Delete was not interrupted")
	}
	f, _ = newTestFile(t, dir)
	if err := f.Delete(ctx, "k2"); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("Delete again: %v", err)
	}
	if found, err := f.Recoverable(ctx, []string{"k2"}); err != nil || len(found) != 0 {
		t.Errorf("the copy still has %v, %v", found, err)
	}
	if got, err := f.Get(ctx, "k1"); err != nil || string(got) != "v1" {
		t.Errorf("k1 is %q, %v", got, err)
	}
}

// A vault.age of a newer kitekey is not damaged: nothing replaces it, whatever it
// holds.
func TestStore_LeavesANewerVaultAlone(t *testing.T) {
	dir, ctx := filled(t), t.Context()
	s, _ := newTestFile(t, dir)
	if err := s.Set(ctx, "k2", []byte("v2")); err != nil { // so that vault.age.bak is there
		t.Fatal(err)
	}
	to := s.identity.Recipient()
	var buf bytes.Buffer
	w, err := age.Encrypt(&buf, to)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write([]byte(`{"version": 2, "items": ["of another shape"]}`))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, itemsFile)
	if err := os.WriteFile(path, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	s, _ = newTestFile(t, dir)
	_, restoreErr := s.Restore(ctx)
	for name, err := range map[string]error{
		"Get": second(s.Get(ctx, "k1")), "Set": s.Set(ctx, "k1", []byte("x")), "Delete": s.Delete(ctx, "k1"),
		"Keys": second(s.Keys(ctx)), "Restore": restoreErr, "Discard": s.Discard(ctx),
	} {
		if !errors.Is(err, vault.ErrNewer) || errors.Is(err, ErrDamaged) || reasonOf(err) != vault.ReasonNewerVersion {
			t.Errorf("%s: %v", name, err)
		}
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, buf.Bytes()) {
		t.Errorf("vault.age was replaced: %v", err)
	}
}

func TestStore_BothCopiesDamagedAreLeftAlone(t *testing.T) {
	for _, names := range [][]string{{itemsFile, itemsBackup}, {identityFile, identityBackup}} {
		dir, ctx := filled(t), t.Context()
		for _, name := range names {
			if err := os.WriteFile(filepath.Join(dir, name), []byte("age-encryption.org/v1\nrubbish"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		f, _ := newTestFile(t, dir)
		if done, err := f.Restore(ctx); !errors.Is(err, ErrDamaged) || len(done) != 0 {
			t.Errorf("%v: %v %v", names, done, err)
		}
		if _, err := os.Stat(filepath.Join(dir, names[0])); err != nil {
			t.Error(err)
		}
	}
}

// writerDir makes this test binary a writer that will be killed.
const writerDir = "TEST_FILE_STORE_WRITER"

// The helper process writes and deletes, and prints each write once it is
// acknowledged.
func TestHelperProcess_WritesUntilKilled(t *testing.T) {
	dir, name := os.Getenv(writerDir), os.Getenv("TEST_FILE_STORE_NAME")
	if dir == "" {
		return // not the other process
	}
	f, _ := newTestFile(t, dir)
	for i := 0; ; i++ {
		key := fmt.Sprintf("%s-%d", name, i)
		if err := f.Set(context.Background(), key, []byte("value of "+key)); err != nil {
			fmt.Println("error:", err)
			return
		}
		fmt.Println("wrote:", key)
		if i%3 == 2 {
			gone := fmt.Sprintf("%s-%d", name, i-1)
			fmt.Println("deleting:", gone)
			if err := f.Delete(context.Background(), gone); err != nil {
				fmt.Println("error:", err)
				return
			}
		}
	}
}

// Four processes write at once and are killed at any moment. Every acknowledged
// write is kept, nothing is torn, and no temporary file stays.
func TestStore_KeepsAcknowledgedWritesWhenKilled(t *testing.T) {
	dir := t.TempDir()
	const rounds, writers = 5, 4
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	wrote, deleting, kills := map[string]bool{}, map[string]bool{}, 0
	for round := range rounds {
		type other struct {
			cmd *exec.Cmd
			out *bytes.Buffer
		}
		var others []other
		for w := range writers {
			cmd := exec.Command(os.Args[0], "-test.run=^TestHelperProcess_WritesUntilKilled$")
			cmd.Env = append(os.Environ(), writerDir+"="+dir, fmt.Sprintf("TEST_FILE_STORE_NAME=r%d-w%d", round, w))
			out := &bytes.Buffer{}
			cmd.Stdout, cmd.Stderr = out, out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			others = append(others, other{cmd, out})
		}
		// A moment during the work, however fast this machine is.
		mine, enough := fmt.Sprintf("r%d-", round), 3+random.IntN(10)
		for deadline := time.Now().Add(time.Minute); ; {
			f, _ := newTestFile(t, dir)
			keys, err := f.Keys(t.Context())
			if err != nil {
				t.Fatalf("a reader beside the writers: %v", err)
			}
			keys = slices.DeleteFunc(keys, func(key string) bool { return !strings.HasPrefix(key, mine) })
			if len(keys) >= enough {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("round %d: %d items after a minute", round, len(keys))
			}
		}
		for _, o := range others {
			time.Sleep(time.Duration(random.IntN(4000)) * time.Microsecond) // a different moment for each
			if o.cmd.Process.Kill() == nil {
				kills++
			}
		}
		for _, o := range others {
			_ = o.cmd.Wait()
			for line := range strings.Lines(o.out.String()) {
				word, key, whole := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
				switch {
				case !strings.HasSuffix(line, "\n") || !whole:
				case word == "wrote":
					wrote[key] = true
				case word == "deleting":
					deleting[key] = true
				case word == "error":
					t.Errorf("a writer: %s", key)
				}
			}
		}
	}
	f, _ := newTestFile(t, dir)
	keys, err := f.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for key := range wrote {
		got, err := f.Get(t.Context(), key)
		if deleting[key] {
			continue
		}
		if err != nil || string(got) != "value of "+key {
			t.Errorf("%s: %q %v", key, got, err)
		}
	}
	if err := f.Set(t.Context(), "last", []byte("v")); err != nil {
		t.Error(err)
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*"+disk.TempMark+"*"))
	t.Logf("%d kills, %d acknowledged writes, %d deletions begun, %d items left", kills, len(wrote), len(deleting), len(keys))
	if len(left) != 0 || len(wrote) == 0 {
		t.Errorf("stale files %v, %d writes", left, len(wrote))
	}
}

// Many goroutines and a vault use the store.
func TestStore_IsSafeForConcurrentUse(t *testing.T) {
	f, a := newTestFile(t, t.TempDir())
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			key := fmt.Sprintf("key-%d", i)
			for range 5 {
				if err := f.Set(t.Context(), key, []byte(key)); err != nil {
					t.Error(err)
				}
				if got, err := f.Get(t.Context(), key); err != nil || string(got) != key {
					t.Errorf("%q %v", got, err)
				}
			}
		})
	}
	wg.Wait()
	if keys, err := f.Keys(t.Context()); len(keys) != 8 || err != nil {
		t.Errorf("%v %v", keys, err)
	}
	if len(a.asked) != 1 {
		t.Errorf("asked %v", a.asked)
	}
}

// FuzzUnseal checks that no vault.age makes the store panic, and that no error
// quotes it.
func FuzzUnseal(f *testing.F) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		f.Fatal(err)
	}
	good, err := seal(map[string][]byte{"k": []byte("v")}, id.Recipient())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte("age-encryption.org/v1\n-> X25519 x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		items, err := unseal(data, id)
		if err == nil && (len(items) != 1 || string(items["k"]) != "v") {
			t.Errorf("%v", items)
		}
	})
}

// Opening costs scrypt; later operations do not.
func BenchmarkFileStore(b *testing.B) {
	for _, profiles := range []int{10, 1000} {
		dir := b.TempDir()
		f, _ := newTestFile(b, dir)
		f.workFactor = defaultWorkFactor
		id, err := f.open(b.Context(), "write", true)
		if err != nil {
			b.Fatal(err)
		}
		items := map[string][]byte{}
		for i := range profiles {
			items[fmt.Sprintf("id%d", i)] = bytes.Repeat([]byte("x"), 300)
			items[fmt.Sprintf("id%d-token", i)] = bytes.Repeat([]byte("x"), 700)
		}
		data, err := seal(items, id.Recipient())
		if err != nil {
			b.Fatal(err)
		}
		if err := disk.Replace(f.path(itemsFile), "", data); err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("open/profiles=%d", profiles), func(b *testing.B) {
			for b.Loop() {
				f.Lock()
				if _, err := f.Get(b.Context(), "id7-token"); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("read/profiles=%d", profiles), func(b *testing.B) {
			for b.Loop() {
				if _, err := f.Get(b.Context(), "id7-token"); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("write/profiles=%d", profiles), func(b *testing.B) {
			for b.Loop() {
				if err := f.Set(b.Context(), "id7-token", []byte("value")); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func reasonOf(err error) vault.Reason {
	var se *vault.StoreError
	if !errors.As(err, &se) {
		return ""
	}
	return se.Reason
}

func second[T any](_ T, err error) error { return err }

// A second repair does not replace what the first has kept.
func TestRestore_KeepsEveryDamagedCopy(t *testing.T) {
	dir := filled(t)
	for n, name := range []string{itemsFile + ".damaged", itemsFile + ".damaged-2"} {
		junk := []byte(fmt.Sprintf("damage number %d", n))
		if err := os.WriteFile(filepath.Join(dir, itemsFile), junk, 0o600); err != nil {
			t.Fatal(err)
		}
		f, _ := newTestFile(t, dir)
		if _, err := f.Restore(t.Context()); err != nil {
			t.Fatal(err)
		}
		if kept, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(kept, junk) {
			t.Errorf("%s holds %q, %v", name, kept, err)
		}
		if kept, err := os.ReadFile(filepath.Join(dir, itemsFile+".damaged")); err != nil || string(kept) != "damage number 0" {
			t.Errorf("the first copy holds %q, %v", kept, err)
		}
	}
}
