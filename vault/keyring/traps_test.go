//go:build linux

package keyring

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"kitekey/vault"
	"kitekey/vault/keyring/keyringtest"
)

// What Secret Services have been seen to do, and how the store reports it.

const (
	brief = 150 * time.Millisecond // a deadline that every call misses
	ample = 2 * time.Second        // a deadline that only a call that hangs misses
)

func fakeKeyring(t *testing.T) (*keyringtest.Bus, *keyringtest.Fake, *Store) {
	t.Helper()
	t.Parallel()
	bus := keyringtest.StartBus(t)
	return bus, bus.Fake(), keyringOn(t, bus)
}

func TestTraps_GiveTheKindOfError(t *testing.T) {
	_, fake, k := fakeKeyring(t)
	ctx := t.Context()
	get := func() error { return second(k.Get(ctx, "one")) }
	set := func() error { return k.Set(ctx, "one", []byte("new")) }
	del := func() error { return k.Delete(ctx, "one") }
	list := func() error { return second(k.Keys(ctx)) }
	setNew := func() error { return k.Set(ctx, "two", []byte("new")) }
	fail := keyringtest.Fail
	for _, c := range []struct {
		name    string
		prepare func()
		call    func() error
		kind    error // nil if it works
		reason  vault.Reason
	}{
		{"a sound one, read", func() {}, get, nil, ""},
		{"a sound one, written", func() {}, set, nil, ""},
		{"a sound one, deleted", func() {}, del, nil, ""},
		{"a sound one, listed", func() {}, list, nil, ""},
		{"prompt accepted on write", func() { fake.On("CreateItem", keyringtest.Accept) }, setNew, nil, ""},
		{"prompt accepted on delete", func() { fake.On("Delete", keyringtest.Accept) }, del, nil, ""},
		{"prompt dismissed on write of a new item", func() { fake.On("CreateItem", keyringtest.Dismiss) }, setNew, vault.ErrLocked, vault.ReasonDismissed},
		{"a write of an old item that is not kept", func() { fake.On("SetSecret", keyringtest.Lie) }, set, vault.ErrLocked, vault.ReasonNotKept},
		{"access refused on read", func() { fake.Guard() }, get, vault.ErrLocked, vault.ReasonDismissed},
		{"access refused on write", func() { fake.Guard() }, set, vault.ErrLocked, vault.ReasonDismissed},
		{"access allowed on read", func() { fake.Guard(); fake.On("Unlock", keyringtest.Accept) }, get, nil, ""},
		{"access allowed on write", func() { fake.Guard(); fake.On("Unlock", keyringtest.Accept) }, set, nil, ""},
		{"prompt dismissed on delete", func() { fake.On("Delete", keyringtest.Dismiss) }, del, vault.ErrLocked, vault.ReasonDismissed},
		{"a deletion that is not done", func() { fake.On("Delete", keyringtest.Lie) }, del, vault.ErrLocked, vault.ReasonNotKept},
		{"a write that is not kept", func() { fake.On("CreateItem", keyringtest.Lie) }, setNew, vault.ErrLocked, vault.ReasonNotKept},
		{"a write that is kept empty", func() { fake.On("CreateItem", keyringtest.Empty) }, setNew, vault.ErrCorrupt, ""},
		{"an empty secret", func() { fake.On("GetSecret", keyringtest.Empty) }, get, vault.ErrCorrupt, ""},
		{"locked, read", fake.Lock, get, vault.ErrLocked, ""},
		{"locked, written", fake.Lock, set, vault.ErrLocked, ""},
		{"locked, deleted", fake.Lock, del, vault.ErrLocked, ""},
		{"locked, listed", fake.Lock, list, vault.ErrLocked, ""},
		{"locked and opened by prompt", func() { fake.Lock(); fake.On("Unlock", keyringtest.Accept) }, get, nil, ""},
		{"no default keyring, read", fake.NoCollection, get, vault.ErrUnavailable, vault.ReasonNoCollection},
		{"no default keyring, written", fake.NoCollection, set, vault.ErrUnavailable, vault.ReasonNoCollection},
		{"disk full", func() {
			fake.On("CreateItem", fail("org.freedesktop.DBus.Error.Failed", "Couldn't create item: An error occurred on the device"))
		}, setNew, vault.ErrUnavailable, vault.ReasonWriteFailed},
		{"cannot encrypt", func() {
			k.Lock() // the next call opens a session
			fake.On("OpenSession", fail("org.freedesktop.Secret.Error.NotSupported", "no such algorithm"))
		}, get, vault.ErrUnavailable, vault.ReasonNoEncryption},
		{"KWallet without its plugin", func() {
			k.Lock()
			fake.On("OpenSession", fail("org.freedesktop.DBus.Error.Failed", "createDLGroup failed: maybe libqca-ossl is missing"))
		}, get, vault.ErrUnavailable, vault.ReasonNoEncryption},
		{"locked in between", func() { fake.On("SetSecret", fail("org.freedesktop.Secret.Error.IsLocked", "locked")) }, set, vault.ErrLocked, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			fake.Reset()
			fake.Put("kitekey", "one", "old")
			c.prepare()
			err := c.call()
			if c.kind == nil && err != nil || c.kind != nil && kindOf(err) != c.kind {
				t.Errorf("%v, want %v", err, c.kind)
			}
			if c.kind != nil {
				if reasonOf(err) != c.reason {
					t.Errorf("reason %q, want %q", reasonOf(err), c.reason)
				}
				if got, ok := fake.Secret("kitekey", "one"); !ok || got != "old" {
					t.Errorf("the old item is %q, %v", got, ok)
				}
			}
		})
	}
}

