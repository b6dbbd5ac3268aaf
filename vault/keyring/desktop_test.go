//go:build linux

package keyring

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kitekey/vault"
	"kitekey/vault/keyring/keyringtest"
	"kitekey/vault/storetest"
)

// The same on other keyrings: KeePassXC with its default confirmations, and
// KWallet. Both run on a display and a bus of their own.

// long skips a test that starts a desktop program.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a desktop program")
	}
}

func empty(t *testing.T, s *Store) {
	t.Helper()
	keys, err := s.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if err := s.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStore_OnKeePassXC(t *testing.T) {
	long(t)
	d := keyringtest.StartKeePassXC(t, "first")
	stop := d.AnswerAll(0, "Return")
	defer stop()
	d.Use()
	storetest.Run(t, storetest.Suite{Name: Name, Lists: true, New: func(t *testing.T) storetest.Place {
		empty(t, patientKeyring(t))
		return func() vault.Store { return patientKeyring(t) }
	}})
}

func TestStore_OnKWallet(t *testing.T) {
	long(t)
	d := keyringtest.StartKWallet(t)
	d.CreateWallet()
	d.Use()
	storetest.Run(t, storetest.Suite{Name: Name, Lists: true, New: func(t *testing.T) storetest.Place {
		empty(t, patientKeyring(t))
		return func() vault.Store { return patientKeyring(t) }
	}})
}

// KeePassXC asks for every item that another connection reads, even if the
// collection is unlocked, and a user may take some time.
func TestKeePassXC_IsWaitedForWhileItAsks(t *testing.T) {
	long(t)
	d := keyringtest.StartKeePassXC(t, "first")
	d.Use()
	if err := patientKeyring(t).Set(t.Context(), "one", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	t.Run("allowed after five seconds", func(t *testing.T) {
		stop := d.AnswerAll(5*time.Second, "Return")
		defer stop()
		s, told := New(), 0
		t.Cleanup(s.Lock)
		began := time.Now()
		ctx := vault.WithPromptTold(t.Context(), time.Minute, func() { told++ })
		got, err := s.Get(ctx, "one")
		if err != nil || string(got) != "kept" || told != 1 {
			t.Errorf("Get = %q, %v; told %d times", got, err, told)
		}
		if took := time.Since(began); took < 4*time.Second {
			t.Errorf("nothing was asked: %v", took)
		}
		// The permission holds: replacing the item does not ask again.
		began = time.Now()
		if err := s.Set(ctx, "one", []byte("replaced")); err != nil || time.Since(began) > 3*time.Second {
			t.Errorf("Set: %v after %v", err, time.Since(began))
		}
	})
	t.Run("refused", func(t *testing.T) {
		stop := d.AnswerAll(0, "Escape")
		defer stop()
		_, err := patientKeyring(t).Get(vault.WithPrompt(t.Context(), time.Minute), "one")
		if kindOf(err) != vault.ErrLocked || reasonOf(err) != vault.ReasonDismissed {
			t.Errorf("%v, reason %q", err, reasonOf(err))
		}
		var se *vault.StoreError
		if errors.As(err, &se) && se.Provider != "keepassxc" {
			t.Errorf("provider %q", se.Provider)
		}
	})
	t.Run("no prompt", func(t *testing.T) {
		s := New()
		t.Cleanup(s.Lock)
		began := time.Now()
		_, err := s.Get(t.Context(), "one")
		if kindOf(err) != vault.ErrLocked || reasonOf(err) != vault.ReasonPromptPending || time.Since(began) > 10*time.Second {
			t.Errorf("%v, reason %q after %v", err, reasonOf(err), time.Since(began))
		}
	})
}

// With a locked database KeePassXC answers a search when the user has typed the
// password into its dialog, which takes longer than a call without a user may.
func TestKeePassXC_IsWaitedForWhileItUnlocks(t *testing.T) {
	long(t)
	d := keyringtest.StartKeePassXC(t, "first")
	d.Use()
	if err := patientKeyring(t).Set(t.Context(), "one", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	d.LockDatabases()
	s := New()
	t.Cleanup(s.Lock)
	if _, err := s.Get(t.Context(), "one"); kindOf(err) != vault.ErrLocked || reasonOf(err) != vault.ReasonPromptPending {
		t.Errorf("without a service: %v, reason %q", err, reasonOf(err))
	}
	var told atomic.Int32
	got := make(chan error, 1)
	go func() {
		value, err := s.Get(vault.WithPromptTold(t.Context(), time.Minute, func() { told.Add(1) }), "one")
		if err == nil && string(value) != "kept" {
			err = fmt.Errorf("another value: %q", value)
		}
		got <- err
	}()
	id := d.WaitWindow("Unlock Database")
	time.Sleep(4 * time.Second) // the user types
	d.Type(id, keyringtest.DatabasePassword)
	d.Press(id, "Return")
	stop := d.AnswerAll(0, "Return") // the question for the item
	defer stop()
	if err := <-got; err != nil || told.Load() != 1 {
		t.Errorf("%v, told %d times", err, told.Load())
	}
}

// The tab in front is KeePassXC's default collection. An item that is added while
// one tab is in front is found, replaced and removed while the other is.
func TestKeePassXC_OtherTabInFront(t *testing.T) {
	long(t)
	d := keyringtest.StartKeePassXC(t, "first", "second")
	stop := d.AnswerAll(0, "Return")
	defer stop()
	d.Use()
	s, ctx := patientKeyring(t), t.Context()
	if err := s.Set(ctx, "one", []byte("old")); err != nil {
		t.Fatal(err)
	}
	before := d.DefaultCollection()
	d.OtherTab()
	if now := d.DefaultCollection(); now == before {
		t.Fatalf("the default collection is still %s", now)
	}
	s.Lock()
	if got, err := s.Get(ctx, "one"); err != nil || string(got) != "old" {
		t.Errorf("Get = %q, %v", got, err)
	}
	if err := s.Set(ctx, "one", []byte("new")); err != nil {
		t.Error(err)
	}
	if err := s.Set(ctx, "two", []byte("here")); err != nil {
		t.Error(err)
	}
	if users := d.ItemUsers(Service); !slices.Equal(users, []string{"one", "two"}) {
		t.Errorf("items: %v", users)
	}
	if err := s.Delete(ctx, "one"); err != nil {
		t.Error(err)
	}
	if users := d.ItemUsers(Service); !slices.Equal(users, []string{"two"}) {
		t.Errorf("items after Delete: %v", users)
	}
}

func TestKeePassXC_KeepsWhatIsRemoved(t *testing.T) {
	long(t)
	d := keyringtest.StartKeePassXC(t, "first")
	d.Use()
	if facts, err := patientKeyring(t).Inspect(t.Context()); err != nil || !facts.KeepsRemoved || facts.Provider != "keepassxc" {
		t.Errorf("Inspect = %+v, %v", facts, err)
	}
}

func TestKWallet_WithoutAWalletIsUnavailable(t *testing.T) {
	long(t)
	d := keyringtest.StartKWallet(t)
	d.Use()
	s, ctx := patientKeyring(t), t.Context()
	for name, err := range map[string]error{
		"Get": second(s.Get(ctx, "one")), "Set": s.Set(ctx, "one", []byte("v")), "Delete": s.Delete(ctx, "one"), "Keys": second(s.Keys(ctx)), "Ping": s.Ping(ctx),
	} {
		if kindOf(err) != vault.ErrUnavailable || reasonOf(err) != vault.ReasonNoCollection {
			t.Errorf("%s: %v, reason %q", name, err, reasonOf(err))
		}
	}
}

// A closed wallet hides its items, so none is said to be missing. It opens by
// itself when the user is there.
func TestKWallet_ClosedIsLockedNotEmpty(t *testing.T) {
	long(t)
	d := keyringtest.StartKWallet(t)
	d.CreateWallet()
	d.Use()
	s := patientKeyring(t)
	if err := s.Set(t.Context(), "one", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	s.Lock()
	d.CloseWallet()
	stop := d.AnswerAll(0, "Escape")
	s = New()
	s.deadline = 2 * time.Second
	t.Cleanup(s.Lock)
	for name, err := range map[string]error{
		"Get": second(s.Get(t.Context(), "one")), "Delete": s.Delete(t.Context(), "one"), "Keys": second(s.Keys(t.Context())),
	} {
		if kindOf(err) == vault.ErrNotFound || err == nil {
			t.Errorf("%s while closed: %v", name, err)
		}
		t.Logf("%s while closed: %v, reason %q", name, err, reasonOf(err))
	}
	stop()
	d.Kill()
	d.Restart()
	d.OpenWallet()
	if got, err := patientKeyring(t).Get(t.Context(), "one"); err != nil || string(got) != "kept" {
		t.Errorf("Get = %q, %v", got, err)
	}
}

// Services disagree on leading zero bytes and on signs, which shows in one of some
// hundred sessions.
func TestSession_BothSidesDeriveOneKey(t *testing.T) {
	long(t)
	sessions := 700
	for name, start := range map[string]func(t *testing.T){
		"KWallet": func(t *testing.T) {
			d := keyringtest.StartKWallet(t)
			d.CreateWallet()
			d.Use()
		},
		"gnome-keyring": func(t *testing.T) { keyringtest.Start(t).Use() },
	} {
		t.Run(name, func(t *testing.T) {
			start(t)
			s := patientKeyring(t)
			if err := s.Set(t.Context(), "one", []byte("kept")); err != nil {
				t.Fatal(err)
			}
			for i := range sessions {
				s.Lock()
				if got, err := s.Get(t.Context(), "one"); err != nil || string(got) != "kept" {
					t.Fatalf("session %d: %q, %v", i, got, err)
				}
			}
		})
	}
}

// Two gnome-keyrings with the same folder overwrite each other's file.
func TestInspect_SeesASecondDaemon(t *testing.T) {
	d := keyringtest.Start(t)
	d.Use()
	s := patientKeyring(t)
	if facts, err := s.Inspect(t.Context()); err != nil || len(facts.Rivals) != 0 || facts.OpenFolder != "" || !strings.HasPrefix(facts.Provider, "gnome-keyring") {
		t.Errorf("alone: %+v, %v", facts, err)
	}
	folder := filepath.Dir(d.File())
	if err := os.Chmod(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	if facts, err := s.Inspect(t.Context()); err != nil || facts.OpenFolder != folder {
		t.Errorf("in a folder open to others: %+v, %v", facts, err)
	}
	d.SecondDaemon()
	facts, err := s.Inspect(t.Context())
	if err != nil || len(facts.Rivals) != 1 {
		t.Errorf("beside another: %+v, %v", facts, err)
	}
}
