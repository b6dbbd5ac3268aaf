//go:build linux

package keyring

import (
	"errors"
	"slices"
	"testing"

	"kitekey/vault"
	"kitekey/vault/keyring/keyringtest"
)

// The default collection changes: a login keyring is created later, or KeePassXC's
// other tab comes to the front. An item stays where it was.

func TestGet_FindsItemInAnyCollection(t *testing.T) {
	_, fake, k := fakeKeyring(t)
	fake.Put(Service, "one", "kept")
	fake.Collection("private", false)
	if got, err := k.Get(t.Context(), "one"); err != nil || string(got) != "kept" {
		t.Errorf("Get = %q, %v", got, err)
	}
}

func TestSet_ReplacesItemWhereItIs(t *testing.T) {
	_, fake, k := fakeKeyring(t)
	fake.Collection("private", true)
	if err := k.Set(t.Context(), "one", []byte("old")); err != nil {
		t.Fatal(err)
	}
	fake.Collection("other", false)
	if err := k.Set(t.Context(), "one", []byte("new")); err != nil {
		t.Fatal(err)
	}
	if n := fake.Count(Service, "one"); n != 1 {
		t.Errorf("%d items", n)
	}
	if got, err := k.Get(t.Context(), "one"); err != nil || string(got) != "new" {
		t.Errorf("Get = %q, %v", got, err)
	}
}

// Nothing may be kept in the collection that is forgotten when the session ends.
func TestSet_KeepsNothingForTheSessionAlone(t *testing.T) {
	_, fake, k := fakeKeyring(t)
	fake.Collection("private", true)
	fake.Collection("session", false)
	if err := k.Set(t.Context(), "one", []byte("new")); err != nil || fake.CountIn("private", Service, "one") != 1 {
		t.Errorf("%v, %d items", err, fake.CountIn("private", Service, "one"))
	}
	fake.NoCollection()
	fake.Collection("session", true)
	err := k.Set(t.Context(), "two", []byte("new"))
	if kindOf(err) != vault.ErrUnavailable || reasonOf(err) != vault.ReasonNoCollection || fake.Count(Service, "two") != 0 {
		t.Errorf("%v, reason %q, %d items", err, reasonOf(err), fake.Count(Service, "two"))
	}
}

// A service may have collections, and none that is the default.
func TestSet_NeedsNoDefault(t *testing.T) {
	_, fake, k := fakeKeyring(t)
	fake.Collection("private", true)
	fake.Default("")
	if err := k.Set(t.Context(), "one", []byte("new")); err != nil || fake.CountIn("private", Service, "one") != 1 {
		t.Errorf("%v, %d items", err, fake.CountIn("private", Service, "one"))
	}
}

// The password of an old login keyring is forgotten by those who log in without one.
func TestSet_PrefersACollectionThatIsUnlocked(t *testing.T) {
	_, fake, k := fakeKeyring(t)
	fake.Collection("private", false)
	fake.Lock()
	if err := k.Set(t.Context(), "one", []byte("new")); err != nil {
		t.Fatal(err)
	}
	if got, err := k.Get(t.Context(), "one"); err != nil || string(got) != "new" {
		t.Errorf("Get = %q, %v", got, err)
	}
}

