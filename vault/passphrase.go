package vault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

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
