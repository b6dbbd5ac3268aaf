package prompt

import (
	"cmp"
	"encoding/json"
	"io"
	"unicode/utf8"

	"kitekey/kite"
)

// ReadHidden reads an answer from a terminal in raw mode (see [term.MakeRaw]), with
// the editing keys that make sense without an echo. ctrl-c is ErrInterrupted,
// ctrl-d on an empty line io.EOF. In a [Text], line breaks inside a marked paste
// ([PasteOn]) belong to the answer, and so do those in an unfinished JSON text.
// Keys that send escape sequences are ignored.
//
// [term.ReadPassword] would not do: it spins for ever at the end of input (ctrl-d),
// and in its line mode the kernel cuts a pasted line at 4,096 bytes without a word.
func ReadHidden(r io.Reader, kind Kind) (kite.Secret, error) {
	h := hiddenReader{in: r, kind: kind}
	for {
		b, err := h.next()
		if err == nil {
			var done bool
			if done, err = h.take(b); done {
				return h.line.take(), nil
			}
		}
		if err != nil {
			h.line.clear()
			return kite.Secret{}, err
		}
	}
}

// hiddenReader is the state of a hidden answer that is being typed.
type hiddenReader struct {
	in      io.Reader
	kind    Kind
	line    lineBuffer
	pasting bool // between the marks of a paste
}

func (h *hiddenReader) next() (byte, error) {
	var b [1]byte
	n, err := h.in.Read(b[:])
	if err != nil || n == 0 {
		return 0, cmp.Or(err, io.EOF)
	}
	return b[0], nil
}

// take handles one byte. done reports that the answer has ended.
func (h *hiddenReader) take(b byte) (done bool, err error) {
	switch b {
	case '\x1b':
		return h.escape()
	case '\r', '\n':
		if h.kind != Text || !h.pasting && !Unfinished(h.line.text) {
			return true, nil
		}
		h.line.add('\n')
	case 'C' & 31:
		return false, ErrInterrupted
	case 'D' & 31:
		if len(h.line.text) == 0 {
			return false, io.EOF
		}
	case 'H' & 31, 127: // backspace
		_, size := utf8.DecodeLastRune(h.line.text)
		h.line.cut(len(h.line.text) - size)
	case 'U' & 31:
		h.line.clear()
	default:
		h.line.add(b)
	}
	return false, nil
}

// escape reads the rest of an escape sequence: a mark of a paste, or an ignored
// key.
func (h *hiddenReader) escape() (done bool, err error) {
	sequence, err := readSequence(h.next)
	switch sequence {
	case "[200~":
		h.pasting = true
	case "[201~":
		h.pasting = false
		return endsLine(h.line.text), err // a paste that ends with a line break is entered
	}
	return false, err
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

// Unfinished reports whether text is the beginning of a JSON text, which a terminal
// without bracketed paste types line by line. An empty line ends it.
func Unfinished(text []byte) bool {
	if len(text) == 0 || text[0] != '{' && text[0] != '[' || endsLine(text) {
		return false
	}
	return !json.Valid(text)
}
