package vault_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"kitekey/kite"
	. "kitekey/vault"
	"kitekey/vault/agefile"
	"kitekey/vault/storetest"
)

// moving returns a fixture whose store is called "keyring", and a file store to move
// to.
func moving(t *testing.T, names ...string) (*fixture, *agefile.Store) {
	t.Helper()
	w := newFixture(t)
	w.store.Named("keyring")
	for _, name := range names {
		w.mustAdd(t, name)
	}
	f := newFileStore(t, w.dir)
	return w, f
}

// on returns a vault on another store of the same folder.
func (w *fixture) on(t *testing.T, s Store) *Vault {
	t.Helper()
	v, err := Open(Options{Dir: w.dir, Store: s, Gateway: func(kite.Environment) Gateway { return w.gateway }, Now: w.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// wantAll checks that v has exactly those credentials, and that other has none.
func wantAll(t *testing.T, v *Vault, other Store, names ...string) {
	t.Helper()
	list, err := v.List()
	if err != nil || len(list) != len(names) {
		t.Errorf("%d profiles (%v), want %d", len(list), err, len(names))
	}
	for _, name := range names {
		c, err := v.Credential(t.Context(), sel(name))
		if err != nil || !SameCredential(c, credential(name)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if keys, err := other.(Lister).Keys(t.Context()); err != nil || len(keys) != 0 {
		t.Errorf("the other store still has %d items: %v", len(keys), err)
	}
	if _, _, pending := MigrationPending(v.Dir()); pending {
		t.Error("a migration is pending")
	}
}

func TestMigrate_MovesAllThereAndBack(t *testing.T) {
	names := []string{"acme", "acme/live", "coral"}
	w, f := moving(t, names...)
	ctx := t.Context()
	tok, err := w.Token(ctx, sel("acme"), TokenRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.store.Inner().Delete(ctx, mustLookup(t, w.Vault, "coral").ID); err != nil {
		t.Fatal(err)
	}
	plan, err := w.PlanMigration(ctx, f)
	if err != nil || len(plan.Moved) != 2 || !slices.Equal(plan.Empty, []Selector{sel("coral")}) || agefile.Exists(w.dir) {
		t.Errorf("plan %+v %v", plan, err)
	}
	var seen []int
	m, err := w.Migrate(ctx, f, func(done, total int) { seen = append(seen, done, total) })
	if err != nil || !slices.Equal(m.Moved, plan.Moved) || !slices.Equal(m.Empty, plan.Empty) || !slices.Equal(seen, []int{1, 3, 2, 3, 3, 3}) {
		t.Fatalf("%+v %v %v", m, seen, err)
	}
	v := w.on(t, f)
	mints := w.gateway.count()
	if again, err := v.Token(ctx, sel("acme"), TokenRequest{}); err != nil || again.Minted || !again.Value.Equal(tok.Value) {
		t.Errorf("the token did not come along: %v", err)
	}
	if w.gateway.count() != mints || StoreInUse(w.dir) != "file" {
		t.Errorf("minted, or store in use %q", StoreInUse(w.dir))
	}
	// A process that still has the old store open gets an error, and writes nothing
	// there.
	for name, err := range map[string]error{
		"Token": second(w.Token(ctx, sel("acme"), TokenRequest{Fresh: true})), "Remove": w.Remove(ctx, sel("acme")),
		"Replace": second(w.Replace(ctx, sel("acme"), credential("x"))),
		"Add":     second(w.Add(ctx, NewProfile{Selector: sel("dune"), Credential: credential("dune")})),
	} {
		if !errors.Is(err, ErrOtherStore) {
			t.Errorf("%s with the old store: %v", name, err)
		}
	}
	if err := v.Remove(ctx, sel("coral")); err != nil {
		t.Error(err)
	}
	wantAll(t, v, w.store, "acme", "acme/live")
	if _, err := v.Migrate(ctx, f, nil); !errors.Is(err, ErrBadInput) {
		t.Errorf("to where everything is: %v", err)
	}

	// Move back: the file store is removed.
	if _, err := v.Migrate(ctx, w.CurrentStore(), nil); err != nil {
		t.Fatal(err)
	}
	wantAll(t, w.Vault, f, "acme", "acme/live")
	if agefile.Exists(w.dir) {
		t.Error("an empty file store stays behind")
	}
}

func mustLookup(t *testing.T, v *Vault, name string) Profile {
	t.Helper()
	p, err := v.Lookup(sel(name))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var errDiskFull = &StoreError{Op: "write", Store: "file", Kind: ErrUnavailable, Err: errors.New("no space left on device")}

// full returns s on a disk that is full after n calls of op.
func full(s Store, n int, op string) *storetest.Faulty {
	f := storetest.NewFaulty(s)
	f.On(storetest.FailAfter(n, op, errDiskFull), nil)
	return f
}

// moved are the profiles of the tests of failures.
var moved = []string{"acme", "acme/live", "coral"}

func TestMigrate_FailedCopyMovesNothing(t *testing.T) {
	w, f := moving(t, moved...)
	if _, err := w.Migrate(t.Context(), full(f, 2, OpWrite), nil); !errors.Is(err, ErrUnavailable) {
		t.Fatal(err)
	}
	wantAll(t, w.Vault, f, moved...)
}

func TestMigrate_LeavesANoteWhenClearingFailsToo(t *testing.T) {
	w, f := moving(t, moved...)
	disk := full(full(f, 2, OpWrite), 1, OpDelete)
	if _, err := w.Migrate(t.Context(), disk, nil); !errors.Is(err, ErrUnavailable) {
		t.Fatal(err)
	}
	if from, to, pending := MigrationPending(w.dir); from != "keyring" || to != "file" || !pending {
		t.Error("no note of the copies")
	}
	if n, err := w.ClearMigration(t.Context(), f); n != 3 || err != nil {
		t.Error(n, err)
	}
	wantAll(t, w.Vault, f, moved...)
}

func TestMigrate_FailedDeletionIsFinishedLater(t *testing.T) {
	w, f := moving(t, moved...)
	good := w.CurrentStore()
	w.SetStore(full(good, 2, OpDelete))
	if _, err := w.Migrate(t.Context(), f, nil); !errors.Is(err, ErrUnavailable) {
		t.Fatal(err)
	}
	v := w.on(t, f)
	// A profile that is removed meanwhile is deleted from the old store too.
	if err := v.Remove(t.Context(), sel("coral")); err != nil {
		t.Fatal(err)
	}
	if n, err := v.ClearMigration(t.Context(), good); n != 3 || err != nil {
		t.Error(n, err)
	}
	wantAll(t, v, w.store, "acme", "acme/live")
}

func TestMigrate_LosesNothingWhenTheIndexIsLostToo(t *testing.T) {
	w, f := moving(t, moved...)
	good := w.CurrentStore()
	if _, err := w.Migrate(t.Context(), full(full(f, 2, OpWrite), 1, OpDelete), nil); !errors.Is(err, ErrUnavailable) {
		t.Fatal(err)
	}
	for _, name := range []string{IndexFile, IndexBackup} {
		if err := os.Remove(filepath.Join(w.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	v := w.on(t, f) // the file store has some of the items
	had, err := w.store.Keys(t.Context())
	if err != nil || len(had) != len(moved) {
		t.Fatal(had, err)
	}
	if _, err := v.ClearMigration(t.Context(), good); err == nil {
		t.Error("finished, though only the keyring has some of the credentials")
	}
	if has, err := w.store.Keys(t.Context()); err != nil || len(has)+2 < len(had) {
		t.Errorf("of %d items there are %d: %v", len(had), len(has), err)
	}
	// Every item is still in at least one store.
	for _, id := range had {
		_, inKeyring := good.Get(t.Context(), id)
		_, inFile := f.Get(t.Context(), id)
		if inKeyring != nil && inFile != nil {
			t.Errorf("%s is lost", id)
		}
	}
}

func TestMigrate_ReadsBackWhatItWrote(t *testing.T) {
	w, f := moving(t, moved...)
	lossy := storetest.NewFaulty(f)
	lossy.Mangle(func(value []byte) []byte { return value[:len(value)/2] })
	if _, err := w.Migrate(t.Context(), lossy, nil); err == nil {
		t.Fatal("moved by halves")
	}
	wantAll(t, w.Vault, f, moved...)
}

func TestMigrate_CancelledMovesNothing(t *testing.T) {
	w, f := moving(t, moved...)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := w.Migrate(ctx, f, func(done, _ int) {
		if done == 2 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	wantAll(t, w.Vault, f, moved...)
}

func TestMigrate_WrongPassphraseMovesNothing(t *testing.T) {
	w, f := moving(t, moved...)
	if err := f.Set(t.Context(), "k", []byte("v")); err != nil {
		t.Fatal(err)
	}
	wrong := newFileStore(t, w.dir, "the wrong passphrase")
	if _, err := w.Migrate(t.Context(), wrong, nil); !errors.Is(err, ErrWrongPassphrase) {
		t.Error(err)
	}
	if err := f.Delete(t.Context(), "k"); err != nil {
		t.Error(err)
	}
	if _, err := w.ClearMigration(t.Context(), f); err != nil {
		t.Error(err)
	}
	wantAll(t, w.Vault, f, moved...)
}

// A profile that is added during a migration is moved too.
func TestMigrate_MovesAProfileThatIsAddedMeanwhile(t *testing.T) {
	w, f := moving(t, "acme", "coral")
	late := w.on(t, w.CurrentStore())
	added := false
	_, err := w.Migrate(t.Context(), f, func(done, _ int) {
		if done == 2 && !added {
			added = true
			if _, err := late.Add(t.Context(), NewProfile{Selector: sel("dune"), Credential: credential("dune/sandbox")}); err != nil {
				t.Error(err)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	wantAll(t, w.on(t, f), w.store, "acme", "coral", "dune/sandbox")
}
