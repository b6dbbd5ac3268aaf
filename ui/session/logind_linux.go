package session

import (
	"context"
	"fmt"
	"os"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

// Names of logind's interface: see org.freedesktop.login1(5).
const (
	logind         = "org.freedesktop.login1"
	manager        = logind + ".Manager"
	sessions       = logind + ".Session"
	managerPath    = dbus.ObjectPath("/org/freedesktop/login1")
	sessionsPath   = managerPath + "/session"
	lockSignal     = sessions + ".Lock"
	sleepSignal    = manager + ".PrepareForSleep"
	propertiesName = "org.freedesktop.DBus.Properties"
	changedSignal  = propertiesName + ".PropertiesChanged"
)

// watcher is one connection to logind.
type watcher struct {
	bus       *dbus.Conn
	requests  chan Request
	inhibitor *os.File // delays sleeping while it is open; nil if logind refused it
}

func watch(ctx context.Context) (<-chan Request, error) {
	bus, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	w := &watcher{bus: bus, requests: make(chan Request)}
	if err := w.subscribe(ctx); err != nil {
		_ = bus.Close()
		return nil, fmt.Errorf("%w: logind does not answer: %w", ErrUnavailable, err)
	}
	signals := make(chan *dbus.Signal, 16)
	bus.Signal(signals)
	w.inhibit(ctx)
	go w.run(ctx, signals)
	return w.requests, nil
}

func (w *watcher) subscribe(ctx context.Context) error {
	var id string
	if err := w.bus.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetNameOwner", 0, logind).Store(&id); err != nil {
		return err
	}
	for _, match := range [][]dbus.MatchOption{
		{dbus.WithMatchInterface(sessions), dbus.WithMatchMember("Lock")},
		{dbus.WithMatchInterface(manager), dbus.WithMatchMember("PrepareForSleep")},
		// Some desktops lock on their own and tell logind.
		{dbus.WithMatchInterface(propertiesName), dbus.WithMatchMember("PropertiesChanged"), dbus.WithMatchPathNamespace(sessionsPath)},
	} {
		// Accept only logind's signals: every user can send a signal of any name.
		if err := w.bus.AddMatchSignalContext(ctx, append(match, dbus.WithMatchSender(logind))...); err != nil {
			return err
		}
	}
	return nil
}

func (w *watcher) run(ctx context.Context, signals <-chan *dbus.Signal) {
	defer close(w.requests)
	defer w.bus.Close()
	defer w.release()
	for {
		var s *dbus.Signal
		select {
		case <-ctx.Done():
			return
		case s = <-signals:
		}
		if s == nil {
			return // the connection has ended
		}
		switch s.Name {
		case sleepSignal:
			var sleeps bool
			if dbus.Store(s.Body, &sleeps) != nil {
				continue
			}
			if !sleeps {
				w.inhibit(ctx)
				continue
			}
			inhibitor := w.inhibitor
			w.inhibitor = nil // Done closes it, if it has not already
			w.send(ctx, newRequest(true, func() { closeFile(inhibitor) }), func() { closeFile(inhibitor) })
		case lockSignal:
			if w.isOurs(ctx, s.Path) {
				w.send(ctx, newRequest(false, func() {}), nil)
			}
		case changedSignal:
			if lockedHint(s) && w.isOurs(ctx, s.Path) {
				w.send(ctx, newRequest(false, func() {}), nil)
			}
		}
	}
}

// send delivers a request, or calls otherwise if it is too late.
func (w *watcher) send(ctx context.Context, r Request, otherwise func()) {
	select {
	case w.requests <- r:
	case <-ctx.Done():
		if otherwise != nil {
			otherwise()
		}
	}
}

// lockedHint reports whether a session has just been locked.
func lockedHint(s *dbus.Signal) bool {
	var of string
	var changed map[string]dbus.Variant
	var invalidated []string
	if dbus.Store(s.Body, &of, &changed, &invalidated) != nil || of != sessions {
		return false
	}
	locked, _ := changed["LockedHint"].Value().(bool)
	return locked
}

// isOurs reports whether a session belongs to this user. If logind does not say, it
// counts as this user's.
func (w *watcher) isOurs(ctx context.Context, path dbus.ObjectPath) bool {
	var user struct {
		ID   uint32
		Path dbus.ObjectPath
	}
	err := w.bus.Object(logind, path).CallWithContext(ctx, propertiesName+".Get", 0, sessions, "User").Store(&user)
	return err != nil || int(user.ID) == os.Getuid()
}

// inhibit asks logind to delay sleeping until the inhibitor is closed, for at most
// InhibitDelayMaxSec. Without it there may be too little time.
func (w *watcher) inhibit(ctx context.Context) {
	w.release()
	var fd dbus.UnixFD
	err := w.bus.Object(logind, managerPath).CallWithContext(ctx, manager+".Inhibit", 0,
		"sleep", "kitekey", "clear secrets from memory", "delay").Store(&fd)
	if err != nil {
		return
	}
	unix.CloseOnExec(int(fd)) // a helper that inherits it would delay sleeping as long as it runs
	w.inhibitor = os.NewFile(uintptr(fd), "inhibitor")
}

func (w *watcher) release() {
	closeFile(w.inhibitor)
	w.inhibitor = nil
}

func closeFile(f *os.File) {
	if f != nil {
		_ = f.Close()
	}
}
