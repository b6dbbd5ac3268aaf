package vault

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"kitekey/kite"
)

// Store is where secrets are kept. Keys must satisfy [CheckKey]. Values are opaque,
// not empty, and at most [MaxPayload] bytes.
//
// A store must be safe for concurrent use. A write that returned nil can be read
// back. A failure is a [*StoreError], or the context's own error if the caller gave
// up. The package storetest checks all of this for any store.
//
// A store can have more abilities: the interfaces below, from [Named] to [Inspector].
// The vault looks for these with type assertions and does without those that a store
// lacks.
type Store interface {
	// Name is the store's name in the settings; each store's package has it as a
	// constant.
	Name() string
	// Get returns the value. The error is ErrNotFound if there is none, and
	// ErrCorrupt if what is there cannot be a value. The caller may overwrite the
	// result.
	Get(ctx context.Context, key string) ([]byte, error)
	// Set creates or replaces a value. After ErrTimeout and ErrUnavailable it is not
	// known whether it did. It must not keep value, which the caller overwrites
	// afterwards.
	Set(ctx context.Context, key string, value []byte) error
	// Delete removes a value. The error is ErrNotFound if there was none.
	Delete(ctx context.Context, key string) error
}

// Named is a [Store] whose name cannot follow "the": "file" is the file store.
type Named interface {
	// Noun is what to call the store after "the".
	Noun() string
}

// nounOf returns what to call a store after "the".
func nounOf(s Store) string {
	if n, ok := s.(Named); ok {
		return n.Noun()
	}
	return s.Name()
}

// Lister is a [Store] that can list its keys, so that an index can be rebuilt from
// it. If it cannot see all keys now it fails, for example with ErrLocked; it never
// returns only some of them.
type Lister interface {
	Keys(ctx context.Context) ([]string, error)
}

// Locker is a [Store] that keeps something unlocked in this process.
type Locker interface {
	// Lock forgets it. The next call unlocks the store again.
	Lock()
	// Locked reports whether the next call will have to unlock the store.
	Locked() bool
}

// Unlocker is a [Store] that a passphrase opens.
type Unlocker interface {
	// Unlock opens the store, or creates it if there is none. The error of a wrong
	// passphrase matches both ErrWrongPassphrase and ErrLocked.
	Unlock(ctx context.Context, passphrase kite.Secret) error
}

// Keeper is an [Unlocker] that can stay unlocked for later commands of this user,
// until Lock.
type Keeper interface {
	// KeepUnlocked asks for the passphrase, even if the store is unlocked already,
	// and returns the time until which it stays unlocked. The error is ErrCannotKeep
	// if this machine cannot do it.
	KeepUnlocked(ctx context.Context, life time.Duration) (until time.Time, err error)
	// KeepOpen does the same for a store that was unlocked in this process, without
	// asking.
	KeepOpen(life time.Duration) (until time.Time, err error)
	// KeptUntil returns the time until which the store is unlocked for every command.
	KeptUntil() (until time.Time, ok bool)
}

// ErrCannotKeep: this machine has no place to keep a store unlocked.
var ErrCannotKeep = errors.New("the kernel does not keep the store unlocked")

// Restorer is a [Store] that can replace damaged files with their last good copies.
type Restorer interface {
	// Restore does so and returns the names of the files that it replaced. It changes
	// nothing in a store that is not damaged.
	Restore(ctx context.Context) (files []string, err error)
}

// Recoverer is a [Store] with a copy that may have items which are lost otherwise: a
// synchronising tool or a backup can put an older file in the place of a newer one.
type Recoverer interface {
	// Recoverable returns those of the keys whose items are in the copy alone.
	Recoverable(ctx context.Context, keys []string) ([]string, error)
	// Recover puts them back and returns their keys.
	Recover(ctx context.Context, keys []string) ([]string, error)
}

// Discarder is a [Store] that leaves files behind when it is empty.
type Discarder interface {
	// Discard removes them. It does nothing while the store holds an item.
	Discard(ctx context.Context) error
}

// Pinger is a [Store] that can tell whether it can be used now without reading an
// item.
type Pinger interface {
	Ping(ctx context.Context) error
}

// Prober is a [Store] that can tell whether it is there without unlocking anything, and
// so without asking the user.
type Prober interface {
	Probe(ctx context.Context) error
}

