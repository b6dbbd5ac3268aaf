package vault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"filippo.io/age"

	"kitekey/vault/internal/disk"
)

// damagedMark ends the name under which a damaged file is kept.
const damagedMark = ".damaged"

// Restore puts the last good copies back in the place of files that cannot be
// read, and says in words what it did. What was damaged is kept under another
// name. It does nothing to a store that is well.
func (f *File) Restore(ctx context.Context) (done []string, err error) {
	if !FileExists(f.dir) {
		return nil, nil
	}
	f.slot <- struct{}{}
	defer func() { <-f.slot }()
	identity, from := f.identity, identityFile
	if identity == nil {
		if identity, from, err = f.openAny(ctx); err != nil {
			return nil, err
		}
		if f.wrapped, err = disk.Read(f.path(from), maxIdentity); err != nil {
			return nil, f.failed("open", ErrUnavailable, err, "")
		}
		f.identity = identity
	}
	unlock, err := f.lock(ctx, "open")
	if err != nil {
		return nil, err
	}
	defer unlock()
	if from != identityFile {
		if err := f.putBack(identityBackup, identityFile); err != nil {
			return nil, err
		}
		done = append(done, "identity.age was damaged and has been put back from its copy")
	}
	_, damage := f.load("open", itemsFile, identity)
	if !errors.Is(damage, ErrDamaged) {
		return done, damage
	}
	if _, err := f.load("open", itemsBackup, identity); err != nil {
		return done, fmt.Errorf("%w; the copy of it cannot be read either: %w", damage, err)
	}
	if err := f.putBack(itemsBackup, itemsFile); err != nil {
		return done, err
	}
	return append(done, "vault.age was damaged and has been put back as it was before its last change"), nil
}

// openAny opens identity.age or its copy, whichever the passphrase opens, and
// says which.
func (f *File) openAny(ctx context.Context) (*age.X25519Identity, string, error) {
	for attempt := 0; ; attempt++ {
		passphrase, err := f.ask(ctx, Ask{Attempt: attempt})
		if err != nil {
			return nil, "", f.noPassphrase(ctx, "open", err)
		}
		var errs []error
		for _, name := range []string{identityFile, identityBackup} {
			wrapped, err := disk.Read(f.path(name), maxIdentity)
			if err == nil {
				var identity *age.X25519Identity
				if identity, err = unwrapIdentity(wrapped, passphrase); err == nil {
					return identity, name, nil
				}
			}
			errs = append(errs, err)
		}
		if err := errors.Join(errs...); !errors.Is(err, ErrWrongPassphrase) {
			return nil, "", f.failed("open", ErrUnavailable, fmt.Errorf("identity.age and its copy are both %w: %w", ErrDamaged, errs[0]),
				"only a backup made with \"kitekey export\" helps now")
		}
	}
}

// putBack copies a good file over a damaged one. The caller holds the lock.
func (f *File) putBack(good, damaged string) error {
	data, err := disk.Read(f.path(good), maxItems)
	if err == nil {
		if err = os.Rename(f.path(damaged), f.path(damaged+damagedMark)); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	if err == nil {
		err = disk.Replace(f.path(damaged), "", data)
	}
	if err != nil {
		return f.failed("write", ErrUnavailable, err, "")
	}
	return nil
}

// Discard removes a store that holds nothing any more.
func (f *File) Discard(ctx context.Context) error {
	items, err := f.items(ctx, "delete")
	if err != nil || len(items) > 0 || !FileExists(f.dir) {
		return err
	}
	unlock, err := f.lock(ctx, "delete")
	if err != nil {
		return err
	}
	defer unlock()
	if items, err = f.items(ctx, "delete"); err != nil || len(items) > 0 {
		return err
	}
	// The identity goes last: without it what is left could not be opened.
	for _, name := range []string{itemsBackup, itemsFile, identityBackup, identityFile} {
		if err := os.Remove(f.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return f.failed("delete", ErrUnavailable, err, "")
		}
	}
	f.Lock()
	return nil
}