func TestTraps_EndAtTheDeadline(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for deadlines")
	}
	_, fake, k := fakeKeyring(t)
	ctx := t.Context()
	k.deadline = brief
	for _, method := range []string{"OpenSession", "SearchItems", "Unlock", "CreateItem", "SetSecret", "GetSecret", "Delete", "Get Collections", "Get Attributes"} {
		fake.Reset()
		fake.Put("kitekey", "one", "old")
		fake.On(method, keyringtest.Hang)
		calls := map[string]error{
			"Get": second(k.Get(ctx, "one")), "Set": k.Set(ctx, "one", []byte("new")), "Set of a new one": k.Set(ctx, "new", []byte("new")), "Delete": k.Delete(ctx, "one"), "Keys": second(k.Keys(ctx)),
		}
		hung := 0
		for name, err := range calls {
			if kindOf(err) == vault.ErrTimeout {
				hung++
				if reasonOf(err) != vault.ReasonNotResponding {
					t.Errorf("%s with %s hanging: reason %q", name, method, reasonOf(err))
				}
			} else if err != nil && kindOf(err) != vault.ErrNotFound {
				t.Errorf("%s with %s hanging: %v", name, method, err)
			}
		}
		if hung == 0 {
			t.Errorf("nothing waited for %s", method)
		}
	}
}

func TestPrompt_UnansweredEndsAtItsDeadline(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for deadlines")
	}
	_, fake, k := fakeKeyring(t)
	ctx := t.Context()
	fake.Put("kitekey", "one", "old")
	fake.Lock()
	fake.On("Unlock", keyringtest.Ignore)

	k.deadline = ample
	if err := second(k.Get(ctx, "one")); kindOf(err) != vault.ErrLocked {
		t.Errorf("no prompt: %v", err)
	}
	<-fake.Prompted()
	if err := second(k.Get(vault.WithPrompt(ctx, ample), "one")); kindOf(err) != vault.ErrLocked {
		t.Errorf("a service that does nothing: %v", err)
	}
	<-fake.Prompted()

	// The store waits for a user who takes longer than a call may. The limit is for
	// the service, which must be able to answer within it on a busy machine.
	k.deadline = 300 * time.Millisecond
	done := make(chan error, 1)
	go func() { done <- second(k.Get(vault.WithPrompt(ctx, time.Minute), "one")) }()
	waitForPrompt(t, fake, done)
	select {
	case err := <-done:
		t.Fatalf("not waited for: %v", err)
	case <-time.After(3 * k.deadline):
	}
	fake.Answer()
	if err := <-done; err != nil {
		t.Errorf("after the answer: %v", err)
	}

	// The user gives up.
	fake.Lock()
	cancelled, cancel := context.WithCancel(vault.WithPrompt(ctx, time.Minute))
	go func() { done <- second(k.Get(cancelled, "one")) }()
	waitForPrompt(t, fake, done)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}