// Preparer is a [Store] that takes some time to reach.
type Preparer interface {
	// Prepare begins to reach it and returns at once: the caller is about to read an
	// item. It asks the person nothing, and leaves a failure to the call that follows.
	Prepare()
}

// Inspector is a [Store] that knows more about itself than whether it answers.
type Inspector interface {
	Inspect(ctx context.Context) (Facts, error)
}

// Facts is what a store knows about itself.
type Facts struct {
	Provider     string   // program that keeps the items: "gnome-keyring-daemon", "keepassxc"
	KeepsRemoved bool     // the program keeps removed items, or earlier values, by itself
	Hidden       int      // collections that are locked and do not show what is in them
	Duplicates   []string // keys that several items have: a synchronising tool's copies, for example
	OpenFolder   string   // a file or folder of the program's, if another user owns it or can write to it
	Rivals       []string // other programs of this user that write to the same files: what one writes the other may overwrite
}

// MaxPayload is the largest value that every store takes, in bytes: the limit of
// the Windows Credential Manager.
const MaxPayload = 2560

// CheckKey refuses a key that some store cannot keep: macOS' security(1) takes line
// breaks for commands, and ":" and upper case collide on Windows.
func CheckKey(key string) error {
	if key == "" || len(key) > 128 {
		return fmt.Errorf("%q cannot name an item", key)
	}
	for _, r := range key {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.' {
			return fmt.Errorf("%q cannot name an item", key)
		}
	}
	return nil
}

// CheckItem refuses an item that no store can keep: a wrong key, an empty value, a
// value over [MaxPayload].
func CheckItem(s Store, key string, value []byte) error {
	if err := CheckKey(key); err != nil {
		return failed(s, OpWrite, ErrUnavailable, err)
	}
	switch {
	case len(value) > MaxPayload:
		return failed(s, OpWrite, ErrTooBig, nil)
	case len(value) == 0:
		return failed(s, OpWrite, ErrCorrupt, ErrEmpty)
	}
	return nil
}

// What can be wrong with a store. Every [*StoreError] matches one of them.
var (
	ErrNotFound    = errors.New("not found")
	ErrLocked      = errors.New("locked")
	ErrUnavailable = errors.New("unavailable")
	ErrTimeout     = errors.New("no answer in time")
	ErrTooBig      = errors.New("too big")
	ErrCorrupt     = errors.New("corrupt")
)

// ErrEmpty is the cause of an ErrCorrupt: the item holds nothing. No value is
// ever empty, so nothing is lost with such an item.
var ErrEmpty = errors.New("the item is empty")

// Reason says more about a [StoreError] than its kind, where the remedy depends on
// it.
type Reason string

// The reasons. Each may come from more than one store.
const (
	ReasonNotProvided   Reason = "not-provided"   // no program on this machine offers the store
	ReasonNotSupported  Reason = "not-supported"  // the operating system has no such store
	ReasonNoSession     Reason = "no-session"     // no desktop session was found, which the store needs
	ReasonSessionEnded  Reason = "session-ended"  // the session that the environment names has ended
	ReasonSessionName   Reason = "session-name"   // the environment names a session that is not one
	ReasonOtherUser     Reason = "other-user"     // the session belongs to another user, as after su or sudo
	ReasonNoCollection  Reason = "no-collection"  // the program is there, but has no keyring, wallet or database to put items in
	ReasonNoPrompt      Reason = "no-prompt"      // a question to the person cannot be shown here
	ReasonPromptPending Reason = "prompt-pending" // a question to the user was not answered in time
	ReasonDismissed     Reason = "dismissed"      // the user was asked and refused
	ReasonNotResponding Reason = "not-responding" // the program does not even answer whether it is locked
	ReasonGone          Reason = "gone"           // the program ended in the middle of the call
	ReasonWriteFailed   Reason = "write-failed"   // the program could not write its file
	ReasonNotKept       Reason = "not-kept"       // the program reported success, but the item is not as written
	ReasonNoEncryption  Reason = "no-encryption"  // the program cannot encrypt the bus session
	ReasonHidden        Reason = "hidden"         // the item may be in a part of the store that is locked
	ReasonDuplicates    Reason = "duplicates"     // several items have the same name and different values
	ReasonWrongPassword Reason = "wrong-password" // the passphrase does not open it
	ReasonDamaged       Reason = "damaged"        // a whole file cannot be read
	ReasonNewerVersion  Reason = "newer-version"  // written by a newer kitekey
	ReasonReplaced      Reason = "replaced"       // another kitekey has removed it or created it anew
)

