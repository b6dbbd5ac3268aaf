//go:build linux

package keyring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/vault"
	"kitekey/vault/keyring/keyringtest"
	"kitekey/vault/storetest"
)

// kindOf returns the sentinel that an error matches, for messages.
func kindOf(err error) error {
	for _, kind := range []error{vault.ErrNotFound, vault.ErrLocked, vault.ErrUnavailable, vault.ErrTimeout, vault.ErrTooBig, vault.ErrCorrupt} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return err
}

// reasonOf returns the reason of a [*vault.StoreError].
func reasonOf(err error) vault.Reason {
	var se *vault.StoreError
	if !errors.As(err, &se) {
		return ""
	}
	return se.Reason
}

func second[T any](_ T, err error) error { return err }

// patientKeyring returns a keyring with a deadline that a slow machine can keep.
func patientKeyring(t *testing.T) *Store {
	t.Helper()
	k := New()
	t.Cleanup(k.Lock)
	k.deadline = 30 * time.Second
	return k
}

// keyringOn returns a patient store on a bus of its own, for tests that run beside
// others.
func keyringOn(t *testing.T, bus *keyringtest.Bus) *Store {
	t.Helper()
	k := patientKeyring(t)
	k.bus = bus.Address()
	return k
}

func TestStore_OnGnomeKeyring(t *testing.T) {
	t.Parallel()
	var d *keyringtest.Keyring
	storetest.Run(t, storetest.Suite{Name: Name, Lists: true, Lock: func(*testing.T) { d.Lock() }, New: func(t *testing.T) storetest.Place {
		d = keyringtest.Start(t)
		return func() vault.Store { return keyringOn(t, d.Bus) }
	}})
}

func TestStore_OnFake(t *testing.T) {
	bus, fake, _ := fakeKeyring(t)
	storetest.Run(t, storetest.Suite{Name: Name, Lists: true, Lock: func(*testing.T) { fake.Lock() }, New: func(t *testing.T) storetest.Place {
		fake.Reset()
		return func() vault.Store { return keyringOn(t, bus) }
	}})
}

