package vault_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"kitekey/vault/internal/disk"

	. "kitekey/vault"
	"kitekey/vault/storetest"
)

// levels returns the findings that are not ok as "kind severity", to compare them.
func levels(t *testing.T, w *fixture) []string {
	t.Helper()
	found, err := w.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range found {
		if f.Severity != SeverityOK {
			got = append(got, string(f.Kind)+" "+string(f.Severity))
		}
		if strings.Contains(fmt.Sprintf("%+v", f), "fake-") {
			t.Errorf("a secret is in %+v", f)
		}
	}
	return got
}

// Who can change index.json alone, such as a service that synchronises it, must not have
// a payment made from another account.
func TestToken_RefusesAnotherProfilesItem(t *testing.T) {
	w := newFixture(t)
	ctx := t.Context()
	acme, coral := w.mustAdd(t, "acme/live"), w.mustAdd(t, "coral/live")
	for _, p := range []Profile{acme, coral} {
		if _, err := w.Token(ctx, p.Selector, TokenRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	index := filepath.Join(w.dir, "index.json")
	data, err := os.ReadFile(index)
	if err == nil {
		err = os.WriteFile(index, []byte(strings.NewReplacer(acme.ID, coral.ID, coral.ID, acme.ID).Replace(string(data))), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	v := newFixtureIn(t, w.dir, w.store)
	var other *OtherItemError
	if _, err := v.Token(ctx, acme.Selector, TokenRequest{}); !errors.As(err, &other) || other.Item != coral.Selector || !errors.Is(err, ErrIndexDamaged) {
		t.Errorf("a token: %v", err)
	}
	if _, err := v.Credential(ctx, acme.Selector); !errors.As(err, &other) {
		t.Errorf("the credential: %v", err)
	}
	if got := levels(t, v); !slices.Equal(got, []string{"item-name problem", "item-name problem"}) {
		t.Errorf("findings: %v", got)
	}
	done, err := v.Repair(ctx, false)
	if want := (RepairStep{Kind: RepairedName, Profile: acme.Selector, Item: coral.Selector}); err != nil || !slices.Contains(done, want) {
		t.Errorf("repair: %v, %v", done, err)
	}
	for _, p := range []Profile{acme, coral} {
		got, err := v.Lookup(p.Selector)
		c, readErr := v.Credential(ctx, p.Selector)
		if err != nil || readErr != nil || got.ID != p.ID || !c.APIKey.Equal(credential(p.String()).APIKey) {
			t.Errorf("%s is %+v after the repair, %v, %v", p.Selector, got, err, readErr)
		}
	}
	if got := levels(t, v); got != nil {
		t.Errorf("findings after the repair: %v", got)
	}
}

func TestCheck_FindsEachKindOfDamage(t *testing.T) {
	w := newFixture(t)
	ctx := t.Context()
	p := w.mustAdd(t, "acme")
	w.mustAdd(t, "coral")
	if got := levels(t, w); got != nil {
		t.Errorf("a sound vault: %v", got)
	}
	for _, c := range []struct {
		name       string
		spoil, fix func() error
		want       []string
	}{
		{"missing", func() error { return w.store.Inner().Delete(ctx, p.ID) }, func() error { return w.WriteItem(ctx, p, Credentials{Selector: p.Selector, Current: credential("a")}) },
			[]string{"no-credential problem"}},
		{"torn", func() error { return w.store.Inner().Set(ctx, p.ID, []byte("{")) }, func() error { return w.WriteItem(ctx, p, Credentials{Selector: p.Selector, Current: credential("a")}) },
			[]string{"no-credential problem"}},
		{"stray", func() error { return w.store.Inner().Set(ctx, "straystraystrays", []byte("{")) }, func() error { return w.store.Inner().Delete(ctx, "straystraystrays") },
			[]string{"orphans warning"}},
		{"not ours at all", func() error { return w.store.Inner().Set(ctx, "something", []byte("{")) }, func() error { return w.store.Inner().Delete(ctx, "something") }, nil},
		{"open to others", func() error { return os.Chmod(w.dir, 0o755) }, func() error { return w.OwnFolder() }, []string{"folder-open warning"}},
		{"closed to the user", func() error { return os.Chmod(filepath.Join(w.dir, "index.json"), 0o400) }, func() error { _, err := w.Repair(ctx, false); return err }, []string{"folder-closed problem"}},
		{"a file for the locks", func() error {
			locks := filepath.Join(w.dir, "locks")
			return errors.Join(os.RemoveAll(locks), os.WriteFile(locks, nil, 0o600))
		}, func() error { _, err := w.Repair(ctx, false); return err }, []string{"folder-closed problem"}},
		{"locked", func() error {
			w.store.On(onlyOn("read", &StoreError{Op: "read", Store: "memory", Kind: ErrLocked}), nil)
			return nil
		}, func() error { w.store.On(nil, nil); return nil }, []string{"store-failed problem"}},
		{"status", func() error {
			return errors.Join(os.MkdirAll(filepath.Join(w.dir, "status"), 0o700), os.WriteFile(filepath.Join(w.dir, "status", "a.json"), []byte("{"), 0o600))
		}, func() error { return os.Remove(filepath.Join(w.dir, "status", "a.json")) }, []string{"status-damaged warning"}},
		{"settings", func() error { return os.WriteFile(filepath.Join(w.dir, "settings.json"), []byte("{"), 0o600) }, func() error { return os.Remove(filepath.Join(w.dir, "settings.json")) }, []string{"settings problem"}},
		{"newer settings", func() error {
			return os.WriteFile(filepath.Join(w.dir, "settings.json"), []byte(`{"version":9}`), 0o600)
		}, func() error { return os.Remove(filepath.Join(w.dir, "settings.json")) }, []string{"newer problem"}},
		{"newer item", func() error { return w.store.Inner().Set(ctx, p.ID, []byte(`{"v":9}`)) }, func() error {
			return w.WriteItem(ctx, p, Credentials{Selector: p.Selector, Current: credential("a")})
		}, []string{"newer problem"}},
		{"index", func() error { return os.WriteFile(filepath.Join(w.dir, "index.json"), nil, 0o600) }, func() error { _, err := w.Repair(ctx, false); return err }, []string{"index-damaged problem"}},
	} {
		if (c.name == "open to others" || c.name == "closed to the user") && runtime.GOOS == "windows" {
			continue // Windows has no permission bits
		}
		if err := c.spoil(); err != nil {
			t.Fatal(err)
		}
		if got := levels(t, w); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if err := c.fix(); err != nil {
			t.Fatal(err)
		}
		if got := levels(t, w); got != nil {
			t.Errorf("%s, fixed: %v", c.name, got)
		}
	}
}

func TestRepair_RebuildsADamagedIndex(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"torn": func(dir string) error { return os.WriteFile(filepath.Join(dir, "index.json"), []byte(`{"ver`), 0o600) },
		"gone": func(dir string) error { return os.Remove(filepath.Join(dir, "index.json")) },
		"both torn": func(dir string) error {
			return errors.Join(os.WriteFile(filepath.Join(dir, "index.json"), nil, 0o600), os.WriteFile(filepath.Join(dir, "index.json.bak"), nil, 0o600))
		},
		"both gone": func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, "index.json")), os.Remove(filepath.Join(dir, "index.json.bak")))
		},
		"folder empty": os.RemoveAll,
	} {
		t.Run(name, func(t *testing.T) {
			w := newFixture(t)
			ctx := t.Context()
			label := "Acme Stores"
			w.mustAdd(t, "acme")
			w.mustAdd(t, "acme/live")
			if _, err := w.Edit(ctx, sel("acme"), ProfileUpdate{Label: &label}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Token(ctx, sel("acme/live"), TokenRequest{}); err != nil {
				t.Fatal(err)
			}
			if err := spoil(w.dir); err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(w.dir, 0o700); err != nil {
				t.Fatal(err)
			}
			done, err := w.Repair(ctx, name == "folder empty") // nothing else tells which items were this folder's
			if err != nil || len(done) == 0 {
				t.Fatalf("%v, %v", done, err)
			}
			list, err := w.List()
			if err != nil || len(list) != 2 || slices.ContainsFunc(list, func(p Profile) bool { return p.State != StateSettled }) {
				t.Fatalf("%v, %v", list, err)
			}
			for _, name := range []string{"acme", "acme/live"} {
				if c, err := w.Credential(ctx, sel(name)); err != nil || !SameCredential(c, credential(name)) {
					t.Errorf("%s: %v", name, err)
				}
			}
			if p, _ := w.Lookup(sel("acme")); (p.Label == label) != (name == "torn" || name == "gone") {
				t.Errorf("label %q", p.Label)
			}
			if _, err := os.Stat(filepath.Join(w.dir, "index.json.damaged")); (err == nil) != strings.HasSuffix(name, "torn") {
				t.Errorf("the damaged file: %v", err)
			}
			if done, err := w.Repair(ctx, false); err != nil || len(done) != 0 {
				t.Errorf("a second repair: %v, %v", done, err)
			}
		})
	}
}

