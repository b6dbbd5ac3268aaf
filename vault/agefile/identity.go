package agefile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"filippo.io/age"

	"kitekey/kite"
	"kitekey/vault"
	"kitekey/vault/internal/disk"
)

// scrypt's work factors, as powers of two. age's default takes some 0.6 s and
// 256 MiB. A file that asks for more than four times that is not ours, and would
// only burn the reader's memory.
const (
	defaultWorkFactor = 18
	maxWorkFactor     = 20
)

// maxIdentity bounds how much of an identity.age is read, in bytes.
const maxIdentity = 64 << 10

// errNoStore: nobody has made the store yet.
var errNoStore = errors.New("there is no file store yet")

// Locked reports whether the next operation needs the passphrase.
func (s *Store) Locked() bool {
	s.slot <- struct{}{}
	defer func() { <-s.slot }()
	return s.identity == nil && Exists(s.dir)
}

// Lock forgets what the passphrase opened.
func (s *Store) Lock() {
	s.slot <- struct{}{}
	defer func() { <-s.slot }()
	s.identity, s.wrapped = nil, nil
}

// Unlock opens the store with a passphrase, or makes it when there is none. It
// fails with vault.ErrWrongPassphrase in an vault.ErrLocked.
func (s *Store) Unlock(ctx context.Context, passphrase kite.Secret) error {
	_, err := s.openWith(ctx, vault.OpOpen, true, func(_ context.Context, a vault.Ask) (kite.Secret, error) {
		if a.Attempt > 0 {
			return kite.Secret{}, vault.ErrWrongPassphrase
		}
		return passphrase, nil
	})
	return err
}

// open gives the identity, asking for the passphrase when this process has not
// yet. Without create it fails with errNoStore when there is no store.
func (s *Store) open(ctx context.Context, op string, create bool) (*age.X25519Identity, error) {
	return s.openWith(ctx, op, create, s.ask)
}

func (s *Store) openWith(ctx context.Context, op string, create bool, ask vault.Passphrase) (*age.X25519Identity, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case s.slot <- struct{}{}:
		defer func() { <-s.slot }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.identity != nil {
		return s.identity, nil
	}
	if err := secure(s.dir, identityFile, identityBackup, itemsFile, itemsBackup); err != nil {
		return nil, s.failed(op, vault.ErrUnavailable, err)
	}
	made := Exists(s.dir) // before reading: identity.age is the first to be written
	wrapped, err := disk.Read(s.path(identityFile), maxIdentity)
	switch {
	case errors.Is(err, fs.ErrNotExist) && made:
		return nil, s.damaged(op, identityFile, errors.New("it is gone"))
	case errors.Is(err, fs.ErrNotExist) && !create:
		return nil, errNoStore
	case errors.Is(err, fs.ErrNotExist):
		return s.create(ctx, op, ask)
	case err != nil:
		return nil, s.failed(op, vault.ErrUnavailable, err)
	}
	return s.unwrap(ctx, op, wrapped, ask)
}

// unwrap opens the identity, asking until the passphrase is right or there is no
// other answer.
func (s *Store) unwrap(ctx context.Context, op string, wrapped []byte, ask vault.Passphrase) (*age.X25519Identity, error) {
	for attempt := 0; ; attempt++ {
		passphrase, err := ask(ctx, vault.Ask{Attempt: attempt})
		if err != nil {
			return nil, s.noPassphrase(ctx, op, err)
		}
		identity, err := unwrapIdentity(wrapped, passphrase)
		switch {
		case errors.Is(err, vault.ErrWrongPassphrase):
			continue
		case err != nil:
			return nil, s.damaged(op, identityFile, err)
		}
		s.identity, s.wrapped = identity, wrapped
		s.keepIdentity(wrapped)
		return identity, nil
	}
}

func (s *Store) noPassphrase(ctx context.Context, op string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e := s.failed(op, vault.ErrLocked, err)
	if errors.Is(err, vault.ErrWrongPassphrase) {
		e.Reason = vault.ReasonWrongPassword
	}
	return e
}

// create makes the store. Somebody else may be quicker: then theirs is opened.
func (s *Store) create(ctx context.Context, op string, ask vault.Passphrase) (*age.X25519Identity, error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, s.failed(op, vault.ErrUnavailable, err)
	}
	passphrase, err := ask(ctx, vault.Ask{New: true})
	if err != nil {
		return nil, s.noPassphrase(ctx, op, err)
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, s.failed(op, vault.ErrUnavailable, err)
	}
	wrapped, err := s.wrap(identity, passphrase)
	if err != nil {
		return nil, s.failed(op, vault.ErrLocked, err)
	}
	unlock, err := s.lock(ctx, op)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if theirs, err := disk.Read(s.path(identityFile), maxIdentity); err == nil {
		return s.unwrap(ctx, op, theirs, func(_ context.Context, a vault.Ask) (kite.Secret, error) {
			if a.Attempt > 0 {
				return kite.Secret{}, fmt.Errorf("another kitekey has just made the store: %w", vault.ErrWrongPassphrase)
			}
			return passphrase, nil
		})
	}
	if err := s.writeIdentity(wrapped); err != nil {
		return nil, s.failed(op, vault.ErrUnavailable, err)
	}
	s.identity, s.wrapped = identity, wrapped
	return identity, nil
}

