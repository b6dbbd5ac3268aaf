package vault

import (
	"errors"
	"fmt"
	"time"

	"kitekey/kite"
	"kitekey/vault/internal/disk"
)

// An error of this package says what failed, in facts: a kind to compare with
// [errors.Is], and, where a front end can use more, a type with fields. No error
// names a command, a flag or a key: front ends say what the user can do next.

// What can be wrong with a profile.
var (
	// ErrNoProfile reports that no profile has the name. See [NoProfileError].
	ErrNoProfile = errors.New("no such profile")
	// ErrExists reports that a profile with the name exists already.
	ErrExists = errors.New("exists already")
	// ErrNoCredential: the profile has no credential, or has lost it.
	ErrNoCredential = errors.New("no credential")
	// ErrOtherStore: the profile's secrets are in another store than the one in
	// use. See [OtherStoreError].
	ErrOtherStore = errors.New("kept in another store")
	// ErrBusy: another process worked on the same thing for too long.
	ErrBusy = disk.ErrBusy
	// ErrNoLocks: the data folder's file system has no file locks.
	ErrNoLocks = disk.ErrNoLocks
	// ErrBadInput: the caller's input cannot be used; the text says why.
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
	// ErrNewer: a newer kitekey has written a file or an item; it stays unchanged.
	// See [NewerError].
	ErrNewer = errors.New("written by a newer kitekey")
	// ErrIndexDamaged: index.json cannot be read, or is missing although its backup
	// exists. No credential is lost with it.
	ErrIndexDamaged = errors.New("the index is damaged")
	// ErrSettings: settings.json cannot be read. See [SettingsError].
	ErrSettings = errors.New("the settings cannot be read")
	// ErrDataFolder: the data folder cannot be created or used.
	ErrDataFolder = disk.ErrFolder
	// ErrForeign: a file of the data folder belongs to another user, and is not used.
	ErrForeign = disk.ErrForeign
)

// OtherItemError: a profile's item is that of another profile, because another program
// has changed the index. It is an ErrIndexDamaged.
type OtherItemError struct{ Item Selector }

// Error implements error.
func (e *OtherItemError) Error() string {
	return fmt.Sprintf("%v: its item is one of %s", ErrIndexDamaged, e.Item)
}

// Unwrap returns ErrIndexDamaged.
func (e *OtherItemError) Unwrap() error { return ErrIndexDamaged }

// AccessError: this user may not use a file of the data folder.
type AccessError = disk.AccessError

// inputError matches ErrBadInput and shows only its own words.
type inputError struct{ error }

func (e inputError) Is(target error) bool { return target == ErrBadInput }
func (e inputError) Unwrap() error        { return e.error }

// BadInput marks err as an error in the caller's input: the result matches
// ErrBadInput and has err's text.
func BadInput(err error) error { return inputError{err} }

// ProfileError says which profile an error is about. The text of every such error
// begins with the profile's name; use [WithoutProfile] where the name is shown
// already.
type ProfileError struct {
	Selector
	Err error
}

// Error implements error: "acme/live: no such profile".
func (e *ProfileError) Error() string { return e.Selector.String() + ": " + e.Err.Error() }

// Unwrap returns what is wrong with the profile.
func (e *ProfileError) Unwrap() error { return e.Err }

// About returns err as a [ProfileError] about a profile. A nil error stays nil, and
// an error that says already that it is about the profile stays as it is.
func About(sel Selector, err error) error {
	var named *ProfileError
	if err == nil || errors.As(err, &named) && named.Selector == sel {
		return err
	}
	return &ProfileError{sel, err}
}

// aboutf is [About] for the error that [fmt.Errorf] makes of format and args. An
// error among args does not name the profile again.
func aboutf(sel Selector, format string, args ...any) error {
	for i, arg := range args {
		if err, ok := arg.(error); ok {
			args[i] = WithoutProfile(sel, err)
		}
	}
	return &ProfileError{sel, fmt.Errorf(format, args...)}
}

