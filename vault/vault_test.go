package vault_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"kitekey/kite"
	. "kitekey/vault"
	"kitekey/vault/internal/disk"
	"kitekey/vault/storetest"
)

func TestParseSelector_MeansSandboxAlone(t *testing.T) {
	for in, want := range map[string]string{
		"acme": "acme/sandbox", "acme/live": "acme/live", "a.b-c_9/sandbox": "a.b-c_9/sandbox",
		strings.Repeat("a", 64): strings.Repeat("a", 64) + "/sandbox",
	} {
		got, err := ParseSelector(in)
		if err != nil || got.String() != want {
			t.Errorf("ParseSelector(%q) = %v, %v", in, got, err)
		}
	}
	for _, in := range []string{
		"", "/", "/live", "acme/", "acme/prod", "acme/live/x", "Acme", "a:b", "a b", "acme\n", "ac\u202eme", "é",
		strings.Repeat("a", 65), "acme/LIVE",
	} {
		if got, err := ParseSelector(in); err == nil {
			t.Errorf("ParseSelector(%q) = %v, want an error", in, got)
		}
	}
}

func FuzzParseSelector(f *testing.F) {
	f.Add("acme/live")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseSelector(s)
		if err != nil {
			return
		}
		again, err := ParseSelector(got.String())
		if err != nil || again != got {
			t.Fatalf("%q → %v → %v, %v", s, got, again, err)
		}
		if got.Environment == kite.Live && !strings.HasSuffix(s, "/live") {
			t.Fatalf("%q implied live", s)
		}
	})
}

func TestAdd_ListsUntilRemoved(t *testing.T) {
	w := newFixture(t)
	ctx := t.Context()
	for _, name := range []string{"coral/live", "acme/live", "acme/sandbox"} {
		w.mustAdd(t, name)
	}
	w.store.On(nil, nil)
	list, err := w.List()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range list {
		names = append(names, p.Selector.String())
	}
	if want := []string{"acme/sandbox", "acme/live", "coral/live"}; !slices.Equal(names, want) {
		t.Errorf("List = %v, want %v", names, want)
	}
	if calls := w.store.Calls(); len(calls) != 0 {
		t.Errorf("List touched the store: %v", calls)
	}
	cred, err := w.Credential(ctx, sel("acme/live"))
	if err != nil || !cred.APISecret.Equal(credential("acme/live").APISecret) {
		t.Errorf("Credential: %v", err)
	}
	if _, err := w.Add(ctx, NewProfile{Selector: sel("acme/live"), Credential: credential("x")}); !errors.Is(err, ErrExists) {
		t.Errorf("adding twice: %v", err)
	}
	if _, err := w.Token(ctx, sel("acme/live"), TokenRequest{}); err != nil {
		t.Fatal(err)
	}
	if err := w.Remove(ctx, sel("acme/live")); err != nil {
		t.Fatal(err)
	}
	if keys, _ := w.store.Keys(ctx); len(keys) != 2 {
		t.Errorf("items left after removing one of three: %v", keys)
	}
	if _, err := w.Lookup(sel("acme/live")); !errors.Is(err, ErrNoProfile) || !slices.Contains(near(err), sel("acme")) {
		t.Errorf("Lookup of the removed one: %v", err)
	}
	if err := w.Remove(ctx, sel("unknown")); !errors.Is(err, ErrNoProfile) {
		t.Errorf("Remove of a profile that does not exist: %v", err)
	}
}

