package vault

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
	"unicode"
	"unicode/utf8"

	"filippo.io/age"

	"kitekey/kite"
	"kitekey/vault/internal/disk"
)

// ErrWrongPassphrase: it does not open the file store.
var ErrWrongPassphrase = errors.New("wrong passphrase")

// MinPassphrase is the shortest passphrase that a new file store takes, in
// characters: the least that NIST SP 800-63B allows.
const MinPassphrase = 8

// scrypt's work factors, as powers of two. age's default takes some 0.6 s and
// 256 MiB. A file that asks for more than four times that is not ours, and would
// only burn the reader's memory.
const (
	defaultWorkFactor = 18
	maxWorkFactor     = 20
)

// maxIdentity bounds how much of an identity.age is read, in bytes.
const maxIdentity = 64 << 10

// errNoFileStore: nobody has made the store yet.
var errNoFileStore = errors.New("there is no file store yet")

// Locked reports whether the next operation needs the passphrase.
func (f *File) Locked() bool {
	f.slot <- struct{}{}
	defer func() { <-f.slot }()
	return f.identity == nil && FileExists(f.dir)
}

// Lock forgets what the passphrase opened.
func (f *File) Lock() {
	f.slot <- struct{}{}
	defer func() { <-f.slot }()
	f.identity, f.wrapped = nil, nil
}

// Unlock opens the store with a passphrase, or makes it when there is none. It
// fails with ErrWrongPassphrase in an ErrLocked.
func (f *File) Unlock(ctx context.Context, passphrase kite.Secret) error {
	_, err := f.openWith(ctx, "open", true, func(_ context.Context, a Ask) (kite.Secret, error) {
		if a.Attempt > 0 {
			return kite.Secret{}, ErrWrongPassphrase
		}
		return passphrase, nil
	})
	return err
}

// open gives the identity, asking for the passphrase when this process has not
// yet. Without create it fails with errNoFileStore when there is no store.
func (f *File) open(ctx context.Context, op string, create bool) (*age.X25519Identity, error) {
	return f.openWith(ctx, op, create, f.ask)
}

func (f *File) openWith(ctx context.Context, op string, create bool, ask Passphrase) (*age.X25519Identity, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case f.slot <- struct{}{}:
		defer func() { <-f.slot }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if f.identity != nil {
		return f.identity, nil
	}
	if err := secure(f.dir, identityFile, identityBackup, itemsFile, itemsBackup); err != nil {
		return nil, f.failed(op, ErrUnavailable, err, "")
	}
	made := FileExists(f.dir) // before reading: identity.age is the first to be written
	wrapped, err := disk.Read(f.path(identityFile), maxIdentity)
	switch {
	case errors.Is(err, fs.ErrNotExist) && made:
		return nil, f.damaged(op, identityFile, errors.New("it is gone"))
	case errors.Is(err, fs.ErrNotExist) && !create:
		return nil, errNoFileStore
	case errors.Is(err, fs.ErrNotExist):
		return f.create(ctx, op, ask)
	case err != nil:
		return nil, f.failed(op, ErrUnavailable, err, "")
	}
	return f.unwrap(ctx, op, wrapped, ask)
}

// unwrap opens the identity, asking until the passphrase is right or there is no
// other answer.
func (f *File) unwrap(ctx context.Context, op string, wrapped []byte, ask Passphrase) (*age.X25519Identity, error) {
	for attempt := 0; ; attempt++ {
		passphrase, err := ask(ctx, Ask{Attempt: attempt})
		if err != nil {
			return nil, f.noPassphrase(ctx, op, err)
		}
		identity, err := unwrapIdentity(wrapped, passphrase)
		switch {
		case errors.Is(err, ErrWrongPassphrase):
			continue
		case err != nil:
			return nil, f.damaged(op, identityFile, err)
		}
		f.identity, f.wrapped = identity, wrapped
		f.keepIdentity(wrapped)
		return identity, nil
	}
}

func (f *File) noPassphrase(ctx context.Context, op string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return f.failed(op, ErrLocked, err, "")
}

// create makes the store. Somebody else may be quicker: then theirs is opened.
func (f *File) create(ctx context.Context, op string, ask Passphrase) (*age.X25519Identity, error) {
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return nil, f.failed(op, ErrUnavailable, err, "")
	}
	passphrase, err := ask(ctx, Ask{New: true})
	if err != nil {
		return nil, f.noPassphrase(ctx, op, err)
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, f.failed(op, ErrUnavailable, err, "")
	}
	wrapped, err := f.wrap(identity, passphrase)
	if err != nil {
		return nil, f.failed(op, ErrLocked, err, "")
	}
	unlock, err := f.lock(ctx, op)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if theirs, err := disk.Read(f.path(identityFile), maxIdentity); err == nil {
		return f.unwrap(ctx, op, theirs, func(_ context.Context, a Ask) (kite.Secret, error) {
			if a.Attempt > 0 {
				return kite.Secret{}, fmt.Errorf("another kitekey has just made the store: %w", ErrWrongPassphrase)
			}
			return passphrase, nil
		})
	}
	if err := f.writeIdentity(wrapped); err != nil {
		return nil, f.failed(op, ErrUnavailable, err, "")
	}
	f.identity, f.wrapped = identity, wrapped
	return identity, nil
}

