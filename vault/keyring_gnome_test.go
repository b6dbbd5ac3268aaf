//go:build linux

package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kitekey/vault/keyringtest"
)

// kindOf names the sentinel an error matches, for messages.
func kindOf(err error) error {
	for _, kind := range []error{ErrNotFound, ErrLocked, ErrUnavailable, ErrTimeout, ErrTooBig, ErrCorrupt} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return err
}

// checkHint wants words for a person: no Go speak, and a way on.
func checkHint(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%q does not say %q", fmt.Sprint(err), want)
	}
}

// patientKeyring is one that a slow machine cannot make fail.
func patientKeyring() *Keyring {
	k := NewKeyring()
	k.deadline, k.probe = 30*time.Second, 30*time.Second
	return k
}

func TestKeyringOnGnomeKeyring(t *testing.T) {
	d := keyringtest.Start(t)
	d.Use()
	k, ctx := patientKeyring(), t.Context()
	if _, err := k.Get(ctx, "nobody"); kindOf(err) != ErrNotFound {
		t.Errorf("Get of nothing: %v", err)
	}
	if err := k.Delete(ctx, "nobody"); kindOf(err) != ErrNotFound {
		t.Errorf("Delete of nothing: %v", err)
	}
	value := []byte(strings.Repeat("é", MaxPayload/2))
	for _, v := range [][]byte{value, []byte("two"), []byte("three")} {
		if err := k.Set(ctx, "one", v); err != nil {
			t.Fatal(err)
		}
		if got, err := k.Get(ctx, "one"); err != nil || !bytes.Equal(got, v) {
			t.Errorf("Get = %d bytes, %v", len(got), err)
		}
	}
	if got := d.Lookup("kitekey", "one"); got != "three" {
		t.Errorf("secret-tool sees %q", got)
	}
	if err := k.Set(ctx, "big", append(value, 'x')); kindOf(err) != ErrTooBig {
		t.Errorf("too big: %v", err)
	}
	if err := k.Set(ctx, "empty", nil); err == nil {
		t.Error("an empty value was taken")
	}
	for _, key := range []string{"", "a:b", "a\nb", "A", "a b"} {
		if err := k.Set(ctx, key, value); err == nil {
			t.Errorf("the key %q was taken", key)
		}
	}
	if err := k.Set(ctx, "two", value); err != nil {
		t.Fatal(err)
	}
	if keys, err := k.Keys(ctx); err != nil || !slices.Equal(keys, []string{"one", "two"}) {
		t.Errorf("Keys = %v, %v", keys, err)
	}
	if err := k.Delete(ctx, "one"); err != nil {
		t.Fatal(err)
	}
	if got := d.Users("kitekey"); !slices.Equal(got, []string{"two"}) {
		t.Errorf("left: %v", got)
	}

	d.Lock()
	for name, err := range map[string]error{
		"Get": second(k.Get(ctx, "two")), "Set": k.Set(ctx, "two", value), "Delete": k.Delete(ctx, "two"),
	} {
		if kindOf(err) != ErrLocked {
			t.Errorf("%s while locked: %v", name, err)
		}
		checkHint(t, err, "--store file")
	}
	if keys, err := k.Keys(ctx); err != nil || !slices.Equal(keys, []string{"two"}) {
		t.Errorf("Keys while locked = %v, %v", keys, err)
	}
}

func TestKeyringDaemonStopped(t *testing.T) {
	d := keyringtest.Start(t)
	d.Use()
	k, ctx := patientKeyring(), t.Context()
	if err := k.Set(ctx, "one", []byte("before")); err != nil {
		t.Fatal(err)
	}
	d.StopDaemon()
	k.deadline, k.probe = 200*time.Millisecond, 200*time.Millisecond
	for name, call := range map[string]func() error{
		"Get":    func() error { return second(k.Get(ctx, "one")) },
		"Set":    func() error { return k.Set(ctx, "one", []byte("after")) },
		"Delete": func() error { return k.Delete(ctx, "one") },
		"Keys":   func() error { return second(k.Keys(ctx)) },
		// Somebody who would answer a prompt does not help: there is none.
		"Get with a prompt": func() error { return second(k.Get(WithPrompt(ctx, time.Hour), "one")) },
	} {
		if err := call(); kindOf(err) != ErrTimeout {
			t.Errorf("%s: %v", name, err)
		}
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := second(k.Get(cancelled, "one")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	d.ContinueDaemon()
	k.deadline, k.probe = 30*time.Second, 30*time.Second
	if err := k.Set(ctx, "another", []byte("x")); err != nil { // the daemon has worked off what it was sent
		t.Fatal(err)
	}
	if got, err := k.Get(ctx, "one"); err != nil || string(got) != "before" {
		t.Errorf("a write that was given up has happened: %q, %v", got, err)
	}
}

func TestKeyringDaemonGone(t *testing.T) {
	d := keyringtest.Start(t)
	d.Use()
	k, ctx := patientKeyring(), t.Context()
	if err := k.Set(ctx, "one", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	d.KillDaemon()
	err := second(k.Get(ctx, "one"))
	if kindOf(err) != ErrUnavailable {
		t.Errorf("without a daemon: %v", err)
	}
	checkHint(t, err, "gnome-keyring")
	d.StartDaemon()
	if got, err := k.Get(ctx, "one"); err != nil || string(got) != "kept" {
		t.Errorf("with a new daemon: %q, %v", got, err)
	}
}

// A keyring that cannot read its file at start says "not found" of everything:
// the profile must stay listed.
func TestKeyringFileDamaged(t *testing.T) {
	d := keyringtest.Start(t)
	d.Use()
	w := newWorld(t)
	w.Vault.store = patientKeyring()
	w.mustAdd(t, "acme")
	d.KillDaemon()
	if err := os.WriteFile(d.File(), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.StartDaemonAsIs()
	_, err := w.Credential(t.Context(), sel("acme"))
	if err == nil {
		t.Fatal("a credential from nowhere")
	}
	if list, _ := w.List(); len(list) != 1 {
		t.Errorf("listed: %v", list)
	}
	t.Log(err)
}

func TestKeyringConcurrent(t *testing.T) {
	d := keyringtest.Start(t)
	d.Use()
	k, ctx := patientKeyring(), t.Context()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			key := fmt.Sprintf("key-%d", i)
			for n := range 5 {
				value := []byte(fmt.Sprintf("value-%d-%d", i, n))
				if err := k.Set(ctx, key, value); err != nil {
					t.Error(err)
				}
				if got, err := k.Get(ctx, key); err != nil || !bytes.Equal(got, value) {
					t.Errorf("%s = %q, %v", key, got, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestKeyringWithoutBus(t *testing.T) {
	for address, want := range map[string]string{
		"unix:path=/nonexistent": "dbus-run-session",
		"nonsense":               "dbus-run-session",
	} {
		t.Setenv("DBUS_SESSION_BUS_ADDRESS", address)
		err := second(NewKeyring().Get(t.Context(), "one"))
		if kindOf(err) != ErrUnavailable {
			t.Errorf("%s: %v", address, err)
		}
		checkHint(t, err, want)
		checkHint(t, err, "--store file")
	}
}