// waitForPrompt waits until the fake has shown a prompt. It fails the test if the call
// ends first, as it may on a machine that is too busy for its deadline.
func waitForPrompt(t *testing.T, fake *keyringtest.Fake, done <-chan error) {
	t.Helper()
	select {
	case <-fake.Prompted():
	case err := <-done:
		t.Fatalf("the call ended before a prompt: %v", err)
	}
}

func TestPrompt_EndsWhenTheServiceLeaves(t *testing.T) {
	_, fake, k := fakeKeyring(t)
	fake.Lock()
	fake.On("Unlock", keyringtest.Ignore)
	k.deadline = ample
	done := make(chan error, 1)
	go func() { done <- second(k.Get(vault.WithPrompt(t.Context(), time.Hour), "one")) }()
	waitForPrompt(t, fake, done)
	fake.Disconnect()
	if err := <-done; kindOf(err) != vault.ErrTimeout && kindOf(err) != vault.ErrUnavailable {
		t.Errorf("%v", err)
	}
}

// godbus panics if the bus dies while a prompt is on the screen.
func TestPrompt_EndsWhenTheBusDies(t *testing.T) {
	bus, fake, k := fakeKeyring(t)
	fake.Lock()
	fake.On("Unlock", keyringtest.Ignore)
	done := make(chan error, 1)
	go func() { done <- k.Set(t.Context(), "one", []byte("new")) }()
	waitForPrompt(t, fake, done)
	bus.Kill()
	if err := <-done; kindOf(err) != vault.ErrUnavailable {
		t.Errorf("%v", err)
	}
	if err := second(k.Get(t.Context(), "one")); kindOf(err) != vault.ErrUnavailable {
		t.Errorf("without a bus: %v", err)
	}
}

func TestStore_RepeatsReadsAfterADisconnect(t *testing.T) {
	bus, first, k := fakeKeyring(t)
	next := bus.Fake() // takes over when the first leaves
	next.Put("kitekey", "one", "old")
	first.Put("kitekey", "one", "old")
	first.On("GetSecret", keyringtest.Disconnect)
	if got, err := k.Get(t.Context(), "one"); err != nil || string(got) != "old" {
		t.Errorf("reading is safe to repeat: %q, %v", got, err)
	}
	next.On("SetSecret", keyringtest.Disconnect)
	third := bus.Fake()
	if err := k.Set(t.Context(), "one", []byte("new")); kindOf(err) != vault.ErrUnavailable {
		t.Errorf("a write is not: %v", err)
	}
	if calls := third.Calls(); slices.Contains(calls, "SetSecret") {
		t.Errorf("written again by itself: %v", calls)
	}
}