// WithoutProfile returns what err says about a profile, without the profile's name
// at the front. An error that does not begin with the name stays as it is.
func WithoutProfile(sel Selector, err error) error {
	// An error that wraps a ProfileError has text of its own, which must be kept.
	if named, ok := err.(*ProfileError); ok && named.Selector == sel {
		return named.Err
	}
	return err
}

// NoProfileError is an [ErrNoProfile].
type NoProfileError struct {
	Near  []Selector // profiles with similar names, at most three
	Empty bool       // the index has no profiles at all
}

// Error implements error.
func (e *NoProfileError) Error() string {
	if e.Empty {
		return "there are no profiles yet"
	}
	return ErrNoProfile.Error()
}

// Unwrap returns ErrNoProfile.
func (e *NoProfileError) Unwrap() error { return ErrNoProfile }

// OtherStoreError is an [ErrOtherStore].
type OtherStoreError struct {
	Store string // the store that has the profile's secrets
	InUse string // the store in use
}

// Error implements error.
func (e *OtherStoreError) Error() string {
	return ErrOtherStore.Error() // ui/words has the names of stores
}

// Unwrap returns ErrOtherStore.
func (e *OtherStoreError) Unwrap() error { return ErrOtherStore }

// UnlistedError is an [ErrUnlisted].
type UnlistedError struct{ Store string }

// Error implements error.
func (e *UnlistedError) Error() string { return fmt.Sprintf("%s %v", e.Store, ErrUnlisted) }

// Unwrap returns ErrUnlisted.
func (e *UnlistedError) Unwrap() error { return ErrUnlisted }

// BusyError is an [ErrBusy] for a profile that another process is working on.
type BusyError struct{ Waited time.Duration }

// Error implements error.
func (e *BusyError) Error() string {
	return fmt.Sprintf("waited %v for another kitekey that is minting a token for it or changing it, and gave up: %v", e.Waited, ErrBusy)
}

// Unwrap returns ErrBusy.
func (e *BusyError) Unwrap() error { return ErrBusy }

// OriginError is an [ErrOrigin]: a credential was not sent, because it does not
// belong to the gateway in use.
type OriginError struct {
	Origin kite.Origin // the origin that the credential belongs to
	InUse  kite.Origin // the origin in use
	Host   string      // of the gateway in use
}

// Error implements error.
func (e *OriginError) Error() string {
	return fmt.Sprintf("its credential belongs to %s and was not sent to %s (%s)", originName(e.Origin), originName(e.InUse), e.Host)
}

// Unwrap returns ErrOrigin.
func (e *OriginError) Unwrap() error { return ErrOrigin }

func originName(o kite.Origin) string {
	if o == kite.OriginOverride {
		return "an override on this machine"
	}
	return "Kitegateway"
}

// NewerError is an [ErrNewer].
type NewerError struct {
	Path    string // the file, "" if it is something else
	What    string // what it is if it is not a file: "its item in the keyring"
	Version string // as it is written
	Reads   int    // the newest version that this kitekey reads
}

// Error implements error.
func (e *NewerError) Error() string {
	what := e.Path
	if what == "" {
		what = e.What
	}
	return fmt.Sprintf("%s was %v (version %s; this one reads up to %d)", what, ErrNewer, e.Version, e.Reads)
}

// Unwrap returns ErrNewer.
func (e *NewerError) Unwrap() error { return ErrNewer }

// SettingsError is an [ErrSettings].
type SettingsError struct {
	Path string
	Err  error
}

// Error implements error.
func (e *SettingsError) Error() string { return fmt.Sprintf("%v: %s: %v", ErrSettings, e.Path, e.Err) }

// Unwrap returns ErrSettings and the cause.
func (e *SettingsError) Unwrap() []error { return []error{ErrSettings, e.Err} }

// DataFolderError is an [ErrDataFolder].
type DataFolderError struct {
	Dir string
	Op  string // "make", "read", "write", "use"
	Err error
}

// Error implements error.
func (e *DataFolderError) Error() string {
	return fmt.Sprintf("cannot %s the data folder %s: %v", e.Op, e.Dir, e.Err)
}

// Unwrap returns ErrDataFolder and the cause.
func (e *DataFolderError) Unwrap() []error { return []error{ErrDataFolder, e.Err} }
