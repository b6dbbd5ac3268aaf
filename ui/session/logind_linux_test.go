package session

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// fakeLogind is systemd-logind on a bus of the test's own.
type fakeLogind struct {
	t   *testing.T
	bus *dbus.Conn
	uid atomic.Uint32 // the session's user
	// taken receives the other end of each inhibitor, which shows when it is closed.
	taken chan *os.File
}

// startBus starts a bus in place of the system bus.
func startBus(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("dbus-daemon"); err != nil {
		t.Skip("dbus-daemon is not installed")
	}
	cmd := exec.Command("dbus-daemon", "--session", "--nofork", "--print-address")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", strings.TrimSpace(address))
}

func startLogind(t *testing.T) *fakeLogind {
	t.Helper()
	startBus(t)
	bus, err := dbus.ConnectSystemBus()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bus.Close() })
	f := &fakeLogind{t: t, bus: bus, taken: make(chan *os.File, 8)}
	f.uid.Store(uint32(os.Getuid()))
	for path, as := range map[dbus.ObjectPath]string{managerPath: manager, sessionsPath + "/_32": propertiesName} {
		if err := bus.Export(f, path, as); err != nil {
			t.Fatal(err)
		}
	}
	if reply, err := bus.RequestName(logind, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatal(reply, err)
	}
	return f
}

// Inhibit is logind's method of the Manager interface.
func (f *fakeLogind) Inhibit(what, _, _, mode string) (dbus.UnixFD, *dbus.Error) {
	if what != "sleep" || mode != "delay" {
		return 0, dbus.NewError("org.freedesktop.DBus.Error.InvalidArgs", nil)
	}
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return 0, dbus.MakeFailedError(err)
	}
	go func() {
		time.Sleep(100 * time.Millisecond) // the reply has been sent by then
		_ = unix.Close(ends[1])
		f.taken <- os.NewFile(uintptr(ends[0]), "inhibitor")
	}()
	return dbus.UnixFD(ends[1]), nil
}

// Get returns the properties of the Session interface.
func (f *fakeLogind) Get(string, string) (dbus.Variant, *dbus.Error) {
	return dbus.MakeVariant(struct {
		ID   uint32
		Path dbus.ObjectPath
	}{f.uid.Load(), "/org/freedesktop/login1/user/x"}), nil
}

func (f *fakeLogind) emit(path dbus.ObjectPath, name string, values ...any) {
	f.t.Helper()
	if err := f.bus.Emit(path, name, values...); err != nil {
		f.t.Fatal(err)
	}
}

// released reports whether an inhibitor is closed in every process.
func released(held *os.File, within time.Duration) bool {
	_ = held.SetReadDeadline(time.Now().Add(within))
	_, err := held.Read(make([]byte, 1))
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

func receive(t *testing.T, requests <-chan Request) Request {
	t.Helper()
	select {
	case r, ok := <-requests:
		if !ok {
			t.Fatal("the watch has ended")
		}
		return r
	case <-time.After(patience):
		t.Fatal("nothing was asked for")
	}
	return Request{}
}

func startWatch(t *testing.T) <-chan Request {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	requests, err := Watch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		for range requests {
		}
	})
	return requests
}

func TestWatch_TellsWhenTheSessionLocks(t *testing.T) {
	f := startLogind(t)
	requests := startWatch(t)
	path := sessionsPath + "/_32"
	for name, emit := range map[string]func(){
		"asked by logind": func() { f.emit(path, lockSignal) },
		"told by the desktop": func() {
			f.emit(path, changedSignal, sessions, map[string]dbus.Variant{"LockedHint": dbus.MakeVariant(true)}, []string{})
		},
	} {
		emit()
		r := receive(t, requests)
		if r.Sleep {
			t.Errorf("%s: it says that the machine sleeps", name)
		}
		r.Done()
		r.Done()
	}
	// These signals must not lock: they do not mean a lock, or are another user's.
	f.emit(path, changedSignal, sessions, map[string]dbus.Variant{"LockedHint": dbus.MakeVariant(false)}, []string{})
	f.emit(path, changedSignal, sessions, map[string]dbus.Variant{"IdleHint": dbus.MakeVariant(true)}, []string{})
	f.emit(path, sessions+".Unlock")
	f.uid.Add(1)
	f.emit(path, lockSignal)
	f.emit(managerPath, sleepSignal, false)
	select {
	case r := <-requests:
		t.Errorf("asked for: %+v", r)
	case <-time.After(300 * time.Millisecond):
	}
}

func TestWatch_SleepWaitsForDone(t *testing.T) {
	f := startLogind(t)
	requests := startWatch(t)
	for range 2 { // also after the machine has slept once
		var held *os.File
		select {
		case held = <-f.taken:
			defer held.Close()
		case <-time.After(patience):
			t.Fatal("no inhibitor was taken")
		}
		f.emit(managerPath, sleepSignal, true)
		r := receive(t, requests)
		if !r.Sleep {
			t.Error("it does not say that the machine sleeps")
		}
		if released(held, 200*time.Millisecond) {
			t.Fatal("the machine may sleep before secrets are cleared")
		}
		r.Done()
		if !released(held, patience) {
			t.Fatal("the machine is kept awake")
		}
		f.emit(managerPath, sleepSignal, false)
	}
}

// Another user can send a signal of the same name.
func TestWatch_HearsLogindOnly(t *testing.T) {
	startLogind(t)
	requests := startWatch(t)
	other, err := dbus.ConnectSystemBus()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.Emit(sessionsPath+"/_32", lockSignal); err != nil {
		t.Fatal(err)
	}
	select {
	case r := <-requests:
		t.Errorf("asked for: %+v", r)
	case <-time.After(300 * time.Millisecond):
	}
}

func TestWatch_UnavailableWithoutLogind(t *testing.T) {
	startBus(t)
	if _, err := Watch(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent")
	if _, err := Watch(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