// ChangePassphrase asks for the present passphrase and then for a new one. The
// items are not touched: identity.age is replaced in one step, so that a crash
// leaves one that opens with the old passphrase or with the new one.
func (f *File) ChangePassphrase(ctx context.Context, next Passphrase) error {
	f.Lock() // whoever changes it proves that they know it
	identity, err := f.open(ctx, "open", false)
	if errors.Is(err, errNoFileStore) {
		return f.failed("open", ErrNotFound, nil, "there is no file store here yet")
	}
	if err != nil {
		return err
	}
	passphrase, err := next(ctx, Ask{New: true})
	if err != nil {
		return f.noPassphrase(ctx, "write", err)
	}
	wrapped, err := f.wrap(identity, passphrase)
	if err != nil {
		return f.failed("write", ErrLocked, err, "")
	}
	// All is lost if it does not open again.
	if back, err := unwrapIdentity(wrapped, passphrase); err != nil || back.String() != identity.String() {
		return f.failed("write", ErrUnavailable, errors.New("the new identity.age does not open; nothing was changed"), "")
	}
	unlock, err := f.lock(ctx, "write")
	if err != nil {
		return err
	}
	defer unlock()
	if err := f.writeIdentity(wrapped); err != nil {
		return f.failed("write", ErrUnavailable, err, "")
	}
	f.Lock() // the next call opens what is there now
	return nil
}

// writeIdentity replaces identity.age and then its copy. The caller holds the
// lock.
func (f *File) writeIdentity(wrapped []byte) error {
	if err := disk.Replace(f.path(identityFile), "", wrapped); err != nil {
		return err
	}
	return disk.Replace(f.path(identityBackup), "", wrapped)
}

// keepIdentity makes the copy of identity.age equal to one that has just opened:
// a crash may have left one that opens with a former passphrase.
func (f *File) keepIdentity(wrapped []byte) {
	if have, err := disk.Read(f.path(identityBackup), maxIdentity); err == nil && bytes.Equal(have, wrapped) {
		return
	}
	unlock, ok, err := f.locks.TryLock(itemsLock)
	if err != nil || !ok {
		return // another time: this is a copy of what works
	}
	defer unlock()
	if now, err := disk.Read(f.path(identityFile), maxIdentity); err == nil && bytes.Equal(now, wrapped) {
		_ = disk.Replace(f.path(identityBackup), "", wrapped)
	}
}

// wrap encrypts an identity with a passphrase.
func (f *File) wrap(identity *age.X25519Identity, passphrase kite.Secret) ([]byte, error) {
	if err := CheckPassphrase(passphrase); err != nil {
		return nil, err
	}
	to, err := age.NewScryptRecipient(passphrase.Reveal())
	if err != nil {
		return nil, err
	}
	to.SetWorkFactor(f.workFactor)
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

// CheckPassphrase refuses what cannot be, or should not become, a passphrase.
func CheckPassphrase(passphrase kite.Secret) error {
	text := passphrase.Reveal()
	switch n := utf8.RuneCountInString(text); {
	case !utf8.ValidString(text):
		return inputError{errors.New("the passphrase is not UTF-8 text")}
	case strings.ContainsAny(text, "\r\n\x00"):
		return inputError{errors.New("the passphrase has more than one line")}
	case strings.ContainsFunc(text, unicode.IsControl): // an arrow key, typed unseen, cannot be typed again for sure
		return inputError{errors.New("the passphrase holds a control character; type it again without arrow keys and such")}
	case n < MinPassphrase:
		return inputError{fmt.Errorf("a passphrase has at least %d characters; several words are best", MinPassphrase)}
	}
	return nil
}

// unwrapIdentity opens an identity.age. ErrWrongPassphrase, or an error about the
// file.
func unwrapIdentity(wrapped []byte, passphrase kite.Secret) (*age.X25519Identity, error) {
	with, err := age.NewScryptIdentity(passphrase.Reveal())
	if err != nil {
		return nil, ErrWrongPassphrase // an empty one
	}
	with.SetMaxWorkFactor(maxWorkFactor)
	r, err := age.Decrypt(bytes.NewReader(wrapped), with)
	if errors.Is(err, age.ErrIncorrectIdentity) {
		if bytes.Contains(wrapped, []byte("\n-> scrypt ")) {
			return nil, ErrWrongPassphrase
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
