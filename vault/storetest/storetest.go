// Package storetest is what every store is tested with, and what everything else
// is tested with in place of a real store.
//
// [Run] is the conformance suite: it calls a [Suite]'s callbacks to get stores and
// checks that they keep the contract of vault.Store. A new store passes it, and
// tests of its own cover only what is special about it:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, storetest.Suite{
//			New: func(t *testing.T) storetest.Place {
//				dir := t.TempDir()
//				return func() vault.Store { return agefile.New(dir, ask) }
//			},
//		})
//	}
//
// [Faulty] is the one store that fails on command, [NewFile] one that outlives a
// process without asking for anything.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"kitekey/kite"
	"kitekey/vault"
)

// Place is a place for items. Each call returns another store on the same items, as
// another process would have it.
type Place func() vault.Store

// Suite describes the stores to test.
type Suite struct {
	// New returns an empty place, which is cleaned up when the test ends.
	New func(t *testing.T) Place
	// Name is the name that the store must have.
	Name string
	// Lists is true if the store must be a vault.Lister on this system.
	Lists bool
	// Lock locks the place from outside: every operation must then fail with
	// vault.ErrLocked. It is nil if that cannot be done.
	Lock func(t *testing.T)
	// Passphrase opens a vault.Unlocker.
	Passphrase string
}

// Run checks a store against the contract.
func Run(t *testing.T, s Suite) {
	t.Run("Empty", func(t *testing.T) { s.empty(t) })
	t.Run("WriteReadDelete", func(t *testing.T) { s.writeReadDelete(t) })
	t.Run("Values", func(t *testing.T) { s.values(t) })
	t.Run("Refuses", func(t *testing.T) { s.refuses(t) })
	t.Run("AnotherProcess", func(t *testing.T) { s.anotherProcess(t) })
	t.Run("Keys", func(t *testing.T) { s.keys(t) })
	t.Run("Concurrent", func(t *testing.T) { s.concurrent(t) })
	t.Run("Cancelled", func(t *testing.T) { s.cancelled(t) })
	t.Run("Locked", func(t *testing.T) { s.locked(t) })
	t.Run("Passphrase", func(t *testing.T) { s.passphrase(t) })
	t.Run("Discard", func(t *testing.T) { s.discard(t) })
}

func (s Suite) empty(t *testing.T) {
	st, ctx := s.New(t)(), t.Context()
	if st.Name() != s.Name {
		t.Errorf("Name = %q, want %q", st.Name(), s.Name)
	}
	value, err := st.Get(ctx, "none")
	if value != nil {
		t.Errorf("Get of nothing gives %q", value)
	}
	wantKind(t, "Get of nothing", err, s.Name, vault.OpRead, vault.ErrNotFound)
	wantKind(t, "Delete of nothing", st.Delete(ctx, "none"), s.Name, vault.OpDelete, vault.ErrNotFound)
	if keys := list(t, st); len(keys) != 0 {
		t.Errorf("Keys of nothing: %v", keys)
	}
}

func (s Suite) writeReadDelete(t *testing.T) {
	st, ctx := s.New(t)(), t.Context()
	for _, value := range []string{"one", "two", "a longer value than before", "x"} {
		given := []byte(value)
		if err := st.Set(ctx, "key", given); err != nil {
			t.Fatalf("Set %q: %v", value, err)
		}
		clear(given) // the store must have its own copy
		got, err := st.Get(ctx, "key")
		if err != nil || string(got) != value {
			t.Fatalf("Get = %q, %v; want %q", got, err, value)
		}
		clear(got)
		if again, err := st.Get(ctx, "key"); err != nil || string(again) != value {
			t.Fatalf("Get again = %q, %v; want %q", again, err, value)
		}
	}
	if err := st.Set(ctx, "key2", []byte("other")); err != nil {
		t.Fatal(err)
	}
	if err := st.Delete(ctx, "key"); err != nil {
		t.Fatal(err)
	}
	_, err := st.Get(ctx, "key")
	wantKind(t, "Get after Delete", err, s.Name, vault.OpRead, vault.ErrNotFound)
	wantKind(t, "Delete twice", st.Delete(ctx, "key"), s.Name, vault.OpDelete, vault.ErrNotFound)
	if got, err := st.Get(ctx, "key2"); err != nil || string(got) != "other" {
		t.Errorf("the other item is %q, %v", got, err)
	}
}