// If the store cannot list its items, as on macOS, the last good copy is used.
func TestRepair_TakesTheLastCopyWithoutListing(t *testing.T) {
	w := newFixture(t)
	w.mustAdd(t, "acme")
	w.SetStore(struct{ Store }{w.store})
	if err := os.WriteFile(filepath.Join(w.dir, "index.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	done, err := w.Repair(t.Context(), false)
	if err != nil || len(done) != 2 {
		t.Errorf("%v, %v", done, err)
	}
	if _, err := w.Credential(t.Context(), sel("acme")); err != nil {
		t.Error(err)
	}
}

func TestRepair_ListsItemsWithoutAProfile(t *testing.T) {
	w := newFixture(t)
	ctx := t.Context()
	w.mustAdd(t, "acme")
	put := func(key string, value []byte) {
		if err := w.store.Inner().Set(ctx, key, value); err != nil {
			t.Fatal(err)
		}
	}
	item, err := Credentials{Selector: sel("acme"), Current: credential("stray"), Staged: credential("staged")}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	put("aaaaaaaaaaaaaaaa", item)                                   // its name is taken
	if err := w.store.Hollow(ctx, "bbbbbbbbbbbbbbbb"); err != nil { // left by a keyring that was killed
		t.Fatal(err)
	}
	put("cccccccccccccccc", []byte("unreadable"))   // it is never deleted
	put("dddddddddddddddd-token", []byte(`{"v":1`)) // a token without a profile
	if done, err := w.Repair(ctx, false); err != nil || len(done) != 0 {
		t.Fatalf("what may be another folder's was touched: %v, %v", done, err)
	}
	done, err := w.Repair(ctx, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []RepairStep{
		{Kind: RepairedListing, Profile: sel("acme-2"), Item: sel("acme")}, {Kind: RepairedEmptyItem}, {Kind: RepairLeftItem, Key: "cccccccccccccccc"},
	} {
		if !slices.ContainsFunc(done, func(s RepairStep) bool { s.Err = nil; return s == want }) {
			t.Errorf("no step %+v in %+v", want, done)
		}
	}
	if keys, _ := w.store.Keys(ctx); len(keys) != 3 || !slices.Contains(keys, "cccccccccccccccc") {
		t.Errorf("left: %v", keys)
	}
	if c := w.item(t, "acme-2"); !SameCredential(c.Current, credential("stray")) || c.Account != "acme-2" {
		t.Errorf("the stray's item names %s", c.Selector)
	}
	if p, _ := w.Lookup(sel("acme-2")); !p.Staged || p.State != StateSettled {
		t.Errorf("%+v", p)
	}
}

func TestRepair_SweepsOldLocks(t *testing.T) {
	w := newFixture(t)
	p := w.mustAdd(t, "acme")
	if err := w.Forget(t.Context(), sel("acme")); err != nil { // creates a lock file
		t.Fatal(err)
	}
	locks := filepath.Join(w.dir, disk.Folder)
	old := w.clock.now().Add(-2 * SweepAge)
	for _, path := range []string{
		filepath.Join(locks, "aaaaaaaaaaaaaaaa.lock"), filepath.Join(locks, p.ID+".lock"),
		filepath.Join(w.dir, "other.json"+disk.TempMark+"1"),
	} {
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chtimes(path, old, old)); err != nil {
			t.Fatal(err)
		}
	}
	done, err := w.Repair(t.Context(), false)
	if err != nil || !slices.Contains(done, RepairStep{Kind: RepairedLeftovers, Count: 2}) {
		t.Errorf("%v, %v", done, err)
	}
	if _, err := os.Stat(filepath.Join(locks, p.ID+".lock")); err != nil {
		t.Errorf("a living profile's lock: %v", err)
	}
}

func TestFreeName_IsValidAndUnused(t *testing.T) {
	long := strings.Repeat("a", MaxAccount)
	var profiles []Profile
	for i := range 12 {
		s := FreeName(profiles, Selector{long, "live"})
		if ValidAccount(s.Account) != nil || Find(profiles, s) >= 0 {
			t.Fatalf("%d: %v", i, s)
		}
		profiles = append(profiles, Profile{Selector: s})
	}
}

// Two data folders share a keyring. Repairing one leaves the credentials that the
// other lists.
func TestRepair_LeavesAnotherFoldersCredentials(t *testing.T) {
	w := newFixture(t)
	ctx := t.Context()
	p := w.mustAdd(t, "acme")
	if _, err := w.Token(ctx, sel("acme"), TokenRequest{}); err != nil {
		t.Fatal(err)
	}
	other := newFixtureIn(t, filepath.Join(t.TempDir(), "other"), w.store)
	if done, err := other.Repair(ctx, false); err != nil || len(done) != 0 {
		t.Fatalf("an empty folder's repair did %v %v", done, err)
	}
	other.mustAdd(t, "coral")
	if err := os.WriteFile(filepath.Join(other.dir, "index.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Repair(ctx, false); err != nil {
		t.Fatal(err)
	}
	if list, err := other.List(); err != nil || len(list) != 1 || list[0].Account != "coral" {
		t.Errorf("listed: %v %v", list, err)
	}
	if _, err := w.store.Get(ctx, TokenKey(p.ID)); err != nil {
		t.Errorf("the other folder's token: %v", err)
	}
	if _, err := other.Repair(ctx, true); err != nil {
		t.Fatal(err)
	}
	if list, _ := other.List(); len(list) != 2 {
		t.Errorf("with adopt: %v", list)
	}
}

// A second damaged file does not replace the first that was kept.
func TestRepair_KeepsEveryDamagedCopy(t *testing.T) {
	w := newFixture(t)
	w.mustAdd(t, "acme")
	path := filepath.Join(w.dir, "index.json")
	for _, damage := range []string{"first", "second", "third"} {
		if err := os.WriteFile(path, []byte(damage), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Repair(t.Context(), false); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{".damaged": "first", ".damaged-2": "second", ".damaged-3": "third"} {
		if data, err := os.ReadFile(path + name); err != nil || string(data) != want {
			t.Errorf("%s: %q %v", name, data, err)
		}
	}
	// A folder in place of the index is moved away.
	if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.List(); !errors.Is(err, ErrIndexDamaged) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := w.Repair(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if list, err := w.List(); err != nil || len(list) != 1 {
		t.Errorf("%v %v", list, err)
	}
}

func TestRemoveWithUndo_CanBePutBack(t *testing.T) {
	w := newFixture(t)
	ctx := t.Context()
	w.mustAdd(t, "acme/live")
	if _, err := w.Rotate(ctx, sel("acme/live"), credential("new")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.StageOnly(ctx, sel("acme/live"), credential("staged")); err != nil {
		t.Fatal(err)
	}
	label := "Acme"
	if _, err := w.Edit(ctx, sel("acme/live"), ProfileUpdate{Label: &label}); err != nil {
		t.Fatal(err)
	}
	before, _ := w.Lookup(sel("acme/live"))
	removed, err := w.RemoveWithUndo(ctx, sel("acme/live"))
	if err != nil {
		t.Fatal(err)
	}
	if keys, _ := w.store.Keys(ctx); len(keys) != 0 {
		t.Errorf("left in the store: %v", keys)
	}
	after, err := w.PutBack(ctx, removed)
	if err != nil {
		t.Fatal(err)
	}
	if after.Label != label || after.KeyHint != before.KeyHint || after.Verdict != before.Verdict || !after.Staged || !after.Previous || after.Report() != before.Report() {
		t.Errorf("put back as %+v, was %+v", after, before)
	}
	if c := w.item(t, "acme/live"); !SameCredential(c.Current, credential("new")) || !SameCredential(c.Previous, credential("acme/live")) || !SameCredential(c.Staged, credential("staged")) {
		t.Error("the credentials are others")
	}
	removed.Erase()
	if err := w.Remove(ctx, sel("acme/live")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.PutBack(ctx, removed); !errors.Is(err, ErrNoCredential) {
		t.Errorf("after Erase: %v", err)
	}
}

// knowing is a store with facts about itself.
type knowing struct {
	*storetest.Faulty
	facts Facts
}

func (k knowing) Inspect(context.Context) (Facts, error) { return k.facts, nil }

func TestCheck_TellsWhatTheStoreKnows(t *testing.T) {
	w := newFixture(t)
	w.mustAdd(t, "acme")
	w.SetStore(knowing{w.store, Facts{Provider: "keepassxc", KeepsRemoved: true, OpenFolder: "/open", Rivals: []string{"another"}, Duplicates: []string{"a", "b"}}})
	found, err := w.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for kind, severity := range map[FindingKind]Severity{FindingRivals: SeverityWarning, FindingStoreOpen: SeverityWarning, FindingDuplicates: SeverityWarning, FindingKeepsRemoved: SeverityOK} {
		i := slices.IndexFunc(found, func(f Finding) bool { return f.Kind == kind })
		if i < 0 || found[i].Severity != severity {
			t.Errorf("%s: %+v", kind, found)
		}
	}
}

// A name of dots leads elsewhere in a source's paths, and one that begins with - is a
// flag for its programs. Earlier versions allowed both, so they can still be found.
func TestValidAccount_RefusesNamesThatMeanMore(t *testing.T) {
	for name, valid := range map[string]bool{
		"acme": true, "a.b": true, "a-": true, "_a": true, ".a": true, "7": true, "..a": true,
		".": false, "..": false, "...": false, "-": false, "-x": false, "--": false, "_": false, ".-_": false,
	} {
		if err := ValidAccount(name); (err == nil) != valid {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := ParseSelector(name + "/live"); err != nil {
			t.Errorf("%q cannot be found: %v", name, err)
		}
	}
}
