package keyring

import (
	"bytes"
	"context"
	"errors"
	"time"

	gokeyring "github.com/zalando/go-keyring"

	"kitekey/vault"
)

// Name is the store's name in settings and on the command line.
const Name = "keyring"

// Service is the service under which kitekey's items are kept in the operating
// system's keyring; their user name is the item's key.
const Service = "kitekey"

// How long the keyring may take when it asks nobody. Measured calls take
// milliseconds; a write on a keyring with thousands of items some 150.
const (
	keyringDeadline = 3 * time.Second
	probeDeadline   = 500 * time.Millisecond
)

// Store is the operating system's own store: Secret Service on Linux and the
// BSDs, Keychain on macOS, Credential Manager on Windows.
//
// The library below it has no deadlines, can hang for ever and can panic, and on
// a dismissed prompt it reports success. So every call runs in a goroutine of
// its own that can be given up, one call at a time, and what was written or
// deleted is looked at again.
type Store struct {
	slot     chan struct{} // holds the one call that may be under way
	deadline time.Duration
	probe    time.Duration // for asking a keyring that took too long what is the matter
}

// New returns the keyring of the user's session. It connects at the first
// call.
func New() *Store {
	return &Store{slot: make(chan struct{}, 1), deadline: keyringDeadline, probe: probeDeadline}
}

// Name gives [Name].
func (k *Store) Name() string { return Name }

// Get implements [vault.Store]. Reading twice does no harm, so a connection that broke
// in mid-call is tried once more.
func (k *Store) Get(ctx context.Context, key string) ([]byte, error) {
	var value []byte
	read := func() (err error) {
		value, err = getItem(key)
		return err
	}
	if err := k.call(ctx, vault.OpRead, key, read); err != nil {
		if !disconnected(err) {
			return nil, err
		}
		if err := k.call(ctx, vault.OpRead, key, read); err != nil {
			return nil, err
		}
	}
	return value, nil
}

// Set implements [vault.Store].
func (k *Store) Set(ctx context.Context, key string, value []byte) error {
	if err := vault.CheckItem(k, key, value); err != nil {
		return err
	}
	value = bytes.Clone(value)
	return k.call(ctx, vault.OpWrite, key, func() error {
		if err := gokeyring.Set(Service, key, string(value)); err != nil {
			return err
		}
		back, err := getItem(key)
		switch {
		case errors.Is(err, gokeyring.ErrNotFound), err == nil && !bytes.Equal(back, value):
			return errNotWritten
		}
		return err
	})
}

// Delete implements [vault.Store].
func (k *Store) Delete(ctx context.Context, key string) error {
	return k.call(ctx, vault.OpDelete, key, func() error {
		if err := gokeyring.Delete(Service, key); err != nil {
			return err
		}
		_, err := getItem(key)
		switch {
		case errors.Is(err, gokeyring.ErrNotFound):
			return nil
		case err == nil, errors.Is(err, vault.ErrEmpty):
			return errNotDeleted
		}
		return err
	})
}

// getItem reads one item. An item with an empty secret is what a keyring killed
// while creating it leaves behind; it was never a value.
func getItem(key string) ([]byte, error) {
	value, found, err := readQuickly(key)
	if err == nil && !found {
		value, err = gokeyring.Get(Service, key)
	}
	if err != nil {
		return nil, err
	}
	if value == "" {
		return nil, vault.ErrEmpty
	}
	return []byte(value), nil
}

// What the library does not say by itself.
var (
	errNotWritten   = errors.New("the keyring reported success but did not keep it: was its prompt dismissed?")
	errNotDeleted   = errors.New("the keyring reported success but still has it: was its prompt dismissed?")
	errDisconnected = errors.New("the connection to the keyring broke")
	errStuck        = errors.New("an earlier call still hangs")
	errNoBus        = errors.New("there is no session bus")
	errNoCollection = errors.New("there is no default keyring")
)

// call runs one use of the library under a deadline. When it is given up the
// connection is closed, which ends the call for good: without that a write given
// up would still happen later.
func (k *Store) call(ctx context.Context, op, key string, use func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := vault.CheckKey(key); err != nil {
		return k.failed(op, err)
	}
	if err := reachable(); err != nil {
		return k.failed(op, err)
	}
	timer := time.NewTimer(k.deadline)
	defer timer.Stop()
	select {
	case k.slot <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return k.failed(op, errStuck)
	}
	done := make(chan error, 1)
	go func() {
		defer func() { <-k.slot }()
		defer func() {
			if p := recover(); p != nil {
				done <- errDisconnected // the library takes a closed connection for an answer
			}
		}()
		done <- use()
	}()
	timer.Reset(k.deadline)
	given := time.Now()
	for {
		select {
		case err := <-done:
			if err != nil {
				return k.failed(op, err)
			}
			return nil
		case <-ctx.Done():
			k.giveUp(done)
			return ctx.Err()
		case <-timer.C:
			// A prompt on somebody's screen is worth waiting for; a keyring that
			// does not even answer whether it is locked is not.
			locked, prompt := promptPending(k.probe), vault.PromptOf(ctx)
			if left := prompt.Wait - time.Since(given); locked && left > 0 {
				prompt.Waiting()
				timer.Reset(min(left, time.Second))
				continue
			}
			k.giveUp(done)
			if locked {
				return k.failed(op, errLockedNow)
			}
			return k.failed(op, context.DeadlineExceeded)
		}
	}
}

// giveUp ends a call: it closes the connection until the call has noticed. Once
// is not always enough, because a call between two requests connects anew.
func (k *Store) giveUp(done <-chan error) {
	for range 5 {
		if !abandon(k.probe) {
			return
		}
		select {
		case <-done:
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

var errLocked = errors.New("it is locked")

var errLockedNow = errors.New("it waits to be unlocked")

// failed turns what the library or the system said into a [*vault.StoreError].
func (k *Store) failed(op string, err error) error {
	kind, reason := classify(err, k.probe)
	e := &vault.StoreError{Op: op, Store: Name, Kind: kind, Reason: reason, Err: err}
	switch {
	case kind == vault.ErrNotFound, kind == vault.ErrTooBig:
		e.Err = nil
	case kind == vault.ErrLocked && reason == "":
		e.Err = nil // "failed to unlock correct collection" tells a person nothing more
	case kind == vault.ErrTimeout && errors.Is(err, context.DeadlineExceeded):
		e.Err = nil // not the caller's deadline, ours
	}
	return e
}

func classify(err error, wait time.Duration) (kind error, reason vault.Reason) {
	switch {
	case errors.Is(err, gokeyring.ErrNotFound):
		return vault.ErrNotFound, ""
	case errors.Is(err, gokeyring.ErrSetDataTooBig):
		return vault.ErrTooBig, ""
	case errors.Is(err, vault.ErrEmpty):
		return vault.ErrCorrupt, ""
	case errors.Is(err, errNotWritten), errors.Is(err, errNotDeleted):
		return vault.ErrLocked, vault.ReasonNotKept
	case errors.Is(err, errStuck), errors.Is(err, context.DeadlineExceeded):
		return vault.ErrTimeout, vault.ReasonNotResponding
	case errors.Is(err, errLocked):
		return vault.ErrLocked, ""
	case errors.Is(err, errLockedNow):
		return vault.ErrLocked, vault.ReasonPromptPending
	case errors.Is(err, errNoCollection):
		return vault.ErrUnavailable, vault.ReasonNoCollection
	case errors.Is(err, gokeyring.ErrUnsupportedPlatform):
		return vault.ErrUnavailable, vault.ReasonNotSupported
	}
	return classifySystem(err, err.Error(), wait)
}
