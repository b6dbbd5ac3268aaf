package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"kitekey/kite"
)

// ErrWrongPassphrase: it does not open the store or the backup.
var ErrWrongPassphrase = errors.New("wrong passphrase")

// MinPassphrase is the shortest passphrase that a new store or backup takes, in
// characters: the least that NIST SP 800-63B allows.
const MinPassphrase = 8

// Passphrase returns the passphrase of a store or a backup: typed, or read from a
// file. If it returns an error, the operation fails with it. It returns
// ErrWrongPassphrase if it has no other passphrase to try.
type Passphrase func(ctx context.Context, ask Ask) (kite.Secret, error)

// Ask says what a passphrase is needed for.
type Ask struct {
	New     bool // a new passphrase is being chosen: ask for it twice
	Attempt int  // the number of wrong answers so far in this operation
}

// CheckPassphrase refuses a passphrase that is too short or cannot be typed again
// reliably.
func CheckPassphrase(passphrase kite.Secret) (err error) {
	passphrase.RevealTo(func(text []byte) {
		switch n := utf8.RuneCount(text); {
		case !utf8.Valid(text):
			err = inputError{errors.New("the passphrase is not UTF-8 text")}
		case bytes.ContainsAny(text, "\r\n\x00"):
			err = inputError{errors.New("the passphrase has more than one line")}
		case bytes.ContainsFunc(text, unicode.IsControl): // an arrow key that was typed unseen
			err = inputError{errors.New("the passphrase contains a control character; type it again without arrow keys and such")}
		case n < MinPassphrase:
			err = inputError{fmt.Errorf("a passphrase has at least %d characters; several words are best", MinPassphrase)}
		}
	})
	return err
}

// ComposedPassphrase returns the form in which a passphrase encrypts something new:
// Unicode's NFC, in which "é" is one character. Keyboards and systems differ in
// whether they produce one or two.
func ComposedPassphrase(passphrase kite.Secret) (composed kite.Secret) {
	passphrase.RevealTo(func(text []byte) { composed = kite.SecretFromBytes(norm.NFC.Bytes(bytes.Clone(text))) })
	return composed
}

// PassphraseForms returns the forms of a passphrase to try, most likely first: the
// exact bytes, composed (NFC), decomposed (NFD). Plain ASCII has only one.
func PassphraseForms(passphrase kite.Secret) []kite.Secret {
	forms := []kite.Secret{passphrase}
	passphrase.RevealTo(func(text []byte) {
		if !utf8.Valid(text) {
			return
		}
		for _, form := range []norm.Form{norm.NFC, norm.NFD} {
			if !form.IsNormal(text) {
				forms = append(forms, kite.SecretFromBytes(form.Bytes(bytes.Clone(text))))
			}
		}
	})
	return forms
}