func TestDelete_RemovesItemFromEveryCollection(t *testing.T) {
	_, fake, k := fakeKeyring(t)
	fake.Put(Service, "one", "kept")
	fake.Collection("private", false)
	fake.PutIn("private", Service, "one", "kept", 2)
	if err := k.Delete(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	if n := fake.Count(Service, "one"); n != 0 {
		t.Errorf("%d items are left", n)
	}
}

// A locked collection hides its items, so an item cannot be said to be missing.
func TestGet_LockedCollectionHidesItsItems(t *testing.T) {
	_, fake, k := fakeKeyring(t)
	fake.Collection("first", true)
	fake.PutIn("first", Service, "one", "kept", 1)
	fake.Collection("second", false)
	fake.LockCollection("first", true)
	for name, err := range map[string]error{
		"Get": second(k.Get(t.Context(), "one")), "Delete": k.Delete(t.Context(), "one"), "Keys": second(k.Keys(t.Context())),
	} {
		if kindOf(err) != vault.ErrLocked {
			t.Errorf("%s: %v, want locked", name, err)
		}
	}
	// The keyring itself can be used: it stores new items.
	if err := k.Ping(t.Context()); err != nil {
		t.Errorf("Ping: %v", err)
	}
	if err := k.Set(t.Context(), "two", []byte("new")); err != nil {
		t.Errorf("Set of a new item: %v", err)
	}
	if got, err := k.Get(t.Context(), "two"); err != nil || string(got) != "new" {
		t.Errorf("Get = %q, %v", got, err)
	}
	// When the user unlocks it, everything is found.
	fake.On("Unlock", keyringtest.Accept)
	if got, err := k.Get(t.Context(), "one"); err != nil || string(got) != "kept" {
		t.Errorf("Get after unlocking = %q, %v", got, err)
	}
	if keys, err := k.Keys(t.Context()); err != nil || !slices.Equal(keys, []string{"one", "two"}) {
		t.Errorf("Keys after unlocking = %v, %v", keys, err)
	}
}

// A synchronising tool makes copies of an item.
func TestDuplicates_LaterOneCounts(t *testing.T) {
	_, fake, k := fakeKeyring(t)
	for _, c := range []struct {
		name   string
		values []string
		times  []uint64
		want   string
		reason vault.Reason
	}{
		{"equal", []string{"same", "same"}, []uint64{1, 1}, "same", ""},
		{"the later counts", []string{"old", "new"}, []uint64{1, 2}, "new", ""},
		{"the later counts, found first", []string{"new", "old"}, []uint64{2, 1}, "new", ""},
		{"an empty one does not count", []string{"", "kept"}, []uint64{2, 1}, "kept", ""},
		{"undecided", []string{"this", "that"}, []uint64{1, 1}, "", vault.ReasonDuplicates},
	} {
		t.Run(c.name, func(t *testing.T) {
			fake.Reset()
			k.Lock()
			for i, v := range c.values {
				fake.PutIn(keyringtest.Login, Service, "one", v, c.times[i])
			}
			got, err := k.Get(t.Context(), "one")
			if string(got) != c.want || reasonOf(err) != c.reason || (err == nil) != (c.reason == "") {
				t.Errorf("Get = %q, %v", got, err)
			}
			if errors.Is(err, vault.ErrLocked) {
				t.Errorf("a false locked: %v", err)
			}
			facts, err := k.Inspect(t.Context())
			if err != nil || !slices.Equal(facts.Duplicates, []string{"one"}) {
				t.Errorf("Inspect = %+v, %v", facts, err)
			}
			if c.reason != "" {
				return
			}
			if err := k.Set(t.Context(), "one", []byte("written")); err != nil {
				t.Fatal(err)
			}
			if n := fake.Count(Service, "one"); n != 1 {
				t.Errorf("%d items after Set", n)
			}
			if got, err := k.Get(t.Context(), "one"); err != nil || string(got) != "written" {
				t.Errorf("Get after Set = %q, %v", got, err)
			}
		})
	}
}

// A copy that is locked does not keep a later item from being read. It does when it may
// be the later one.
func TestDuplicates_OlderLockedCopyAsksNothing(t *testing.T) {
	_, fake, k := fakeKeyring(t)
	for _, c := range []struct {
		copied uint64 // when the locked copy was changed
		want   string
	}{{5, "this"}, {15, ""}, {10, ""}} {
		fake.Reset()
		k.Lock()
		fake.PutIn(keyringtest.Login, Service, "one", "that", c.copied)
		fake.Guard()
		fake.PutIn(keyringtest.Login, Service, "one", "this", 10)
		got, err := k.Get(t.Context(), "one")
		if string(got) != c.want || (err == nil) != (c.want != "") {
			t.Errorf("a copy of %d: Get = %q, %v", c.copied, got, err)
		}
		if asked := slices.Contains(fake.Calls(), "Unlock"); asked != (c.want == "") {
			t.Errorf("a copy of %d: asked %v", c.copied, asked)
		}
	}
}

// Nothing asks to unlock what an item is not in, but it is told that a copy may be there.
func TestInspect_CountsWhatHidesItems(t *testing.T) {
	_, fake, k := fakeKeyring(t)
	fake.Collection("other", false)
	if facts, err := k.Inspect(t.Context()); err != nil || facts.Hidden != 0 {
		t.Errorf("unlocked: %+v, %v", facts, err)
	}
	fake.LockCollection("other", true)
	if facts, err := k.Inspect(t.Context()); err != nil || facts.Hidden != 1 || slices.Contains(fake.Calls(), "Unlock") {
		t.Errorf("locked: %+v, %v", facts, err)
	}
}

func TestDuplicates_AreDeletedTogether(t *testing.T) {
	_, fake, k := fakeKeyring(t)
	fake.PutIn(keyringtest.Login, Service, "one", "this", 1)
	fake.PutIn(keyringtest.Login, Service, "one", "that", 1)
	if err := k.Delete(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	if n := fake.Count(Service, "one"); n != 0 {
		t.Errorf("%d items are left", n)
	}
}

// TestStore_LeavesNothingOpen checks that the store closes its private connection,
// so that no session and no name of it stays on the bus.
func TestStore_LeavesNothingOpen(t *testing.T) {
	_, fake, k := fakeKeyring(t)
	fake.Put(Service, "one", "kept")
	if _, err := k.Get(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	if n := fake.Sessions(); n != 1 {
		t.Errorf("%d sessions while it is in use", n)
	}
	k.Lock()
	fake.Wait("the session's end", func() bool { return fake.Sessions() == 0 })
}

// The first screen asks whether there is a keyring: it must not open a password dialog.
func TestProbe_UnlocksNothing(t *testing.T) {
	_, fake, k := fakeKeyring(t)
	fake.Lock()
	if err := k.Probe(t.Context()); err != nil {
		t.Errorf("Probe: %v", err)
	}
	if calls := fake.Calls(); slices.Contains(calls, "Unlock") || slices.Contains(calls, "Prompt") {
		t.Errorf("it called %v", calls)
	}
	fake.NoCollection()
	if err := k.Probe(t.Context()); kindOf(err) != vault.ErrUnavailable {
		t.Errorf("Probe without a collection: %v", err)
	}
}
