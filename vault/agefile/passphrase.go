package agefile

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"

	"filippo.io/age"

	"kitekey/vault"
	"kitekey/vault/internal/disk"
)

// ChangePassphrase asks for the current passphrase and then for a new one, and
// gives the store a new identity: an earlier copy of identity.age and its
// passphrase cannot open what is written from now on.
//
// A crash leaves a store that opens with the old passphrase or with the new one:
//
//  1. vault.age and its copy are written for both identities;
//  2. identity.age is replaced: from here on the new passphrase is the one;
//  3. its copy is replaced, and what was kept as damaged follows;
//  4. vault.age and its copy are written for the new identity alone.
//
// If a crash comes between 2 and 4, the remaining steps are done when the store is
// opened next.
func (s *Store) ChangePassphrase(ctx context.Context, next vault.Passphrase) error {
	s.Lock() // the user must know the current one
	old, err := s.openWith(ctx, vault.OpOpen, false, s.ask)
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
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return s.failed(vault.OpWrite, vault.ErrUnavailable, err)
	}
	wrapped, err := s.wrap(identity, passphrase)
	if err != nil {
		return s.failed(vault.OpWrite, vault.ErrLocked, err)
	}
	// Everything would be lost if it did not open again.
	if back, err := unwrapIdentity(wrapped, passphrase); err != nil || back.String() != identity.String() {
		return s.failed(vault.OpWrite, vault.ErrUnavailable, errors.New("the new identity.age does not open; nothing was changed"))
	}
	unlock, err := s.lock(ctx, vault.OpWrite)
	if err != nil {
		return err
	}
	defer unlock()
	defer s.forget() // the next call opens the new identity
	if !s.current() {
		e := s.failed(vault.OpWrite, vault.ErrUnavailable, errReplaced)
		e.Reason = vault.ReasonReplaced
		return e
	}
	return s.changeIdentity(old, identity, wrapped)
}

// changeIdentity does the four steps. The caller holds the lock.
func (s *Store) changeIdentity(old, identity *age.X25519Identity, wrapped []byte) error {
	_, err := os.Lstat(s.path(itemsFile))
	empty := errors.Is(err, fs.ErrNotExist)
	items, err := s.load(vault.OpRead, itemsFile, old)
	if err != nil {
		return err
	}
	defer erase(items)
	if !empty {
		alone := s.copyAlone(old, items)
		defer erase(alone)
		if err := s.writeItems(vault.OpWrite, items, alone, old.Recipient(), identity.Recipient()); err != nil {
			return err
		}
	}
	if err := s.replace(s.path(identityFile), "", wrapped); err != nil {
		return s.failed(vault.OpWrite, vault.ErrUnavailable, err)
	}
	return s.finishChange(identity, wrapped, items, empty, old)
}

// finishChange does the steps after the new identity is in place. old is empty if a
// crash has interrupted them and the old identity is not known any more.
func (s *Store) finishChange(identity *age.X25519Identity, wrapped []byte, items map[string][]byte, empty bool, old ...age.Identity) error {
	if err := s.replace(s.path(identityBackup), "", wrapped); err != nil {
		return s.failed(vault.OpWrite, vault.ErrUnavailable, err)
	}
	for _, name := range []string{itemsFile, itemsBackup} {
		for _, path := range s.setAside(name) {
			if err := s.followDamaged(path, identity, old); err != nil {
				return s.failed(vault.OpWrite, vault.ErrUnavailable, err)
			}
		}
	}
	for _, name := range []string{identityFile, identityBackup} {
		// It may open with the old passphrase, and what it opens no longer exists.
		for _, path := range s.setAside(name) {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return s.failed(vault.OpWrite, vault.ErrUnavailable, err)
			}
		}
	}
	if empty {
		return nil
	}
	alone := s.copyAlone(identity, items)
	defer erase(alone)
	return s.writeItems(vault.OpWrite, items, alone, identity.Recipient())
}

// followDamaged encrypts what can still be read of a damaged file to the new
// identity. If nothing can be read, it removes the parts that the old identity
// alone would open.
func (s *Store) followDamaged(path string, identity *age.X25519Identity, old []age.Identity) error {
	data, err := disk.Read(path, maxItems)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	plain, err := decrypt(data, identity)
	defer clear(plain)
	if !errors.Is(err, age.ErrIncorrectIdentity) {
		return nil // it is for the new identity already, or for none
	}
	if len(old) > 0 {
		plain, _ = decrypt(data, old...)
	}
	if len(plain) == 0 {
		return os.Remove(path)
	}
	sealed, err := encrypt(plain, identity.Recipient())
	if err != nil {
		return err
	}
	return s.replace(path, "", sealed)
}

// settle finishes what a crash has interrupted: a passphrase change after its
// second step, or the copying of a file. It does nothing if another process is at
// work. If it fails, the next opening tries again. identity has just opened
// wrapped.
func (s *Store) settle(identity *age.X25519Identity, wrapped []byte) {
	if s.settled(wrapped) {
		return
	}
	unlock, ok, err := s.locks.TryLock(itemsLock)
	if err != nil || !ok {
		return
	}
	defer unlock()
	if now, err := disk.Read(s.path(identityFile), maxIdentity); err != nil || !bytes.Equal(now, wrapped) {
		return
	}
	data, err := disk.Read(s.path(itemsFile), maxItems)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(s.path(itemsBackup)); errors.Is(err, fs.ErrNotExist) {
			_ = s.replace(s.path(identityBackup), "", wrapped)
		}
		return
	}
	if err != nil {
		return
	}
	items, err := unseal(data, identity)
	if err != nil {
		return // damaged: the copies are needed
	}
	defer erase(items)
	if recipients(data) > 1 {
		_ = s.finishChange(identity, wrapped, items, false)
		return
	}
	_ = s.replace(s.path(identityBackup), "", wrapped)
	if len(s.copyAlone(identity, items)) > 0 {
		return // an older file may have come back: see [Store.Recover]
	}
	_ = s.replace(s.path(itemsBackup), "", data)
}

// settled reports whether the copies are what they should be.
func (s *Store) settled(wrapped []byte) bool {
	same := func(name string, as []byte) bool {
		have, err := disk.Read(s.path(name), maxItems)
		return err == nil && bytes.Equal(have, as)
	}
	items, err := disk.Read(s.path(itemsFile), maxItems)
	if errors.Is(err, fs.ErrNotExist) {
		return same(identityBackup, wrapped)
	}
	return err == nil && recipients(items) == 1 && same(identityBackup, wrapped) && same(itemsBackup, items)
}

// recipients returns the number of identities that a file is encrypted to.
func recipients(data []byte) int {
	header, _, _ := bytes.Cut(data, []byte("\n---"))
	return bytes.Count(header, []byte("\n-> X25519 "))
}
