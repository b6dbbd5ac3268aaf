package vault

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Store is where secrets are kept. Keys are ASCII without blanks, values opaque
// and at most [MaxPayload] bytes.
//
// A store must be safe for concurrent use. A write that returned nil can be read
// back. A failure is a [*StoreError], or the context's own error when the caller
// gave up.
type Store interface {
	// Name is what settings and people call it: "keyring", "file", "memory".
	Name() string
	// Get returns the value; ErrNotFound when there is none, ErrCorrupt when
	// what is there cannot be a value. The caller may overwrite what it got.
	Get(ctx context.Context, key string) ([]byte, error)
	// Set creates or replaces. After ErrTimeout and ErrUnavailable it is not
	// known whether it did. It must not keep value, which is overwritten afterwards.
	Set(ctx context.Context, key string, value []byte) error
	// Delete removes; ErrNotFound when there was nothing.
	Delete(ctx context.Context, key string) error
}

// MaxPayload is the largest value every store takes, in bytes: what Windows'
// Credential Manager takes.
const MaxPayload = 2560

// What can be wrong with a store. Every [*StoreError] matches one of them.
var (
	ErrNotFound    = errors.New("not found")
	ErrLocked      = errors.New("locked")
	ErrUnavailable = errors.New("unavailable")
	ErrTimeout     = errors.New("no answer in time")
	ErrTooBig      = errors.New("too big")
	ErrCorrupt     = errors.New("corrupt")
)

// StoreError says which store failed at what, and what to do about it. Its text
// holds no secret.
type StoreError struct {
	Op    string // "read", "write", "delete", "list", "open"
	Store string // Store.Name
	Kind  error  // one of the sentinels above
	Hint  string // what the person can do next, "" when there is nothing to say
	Err   error  // the cause below, if any
}

// Error implements error: "the keyring is locked: unlock it and try again".
func (e *StoreError) Error() string {
	name := "the " + e.Store
	if e.Store == "file" || e.Store == "memory" {
		name += " store"
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
	if e.Hint != "" {
		s += "; " + e.Hint
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

// storeDown reports whether err means that the store as a whole does not work
// now, so that asking it for something else is pointless (and slow).
func storeDown(err error) bool {
	return errors.Is(err, ErrLocked) || errors.Is(err, ErrUnavailable) || errors.Is(err, ErrTimeout)
}

// unknownOutcome reports whether a failed write may have happened all the same,
// or may still happen.
func unknownOutcome(err error) bool {
	var source interface{ OutcomeUnknown() bool }
	if errors.As(err, &source) {
		return source.OutcomeUnknown()
	}
	return errors.Is(err, ErrTimeout) || errors.Is(err, ErrUnavailable) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

type promptKey struct{}

type prompt struct {
	wait    time.Duration
	waiting func()
}

// WithPrompt says that somebody sits in front of the screen and can answer when
// the operating system asks to unlock the keyring: store calls under the
// returned context wait up to wait for that, instead of the few seconds that a
// call without a prompt may take. A store that hangs for another reason is still
// given up after those few seconds.
func WithPrompt(ctx context.Context, wait time.Duration) context.Context {
	return WithPromptTold(ctx, wait, func() {})
}

// WithPromptTold is [WithPrompt] for a front end that says so when it waits:
// waiting is called once, when the first call does.
func WithPromptTold(ctx context.Context, wait time.Duration, waiting func()) context.Context {
	return context.WithValue(ctx, promptKey{}, prompt{wait, sync.OnceFunc(waiting)})
}

func promptOf(ctx context.Context) prompt {
	p, ok := ctx.Value(promptKey{}).(prompt)
	if !ok {
		p.waiting = func() {}
	}
	return p
}

// Lister is what a [Store] has besides when it can say which keys it holds:
// what an index is rebuilt from.
type Lister interface {
	Keys(ctx context.Context) ([]string, error)
}