func TestPrepare_OpensTheSessionThatTheNextCallUses(t *testing.T) {
	_, fake, k := fakeKeyring(t)
	fake.Put("kitekey", "one", "value")
	k.Prepare()
	fake.Wait("a session", func() bool { return fake.Sessions() == 1 })
	for range 2 {
		if got, err := k.Get(t.Context(), "one"); err != nil || string(got) != "value" {
			t.Fatalf("%q, %v", got, err)
		}
	}
	k.Prepare() // is connected
	waitUntilPrepared(k)
	if got, want := fake.Calls(), []string{"OpenSession", "SearchItems", "GetSecret", "SearchItems", "GetSecret"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestPrepare_LeavesItsFailureToTheNextCall(t *testing.T) {
	bus, fake, k := fakeKeyring(t)
	fake.Put("kitekey", "one", "value")
	k.bus = "unix:path=/nonexistent"
	k.Prepare()
	waitUntilPrepared(k)
	k.bus = bus.Address()
	if err := second(k.Get(t.Context(), "one")); kindOf(err) != vault.ErrUnavailable {
		t.Errorf("%v", err)
	}
	if got, err := k.Get(t.Context(), "one"); err != nil || string(got) != "value" {
		t.Errorf("%q, %v", got, err)
	}
	fake.Disconnect()
	k.Lock()
	k.Prepare() // nothing serves secrets
	waitUntilPrepared(k)
	if err := second(k.Get(t.Context(), "one")); reasonOf(err) != vault.ReasonNotProvided {
		t.Errorf("%v", err)
	}
}

// waitUntilPrepared waits until Prepare has connected or failed.
func waitUntilPrepared(k *Store) {
	k.slot <- struct{}{}
	<-k.slot
}

func TestPrepare_ReturnsBeforeTheBusAnswers(t *testing.T) {
	dir, err := os.MkdirTemp("", "kk") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	silent, err := net.Listen("unix", dir+"/bus")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+dir+"/bus")
	k := patientKeyring(t)
	k.Prepare()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := second(k.Get(ctx, "one")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a call ends when its context does: %v", err)
	}
	conn, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	waitUntilPrepared(k)
}

func TestSession_TakesOtherKeysForAnAmbiguousSecret(t *testing.T) {
	_, fake, k := fakeKeyring(t)
	fake.Put("kitekey", "one", "value")
	fake.On("OpenSession", keyringtest.Ambiguous)
	if got, err := k.Get(t.Context(), "one"); err != nil || string(got) != "value" {
		t.Errorf("%q, %v", got, err)
	}
	if got, want := slices.Sorted(slices.Values(fake.Calls())), []string{"GetSecret", "OpenSession", "OpenSession", "SearchItems", "SearchItems"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestStore_BusWithoutServiceIsUnavailable(t *testing.T) {
	keyringtest.StartBus(t).Use()
	err := second(patientKeyring(t).Get(t.Context(), "one"))
	if kindOf(err) != vault.ErrUnavailable {
		t.Errorf("%v", err)
	}
	if reasonOf(err) != vault.ReasonNotProvided {
		t.Errorf("reason %q", reasonOf(err))
	}
}

// The socket accepts connections and never answers. The goroutine that waits for it
// ends with it, and later calls do not add others.
func TestStore_SilentSocketEndsAtTheDeadline(t *testing.T) {
	dir, err := os.MkdirTemp("", "kk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "bus")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var conns []net.Conn
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
		}
	}()
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+socket)
	k := New()
	t.Cleanup(k.Lock)
	k.deadline = brief
	for range 3 {
		if err := second(k.Get(t.Context(), "one")); kindOf(err) != vault.ErrTimeout {
			t.Errorf("%v", err)
		}
	}
	_ = listener.Close()
	<-accepted
	mu.Lock()
	for _, c := range conns {
		_ = c.Close()
	}
	mu.Unlock()
}

func TestFindBus_StartsNoBusOfItsOwn(t *testing.T) {
	empty, full := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "bus"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	there := "unix:path=" + filepath.Join(full, "bus")
	for _, c := range []struct{ address, dir, want string }{
		{"unix:path=/somewhere", empty, "unix:path=/somewhere"}, {"", full, there}, {"autolaunch:", full, there},
		{"", empty, ""}, {"autolaunch:", empty, ""}, // godbus would start a bus of its own
		{"autolaunch:scope=*install-path", full, there}, {"unix:path=/somewhere;autolaunch:", full, "unix:path=/somewhere"},
		{"unix:runtime=yes", full, there}, {"unix:runtime=yes", empty, ""},
	} {
		if got, err := findBus(c.address, empty, c.dir); got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q: %q %v", c.address, got, err)
		}
	}
}

