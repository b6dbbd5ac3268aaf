package prompt

import (
	"cmp"
	"encoding/json"
	"io"
	"unicode/utf8"

	"kitekey/kite"
)

// ReadHidden reads an answer from a terminal in raw mode (see [term.MakeRaw]),
// with the editing keys that make sense when nothing is seen. ctrl-c is
// ErrInterrupted, ctrl-d on an empty line io.EOF. In a [Text] line breaks inside a
// marked paste ([PasteOn]) belong to the answer, and so do those of a JSON text
// that has not ended. Keys that send escape sequences are ignored.
//
// [term.ReadPassword] would not do: it spins for ever at the end of input (ctrl-d),
// and in its line mode the kernel cuts a pasted line at 4,096 bytes without a word.
func ReadHidden(r io.Reader, kind Kind) (kite.Secret, error) {
	var line lineBuffer
	pasting := false
	next := func() (byte, error) {
		var b [1]byte
		n, err := r.Read(b[:])
		if err != nil || n == 0 {
			line.clear()
			return 0, cmp.Or(err, io.EOF)
		}
		return b[0], nil
	}
	for {
		b, err := next()
		if err != nil {
			return kite.Secret{}, err
		}
		switch {
		case b == '\x1b':
			sequence, err := readSequence(next)
			if err != nil {
				return kite.Secret{}, err
			}
			switch sequence {
			case "[200~":
				pasting = true
			case "[201~":
				pasting = false
				if endsLine(line.text) { // what is pasted with its line break is entered
					return line.take(), nil
				}
			}
		case b == '\r' || b == '\n':
			if kind != Text || !pasting && !unfinished(line.text) {
				return line.take(), nil
			}
			line.add('\n')
		case b == 'C'&31:
			line.clear()
			return kite.Secret{}, ErrInterrupted
		case b == 'D'&31:
			if len(line.text) == 0 {
				return kite.Secret{}, io.EOF
			}
		case b == 'H'&31 || b == 127: // backspace
			_, size := utf8.DecodeLastRune(line.text)
			line.cut(len(line.text) - size)
		case b == 'U'&31:
			line.clear()
		default:
			line.add(b)
		}
	}
}

// readSequence reads what follows an escape character: "[" or "O", parameters, and
// the letter or tilde that ends it. After another character there is nothing to read.
func readSequence(next func() (byte, error)) (string, error) {
	b, err := next()
	if err != nil || b != '[' && b != 'O' {
		return string(rune(b)), err
	}
	sequence := []byte{b}
	for len(sequence) < 32 {
		if b, err = next(); err != nil {
			return "", err
		}
		sequence = append(sequence, b)
		if b >= 0x40 && b <= 0x7e {
			break
		}
	}
	return string(sequence), nil
}

func endsLine(text []byte) bool { return len(text) > 0 && text[len(text)-1] == '\n' }

// unfinished reports whether text is the beginning of a JSON text, which people
// paste in several lines. An empty line ends it all the same.
func unfinished(text []byte) bool {
	if len(text) == 0 || text[0] != '{' && text[0] != '[' || endsLine(text) {
		return false
	}
	return !json.Valid(text)
}