func TestStore_EndsWhenTheDaemonIsStopped(t *testing.T) {
	t.Parallel()
	d := keyringtest.Start(t)
	k, ctx := keyringOn(t, d.Bus), t.Context()
	if err := k.Set(ctx, "one", []byte("before")); err != nil {
		t.Fatal(err)
	}
	d.StopDaemon()
	k.deadline = 50 * time.Millisecond
	for name, call := range map[string]func() error{
		"Get":    func() error { return second(k.Get(ctx, "one")) },
		"Set":    func() error { return k.Set(ctx, "one", []byte("after")) },
		"Delete": func() error { return k.Delete(ctx, "one") },
		"Keys":   func() error { return second(k.Keys(ctx)) },
		// Time for a prompt does not help, because there is no prompt.
		"Get with a prompt": func() error { return second(k.Get(vault.WithPrompt(ctx, time.Hour), "one")) },
	} {
		if err := call(); kindOf(err) != vault.ErrTimeout {
			t.Errorf("%s: %v", name, err)
		}
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := second(k.Get(cancelled, "one")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	d.ContinueDaemon()
	k.deadline = 30 * time.Second
	if err := k.Set(ctx, "another", []byte("x")); err != nil { // the daemon has handled everything that was sent to it
		t.Fatal(err)
	}
	if got, err := k.Get(ctx, "one"); err != nil || string(got) != "before" {
		t.Errorf("a write that was given up has happened: %q, %v", got, err)
	}
}

func TestStore_BearsADaemonThatRestarts(t *testing.T) {
	t.Parallel()
	d := keyringtest.Start(t)
	k, ctx := keyringOn(t, d.Bus), t.Context()
	if err := k.Set(ctx, "one", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	d.KillDaemon()
	err := second(k.Get(ctx, "one"))
	if kindOf(err) != vault.ErrUnavailable {
		t.Errorf("without a daemon: %v", err)
	}
	if reasonOf(err) != vault.ReasonNotProvided {
		t.Errorf("reason %q", reasonOf(err))
	}
	d.StartDaemon()
	if got, err := k.Get(ctx, "one"); err != nil || string(got) != "kept" {
		t.Errorf("with a new daemon: %q, %v", got, err)
	}
}

// A keyring that cannot read its file at the start says "not found" of every item.
// The profile must stay listed.
func TestStore_DamagedFileUnlistsNoProfile(t *testing.T) {
	t.Parallel()
	d := keyringtest.Start(t)
	w := newVault(t, keyringOn(t, d.Bus))
	if _, err := w.Add(t.Context(), vault.NewProfile{Selector: acme, Credential: testCredential}); err != nil {
		t.Fatal(err)
	}
	d.KillDaemon()
	if err := os.WriteFile(d.File(), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.StartDaemonAsIs()
	_, err := w.Credential(t.Context(), acme)
	if err == nil {
		t.Fatal("a credential from nowhere")
	}
	if list, _ := w.List(); len(list) != 1 {
		t.Errorf("listed: %v", list)
	}
	t.Log(err)
}

func TestStore_IsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	d := keyringtest.Start(t)
	k, ctx := keyringOn(t, d.Bus), t.Context()
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

// A gnome-keyring without a password keeps a text file, in which it reads some of what it
// wrote as something else: a keyring that logs in by itself has none.
func TestGnome_TextKeyringKeepsEveryCharacter(t *testing.T) {
	t.Parallel()
	d := keyringtest.StartWithoutPassword(t)
	secret := kite.NewSecret(`C:\new\table\sum "q" 'a' \\ $x #y ;z =`)
	w := newVault(t, keyringOn(t, d.Bus))
	if _, err := w.Add(t.Context(), vault.NewProfile{Selector: acme, Credential: kite.Credential{APIKey: testCredential.APIKey, APISecret: secret}}); err != nil {
		t.Fatal(err)
	}
	d.KillDaemon()
	d.StartDaemonAsIs()
	if got, err := w.Credential(t.Context(), acme); err != nil || !got.APISecret.Equal(secret) {
		t.Errorf("another secret came back: %v", err)
	}
}

func TestStore_WithoutABusIsUnavailable(t *testing.T) {
	closed := filepath.Join(t.TempDir(), "bus") // its program has ended, its socket is still there
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: closed, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetUnlinkOnClose(false)
	_ = listener.Close()
	for address, reason := range map[string]vault.Reason{
		"unix:path=/nonexistent": vault.ReasonSessionEnded, "unix:path=" + closed: vault.ReasonSessionEnded, "unix:abstract=/tmp/dbus-gone": vault.ReasonSessionEnded,
		"nonsense": vault.ReasonSessionName, "unixexec:path=/bin/true": vault.ReasonSessionName, "unix:path=": vault.ReasonSessionName,
		// Others could read what is said there.
		"tcp:host=127.0.0.1,port=1": vault.ReasonSessionName,
	} {
		t.Setenv("DBUS_SESSION_BUS_ADDRESS", address)
		err := second(patientKeyring(t).Get(t.Context(), "one"))
		if kindOf(err) != vault.ErrUnavailable || reasonOf(err) != reason {
			t.Errorf("%s: %v, reason %q", address, err, reasonOf(err))
		}
	}
}

var (
	acme           = vault.Selector{Account: "acme", Environment: kite.Sandbox}
	testCredential = kite.Credential{APIKey: kite.NewSecret("fake-key-for-tests"), APISecret: kite.NewSecret("fake-secret-for-tests")}
)

// newVault returns a vault over s whose gateway is never called.
func newVault(t *testing.T, s vault.Store) *vault.Vault {
	t.Helper()
	v, err := vault.Open(vault.Options{Dir: t.TempDir(), Store: s,
		Gateway: func(env kite.Environment) vault.Gateway { return &kite.Client{Environment: env} }})
	if err != nil {
		t.Fatal(err)
	}
	return v
}
