package tui

import (
	"cmp"
	"io"
	"unicode/utf8"

	"kitekey/ui/prompt"
)

// ErrInterrupted is ctrl-c where the terminal does not make a signal of it.
var ErrInterrupted = prompt.ErrInterrupted

// maxHidden bounds a line that nobody sees, in bytes.
const maxHidden = 64 << 10

// ReadHidden reads a line from a terminal in raw mode (see [term.MakeRaw]), with
// the editing keys that make sense when nothing is seen. ctrl-c is ErrInterrupted,
// ctrl-d on an empty line io.EOF.
//
// [term.ReadPassword] would not do: it spins for ever at the end of input (ctrl-d),
// and in its line mode the kernel cuts a pasted line at 4,096 bytes without a word.
func ReadHidden(r io.Reader) (string, error) {
	var line []byte
	var b [1]byte
	for {
		if n, err := r.Read(b[:]); err != nil || n == 0 {
			return "", cmp.Or(err, io.EOF)
		}
		switch b[0] {
		case '\r', '\n':
			return string(line), nil
		case 'C' & 31:
			return "", ErrInterrupted
		case 'D' & 31:
			if len(line) == 0 {
				return "", io.EOF
			}
		case 'H' & 31, 127: // backspace
			_, size := utf8.DecodeLastRune(line)
			line = line[:len(line)-size]
		case 'U' & 31:
			line = line[:0]
		default:
			if len(line) < maxHidden {
				line = append(line, b[0])
			}
		}
	}
}
