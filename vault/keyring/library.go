//go:build !((dragonfly && cgo) || (freebsd && cgo) || linux || netbsd || openbsd)

package keyring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	gokeyring "github.com/zalando/go-keyring"

	"kitekey/vault"
)

type platform struct{}

// Get implements [vault.Store].
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	var value []byte
	err := s.call(ctx, vault.OpRead, key, func() (err error) {
		value, err = getItem(key)
		return err
	})
	return value, err
}

// Set implements [vault.Store].
func (s *Store) Set(ctx context.Context, key string, value []byte) error {
	if err := vault.CheckItem(s, key, value); err != nil {
		return err
	}
	value = bytes.Clone(value)
	return s.call(ctx, vault.OpWrite, key, func() error {
		defer clear(value)
		if err := gokeyring.Set(Service, key, string(value)); err != nil {
			return err
		}
		back, err := getItem(key)
		if errors.Is(err, gokeyring.ErrNotFound) || err == nil && !bytes.Equal(back, value) {
			return errNotWritten
		}
		return err
	})
}

// Delete implements [vault.Store].
func (s *Store) Delete(ctx context.Context, key string) error {
	return s.call(ctx, vault.OpDelete, key, func() error {
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

func getItem(key string) ([]byte, error) {
	value, err := gokeyring.Get(Service, key)
	if err != nil {
		return nil, err
	}
	if value == "" {
		return nil, vault.ErrEmpty
	}
	return []byte(value), nil
}

// call runs one call of the library, which has no time limits of its own, with a
// deadline. If the library may wait for the user ([prompts]), the deadline is as
// long as the user may take.
func (s *Store) call(ctx context.Context, op, key string, use func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := vault.CheckKey(key); err != nil {
		return failure(op, vault.ErrUnavailable, "", err)
	}
	timer := time.NewTimer(s.deadline)
	defer timer.Stop()
	select {
	case s.slot <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return failure(op, vault.ErrTimeout, vault.ReasonNotResponding, errStuck)
	}
	done := make(chan error, 1)
	go func() {
		defer func() { <-s.slot }()
		defer func() {
			if p := recover(); p != nil {
				done <- fmt.Errorf("the keyring library failed: %v", p)
			}
		}()
		done <- use()
	}()
	timer.Reset(s.deadline)
	waited := false
	for {
		select {
		case err := <-done:
			return s.classify(op, err)
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			prompt := vault.PromptOf(ctx)
			if left := prompt.Wait - s.deadline; prompts && !waited && left > 0 {
				waited = true
				prompt.Waiting()
				timer.Reset(left)
				continue
			}
			if prompts {
				return failure(op, vault.ErrLocked, vault.ReasonPromptPending, nil)
			}
			return failure(op, vault.ErrTimeout, vault.ReasonNotResponding, nil)
		}
	}
}

func (s *Store) classify(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, gokeyring.ErrNotFound):
		return failure(op, vault.ErrNotFound, "", nil)
	case errors.Is(err, gokeyring.ErrSetDataTooBig):
		return failure(op, vault.ErrTooBig, "", nil)
	case errors.Is(err, vault.ErrEmpty):
		return failure(op, vault.ErrCorrupt, "", err)
	case errors.Is(err, errNotWritten), errors.Is(err, errNotDeleted):
		return failure(op, vault.ErrLocked, vault.ReasonNotKept, err)
	case errors.Is(err, gokeyring.ErrUnsupportedPlatform):
		return failure(op, vault.ErrUnavailable, vault.ReasonNotSupported, err)
	}
	return classifySystem(op, err)
}
