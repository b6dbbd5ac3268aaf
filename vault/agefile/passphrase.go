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
// gives the store a new identity: a copy of identity.age made earlier, and its
// passphrase, open nothing that is written from now on.
//
// A crash leaves a store that opens with the old passphrase or with the new one:
//
//  1. vault.age and its copy are written for both identities;
//  2. identity.age is replaced: from here on the new passphrase is the one;
//  3. its copy is replaced, and what was kept as damaged follows;
//  4. vault.age and its copy are written for the new identity alone.
//
// What a crash between 2 and 4 has left undone is done when the store is opened
// next.
func (s *Store) ChangePassphrase(ctx context.Context, next vault.Passphrase) error {
	s.Lock() // changing it takes knowing it
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
	// All is lost if it does not open again.
	if back, err := unwrapIdentity(wrapped, passphrase); err != nil || back.String() != identity.String() {
		return s.failed(vault.OpWrite, vault.ErrUnavailable, errors.New("the new identity.age does not open; nothing was changed"))
	}
	unlock, err := s.lock(ctx, vault.OpWrite)
	if err != nil {
		return err
	}
	defer unlock()
	defer s.forget() // the next call opens what is there now
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
		if err := s.writeItems(vault.OpWrite, items, old.Recipient(), identity.Recipient()); err != nil {
			return err
		}
	}
	if err := s.replace(s.path(identityFile), "", wrapped); err != nil {
		return s.failed(vault.OpWrite, vault.ErrUnavailable, err)
	}
	return s.finishChange(identity, wrapped, items, empty, old)
}

// finishChange does the steps after the new identity is in place. old is empty
// when a crash has interrupted them and it is not known any more.
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
		// It may open with the old passphrase, and what it would open is gone.
		for _, path := range s.setAside(name) {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return s.failed(vault.OpWrite, vault.ErrUnavailable, err)
			}
		}
	}
	if empty {
		return nil
	}
	return s.writeItems(vault.OpWrite, items, identity.Recipient())
}

// followDamaged gives what can still be read of a file that is kept as damaged to
// the new identity. What the old identity alone would open is removed when nothing
// can be read of it.
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
		return nil // it is for the new one already, or not for any
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

// settle does what a crash has left undone: a passphrase change after its second
// step, or a copy that is not the copy of its file. It does nothing when another
// process is at work, or when it fails: the next opening does it. identity has just
// opened wrapped.
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
		_ = s.replace(s.path(identityBackup), "", wrapped)
		return
	}
	if err != nil {
		return
	}
	items, err := unseal(data, identity)
	if err != nil {
		return // damaged: the copies are needed as they are
	}
	defer erase(items)
	if recipients(data) > 1 {
		_ = s.finishChange(identity, wrapped, items, false)
		return
	}
	_ = s.replace(s.path(identityBackup), "", wrapped)
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

// recipients counts for how many identities a file is encrypted.
func recipients(data []byte) int {
	header, _, _ := bytes.Cut(data, []byte("\n---"))
	return bytes.Count(header, []byte("\n-> X25519 "))
}