// ChangePassphrase asks for the present passphrase and then for a new one. The
// items are not touched: identity.age is replaced in one step, so that a crash
// leaves one that opens with the old passphrase or with the new one.
func (s *Store) ChangePassphrase(ctx context.Context, next vault.Passphrase) error {
	s.Lock() // whoever changes it proves that they know it
	identity, err := s.open(ctx, vault.OpOpen, false)
	if errors.Is(err, errNoStore) {
		return s.failed(vault.OpOpen, vault.ErrNotFound, errNoStore)
	}
	if err != nil {
		return err
	}
	passphrase, err := next(ctx, vault.Ask{New: true})
	if err != nil {
		return s.noPassphrase(ctx, vault.OpWrite, err)
	}
	wrapped, err := s.wrap(identity, passphrase)
	if err != nil {
		return s.failed(vault.OpWrite, vault.ErrLocked, err)
	}
	// All is lost if it does not open again.
	if back, err := unwrapIdentity(wrapped, passphrase); err != nil || back.String() != identity.String() {
		return s.failed(vault.OpWrite, vault.ErrUnavailable, errors.New("the new identity.age does not open; nothing was changed"))
	}
	unlock, err := s.lock(ctx, vault.OpWrite)
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.writeIdentity(wrapped); err != nil {
		return s.failed(vault.OpWrite, vault.ErrUnavailable, err)
	}
	s.Lock() // the next call opens what is there now
	return nil
}

// writeIdentity replaces identity.age and then its copy. The caller holds the
// lock.
func (s *Store) writeIdentity(wrapped []byte) error {
	if err := disk.Replace(s.path(identityFile), "", wrapped); err != nil {
		return err
	}
	return disk.Replace(s.path(identityBackup), "", wrapped)
}

// keepIdentity makes the copy of identity.age equal to one that has just opened:
// a crash may have left one that opens with a former passphrase.
func (s *Store) keepIdentity(wrapped []byte) {
	if have, err := disk.Read(s.path(identityBackup), maxIdentity); err == nil && bytes.Equal(have, wrapped) {
		return
	}
	unlock, ok, err := s.locks.TryLock(itemsLock)
	if err != nil || !ok {
		return // another time: this is a copy of what works
	}
	defer unlock()
	if now, err := disk.Read(s.path(identityFile), maxIdentity); err == nil && bytes.Equal(now, wrapped) {
		_ = disk.Replace(s.path(identityBackup), "", wrapped)
	}
}

// wrap encrypts an identity with a passphrase.
func (s *Store) wrap(identity *age.X25519Identity, passphrase kite.Secret) ([]byte, error) {
	if err := vault.CheckPassphrase(passphrase); err != nil {
		return nil, err
	}
	to, err := age.NewScryptRecipient(passphrase.Reveal())
	if err != nil {
		return nil, err
	}
	to.SetWorkFactor(s.workFactor)
	var buf bytes.Buffer
	w, err := age.Encrypt(&buf, to)
	if err != nil {
		return nil, err
	}
	if _, err = io.WriteString(w, identity.String()+"\n"); err == nil {
		err = w.Close()
	}
	return buf.Bytes(), err
}

// unwrapIdentity opens an identity.age. vault.ErrWrongPassphrase, or an error about the
// file.
func unwrapIdentity(wrapped []byte, passphrase kite.Secret) (*age.X25519Identity, error) {
	with, err := age.NewScryptIdentity(passphrase.Reveal())
	if err != nil {
		return nil, vault.ErrWrongPassphrase // an empty one
	}
	with.SetMaxWorkFactor(maxWorkFactor)
	r, err := age.Decrypt(bytes.NewReader(wrapped), with)
	if errors.Is(err, age.ErrIncorrectIdentity) {
		if bytes.Contains(wrapped, []byte("\n-> scrypt ")) {
			return nil, vault.ErrWrongPassphrase
		}
		return nil, errors.New("it is not protected by a passphrase")
	}
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(r, maxIdentity))
	if err != nil {
		return nil, err
	}
	identity, err := age.ParseX25519Identity(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, errors.New("it holds no age identity") // age's error may quote it
	}
	return identity, nil
}

// secure takes from others what they must not have: to read the files, and to
// put other files into the folder. What cannot be mended is refused.
func secure(dir string, names ...string) error {
	if runtime.GOOS == "windows" {
		return nil // the profile folder's access list is what counts there
	}
	tighten := func(path string, forbidden os.FileMode) error {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		mode := info.Mode().Perm()
		if mode&forbidden == 0 {
			return nil
		}
		if err := os.Chmod(path, mode&^forbidden); err != nil {
			return fmt.Errorf("other users can get at %s, and that cannot be mended: %w", path, err)
		}
		return nil
	}
	if err := tighten(dir, 0o022); err != nil {
		return err
	}
	for _, name := range names {
		if err := tighten(dir+string(os.PathSeparator)+name, 0o077); err != nil {
			return err
		}
	}
	return nil
}
