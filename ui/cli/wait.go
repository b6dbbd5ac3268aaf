package cli

import (
	"context"
	"time"

	"kitekey/vault"
)

// How long a call to the store may take with somebody at the terminal: an
// operating system that asks for a password waits for a person.
const (
	unlockWait = 2 * time.Minute
	tellWaitAt = 2 * time.Second
)

// saidStore is a store that says on stderr when it keeps the user waiting.
type saidStore struct {
	vault.Store
	say func()
}

func (s saidStore) Get(ctx context.Context, key string) ([]byte, error) {
	defer time.AfterFunc(tellWaitAt, s.say).Stop()
	return s.Store.Get(ctx, key)
}

func (s saidStore) Set(ctx context.Context, key string, value []byte) error {
	defer time.AfterFunc(tellWaitAt, s.say).Stop()
	return s.Store.Set(ctx, key, value)
}

func (s saidStore) Delete(ctx context.Context, key string) error {
	defer time.AfterFunc(tellWaitAt, s.say).Stop()
	return s.Store.Delete(ctx, key)
}

// attended gives the store calls of a command the time that a person needs to
// answer the operating system, when there is a person.
func (a *app) attended(ctx context.Context) context.Context {
	if a.canAsk() && isTerminal(a.Stderr) {
		return vault.WithPrompt(ctx, unlockWait)
	}
	return ctx
}