func (s Suite) values(t *testing.T) {
	st, ctx := s.New(t)(), t.Context()
	for name, value := range map[string][]byte{
		"one-byte":    {'x'},
		"json":        []byte(`{"v":1,"secret":"a\"b\\c"}`),
		"unicode":     []byte("ключ – 🔑"),
		"blanks":      []byte("  two lines\n\tand blanks "),
		"longest":     bytes.Repeat([]byte("k"), vault.MaxPayload),
		"long-accent": []byte(strings.Repeat("é", vault.MaxPayload/2)),
	} {
		if err := st.Set(ctx, name, value); err != nil {
			t.Errorf("Set %s: %v", name, err)
			continue
		}
		if got, err := st.Get(ctx, name); err != nil || !bytes.Equal(got, value) {
			t.Errorf("Get %s = %d bytes, %v; want %d bytes", name, len(got), err, len(value))
		}
	}
}

func (s Suite) refuses(t *testing.T) {
	st, ctx := s.New(t)(), t.Context()
	if err := st.Set(ctx, "key", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "a value too big", st.Set(ctx, "key", make([]byte, vault.MaxPayload+1)), s.Name, vault.OpWrite, vault.ErrTooBig)
	wantKind(t, "an empty value", st.Set(ctx, "key", nil), s.Name, vault.OpWrite, vault.ErrCorrupt)
	for _, key := range []string{"", "a:b", "a\nb", "A", "a b", "ü", strings.Repeat("k", 129)} {
		wantKind(t, fmt.Sprintf("the key %q", key), st.Set(ctx, key, []byte("v")), s.Name, vault.OpWrite, vault.ErrUnavailable)
	}
	if got, err := st.Get(ctx, "key"); err != nil || string(got) != "kept" {
		t.Errorf("afterwards: %q, %v", got, err)
	}
	if keys := list(t, st); s.Lists && !slices.Equal(keys, []string{"key"}) {
		t.Errorf("Keys = %v", keys)
	}
}

func (s Suite) anotherProcess(t *testing.T) {
	place, ctx := s.New(t), t.Context()
	one := place()
	if err := one.Set(ctx, "key", []byte("first")); err != nil {
		t.Fatal(err)
	}
	two := place()
	if got, err := two.Get(ctx, "key"); err != nil || string(got) != "first" {
		t.Fatalf("another store reads %q, %v", got, err)
	}
	if err := two.Set(ctx, "key", []byte("second")); err != nil {
		t.Fatal(err)
	}
	if got, err := one.Get(ctx, "key"); err != nil || string(got) != "second" {
		t.Errorf("the first store reads %q, %v", got, err)
	}
	if err := one.Delete(ctx, "key"); err != nil {
		t.Fatal(err)
	}
	_, err := two.Get(ctx, "key")
	wantKind(t, "Get of what another deleted", err, s.Name, vault.OpRead, vault.ErrNotFound)
}