// The operations of a [StoreError].
const (
	OpRead   = "read"
	OpWrite  = "write"
	OpDelete = "delete"
	OpList   = "list"
	OpOpen   = "open"
)

// StoreError says which store failed to do what, in facts. Front ends say what the
// user can do about it. Its text holds no secret.
type StoreError struct {
	Op       string // one of the operations above
	Store    string // Store.Name
	Noun     string // what to call the store after "the", if not by its name: see [Named]
	Kind     error  // one of the sentinels above
	Reason   Reason // "" if the kind is enough
	Provider string // program that keeps the items, where it is known
	Path     string // file that the error is about, if any
	Err      error  // the cause below, if any
}

// failed returns the error of an operation of s.
func failed(s Store, op string, kind, err error) *StoreError {
	return &StoreError{Op: op, Store: s.Name(), Noun: nounOf(s), Kind: kind, Err: err}
}

// notReadBack returns the error of a write after which the store has another value.
func notReadBack(s Store) error {
	return failed(s, OpWrite, ErrCorrupt, errors.New("what was read back is not what was written"))
}

// Error implements error: "the keyring is locked".
func (e *StoreError) Error() string {
	name := "the " + e.Store
	if e.Noun != "" {
		name = "the " + e.Noun
	}
	switch e.Reason {
	case ReasonPromptPending:
		return name + " asked for permission or a password and was not answered in time"
	case ReasonDismissed:
		return name + " asked for permission and was refused it"
	case ReasonNotKept:
		return name + " reported success, but did not do what it was asked"
	}
	var s string
	switch e.Kind {
	case ErrNotFound:
		s = name + " has no such item"
	case ErrLocked:
		s = name + " is locked"
	case ErrTimeout:
		s = name + " did not answer in time"
	case ErrTooBig:
		s = fmt.Sprintf("too big for %s: an item holds at most %d bytes", name, MaxPayload)
	case ErrCorrupt:
		s = name + " holds an item that cannot be read"
	default:
		s = name + " is not available"
	}
	if e.Err != nil && e.Kind != ErrNotFound && e.Kind != ErrTooBig {
		s += " (" + e.Err.Error() + ")"
	}
	return s
}

// Unwrap gives the kind and the cause.
func (e *StoreError) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// storeDown reports whether err means that the store as a whole does not work now,
// so that another request would fail too, perhaps slowly.
func storeDown(err error) bool {
	return errors.Is(err, ErrLocked) || errors.Is(err, ErrUnavailable) || errors.Is(err, ErrTimeout)
}

// unknownOutcome reports whether a failed write may have happened or may still
// happen.
func unknownOutcome(err error) bool {
	var source interface{ OutcomeUnknown() bool }
	if errors.As(err, &source) {
		return source.OutcomeUnknown()
	}
	return errors.Is(err, ErrTimeout) || errors.Is(err, ErrUnavailable) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

type promptKey struct{}

// Prompt is how long a store may wait for the user. The zero value means not at
// all.
type Prompt struct {
	Wait    time.Duration // how long an open question may take
	Waiting func()        // called when a call begins to wait for an answer; PromptOf never returns nil here
}

// WithPrompt says that a user can answer when the operating system asks to unlock
// the keyring or to allow an access: store calls with the returned context wait up
// to wait for the answer, instead of the few seconds that a call without a prompt
// may take. A store that hangs for another reason still fails after those few
// seconds.
func WithPrompt(ctx context.Context, wait time.Duration) context.Context {
	return WithPromptTold(ctx, wait, func() {})
}

// WithPromptTold is [WithPrompt] for a front end that shows when it waits: the
// first call that waits calls waiting, once.
func WithPromptTold(ctx context.Context, wait time.Duration, waiting func()) context.Context {
	return context.WithValue(ctx, promptKey{}, Prompt{wait, sync.OnceFunc(waiting)})
}

// PromptOf returns what [WithPrompt] put into ctx. Stores use it.
func PromptOf(ctx context.Context) Prompt {
	p, ok := ctx.Value(promptKey{}).(Prompt)
	if !ok {
		p.Waiting = func() {}
	}
	return p
}
