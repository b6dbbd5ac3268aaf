package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"kitekey/kite"
	"kitekey/vault"
)

// Faulty is a store over another one that can be told to fail: it returns errors,
// hangs, changes values, or waits for a passphrase. It also records its calls.
// [NewFaulty] makes one.
type Faulty struct {
	inner vault.Store
	name  string

	mu         sync.Mutex
	calls      []string
	before     func(op, key string) error
	after      func(op, key string) error
	hang       chan struct{}
	mangle     func(value []byte) []byte
	passphrase string
	locked     bool
	empty      map[string]bool
}

// NewFaulty returns a store over inner that works until it is told otherwise. If
// inner is nil, it is over a memory store of its own.
func NewFaulty(inner vault.Store) *Faulty {
	if inner == nil {
		inner = vault.NewMemory()
	}
	return &Faulty{inner: inner, name: inner.Name(), empty: map[string]bool{}}
}

// Named gives the store another name and returns it.
func (f *Faulty) Named(name string) *Faulty {
	f.name = name
	return f
}

// Inner returns the store below, to look at what is stored.
func (f *Faulty) Inner() vault.Store { return f.inner }

// On sets hooks. Every operation calls before first, and fails with its error
// without doing anything. An operation that worked calls after, and fails with its
// error although it was done. op is one of vault's Op constants. Either hook may be
// nil. On forgets the calls recorded so far.
func (f *Faulty) On(before, after func(op, key string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls, f.before, f.after = nil, before, after
}

// Fail makes every operation fail with kind: vault.ErrLocked for example.
func (f *Faulty) Fail(kind error) { f.On(Fail(f.name, kind), nil) }

// Hang makes every operation wait until its context ends, or until Heal.
func (f *Faulty) Hang() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hang = make(chan struct{})
}

// Mangle makes Set store the result of change and report success.
func (f *Faulty) Mangle(change func(value []byte) []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mangle = change
}

// Hollow leaves an empty item at key, as a keyring does that is killed while it
// creates one. Writing or deleting the item ends that.
func (f *Faulty) Hollow(ctx context.Context, key string) error {
	if err := f.inner.Set(ctx, key, []byte("nothing")); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.empty[key] = true
	return nil
}

// Heal ends the effects of On, Fail, Hang and Mangle.
func (f *Faulty) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hang != nil {
		close(f.hang)
	}
	f.before, f.after, f.hang, f.mangle = nil, nil, nil, nil
}

// Protect gives the store a passphrase. It stays open until Lock.
func (f *Faulty) Protect(passphrase string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.passphrase = passphrase
}

// Calls returns the operations since On: "read KEY", "write KEY", "delete KEY".
func (f *Faulty) Calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.calls...)
}

// Fail is a hook for [Faulty.On]: a store of that name fails with kind, at the
// named operations or at all of them.
func Fail(store string, kind error, ops ...string) func(op, key string) error {
	return func(op, _ string) error {
		for _, o := range ops {
			if o == op {
				return &vault.StoreError{Op: op, Store: store, Kind: kind}
			}
		}
		if len(ops) == 0 {
			return &vault.StoreError{Op: op, Store: store, Kind: kind}
		}
		return nil
	}
}

// FailAfter is a hook for [Faulty.On]: the first n calls of op work, the others
// fail with err.
func FailAfter(n int, op string, err error) func(op, key string) error {
	var mu sync.Mutex
	return func(called, _ string) error {
		mu.Lock()
		defer mu.Unlock()
		if called != op {
			return nil
		}
		if n--; n < 0 {
			return err
		}
		return nil
	}
}

func (f *Faulty) call(ctx context.Context, op, key string, do func() error) error {
	f.mu.Lock()
	f.calls = append(f.calls, op+" "+key)
	before, after, hang, locked := f.before, f.after, f.hang, f.locked
	f.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if locked {
		return &vault.StoreError{Op: op, Store: f.name, Kind: vault.ErrLocked}
	}
	if before != nil {
		if err := before(op, key); err != nil {
			return err
		}
	}
	if err := do(); err != nil || after == nil {
		return err
	}
	return after(op, key)
}

// Name implements [vault.Store].
func (f *Faulty) Name() string { return f.name }

// Get implements [vault.Store].
func (f *Faulty) Get(ctx context.Context, key string) (value []byte, err error) {
	err = f.call(ctx, vault.OpRead, key, func() error {
		f.mu.Lock()
		empty := f.empty[key]
		f.mu.Unlock()
		if empty {
			return &vault.StoreError{Op: vault.OpRead, Store: f.name, Kind: vault.ErrCorrupt, Err: vault.ErrEmpty}
		}
		value, err = f.inner.Get(ctx, key)
		return err
	})
	return value, err
}

// Set implements [vault.Store].
func (f *Faulty) Set(ctx context.Context, key string, value []byte) error {
	return f.call(ctx, vault.OpWrite, key, func() error {
		f.mu.Lock()
		mangle := f.mangle
		delete(f.empty, key)
		f.mu.Unlock()
		if mangle != nil {
			value = mangle(value)
		}
		return f.inner.Set(ctx, key, value)
	})
}

// Delete implements [vault.Store].
func (f *Faulty) Delete(ctx context.Context, key string) error {
	return f.call(ctx, vault.OpDelete, key, func() error {
		f.mu.Lock()
		delete(f.empty, key)
		f.mu.Unlock()
		return f.inner.Delete(ctx, key)
	})
}

// Keys implements [vault.Lister] if the store below does. It calls no hook.
func (f *Faulty) Keys(ctx context.Context) ([]string, error) {
	l, ok := f.inner.(vault.Lister)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return l.Keys(ctx)
}

// Discard implements [vault.Discarder] if the store below does.
func (f *Faulty) Discard(ctx context.Context) error {
	if d, ok := f.inner.(vault.Discarder); ok {
		return d.Discard(ctx)
	}
	return nil
}

// Lock implements [vault.Locker].
func (f *Faulty) Lock() {
	if l, ok := f.inner.(vault.Locker); ok {
		l.Lock()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.locked = f.passphrase != ""
}

// Locked implements [vault.Locker].
func (f *Faulty) Locked() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	l, ok := f.inner.(vault.Locker)
	return f.locked || ok && l.Locked()
}

// Unlock implements [vault.Unlocker].
func (f *Faulty) Unlock(ctx context.Context, passphrase kite.Secret) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if passphrase.Reveal() != f.passphrase {
		return fmt.Errorf("%w: %w", vault.ErrWrongPassphrase, vault.ErrLocked)
	}
	f.locked = false
	return ctx.Err()
}
