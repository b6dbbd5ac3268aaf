package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/zalando/go-keyring"
)

// KeyringService is the service under which kitekey's items are kept in the
// operating system's keyring; their user is the item's key.
const KeyringService = "kitekey"

// How long the keyring may take when it asks nobody. Measured calls take
// milliseconds; a write on a keyring with thousands of items some 150.
const (
	keyringDeadline = 3 * time.Second
	probeDeadline   = 500 * time.Millisecond
)

// Keyring is the operating system's own store: Secret Service on Linux and the
// BSDs, Keychain on macOS, Credential Manager on Windows.
//
// The library below it has no deadlines, can hang for ever and can panic, and on
// a dismissed prompt it reports success. So every call runs in a goroutine of
// its own that can be given up, one call at a time, and what was written or
// deleted is looked at again.
type Keyring struct {
	slot     chan struct{} // holds the one call that may be under way
	deadline time.Duration
	probe    time.Duration // for asking a keyring that took too long what is the matter
}

// NewKeyring returns the keyring of the user's session. It connects at the first
// call.
func NewKeyring() *Keyring {
	return &Keyring{slot: make(chan struct{}, 1), deadline: keyringDeadline, probe: probeDeadline}
}

// Name gives "keyring".
func (k *Keyring) Name() string { return "keyring" }

// Get implements [Store]. Reading twice does no harm, so a connection that broke
// in mid-call is tried once more.
func (k *Keyring) Get(ctx context.Context, key string) ([]byte, error) {
	var value []byte
	read := func() (err error) {
		value, err = getItem(key)
		return err
	}
	if err := k.call(ctx, "read", key, read); err != nil {
		if !disconnected(err) {
			return nil, err
		}
		if err := k.call(ctx, "read", key, read); err != nil {
			return nil, err
		}
	}
	return value, nil
}

// Set implements [Store].
func (k *Keyring) Set(ctx context.Context, key string, value []byte) error {
	if len(value) > MaxPayload {
		return k.failed("write", keyring.ErrSetDataTooBig)
	}
	if len(value) == 0 {
		return k.failed("write", errors.New("an empty value means a damaged item"))
	}
	value = bytes.Clone(value)
	return k.call(ctx, "write", key, func() error {
		if err := keyring.Set(KeyringService, key, string(value)); err != nil {
			return err
		}
		back, err := getItem(key)
		switch {
		case errors.Is(err, keyring.ErrNotFound), err == nil && !bytes.Equal(back, value):
			return errNotWritten
		}
		return err
	})
}

// Delete implements [Store].
func (k *Keyring) Delete(ctx context.Context, key string) error {
	return k.call(ctx, "delete", key, func() error {
		if err := keyring.Delete(KeyringService, key); err != nil {
			return err
		}
		_, err := getItem(key)
		switch {
		case errors.Is(err, keyring.ErrNotFound):
			return nil
		case err == nil, errors.Is(err, errEmpty):
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
		value, err = keyring.Get(KeyringService, key)
	}
	if err != nil {
		return nil, err
	}
	if value == "" {
		return nil, errEmpty
	}
	return []byte(value), nil
}

// What the library does not say by itself.
var (
	errEmpty        = errors.New("the item is empty")
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
func (k *Keyring) call(ctx context.Context, op, key string, use func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := validKey(key); err != nil {
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
			locked, prompt := promptPending(k.probe), promptOf(ctx)
			if left := prompt.wait - time.Since(given); locked && left > 0 {
				prompt.waiting()
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
func (k *Keyring) giveUp(done <-chan error) {
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

var errLockedNow = errors.New("it waits to be unlocked")

// validKey keeps out what the systems below would take apart or run: line breaks
// are commands to macOS' security(1), ":" and upper case collide on Windows.
func validKey(key string) error {
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

// failed turns what the library or the system said into a [*StoreError].
func (k *Keyring) failed(op string, err error) error {
	kind, hint := classify(err, k.probe)
	e := &StoreError{Op: op, Store: k.Name(), Kind: kind, Hint: hint, Err: err}
	switch kind {
	case ErrNotFound, ErrTooBig:
		e.Err = nil
	case ErrLocked:
		if hint == unlockHint {
			e.Err = nil // "failed to unlock correct collection" tells a person nothing more
		}
	case ErrTimeout:
		if errors.Is(err, context.DeadlineExceeded) {
			e.Err = nil // not the caller's deadline, ours
		}
	}
	return e
}

const fileStoreHint = `or keep secrets in an encrypted file with "--store file"`

func classify(err error, wait time.Duration) (kind error, hint string) {
	text := err.Error()
	switch {
	case errors.Is(err, keyring.ErrNotFound):
		return ErrNotFound, ""
	case errors.Is(err, keyring.ErrSetDataTooBig):
		return ErrTooBig, ""
	case errors.Is(err, errEmpty):
		return ErrCorrupt, ""
	case errors.Is(err, errNotWritten), errors.Is(err, errNotDeleted):
		return ErrLocked, "unlock the keyring and try again"
	case errors.Is(err, errStuck), errors.Is(err, context.DeadlineExceeded):
		return ErrTimeout, "is its daemon stopped, or is it waiting for a password somewhere? Try again, " + fileStoreHint
	case errors.Is(err, errLockedNow):
		return ErrLocked, unlockHint
	case errors.Is(err, errNoCollection):
		return ErrUnavailable, `make one with a keyring manager such as seahorse ("Passwords and Keys"), ` + fileStoreHint
	case errors.Is(err, keyring.ErrUnsupportedPlatform):
		return ErrUnavailable, "kitekey knows no keyring for this system: " + strings.TrimPrefix(fileStoreHint, "or ")
	}
	return classifySystem(err, text, wait)
}
