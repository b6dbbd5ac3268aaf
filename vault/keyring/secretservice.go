//go:build (dragonfly && cgo) || (freebsd && cgo) || linux || netbsd || openbsd

package keyring

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/godbus/dbus/v5"

	"kitekey/vault"
)

// The names of the Secret Service, https://specifications.freedesktop.org/secret-service/.
const (
	ssName       = "org.freedesktop.secrets"
	ssPath       = "/org/freedesktop/secrets"
	ssService    = "org.freedesktop.Secret.Service"
	ssCollection = "org.freedesktop.Secret.Collection"
	ssSession    = "org.freedesktop.Secret.Session"
	ssItem       = "org.freedesktop.Secret.Item"
	ssLogin      = "/org/freedesktop/secrets/collection/login"
	ssDefault    = "/org/freedesktop/secrets/aliases/default"
)

// reachable tells whether there is a session bus to try. Without one, godbus
// would start a bus of its own with dbus-launch and leave it running.
func reachable() error {
	return busThere(os.Getenv("DBUS_SESSION_BUS_ADDRESS"), fmt.Sprintf("/run/user/%d", os.Getuid()))
}

// busThere looks where godbus does: at the address, then in the user's runtime
// folder.
func busThere(address, dir string) error {
	if address != "" && address != "autolaunch:" {
		return nil
	}
	for _, name := range []string{"bus", "dbus-session"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return nil
		}
	}
	return errNoBus
}

// readQuickly reads an unlocked item of the login keyring with three requests,
// two of them at the same time, where go-keyring takes nine: a cached token is
// read by every script that uses one, and this takes a third off the time.
// Whatever is out of the ordinary (another keyring, a locked one, no item) is
// not found here and left to go-keyring.
func readQuickly(key string) (value string, found bool, err error) {
	conn, err := dbus.SessionBus()
	if err != nil {
		return "", false, err
	}
	search := conn.Object(ssName, ssLogin).Go(ssCollection+".SearchItems", 0, make(chan *dbus.Call, 1),
		map[string]string{"service": Service, "username": key})
	open := conn.Object(ssName, ssPath).Go(ssService+".OpenSession", 0, make(chan *dbus.Call, 1),
		"plain", dbus.MakeVariant(""))
	<-search.Done
	<-open.Done
	var items []dbus.ObjectPath
	var output dbus.Variant
	var session dbus.ObjectPath
	if err := open.Store(&output, &session); err != nil {
		return "", false, unlessOrdinary(err)
	}
	defer conn.Object(ssName, session).Go(ssSession+".Close", dbus.FlagNoReplyExpected, nil)
	if err := search.Store(&items); err != nil || len(items) == 0 {
		return "", false, unlessOrdinary(err)
	}
	var secret struct {
		Session     dbus.ObjectPath
		Parameters  []byte
		Value       []byte
		ContentType string
	}
	if err := conn.Object(ssName, items[0]).Call(ssItem+".GetSecret", 0, session).Store(&secret); err != nil {
		return "", false, unlessOrdinary(err)
	}
	return string(secret.Value), true, nil
}

// unlessOrdinary lets an error pass that the service itself did not give:
// go-keyring would only meet it again, or hang.
func unlessOrdinary(err error) error {
	var busError dbus.Error
	if errors.As(err, &busError) && !disconnected(err) && !strings.HasSuffix(busError.Name, ".ServiceUnknown") {
		return nil
	}
	return err
}

// abandon closes the connection that go-keyring shares through godbus, which
// ends whatever waits on it; the next call connects anew. A connection still
// being made holds godbus' lock and cannot be closed: that is waited for only so
// long, and false says that it was in vain.
func abandon(wait time.Duration) bool {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		if conn, err := dbus.SessionBus(); err == nil {
			_ = conn.Close()
		}
	}()
	select {
	case <-closed:
		return true
	case <-time.After(wait):
		return false
	}
}

