package vault

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"kitekey/kite"
	"kitekey/vault/internal/disk"
)

// An error of this package says what failed, in facts: a kind to compare with
// [errors.Is], and where a front end can use more, a type with fields. None names
// a command, a flag or a key: what a person can do next is for the front end to
// say.

// What can be wrong with a profile.
var (
	// ErrNoProfile reports that no profile has the name. See [NoProfileError].
	ErrNoProfile = errors.New("no such profile")
	// ErrExists reports that a profile with the name exists already.
	ErrExists = errors.New("exists already")
	// ErrNoCredential: the profile is there, its credential is not (any more).
	ErrNoCredential = errors.New("no credential")
	// ErrOtherStore: the profile's secrets are in another store than the one in
	// use. See [OtherStoreError].
	ErrOtherStore = errors.New("kept in another store")
	// ErrBusy: another process was at work on the same thing for too long.
	ErrBusy = disk.ErrBusy
	// ErrNoLocks: the data folder's file system has no file locks.
	ErrNoLocks = disk.ErrNoLocks
	// ErrBadInput: what was asked for makes no sense; the text says why.
	ErrBadInput = errors.New("bad input")
	// ErrUnknownOutcome: it is not known whether the credential was stored.
	ErrUnknownOutcome = errors.New("it is not known whether the credential was stored")
	// ErrOrigin: the credential belongs to another gateway than the one in use. See
	// [OriginError].
	ErrOrigin = errors.New("the credential belongs to another gateway")
	// ErrUnlisted: a store holds a credential that the index does not list.
	ErrUnlisted = errors.New("holds a credential that the index does not list")
)

// What can be wrong with a data folder.
var (
	// ErrNewer: a file or an item was written by a newer kitekey, and is left as it
	// is. See [NewerError].
	ErrNewer = errors.New("written by a newer kitekey")
	// ErrIndexDamaged: index.json cannot be read, or is gone while its backup is
	// there. No credential is lost with it.
	ErrIndexDamaged = errors.New("the index is damaged")
	// ErrSettings: settings.json cannot be read. See [SettingsError].
	ErrSettings = errors.New("the settings cannot be read")
	// ErrDataFolder: the data folder cannot be made or used.
	ErrDataFolder = disk.ErrFolder
)

// AccessError: this user may not use a file of the data folder.
type AccessError = disk.AccessError

// inputError matches ErrBadInput and shows only its own words.
type inputError struct{ error }

func (e inputError) Is(target error) bool { return target == ErrBadInput }
func (e inputError) Unwrap() error        { return e.error }

// BadInput marks err as one about what the caller gave: it matches ErrBadInput
// and keeps its own words.
func BadInput(err error) error { return inputError{err} }

// NoProfileError is an ErrNoProfile.
type NoProfileError struct {
	Selector
	Near  []Selector // what may have been meant, at most three
	Empty bool       // there are no profiles at all
}

// Error implements error: "acme/live: no such profile".
func (e *NoProfileError) Error() string {
	if e.Empty {
		return e.Selector.String() + ": there are no profiles yet"
	}
	return e.Selector.String() + ": " + ErrNoProfile.Error()
}

// Unwrap gives ErrNoProfile.
func (e *NoProfileError) Unwrap() error { return ErrNoProfile }

// OtherStoreError is an ErrOtherStore.
type OtherStoreError struct {
	Selector
	Store string // the one that has the profile's secrets
	InUse string // the one in use
}

// Error implements error.
func (e *OtherStoreError) Error() string {
	return fmt.Sprintf("%s: %v (%s, while %s is in use)", e.Selector, ErrOtherStore, e.Store, e.InUse)
}

// Unwrap gives ErrOtherStore.
func (e *OtherStoreError) Unwrap() error { return ErrOtherStore }

// UnlistedError is an ErrUnlisted.
type UnlistedError struct{ Store string }

// Error implements error.
func (e *UnlistedError) Error() string { return fmt.Sprintf("%s %v", e.Store, ErrUnlisted) }

// Unwrap gives ErrUnlisted.
func (e *UnlistedError) Unwrap() error { return ErrUnlisted }

// BusyError is an ErrBusy: a profile that another process was working on.
type BusyError struct {
	Selector
	Waited time.Duration
}

// Error implements error.
func (e *BusyError) Error() string {
	return fmt.Sprintf("%s: waited %v for another kitekey that is minting a token for it or changing it, and gave up: %v", e.Selector, e.Waited, ErrBusy)
}

// Unwrap gives ErrBusy.
func (e *BusyError) Unwrap() error { return ErrBusy }

// OriginError is an ErrOrigin: a credential that was not sent, because the gateway
// in use is not the one that it belongs to.
type OriginError struct {
	Selector
	Origin kite.Origin // what the credential belongs to
	InUse  kite.Origin // what is in use
	Host   string      // of the gateway in use
}

// Error implements error.
func (e *OriginError) Error() string {
	return fmt.Sprintf("%s: its credential belongs to %s and was not sent to %s (%s)", e.Selector, originName(e.Origin), originName(e.InUse), e.Host)
}

// Unwrap gives ErrOrigin.
func (e *OriginError) Unwrap() error { return ErrOrigin }

func originName(o kite.Origin) string {
	if o == kite.OriginOverride {
		return "an override on this machine"
	}
	return "Kitegateway"
}

// NewerError is an ErrNewer.
type NewerError struct {
	Path    string // the file, "" when it is not one
	What    string // what it is when it is not a file: "its item in the keyring"
	Version int
	Reads   int // the newest version that this kitekey reads
}

// Error implements error.
func (e *NewerError) Error() string {
	what := e.Path
	if what == "" {
		what = e.What
	}
	return fmt.Sprintf("%s was %v (version %d; this one reads up to %d)", what, ErrNewer, e.Version, e.Reads)
}

// Unwrap gives ErrNewer.
func (e *NewerError) Unwrap() error { return ErrNewer }

// SettingsError is an ErrSettings.
type SettingsError struct {
	Path string
	Err  error
}

// Error implements error.
func (e *SettingsError) Error() string { return fmt.Sprintf("%v: %s: %v", ErrSettings, e.Path, e.Err) }

// Unwrap gives ErrSettings and the cause.
func (e *SettingsError) Unwrap() []error { return []error{ErrSettings, e.Err} }

// DataFolderError is an ErrDataFolder.
type DataFolderError struct {
	Dir string
	Op  string // "make", "read", "write", "use"
	Err error
}

// Error implements error.
func (e *DataFolderError) Error() string {
	return fmt.Sprintf("cannot %s the data folder %s: %v", e.Op, e.Dir, e.Err)
}

// Unwrap gives ErrDataFolder and the cause.
func (e *DataFolderError) Unwrap() []error { return []error{ErrDataFolder, e.Err} }

// profileError says which profile an error is about, once.
func profileError(sel Selector, err error) error {
	if err == nil || strings.HasPrefix(err.Error(), sel.String()+":") {
		return err
	}
	return fmt.Errorf("%s: %w", sel, err)
}
