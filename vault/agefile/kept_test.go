package agefile

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"kitekey/vault"
)

// memoryKeeper stands in for the kernel's keyring, or for one that refuses.
type memoryKeeper struct {
	items   map[string][]byte
	lives   map[string]time.Duration
	refuses error
}

func newMemoryKeeper() *memoryKeeper {
	return &memoryKeeper{items: map[string][]byte{}, lives: map[string]time.Duration{}}
}

func (m *memoryKeeper) keep(name string, value []byte, life time.Duration) error {
	if m.refuses != nil {
		return m.refuses
	}
	m.items[name], m.lives[name] = append([]byte(nil), value...), life
	return nil
}

func (m *memoryKeeper) load(name string) ([]byte, error) {
	value, ok := m.items[name]
	if !ok {
		return nil, errors.Join(m.refuses, errors.New("no such key"))
	}
	return append([]byte(nil), value...), nil
}

func (m *memoryKeeper) drop(name string) error {
	delete(m.items, name)
	return nil
}

// opensUnasked reports whether a new process would open the store without asking
// for its passphrase.
func opensUnasked(t *testing.T, dir string, k keeper) bool {
	t.Helper()
	s, a := newTestFile(t, dir, "not the passphrase of it")
	s.keeper = k
	locked := s.Locked()
	value, err := s.Get(t.Context(), "k1")
	opened := err == nil && string(value) == "v1" && len(a.asked) == 0
	if locked == opened {
		t.Errorf("Locked says %v, and opening without a passphrase gives %q, %v", locked, value, err)
	}
	return opened
}

func TestKeepUnlocked_OtherProcessesOpenItUntilItIsOver(t *testing.T) {
	for name, end := range map[string]func(*Store, *memoryKeeper) error{
		"locked": func(s *Store, _ *memoryKeeper) error { s.Lock(); return nil },
		"passphrase changed": func(s *Store, _ *memoryKeeper) error {
			return changePassphrase(t, s, nextPassphrase)
		},
		"passphrase changed where the kernel's keyring cannot be reached": func(s *Store, _ *memoryKeeper) error {
			s.keeper = newMemoryKeeper()
			return changePassphrase(t, s, nextPassphrase)
		},
		"its time is over": func(s *Store, k *memoryKeeper) error {
			for name, value := range k.items {
				old, _ := decodeKept(value)
				old.until = time.Now().Add(-time.Second)
				k.items[name] = old.encode()
			}
			return nil
		},
		"torn": func(s *Store, k *memoryKeeper) error {
			for name, value := range k.items {
				k.items[name] = value[:len(value)-1]
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, k := filled(t), newMemoryKeeper()
			if opensUnasked(t, dir, k) {
				t.Fatal("it is open from the start")
			}
			s, asked := newTestFile(t, dir)
			s.keeper = k
			if _, err := s.Get(t.Context(), "k1"); err != nil {
				t.Fatal(err)
			}
			until, err := s.KeepUnlocked(t.Context(), 30*time.Minute)
			if left := time.Until(until); err != nil || left < 29*time.Minute || left > 30*time.Minute {
				t.Fatalf("until %v, %v", until, err)
			}
			if len(asked.asked) != 2 {
				t.Error("it did not ask for the passphrase of a store that was open already")
			}
			if got, ok := s.KeptUntil(); !ok || !got.Equal(until) {
				t.Errorf("kept until %v, %v; want %v", got, ok, until)
			}
			for _, life := range k.lives {
				if life != 30*time.Minute {
					t.Errorf("the kernel was told %v", life)
				}
			}
			if !opensUnasked(t, dir, k) || !opensUnasked(t, filepath.Join(dir, "..", filepath.Base(dir)), k) {
				t.Error("another process needs the passphrase")
			}
			if err := end(s, k); err != nil {
				t.Fatal(err)
			}
			if opensUnasked(t, dir, k) {
				t.Error("it is still open")
			}
			if len(k.items) != 0 {
				t.Errorf("%d keys are left", len(k.items))
			}
		})
	}
}

func TestKeepUnlocked_WorksAsBeforeWhereTheKernelRefuses(t *testing.T) {
	dir := filled(t)
	s, _ := newTestFile(t, dir)
	s.keeper = &memoryKeeper{refuses: syscall.EPERM}
	if _, err := s.KeepUnlocked(t.Context(), time.Hour); !errors.Is(err, vault.ErrCannotKeep) || !strings.Contains(err.Error(), "not permitted") {
		t.Error(err)
	}
	if _, ok := s.KeptUntil(); ok {
		t.Error("it says that it is kept")
	}
	if got, err := s.Get(t.Context(), "k1"); err != nil || string(got) != "v1" {
		t.Errorf("%q %v", got, err)
	}
	if err := s.Set(t.Context(), "k1", []byte("v2")); err != nil {
		t.Error(err)
	}
	s.Lock()
}

func TestKeepUnlocked_NeedsThePassphrase(t *testing.T) {
	dir, k := filled(t), newMemoryKeeper()
	s, _ := newTestFile(t, dir, "a wrong one")
	s.keeper = k
	if _, err := s.KeepUnlocked(t.Context(), time.Hour); !errors.Is(err, vault.ErrWrongPassphrase) || len(k.items) > 0 {
		t.Errorf("%v, %d keys", err, len(k.items))
	}
	if _, err := s.KeepOpen(time.Hour); !errors.Is(err, vault.ErrLocked) {
		t.Error(err)
	}
	none, _ := newTestFile(t, t.TempDir())
	none.keeper = k
	if _, err := none.KeepUnlocked(t.Context(), time.Hour); !errors.Is(err, vault.ErrNotFound) {
		t.Error(err)
	}
}

const keptDir = "TEST_KEPT_DIR"

// The helper process is another process of the user.
func TestHelperProcess_OpensAKeptStore(t *testing.T) {
	dir := os.Getenv(keptDir)
	if dir == "" {
		return
	}
	if !opensUnasked(t, dir, newKeeper()) {
		t.Fatal("locked")
	}
}

// The real kernel keeps the key: another process finds it, and it expires by
// itself.
func TestKeepUnlocked_KernelKeepsItForOtherProcesses(t *testing.T) {
	dir := filled(t)
	s, _ := newTestFile(t, dir)
	t.Cleanup(s.Lock)
	if _, err := s.KeepUnlocked(t.Context(), time.Hour); errors.Is(err, vault.ErrCannotKeep) {
		t.Skipf("this machine does not: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	other := func() error {
		cmd := exec.Command(os.Args[0], "-test.run=^TestHelperProcess_OpensAKeptStore$")
		cmd.Env = append(os.Environ(), keptDir+"="+dir)
		return cmd.Run()
	}
	if err := other(); err != nil {
		t.Error("another process needs the passphrase")
	}
	s.Lock()
	if err := other(); err == nil {
		t.Error("another process opens it after it was locked")
	}
	if _, err := s.KeepUnlocked(t.Context(), time.Second); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if _, err := s.keeper.load(s.keptName()); err != nil {
			break // the kernel alone has removed it
		}
		if time.Now().After(end) {
			t.Fatal("the kernel keeps it for longer than a second")
		}
	}
}
