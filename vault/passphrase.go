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

// Passphrase gives the passphrase of a store or a backup: typed, or read from a
// file. Its error ends the operation that needed it; ErrWrongPassphrase when it
// has no other answer to a further attempt.
type Passphrase func(ctx context.Context, ask Ask) (kite.Secret, error)

// Ask is what a passphrase is wanted for.
type Ask struct {
	New     bool // a new one, for a new store or in place of the current one: best asked for twice
	Attempt int  // 0, then how many of this operation's answers were wrong
}

// CheckPassphrase refuses what cannot be, or should not become, a passphrase.
func CheckPassphrase(passphrase kite.Secret) (err error) {
	passphrase.RevealTo(func(text []byte) {
		switch n := utf8.RuneCount(text); {
		case !utf8.Valid(text):
			err = inputError{errors.New("the passphrase is not UTF-8 text")}
		case bytes.ContainsAny(text, "\r\n\x00"):
			err = inputError{errors.New("the passphrase has more than one line")}
		case bytes.ContainsFunc(text, unicode.IsControl): // an arrow key, typed unseen, cannot be typed again for sure
			err = inputError{errors.New("the passphrase holds a control character; type it again without arrow keys and such")}
		case n < MinPassphrase:
			err = inputError{fmt.Errorf("a passphrase has at least %d characters; several words are best", MinPassphrase)}
		}
	})
	return err
}

// ComposedPassphrase is the form in which a passphrase encrypts something new:
// Unicode's NFC, in which "é" is one character. Keyboards and systems differ in
// whether they give one or two.
func ComposedPassphrase(passphrase kite.Secret) (composed kite.Secret) {
	passphrase.RevealTo(func(text []byte) { composed = kite.SecretFromBytes(norm.NFC.Bytes(bytes.Clone(text))) })
	return composed
}

// PassphraseForms gives the forms of a passphrase to try, most likely first: the
// exact bytes, composed (NFC), decomposed (NFD). For plain ASCII there is only
// one.
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