// promptPending reports whether the keyring is alive and locked: then what holds
// up a call is a prompt. It asks on a connection of its own.
func promptPending(wait time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	answer := make(chan bool, 1)
	go func() {
		locked := false
		_ = withBus(ctx, func(conn *dbus.Conn) error {
			locked = anyLocked(ctx, conn)
			return nil
		})
		answer <- locked
	}()
	select {
	case locked := <-answer:
		return locked
	case <-ctx.Done():
		return false
	}
}

func anyLocked(ctx context.Context, conn *dbus.Conn) bool {
	for _, path := range []dbus.ObjectPath{ssLogin, ssDefault} {
		var locked dbus.Variant
		err := conn.Object(ssName, path).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", dbus.FlagNoAutoStart,
			ssCollection, "Locked").Store(&locked)
		if err == nil {
			is, _ := locked.Value().(bool)
			return is
		}
	}
	return false
}

// withBus lends a private connection, closed when ctx ends or use returns.
func withBus(ctx context.Context, use func(*dbus.Conn) error) error {
	conn, err := dbus.SessionBusPrivateNoAutoStartup(dbus.WithContext(ctx))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.Auth(nil); err != nil {
		return err
	}
	if err := conn.Hello(); err != nil {
		return err
	}
	return use(conn)
}

// hasDefaultCollection reports whether the service has a default keyring at all.
func hasDefaultCollection(wait time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	has := true
	_ = withBus(ctx, func(conn *dbus.Conn) error {
		var path dbus.ObjectPath
		err := conn.Object(ssName, ssPath).CallWithContext(ctx, ssService+".ReadAlias", 0, "default").Store(&path)
		has = err != nil || path != "/"
		return err
	})
	return has
}

func classifySystem(err error, text string, wait time.Duration) (kind error, reason vault.Reason) {
	var busError dbus.Error
	errors.As(err, &busError)
	switch {
	case errors.Is(err, errNoBus), strings.Contains(text, "dbus-launch"), strings.Contains(text, "invalid bus address"),
		errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ECONNREFUSED):
		return vault.ErrUnavailable, vault.ReasonNoSession
	case strings.HasSuffix(busError.Name, ".ServiceUnknown"), strings.Contains(text, "was not provided by any .service files"):
		return vault.ErrUnavailable, vault.ReasonNotProvided
	case strings.Contains(text, "failed to unlock correct collection"):
		if strings.Contains(text, ssDefault) && !hasDefaultCollection(wait) {
			return vault.ErrUnavailable, vault.ReasonNoCollection
		}
		return vault.ErrLocked, ""
	case strings.HasSuffix(busError.Name, ".IsLocked"):
		return vault.ErrLocked, ""
	case strings.Contains(text, "error occurred on the device"):
		return vault.ErrUnavailable, vault.ReasonWriteFailed
	case disconnected(err):
		return vault.ErrUnavailable, vault.ReasonGone
	}
	return vault.ErrUnavailable, ""
}

func disconnected(err error) bool {
	var busError dbus.Error
	return errors.Is(err, errDisconnected) || errors.Is(err, dbus.ErrClosed) ||
		errors.As(err, &busError) && strings.HasSuffix(busError.Name, ".NoReply")
}

// Keys implements [vault.Lister] with the Secret Service's search. A locked
// collection may hide its items (gnome-keyring hashes their attributes), so
// nothing is listed then.
func (k *Store) Keys(ctx context.Context) ([]string, error) {
	var keys []string
	err := k.call(ctx, vault.OpList, "list", func() error {
		return withBus(ctx, func(conn *dbus.Conn) error {
			if anyLocked(ctx, conn) {
				return errLocked
			}
			var unlocked, locked []dbus.ObjectPath
			err := conn.Object(ssName, ssPath).CallWithContext(ctx, ssService+".SearchItems", 0,
				map[string]string{"service": Service}).Store(&unlocked, &locked)
			if err != nil {
				return err
			}
			for _, item := range append(unlocked, locked...) {
				var value dbus.Variant
				err := conn.Object(ssName, item).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0,
					ssItem, "Attributes").Store(&value)
				if err != nil {
					return err
				}
				if attributes, _ := value.Value().(map[string]string); attributes["username"] != "" {
					keys = append(keys, attributes["username"])
				}
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil
}