func TestRuntimeDirs_SkipOtherUsers(t *testing.T) {
	own, usual := t.TempDir(), fmt.Sprintf("/run/user/%d", os.Getuid())
	t.Setenv("XDG_RUNTIME_DIR", own)
	if got := runtimeDirs(); !slices.Equal(got, []string{own, usual}) {
		t.Errorf("%q", got)
	}
	for _, dir := range []string{"", "relative", filepath.Join(own, "gone")} {
		t.Setenv("XDG_RUNTIME_DIR", dir)
		if got := runtimeDirs(); !slices.Equal(got, []string{usual}) {
			t.Errorf("%q: %q", dir, got)
		}
	}
	if os.Getuid() != 0 {
		return // only root can make another user's folder
	}
	t.Setenv("XDG_RUNTIME_DIR", own)
	if err := os.Chown(own, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if got := runtimeDirs(); !slices.Equal(got, []string{usual}) {
		t.Errorf("another user's: %q", got)
	}
}

// The same traps seen from the vault: the index lists exactly what the store holds.
func TestTraps_IndexAgreesWithTheStore(t *testing.T) {
	_, fake, k := fakeKeyring(t)
	w := newVault(t, k)
	ctx := t.Context()
	add := func() error {
		return second(w.Add(ctx, vault.NewProfile{Selector: acme, Credential: testCredential}))
	}
	agree := func(when string, profiles int) {
		t.Helper()
		for _, method := range []string{"CreateItem", "Delete"} {
			fake.On(method, keyringtest.Action{})
		}
		k.deadline = 30 * time.Second
		if err := w.Settle(ctx); err != nil {
			t.Errorf("%s: %v", when, err)
		}
		list, err := w.List()
		keys, err2 := k.Keys(ctx)
		if err = errors.Join(err, err2); err != nil || len(list) != profiles || len(keys) != profiles || slices.ContainsFunc(list, func(p vault.Profile) bool { return p.State != vault.StateSettled }) {
			t.Errorf("%s: profiles %v, items %v, %v", when, list, keys, err)
		}
	}

	fake.On("CreateItem", keyringtest.Dismiss)
	if err := add(); kindOf(err) != vault.ErrLocked {
		t.Errorf("dismissed: %v", err)
	}
	if list, _ := w.List(); len(list) != 0 {
		t.Errorf("dismissed, and listed: %v", list)
	}
	agree("adding dismissed", 0)

	fake.On("CreateItem", keyringtest.Empty)
	if err := add(); err == nil {
		t.Error("stored empty, and no error")
	}
	agree("stored empty", 0)

	k.deadline = time.Second
	fake.On("CreateItem", keyringtest.Hang)
	if err := add(); kindOf(err) != vault.ErrTimeout {
		t.Errorf("hanging: %v", err)
	}
	if list, _ := w.List(); len(list) != 1 || list[0].State != vault.StateAdding {
		t.Errorf("an unknown outcome must stay listed: %v", list)
	}
	agree("adding hung", 0)

	if err := add(); err != nil {
		t.Fatal(err)
	}
	agree("added", 1)
	fake.On("Delete", keyringtest.Dismiss)
	if err := w.Remove(ctx, acme); kindOf(err) != vault.ErrLocked {
		t.Errorf("removal dismissed: %v", err)
	}
	agree("removal dismissed, then finished", 0)
}

// After su or sudo the environment may name another user's bus.
func TestStore_NamesAForeignBus(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can make another user's socket")
	}
	dir := t.TempDir()
	socket := filepath.Join(dir, "bus")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := os.Chown(socket, 1, -1); err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("REJECTED EXTERNAL\r\n"))
			_ = conn.Close()
		}
	}()
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+socket)
	_, err = patientKeyring(t).Get(t.Context(), "one")
	if kindOf(err) != vault.ErrUnavailable || reasonOf(err) != vault.ReasonOtherUser || !strings.Contains(err.Error(), "daemon") {
		t.Errorf("%v, reason %q", err, reasonOf(err))
	}
}

