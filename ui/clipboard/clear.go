package clipboard

import (
	"errors"
	"time"
)

// Clipboard managers look at the clipboard about every half second, and put a text
// back when its owner has gone (parcellite and diodon do; Mutter does it at once).
// So the clipboard is checked again after it has been cleared.
const (
	lookAgain  = 400 * time.Millisecond
	quietLooks = 2
)

// instead has the texts that replace the secret, in turn: a manager that does not
// keep an empty text may keep a space (parcellite) or only words (diodon).
var instead = []string{"", " ", "(cleared by kitekey)", "(cleared by kitekey)"}

var errPutBack = errors.New("a clipboard manager puts the text back; clear its history")

// clearWhileThere overwrites the secret until it stays away.
//
// there reports whether the secret is on the clipboard now, whichever application
// put it there. overwrite puts text in its place, for a manager to keep, and then
// lets go of it. newer reports whether a newer copy has been made, which may have the
// same text: it is asked after there, because a copy is marked before it is made.
func clearWhileThere(newer func() bool, there func() (bool, error), overwrite func(text string) error) error {
	for quiet, try := 0, 0; ; time.Sleep(lookAgain) {
		found, err := there()
		switch {
		case err != nil:
			return err
		case !found && (try == 0 || quiet == quietLooks):
			return nil
		case !found:
			quiet++
		case newer():
			return nil
		case try == len(instead):
			return errPutBack
		default:
			if err := overwrite(instead[try]); err != nil {
				return err
			}
			quiet, try = 0, try+1
		}
	}
}
