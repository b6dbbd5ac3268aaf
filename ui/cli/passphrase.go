package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"kitekey/kite"
	"kitekey/vault"
)

// passphraseTries is how often the user may mistype.
const passphraseTries = 3

// maxPassphrase limits what is read for a passphrase, in bytes.
const maxPassphrase = 4 << 10

// storePassphrase reads the file store's passphrase: from --passphrase-fd, from
// KITEKEY_PASSPHRASE_FILE, or from the terminal. It is never an argument or the
// value of a variable, which every child process would inherit.
func (a *app) storePassphrase(ctx context.Context, ask vault.Ask) (kite.Secret, error) {
	from := passphraseSource{fd: a.passphraseFD, file: a.getenv(varPassphraseFile), what: "the file store",
		how: "set KITEKEY_PASSPHRASE_FILE to a file that holds it, or give --passphrase-fd"}
	return a.passphrase(ctx, from, ask)
}

// passphraseSource is where a passphrase comes from if it is not typed.
type passphraseSource struct {
	fd   int    // descriptor, -1 for none
	file string // path, "" for none
	what string // what the passphrase opens, for the question
	how  string // how to give it without a terminal, for the error
}

func (a *app) passphrase(ctx context.Context, from passphraseSource, ask vault.Ask) (kite.Secret, error) {
	name := from.file
	if from.fd >= 0 {
		name = fmt.Sprintf("descriptor %d", from.fd)
	}
	switch {
	case name != "" && ask.Attempt > 0:
		return kite.Secret{}, &codeError{exitStore, fmt.Sprintf("%v in %s", vault.ErrWrongPassphrase, name), vault.ErrWrongPassphrase}
	case from.fd >= 0:
		f := os.NewFile(uintptr(from.fd), name)
		if from.fd == 0 {
			f = os.Stdin // Windows has another number for it
		}
		defer f.Close()
		data, err := cancelable(ctx, func() ([]byte, error) { return readBounded(f, maxPassphrase) })
		return parsePassphrase(data, err, name)
	case name != "":
		if err := a.checkSecretFile(name, "passphrase"); err != nil {
			return kite.Secret{}, err
		}
		data, err := readFile(ctx, name, maxPassphrase)
		return parsePassphrase(data, err, name)
	case a.onScreen:
		return kite.Secret{}, errors.New("its passphrase is needed")
	case !a.canAsk():
		return kite.Secret{}, &codeError{code: exitStore, text: noTerminal("the passphrase", from.how).Error()}
	case ask.New:
		return a.askNewPassphrase(ctx, from.what)
	case ask.Attempt >= passphraseTries:
		return kite.Secret{}, vault.ErrWrongPassphrase
	case ask.Attempt > 0:
		a.note("wrong passphrase")
	}
	return givenPassphrase(a.askSecret(ctx, "Passphrase of "+from.what+": "))
}

// givenPassphrase returns a clear error if the input ended (ctrl-d) where a
// passphrase was asked for.
func givenPassphrase(typed kite.Secret, err error) (kite.Secret, error) {
	if errors.Is(err, errGivenUp) {
		err = &codeError{code: exitInterrupted, text: "no passphrase was given"}
	}
	return typed, err
}

// askNewPassphrase asks until the same passphrase was typed twice.
func (a *app) askNewPassphrase(ctx context.Context, what string) (kite.Secret, error) {
	a.note("keep the passphrase somewhere safe: nothing opens %s without it", what)
	for {
		first, err := givenPassphrase(a.askSecret(ctx, "New passphrase for "+what+": "))
		if err != nil {
			return kite.Secret{}, err
		}
		if err := vault.CheckPassphrase(first); err != nil {
			a.note("%v", err)
			continue
		}
		again, err := givenPassphrase(a.askSecret(ctx, "Enter it again: "))
		if err != nil {
			return kite.Secret{}, err
		}
		if first.Equal(again) {
			return first, nil
		}
		a.note("they are not the same; enter both again")
	}
}

// parsePassphrase returns the passphrase in data, without the line break that
// editors and echo add. name is the data's source.
func parsePassphrase(data []byte, err error, name string) (kite.Secret, error) {
	defer clear(data)
	text := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	var unreadable *fs.PathError
	switch {
	case errors.Is(err, errTooLarge):
		return kite.Secret{}, usagef("%s holds more than a passphrase", name)
	case errors.As(err, &unreadable):
		return kite.Secret{}, usagef("%s should hold the passphrase and cannot be read: %w", name, unreadable.Err)
	case err != nil:
		return kite.Secret{}, fmt.Errorf("read the passphrase: %w", err)
	case text == "":
		return kite.Secret{}, usagef("%s is empty; it should hold the passphrase", name)
	case strings.ContainsAny(text, "\r\n"):
		return kite.Secret{}, usagef("%s has more than one line; it should hold the passphrase alone", name)
	}
	return kite.NewSecret(text), nil
}
