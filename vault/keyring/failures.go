//go:build (dragonfly && cgo) || (freebsd && cgo) || linux || netbsd || openbsd

package keyring

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/godbus/dbus/v5"

	"kitekey/vault"
	"kitekey/vault/keyring/secretservice"
)

// hiddenError: the item may be in a collection that is locked.
type hiddenError struct{ collections int }

func (e *hiddenError) Error() string {
	if e.collections == 1 {
		return "it may be in a collection that is locked"
	}
	return fmt.Sprintf("it may be in one of %d collections that are locked", e.collections)
}

// dialError: the bus could not be reached.
type dialError struct {
	address string
	err     error
}

func (e *dialError) Error() string { return e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

// named reports whether err is a D-Bus error whose name ends in suffix.
func named(err error, suffix string) bool {
	var e dbus.Error
	return errors.As(err, &e) && strings.HasSuffix(e.Name, suffix)
}

// gone reports whether err means that an object no longer exists.
func gone(err error) bool {
	return named(err, ".NoSuchObject") || named(err, ".UnknownObject") || named(err, ".UnknownMethod")
}

// explain turns an error into a [*vault.StoreError].
func (s *Store) explain(op string, u *use, err error) error {
	e := &vault.StoreError{Op: op, Store: Name}
	e.Kind, e.Reason, e.Err = kindAndReason(err)
	if e.Kind != vault.ErrNotFound && e.Kind != vault.ErrTimeout && u.Op != nil && s.conn != nil && s.conn.Alive() {
		e.Provider, _ = u.Provider()
	}
	return e
}

// failures has the kind and the reason of our own errors and of the client's. The
// cause of some says no more than the kind.
var failures = []struct {
	err    error
	kind   error
	reason vault.Reason
	plain  bool // without its cause
}{
	{err: vault.ErrNotFound, kind: vault.ErrNotFound, plain: true},
	{err: vault.ErrEmpty, kind: vault.ErrCorrupt},
	{err: errDuplicates, kind: vault.ErrUnavailable, reason: vault.ReasonDuplicates},
	{err: errNotWritten, kind: vault.ErrLocked, reason: vault.ReasonNotKept},
	{err: errNotDeleted, kind: vault.ErrLocked, reason: vault.ReasonNotKept},
	{err: secretservice.ErrTimeout, kind: vault.ErrTimeout, reason: vault.ReasonNotResponding, plain: true},
	{err: secretservice.ErrUnanswered, kind: vault.ErrLocked, reason: vault.ReasonPromptPending},
	{err: secretservice.ErrDismissed, kind: vault.ErrLocked, reason: vault.ReasonDismissed},
	{err: secretservice.ErrStillLocked, kind: vault.ErrLocked, plain: true},
	{err: secretservice.ErrNoCollection, kind: vault.ErrUnavailable, reason: vault.ReasonNoCollection},
	{err: errNoBus, kind: vault.ErrUnavailable, reason: vault.ReasonNoSession},
}

// kindAndReason returns the kind and the reason of a failure, and the part of its
// cause that is worth showing.
func kindAndReason(err error) (kind error, reason vault.Reason, cause error) {
	for _, f := range failures {
		switch {
		case errors.Is(err, f.err) && f.plain:
			return f.kind, f.reason, nil
		case errors.Is(err, f.err):
			return f.kind, f.reason, err
		}
	}
	var dial *dialError
	var hidden *hiddenError
	var owner *secretservice.OwnerError
	switch {
	case named(err, ".IsLocked"):
		return vault.ErrLocked, "", nil
	case errors.As(err, &hidden):
		return vault.ErrLocked, vault.ReasonHidden, err
	case errors.As(err, &owner):
		return vault.ErrUnavailable, vault.ReasonOtherUser, fmt.Errorf("the session bus belongs to %s", userName(strconv.FormatUint(uint64(owner.UID), 10)))
	case errors.As(err, &dial):
		if name := foreign(dial.address); name != "" {
			return vault.ErrUnavailable, vault.ReasonOtherUser, fmt.Errorf("the session bus belongs to %s: %w", name, err)
		}
		if ended(dial) {
			return vault.ErrUnavailable, vault.ReasonSessionEnded, err
		}
		if os.Getenv("DBUS_SESSION_BUS_ADDRESS") == dial.address {
			return vault.ErrUnavailable, vault.ReasonSessionName, fmt.Errorf("DBUS_SESSION_BUS_ADDRESS names no bus that can be used: %w", err)
		}
		return vault.ErrUnavailable, vault.ReasonNoSession, err
	case named(err, ".ServiceUnknown"), named(err, ".NameHasNoOwner"), strings.Contains(nameOf(err), ".Spawn."):
		return vault.ErrUnavailable, vault.ReasonNotProvided, err
	case strings.Contains(err.Error(), "createDLGroup"), named(err, ".NotSupported"):
		// KWallet's text without its cryptographic plugin, and the specification's name
		// for an algorithm that a service does not have.
		return vault.ErrUnavailable, vault.ReasonNoEncryption, err
	case strings.Contains(err.Error(), "error occurred on the device"): // gnome-keyring's text for a failed write
		return vault.ErrUnavailable, vault.ReasonWriteFailed, err
	case secretservice.Disconnected(err):
		return vault.ErrUnavailable, vault.ReasonGone, err
	}
	return vault.ErrUnavailable, "", err
}

func nameOf(err error) string {
	var e dbus.Error
	_ = errors.As(err, &e)
	return e.Name
}