func (s Suite) keys(t *testing.T) {
	st, ctx := s.New(t)(), t.Context()
	if _, ok := st.(vault.Lister); !ok {
		if s.Lists {
			t.Fatal("the store is not a vault.Lister")
		}
		t.Skip("this store cannot list its keys here")
	}
	want := []string{"a-1", "b.2", "c_3", "id-token"}
	for _, key := range []string{"c_3", "id-token", "a-1", "b.2"} {
		if err := st.Set(ctx, key, []byte("value of "+key)); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.Set(ctx, "a-1", []byte("again")); err != nil {
		t.Fatal(err)
	}
	if keys := list(t, st); !slices.Equal(keys, want) {
		t.Errorf("Keys = %v, want %v", keys, want)
	}
	if err := st.Delete(ctx, "b.2"); err != nil {
		t.Fatal(err)
	}
	if keys := list(t, st); !slices.Equal(keys, []string{"a-1", "c_3", "id-token"}) {
		t.Errorf("Keys after Delete = %v", keys)
	}
}

func (s Suite) concurrent(t *testing.T) {
	place, ctx := s.New(t), t.Context()
	first := place()
	if err := first.Set(ctx, "shared", []byte("0")); err != nil { // creates the store's files
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 6 {
		st := first
		if i%2 == 1 {
			st = place()
		}
		wg.Go(func() {
			key := fmt.Sprintf("key-%d", i)
			for n := range 4 {
				value := fmt.Sprintf("value-%d-%d", i, n)
				if err := st.Set(ctx, key, []byte(value)); err != nil {
					t.Error(err)
				}
				if got, err := st.Get(ctx, key); err != nil || string(got) != value {
					t.Errorf("%s = %q, %v; want %q", key, got, err, value)
				}
			}
		})
	}
	wg.Wait()
}

func (s Suite) cancelled(t *testing.T) {
	st := s.New(t)()
	if err := st.Set(t.Context(), "key", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	calls := map[string]error{
		"Get": second(st.Get(ctx, "key")), "Set": st.Set(ctx, "key", []byte("lost")), "Delete": st.Delete(ctx, "key"),
	}
	if l, ok := st.(vault.Lister); ok {
		calls["Keys"] = second(l.Keys(ctx))
	}
	for name, err := range calls {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s with a cancelled context: %v", name, err)
		}
		var se *vault.StoreError
		if errors.As(err, &se) {
			t.Errorf("%s blames the store for the caller's cancelling: %v", name, err)
		}
	}
	if got, err := st.Get(t.Context(), "key"); err != nil || string(got) != "kept" {
		t.Errorf("afterwards: %q, %v", got, err)
	}
}

func (s Suite) locked(t *testing.T) {
	if s.Lock == nil {
		t.Skip("this store cannot be locked from outside")
	}
	place, ctx := s.New(t), t.Context()
	if err := place().Set(ctx, "key", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	s.Lock(t)
	st := place()
	wantKind(t, "Get", second(st.Get(ctx, "key")), s.Name, vault.OpRead, vault.ErrLocked)
	wantKind(t, "Set", st.Set(ctx, "key", []byte("lost")), s.Name, vault.OpWrite, vault.ErrLocked)
	wantKind(t, "Set of a new key", st.Set(ctx, "new", []byte("lost")), s.Name, vault.OpWrite, vault.ErrLocked)
	wantKind(t, "Delete", st.Delete(ctx, "key"), s.Name, vault.OpDelete, vault.ErrLocked)
	if l, ok := st.(vault.Lister); ok {
		// It lists all items or fails; it never lists some or none.
		if keys, err := l.Keys(ctx); err == nil && !slices.Equal(keys, []string{"key"}) {
			t.Errorf("Keys gives %v while locked", keys)
		} else if err != nil {
			wantKind(t, "Keys", err, s.Name, vault.OpList, vault.ErrLocked)
		}
	}
}

func (s Suite) passphrase(t *testing.T) {
	place, ctx := s.New(t), t.Context()
	if _, ok := place().(vault.Unlocker); !ok || s.Passphrase == "" {
		t.Skip("no passphrase opens this store")
	}
	if err := place().Set(ctx, "key", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	st := place()
	l := st.(vault.Locker)
	if !l.Locked() {
		t.Error("not locked in a new process")
	}
	if err := st.(vault.Unlocker).Unlock(ctx, kite.NewSecret("not the passphrase")); !errors.Is(err, vault.ErrWrongPassphrase) || !errors.Is(err, vault.ErrLocked) {
		t.Errorf("Unlock with another passphrase: %v", err)
	}
	if err := st.(vault.Unlocker).Unlock(ctx, kite.NewSecret(s.Passphrase)); err != nil || l.Locked() {
		t.Errorf("Unlock: %v, locked %v", err, l.Locked())
	}
	if got, err := st.Get(ctx, "key"); err != nil || string(got) != "kept" {
		t.Errorf("Get = %q, %v", got, err)
	}
	l.Lock()
	if !l.Locked() {
		t.Error("Lock did not lock")
	}
}

func (s Suite) discard(t *testing.T) {
	place, ctx := s.New(t), t.Context()
	st := place()
	d, ok := st.(vault.Discarder)
	if !ok {
		t.Skip("this store leaves nothing behind")
	}
	if err := st.Set(ctx, "key", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	if err := d.Discard(ctx); err != nil {
		t.Error(err)
	}
	if got, err := st.Get(ctx, "key"); err != nil || string(got) != "kept" {
		t.Fatalf("Discard of a store with an item: %q, %v", got, err)
	}
	if err := st.Delete(ctx, "key"); err != nil {
		t.Fatal(err)
	}
	if err := d.Discard(ctx); err != nil {
		t.Error(err)
	}
	if err := st.Set(ctx, "key", []byte("anew")); err != nil {
		t.Errorf("Set after Discard: %v", err)
	}
}

// wantKind checks that err is a StoreError of that kind with all its facts, and
// that its text can be shown.
func wantKind(t *testing.T, what string, err error, store, op string, kind error) {
	t.Helper()
	var se *vault.StoreError
	if !errors.As(err, &se) {
		t.Errorf("%s: %v (%T) is no StoreError", what, err, err)
		return
	}
	if !errors.Is(err, kind) {
		t.Errorf("%s: %v, want %v", what, err, kind)
	}
	if se.Store != store || se.Op != op {
		t.Errorf("%s: the error names store %q and operation %q, want %q and %q", what, se.Store, se.Op, store, op)
	}
	if text := err.Error(); strings.Contains(text, "kitekey ") || strings.Contains(text, "--") || strings.Contains(text, "nil") {
		t.Errorf("%s: the text names a command, a flag or a Go value: %q", what, text)
	}
}

func list(t *testing.T, st vault.Store) []string {
	t.Helper()
	l, ok := st.(vault.Lister)
	if !ok {
		return nil
	}
	keys, err := l.Keys(t.Context())
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if err != nil {
		t.Errorf("Keys: %v", err)
	}
	return keys
}

func second[T any](_ T, err error) error { return err }
