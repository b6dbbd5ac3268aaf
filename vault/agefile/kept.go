package agefile

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"filippo.io/age"

	"kitekey/vault"
	"kitekey/vault/internal/disk"
)

// keeper keeps a few bytes between commands, for a time. It is the kernel's
// keyring, or a test's replacement.
type keeper interface {
	keep(name string, value []byte, life time.Duration) error
	load(name string) ([]byte, error)
	drop(name string) error // not an error if there is nothing
}

// KeepUnlocked asks for the passphrase and keeps the identity for later commands of
// this user, until the returned time, [Store.Lock], or another passphrase. It is in
// the kernel's keyring and in no file. The error is vault.ErrCannotKeep if the
// kernel does not offer that.
func (s *Store) KeepUnlocked(ctx context.Context, life time.Duration) (until time.Time, err error) {
	s.Lock() // the user must know the passphrase
	_, err = s.openWith(ctx, vault.OpOpen, false, s.ask)
	if errors.Is(err, errNoStore) {
		return time.Time{}, s.failed(vault.OpOpen, vault.ErrNotFound, errNoStore)
	}
	if err != nil {
		return time.Time{}, err
	}
	return s.KeepOpen(life)
}

// KeepOpen is KeepUnlocked for a store that this process has just unlocked.
func (s *Store) KeepOpen(life time.Duration) (until time.Time, err error) {
	s.slot <- struct{}{}
	identity, wrapped := s.identity, s.wrapped
	<-s.slot
	if identity == nil {
		return time.Time{}, s.failed(vault.OpOpen, vault.ErrLocked, nil)
	}
	until = time.Now().Add(life).Round(0)
	value := kept{until, sha256.Sum256(wrapped), identity.String()}.encode()
	defer clear(value)
	if err := s.keeper.keep(s.keptName(), value, life); err != nil {
		return time.Time{}, fmt.Errorf("%w: %w", vault.ErrCannotKeep, err)
	}
	if back, _, ok := s.loadKept(wrapped); !ok || back.String() != identity.String() {
		return time.Time{}, fmt.Errorf("%w: it does not give back what it was given", vault.ErrCannotKeep)
	}
	return until, nil
}

// KeptUntil returns the time until which the store is unlocked for every command of
// this user.
func (s *Store) KeptUntil() (until time.Time, ok bool) {
	wrapped, err := disk.Read(s.path(identityFile), maxIdentity)
	if err != nil {
		return time.Time{}, false
	}
	_, until, ok = s.loadKept(wrapped)
	return until, ok
}

// loadKept returns the kept identity if it belongs to this identity.age, and drops
// one that belongs to another passphrase.
func (s *Store) loadKept(wrapped []byte) (identity *age.X25519Identity, until time.Time, ok bool) {
	value, err := s.keeper.load(s.keptName())
	if err != nil {
		return nil, time.Time{}, false
	}
	defer clear(value)
	k, ok := decodeKept(value)
	if ok && k.of == sha256.Sum256(wrapped) && time.Now().Before(k.until) {
		if identity, err = age.ParseX25519Identity(k.identity); err == nil {
			return identity, k.until, true
		}
	}
	_ = s.keeper.drop(s.keptName())
	return nil, time.Time{}, false
}

// keptName returns the key's name for the store in this folder, whatever path leads
// to it.
func (s *Store) keptName() string {
	dir := s.dir
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	sum := sha256.Sum256([]byte(dir))
	return "kitekey:" + hex.EncodeToString(sum[:16])
}

// kept is what is kept of an unlocked store.
type kept struct {
	until    time.Time
	of       [sha256.Size]byte // hash of the identity.age that it comes from
	identity string
}

func (k kept) encode() []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(k.until.UnixNano()))
	b = append(b, k.of[:]...)
	return append(b, k.identity...)
}

func decodeKept(b []byte) (k kept, ok bool) {
	const head = 8 + sha256.Size
	if len(b) <= head {
		return kept{}, false
	}
	k.until = time.Unix(0, int64(binary.BigEndian.Uint64(b)))
	copy(k.of[:], b[8:])
	k.identity = string(bytes.TrimSpace(b[head:]))
	return k, true
}