// Another user can listen where the bus of a session was that has ended: in /tmp, or at an
// abstract name. Nothing is said to a program there.
func TestStore_SaysNothingToAnotherUsersBus(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can listen as another user")
	}
	const other = 65534
	listen := func(name string) net.Listener {
		done := make(chan net.Listener)
		go func() {
			runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
			// Only this thread: syscall.Setuid changes all.
			if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, ^uintptr(0), other, ^uintptr(0)); errno != 0 {
				t.Error(errno)
			}
			l, err := net.Listen("unix", name)
			if err != nil {
				t.Error(err)
			}
			done <- l
		}()
		return <-done
	}
	dir, err := os.MkdirTemp("/tmp", "kk")
	if err == nil {
		err = os.Chmod(dir, 0o777|os.ModeSticky)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	abstract := filepath.Base(dir)
	for address, name := range map[string]string{
		"unix:path=" + dir + "/bus,guid=00":                          dir + "/bus",
		"unix:abstract=" + abstract:                                  "@" + abstract,
		"unix:path=" + dir + "/gone;unix:abstract=" + abstract + "2": "@" + abstract + "2",
	} {
		listener := listen(name)
		heard := make(chan int, 1)
		go func() {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.SetReadDeadline(time.Now().Add(brief))
			n, _ := conn.Read(make([]byte, 1))
			_ = conn.Close()
			heard <- n
		}()
		t.Setenv("DBUS_SESSION_BUS_ADDRESS", address)
		err := patientKeyring(t).Set(t.Context(), "one", []byte("value"))
		if kindOf(err) != vault.ErrUnavailable || reasonOf(err) != vault.ReasonOtherUser {
			t.Errorf("%s: %v, reason %q", address, err, reasonOf(err))
		}
		if n := <-heard; n != 0 {
			t.Errorf("%s: something was sent", address)
		}
		_ = listener.Close()
	}
}

// If other users can write to the folder of keyrings or own it, they can delete or
// replace its files.
func TestOpenToOthers_SeesAFolderThatIsNotTheUsersAlone(t *testing.T) {
	data := t.TempDir()
	folder := storage("gnome-keyring-daemon", userFolders{data: data})[0]
	if openToOthers(folder, os.Getuid()) {
		t.Error("a folder that is not there")
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[os.FileMode]bool{0o700: false, 0o755: false, 0o770: true, 0o707: true} {
		if err := os.Chmod(folder, mode); err != nil {
			t.Fatal(err)
		}
		if got := openToOthers(folder, os.Getuid()); got != want {
			t.Errorf("mode %o: %v", mode, got)
		}
	}
	if err := os.Chmod(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if !openToOthers(folder, os.Getuid()+1) {
		t.Error("another user's folder")
	}
}

// TestStorage_IsWhereEachProviderKeepsItsFiles looks for the folder of KWallet's
// wallets and for the databases in KeePassXC's settings.
func TestStorage_IsWhereEachProviderKeepsItsFiles(t *testing.T) {
	home := t.TempDir()
	f := newUserFolders(func(name string) string { return map[string]string{"HOME": home, "XDG_CACHE_HOME": home + "/c"}[name] })
	settings := filepath.Join(home, "c", "keepassxc", "keepassxc.ini")
	text := "[General]\nLastActiveDatabase=/d/one.kdbx\nLastOpenedDatabases=/d/one.kdbx, \"/e/a b.kdbx\"\nLastKeyFiles=@Variant(x)\n"
	if err := errors.Join(os.MkdirAll(filepath.Dir(settings), 0o700), os.WriteFile(settings, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	for provider, want := range map[string][]string{
		"gnome-keyring-daemon": {home + "/.local/share/keyrings"},
		"kwalletd5":            {home + "/.local/share/kwalletd"},
		"ksecretd":             {home + "/.local/share/kwalletd"},
		"keepassxc":            {"/d/one.kdbx", "/d", "/e/a b.kdbx", "/e"},
		"another":              nil,
	} {
		if got := storage(provider, f); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", provider, got, want)
		}
	}
}
