package agefile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"filippo.io/age"

	"kitekey/kite"
	"kitekey/vault"
	"kitekey/vault/internal/disk"
)

// scrypt's work factors, as powers of two. age's default takes about 0.6 s and 256
// MiB. A file that asks for more than four times that is not kitekey's, and would
// only use up the reader's memory.
const (
	defaultWorkFactor = 18
	maxWorkFactor     = 20
)

// maxIdentity bounds how much of an identity.age is read, in bytes.
const maxIdentity = 64 << 10

// errNoStore reports that the store has not been created yet.
var errNoStore = errors.New("there is no file store yet")

// Locked reports whether the next operation needs the passphrase.
func (s *Store) Locked() bool {
	s.slot <- struct{}{}
	opened := s.identity != nil
	<-s.slot
	if opened || !Exists(s.dir) {
		return false
	}
	_, ok := s.KeptUntil()
	return !ok
}

// Lock forgets the identity that the passphrase opened, even if it is kept for
// other commands.
func (s *Store) Lock() {
	s.forget()
	_ = s.keeper.drop(s.keptName())
}

func (s *Store) forget() {
	s.slot <- struct{}{}
	defer func() { <-s.slot }()
	s.identity, s.wrapped = nil, nil
}

// Unlock opens the store with a passphrase, or creates it if there is none. The
// error of a wrong passphrase matches vault.ErrWrongPassphrase and vault.ErrLocked.
func (s *Store) Unlock(ctx context.Context, passphrase kite.Secret) error {
	_, err := s.openWith(ctx, vault.OpOpen, true, func(_ context.Context, a vault.Ask) (kite.Secret, error) {
		if a.Attempt > 0 {
			return kite.Secret{}, vault.ErrWrongPassphrase
		}
		return passphrase, nil
	})
	return err
}

// open returns the identity and asks for the passphrase if this process has not
// opened it yet. Without create it fails with errNoStore if the store does not
// exist.
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
		now, err := disk.Read(s.path(identityFile), maxIdentity)
		if err != nil || bytes.Equal(now, s.wrapped) {
			return s.identity, nil
		}
		s.identity, s.wrapped = nil, nil // another kitekey has changed the passphrase
	}
	if err := secure(s.dir, identityFile, identityBackup, itemsFile, itemsBackup); err != nil {
		return nil, s.failed(op, vault.ErrUnavailable, err)
	}
	made := Exists(s.dir) // check before reading: identity.age is written first
	wrapped, err := disk.Read(s.path(identityFile), maxIdentity)
	switch {
	case errors.Is(err, fs.ErrNotExist) && made:
		return nil, s.damaged(op, identityFile, errors.New("it is gone"))
	case errors.Is(err, fs.ErrNotExist) && !create:
		return nil, errNoStore
	case errors.Is(err, fs.ErrNotExist):
		return s.create(ctx, op, ask)
	case err != nil:
		return nil, s.unreadable(op, identityFile, err)
	}
	if identity, _, ok := s.loadKept(wrapped); ok {
		s.identity, s.wrapped = identity, wrapped
		return identity, nil
	}
	return s.unwrap(ctx, op, wrapped, ask)
}

// unwrap opens the identity. It asks until the passphrase is right or ask has no
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
		s.settle(identity, wrapped)
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

// create creates the store. If another process is quicker, it opens that one's.
func (s *Store) create(ctx context.Context, op string, ask vault.Passphrase) (*age.X25519Identity, error) {
	if err := disk.MakeFolder(s.dir); err != nil {
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
	for _, name := range []string{identityFile, identityBackup} {
		if err := s.replace(s.path(name), "", wrapped); err != nil {
			return nil, s.failed(op, vault.ErrUnavailable, err)
		}
	}
	s.identity, s.wrapped = identity, wrapped
	return identity, nil
}

// wrap encrypts an identity with a passphrase.
func (s *Store) wrap(identity *age.X25519Identity, passphrase kite.Secret) ([]byte, error) {
	if err := vault.CheckPassphrase(passphrase); err != nil {
		return nil, err
	}
	composed := vault.ComposedPassphrase(passphrase)
	defer composed.Erase()
	to, err := age.NewScryptRecipient(composed.Reveal())
	if err != nil {
		return nil, err
	}
	to.SetWorkFactor(s.workFactor)
	return encrypt([]byte(identity.String()+"\n"), to)
}

// unwrapIdentity opens an identity.age with any form of the passphrase. The error
// is vault.ErrWrongPassphrase, or about the file.
func unwrapIdentity(wrapped []byte, passphrase kite.Secret) (identity *age.X25519Identity, err error) {
	for i, form := range vault.PassphraseForms(passphrase) {
		identity, err = unwrapForm(wrapped, form)
		if i > 0 {
			form.Erase()
		}
		if !errors.Is(err, vault.ErrWrongPassphrase) {
			break
		}
	}
	return identity, err
}

func unwrapForm(wrapped []byte, passphrase kite.Secret) (*age.X25519Identity, error) {
	with, err := age.NewScryptIdentity(passphrase.Reveal())
	if err != nil {
		return nil, vault.ErrWrongPassphrase // an empty passphrase
	}
	with.SetMaxWorkFactor(maxWorkFactor)
	text, err := decrypt(wrapped, with)
	defer clear(text)
	if errors.Is(err, age.ErrIncorrectIdentity) {
		if bytes.Contains(wrapped, []byte("\n-> scrypt ")) {
			return nil, vault.ErrWrongPassphrase
		}
		return nil, errors.New("it is not protected by a passphrase")
	}
	if err != nil {
		return nil, err
	}
	identity, err := age.ParseX25519Identity(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, errors.New("it holds no age identity") // the error of age may quote it
	}
	return identity, nil
}

// secure removes the permission of other users to read the files and to put other
// files into the folder. It fails if it cannot.
func secure(dir string, names ...string) error {
	if runtime.GOOS == "windows" {
		return nil // the access list of the profile folder protects it
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
		special := !info.Mode().IsRegular() && !info.IsDir() // such as /dev/zero behind a link
		if mode&forbidden == 0 || special {
			return nil
		}
		if err := os.Chmod(path, mode&^forbidden); err != nil {
			return fmt.Errorf("other users can get at %s, and their access cannot be taken away: %w", path, err)
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