func TestFiles_HoldNoSecret(t *testing.T) {
	w := newFixture(t)
	w.mustAdd(t, "acme")
	if _, err := w.Token(t.Context(), sel("acme"), TokenRequest{}); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(w.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, secret := range []string{"fake-key-for", "fake-secret", "JWT"} {
			if strings.Contains(string(data), secret) {
				t.Errorf("%s holds %q", path, secret)
			}
		}
		if info, _ := d.Info(); runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAdd_RefusesBadInput(t *testing.T) {
	w := newFixture(t)
	good := NewProfile{Selector: sel("acme"), Credential: credential("x")}
	for name, spoil := range map[string]func(*NewProfile){
		"account":     func(n *NewProfile) { n.Account = "Acme" },
		"environment": func(n *NewProfile) { n.Environment = "prod" },
		"label":       func(n *NewProfile) { n.Label = strings.Repeat("x", MaxLabel+1) },
		"no key":      func(n *NewProfile) { n.Credential.APIKey = kite.Secret{} },
		"two lines":   func(n *NewProfile) { n.Credential.APISecret = kite.NewSecret("a\nb") },
		"blanks":      func(n *NewProfile) { n.Credential.APISecret = kite.NewSecret(" ab ") },
		"not UTF-8":   func(n *NewProfile) { n.Credential.APISecret = kite.NewSecret("\xff\xfe") },
	} {
		n := good
		spoil(&n)
		if _, err := w.Add(t.Context(), n); !errors.Is(err, ErrBadInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list, _ := w.List(); len(list) != 0 {
		t.Errorf("something was stored: %v", list)
	}
	if calls := w.store.Calls(); len(calls) != 0 {
		t.Errorf("the store was touched: %v", calls)
	}
}

func TestAdd_LosesNothingWhenTheStoreFails(t *testing.T) {
	storeError := func(kind error) error { return &StoreError{Op: "write", Store: "keyring", Kind: kind} }
	for _, c := range []struct {
		name        string
		fail, after func(op, key string) error
		listed      bool // an unsettled entry is left
		exists      bool // and it settles into a profile
	}{
		{name: "locked before", fail: func(op, _ string) error { return storeError(ErrLocked) }},
		{name: "too big", fail: onlyOn("write", storeError(ErrTooBig))},
		{name: "timeout, not written", fail: onlyOn("write", storeError(ErrTimeout)), listed: true},
		{name: "timeout, written", after: onlyOn("write", storeError(ErrTimeout)), listed: true, exists: true},
		{name: "dismissed", fail: onlyOn("write", storeError(ErrLocked))},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newFixture(t)
			w.store.On(c.fail, c.after)
			_, err := w.Add(t.Context(), NewProfile{Selector: sel("acme"), Credential: credential("x")})
			if err == nil {
				t.Fatal("no error")
			}
			if list, _ := w.List(); (len(list) == 1) != c.listed {
				t.Errorf("after the failure the index lists %v", list)
			}
			w.store.On(nil, nil)
			if err := w.Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
			list, _ := w.List()
			if (len(list) == 1) != c.exists {
				t.Errorf("settled into %v", list)
			}
			if keys, _ := w.store.Keys(t.Context()); len(keys) != len(list) {
				t.Errorf("items %v, entries %v", keys, list)
			}
			if c.exists && list[0].State != StateSettled {
				t.Errorf("state %q", list[0].State)
			}
		})
	}
}

func onlyOn(op string, err error) func(string, string) error {
	return func(o, _ string) error {
		if o == op {
			return err
		}
		return nil
	}
}

// The entry of a process that is adding right now must not be settled.
func TestSettle_LeavesRunningProcessesAlone(t *testing.T) {
	store, dir := storetest.NewFaulty(nil), t.TempDir()
	first, second := newFixtureIn(t, dir, store), newFixtureIn(t, dir, store)
	writing, goOn := make(chan struct{}), make(chan struct{})
	store.On(func(op, _ string) error {
		if op == "write" {
			close(writing)
			<-goOn
		}
		return nil
	}, nil)
	done := make(chan error)
	go func() {
		_, err := first.Add(context.Background(), NewProfile{Selector: sel("acme"), Credential: credential("x")})
		done <- err
	}()
	<-writing
	if err := second.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	list, _ := second.List()
	if len(list) != 1 || list[0].State != StateAdding {
		t.Fatalf("settled away: %v", list)
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if list, _ = second.List(); len(list) != 1 || list[0].State != StateSettled {
		t.Fatalf("in the end: %v", list)
	}
}

func TestRemove_IsFinishedLater(t *testing.T) {
	w := newFixture(t)
	w.mustAdd(t, "acme")
	w.store.On(onlyOn("delete", &StoreError{Op: "delete", Store: "keyring", Kind: ErrTimeout}), nil)
	if err := w.Remove(t.Context(), sel("acme")); !errors.Is(err, ErrTimeout) {
		t.Fatalf("Remove: %v", err)
	}
	if list, _ := w.List(); len(list) != 1 || list[0].State != StateRemoving {
		t.Fatalf("after the failure: %v", list)
	}
	w.store.On(nil, nil)
	if err := newFixtureIn(t, w.dir, w.store).Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	keys, _ := w.store.Keys(t.Context())
	if list, _ := w.List(); len(list) != 0 || len(keys) != 0 {
		t.Fatalf("left: %v %v", list, keys)
	}
}

func TestRename_MovesBothEnvironments(t *testing.T) {
	w := newFixture(t)
	ctx := t.Context()
	w.mustAdd(t, "acme")
	w.mustAdd(t, "acme/live")
	w.mustAdd(t, "coral")
	if err := w.Rename(ctx, "acme", "coral"); !errors.Is(err, ErrExists) {
		t.Errorf("onto another: %v", err)
	}
	if err := w.Rename(ctx, "unknown", "new"); !errors.Is(err, ErrNoProfile) {
		t.Errorf("of a profile that does not exist: %v", err)
	}
	if err := w.Rename(ctx, "acme", "Bad"); !errors.Is(err, ErrBadInput) {
		t.Errorf("to a bad name: %v", err)
	}
	// If the store fails in between, the items are rewritten later.
	w.store.On(onlyOn("write", &StoreError{Op: "write", Store: "keyring", Kind: ErrUnavailable}), nil)
	if err := w.Rename(ctx, "acme", "dune"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("with a failing store: %v", err)
	}
	w.store.On(nil, nil)
	for _, name := range []string{"dune", "dune/live"} {
		cred, err := w.Credential(ctx, sel(name))
		if err != nil || !cred.APIKey.Equal(credential(strings.Replace(name, "dune", "acme", 1)).APIKey) &&
			!cred.APIKey.Equal(credential("acme").APIKey) {
			t.Errorf("%s: %v", name, err)
		}
		p, _ := w.Lookup(sel(name))
		data, _ := w.store.Get(ctx, p.ID)
		if p.State != StateSettled || !strings.Contains(string(data), `"account":"dune"`) {
			t.Errorf("%s: state %q, item names another account", name, p.State)
		}
	}
}

func TestRename_KeepsTheCachedToken(t *testing.T) {
	w := newFixture(t)
	ctx := t.Context()
	w.mustAdd(t, "acme")
	minted, err := w.Token(ctx, sel("acme"), TokenRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Rename(ctx, "acme", "dune"); err != nil {
		t.Fatal(err)
	}
	if got, err := w.Cached(ctx, sel("dune")); err != nil || !got.Value.Equal(minted.Value) {
		t.Errorf("its token: %v", err)
	}
}

func TestEdit_CleansTheLabel(t *testing.T) {
	w := newFixture(t)
	w.mustAdd(t, "acme")
	label, life := "Acme \x1b[31mStores\nLtd", kite.Lifetime(3600)
	p, err := w.Edit(t.Context(), sel("acme"), ProfileUpdate{Label: &label, ExpiresIn: &life})
	if err != nil || p.ExpiresIn != life || strings.ContainsAny(p.Label, "\x1b\n") || !strings.Contains(p.Label, "Stores") {
		t.Errorf("Edit = %+v, %v", p, err)
	}
	life = 0
	if p, err = w.Edit(t.Context(), sel("acme"), ProfileUpdate{ExpiresIn: &life}); err != nil || p.ExpiresIn != DefaultExpiresIn {
		t.Errorf("Edit to no expires_in gives %v, %v; want the default", p.ExpiresIn, err)
	}
}

func TestIndex_DamageIsToldAndNeverOverwritten(t *testing.T) {
	w := newFixture(t)
	w.mustAdd(t, "acme")
	w.mustAdd(t, "coral")
	path := filepath.Join(w.dir, "index.json")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func() error{
		"empty": func() error { return os.WriteFile(path, nil, 0o600) },
		"torn":  func() error { return os.WriteFile(path, good[:len(good)/2], 0o600) },
		"doubled": func() error {
			return os.WriteFile(path, []byte(strings.ReplaceAll(string(good), "coral", "acme")), 0o600)
		},
		"gone": func() error { return os.Remove(path) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		if _, err := w.List(); !errors.Is(err, ErrIndexDamaged) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := w.Add(t.Context(), NewProfile{Selector: sel("dune"), Credential: credential("d")}); !errors.Is(err, ErrIndexDamaged) {
			t.Errorf("%s: Add: %v", name, err)
		}
		if err := os.WriteFile(path, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	backup, err := os.ReadFile(filepath.Join(w.dir, "index.json.bak"))
	if err != nil {
		t.Fatal(err)
	}
	if profiles, err := ParseIndex(backup); err != nil || len(profiles) != 2 {
		t.Errorf("the backup holds %v, %v", profiles, err)
	}
}

func FuzzParseIndex(f *testing.F) {
	f.Add([]byte(`{"version":1,"profiles":[{"id":"aaaaaaaaaaaaaaaa","account":"acme","environment":"live","expires_in":300}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		profiles, err := ParseIndex(data)
		if err != nil {
			return
		}
		again, err := FormatIndex(profiles)
		if err != nil {
			return // a year beyond 9999 cannot be written
		}
		if back, err := ParseIndex(again); err != nil || len(back) != len(profiles) {
			t.Fatalf("%v\n%s\n%s", err, data, again)
		}
	})
}

// An unsettled entry of one store must not be settled against another, which of
// course does not have its item.
func TestSettle_LeavesEntriesOfAnotherStoreAlone(t *testing.T) {
	w := newFixture(t)
	ctx := t.Context()
	w.mustAdd(t, "acme")
	w.store.On(nil, onlyOn("write", &StoreError{Op: "write", Store: "keyring", Kind: ErrTimeout}))
	if _, err := w.Add(ctx, NewProfile{Selector: sel("coral"), Credential: credential("c")}); !errors.Is(err, ErrTimeout) {
		t.Fatal(err)
	}
	w.store.On(nil, nil)
	other := newFixtureIn(t, w.dir, storetest.NewFaulty(nil))
	other.store.Named("other")
	if err := other.Settle(ctx); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"Token":      second(other.Token(ctx, sel("acme"), TokenRequest{})),
		"Credential": second(other.Credential(ctx, sel("acme"))),
		"Forget":     other.Forget(ctx, sel("acme")),
		"Remove":     other.Remove(ctx, sel("acme")),
		"Verify":     other.Verify(ctx, sel("acme"), false).Err,
		"Rename":     other.Rename(ctx, "acme", "dune"),
	} {
		if !errors.Is(err, ErrOtherStore) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if calls := other.store.Calls(); len(calls) != 0 {
		t.Errorf("the other store was asked: %v", calls)
	}
	if err := w.Settle(ctx); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"acme", "coral"} {
		if _, err := w.Credential(ctx, sel(name)); err != nil {
			t.Error(err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// The outcome of the first Add was not known, but it has stored the profile. Adding
// it again succeeds with the same credential, and fails with ErrExists with
// another.
func TestAdd_AgainAfterAnUnknownOutcome(t *testing.T) {
	w := newFixture(t)
	ctx := t.Context()
	n := NewProfile{Selector: sel("acme"), Credential: credential("x")}
	for _, again := range []struct {
		cred string
		want error
	}{{"x", nil}, {"y", ErrExists}} {
		w.store.On(nil, onlyOn("write", &StoreError{Op: "write", Store: "memory", Kind: ErrTimeout}))
		if _, err := w.Add(ctx, n); !errors.Is(err, ErrTimeout) {
			t.Fatal(err)
		}
		w.store.On(nil, nil)
		m := n
		m.Credential = credential(again.cred)
		if _, err := w.Add(ctx, m); !errors.Is(err, again.want) {
			t.Errorf("%s: %v", again.cred, err)
		}
		if c, err := w.Credential(ctx, sel("acme")); err != nil || !SameCredential(c, credential("x")) {
			t.Errorf("%s: %v", again.cred, err)
		}
		if err := w.Remove(ctx, sel("acme")); err != nil {
			t.Fatal(err)
		}
	}
}

// A caller that waited for a profile first finishes a removal that was interrupted,
// so that the profile does not come back.
func TestToken_WaiterFinishesARemovalFirst(t *testing.T) {
	w := newFixture(t)
	ctx := t.Context()
	p := w.mustAdd(t, "acme")
	unlock, _, err := w.Locks().TryLock(p.ID)
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan struct{})
	w.store.On(func(op, key string) error {
		if key == "doctor" {
			close(asked) // the waiter knows that the profile is held
		}
		return nil
	}, nil)
	done := make(chan error)
	go func() {
		_, err := w.Rotate(context.Background(), sel("acme"), credential("next"))
		done <- err
	}()
	<-asked
	if _, err := w.ChangeEntry(ctx, p.ID, func(p *Profile) { p.State = StateRemoving }); err != nil {
		t.Fatal(err)
	}
	unlock() // as if the process were killed
	if err := <-done; !errors.Is(err, ErrNoProfile) {
		t.Errorf("%v", err)
	}
	if keys, _ := w.store.Keys(ctx); len(keys) != 0 {
		t.Errorf("items left: %v", keys)
	}
}

// The disk is full after the store took the credential. The credential is not lost,
// and is listed as soon as the index can be written.
func TestAdd_IsListedOnceTheIndexCanBeWritten(t *testing.T) {
	w := newFixture(t)
	ctx := t.Context()
	lock := filepath.Join(w.dir, disk.Folder, IndexLock+".lock")
	clearWay := func() error { return errors.Join(os.RemoveAll(lock), os.MkdirAll(filepath.Dir(lock), 0o700)) }
	w.store.On(nil, func(op, _ string) error {
		if op == "write" { // from now on the index cannot be locked and so not changed
			return errors.Join(os.Remove(lock), os.MkdirAll(filepath.Join(lock, "in the way"), 0o700))
		}
		return nil
	})
	_, err := w.Add(ctx, NewProfile{Selector: sel("acme"), Credential: credential("a")})
	if err == nil || !strings.Contains(err.Error(), "the credential is in the memory") {
		t.Errorf("%v", err)
	}
	w.store.On(nil, nil)
	if err := clearWay(); err != nil {
		t.Fatal(err)
	}
	if c, err := w.Credential(ctx, sel("acme")); err != nil || !SameCredential(c, credential("a")) {
		t.Errorf("%v", err)
	}
	if p, _ := w.Lookup(sel("acme")); p.State != StateSettled {
		t.Errorf("%+v", p)
	}
}

// near returns the suggestions of a NoProfileError.
func near(err error) []Selector {
	var missing *NoProfileError
	if !errors.As(err, &missing) {
		return nil
	}
	return missing.Near
}
