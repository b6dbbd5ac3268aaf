package tui

import (
	"sync"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"kitekey/kite"
)

// standIns keep secrets out of the frames. A frame is a string, and the renderer
// keeps parts of it: each redraw would leave another copy of a secret in memory
// that cannot be erased. So a frame shows a private-use character for each
// character of a secret. The secret replaces these in the bytes that go to the
// terminal, which are erased once they are written.
type standIns struct {
	mu    sync.Mutex
	base  rune // the stand-in of the first character
	chars []secretChar
}

// secretChar is the part of a secret that one cell shows. It is empty for the second
// cell of a wide character.
type secretChar struct {
	secret   kite.Secret
	from, to int
}

// The stand-ins come from the last private-use plane, which text uses least.
const (
	firstStandIn = '\U00100000'
	lastStandIn  = '\U0010fffd'
)

// forget ends the current stand-ins. A frame that still has them shows asterisks
// instead.
func (s *standIns) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	// The next stand-ins are different, because the renderer writes only cells that
	// differ.
	s.base += rune(len(s.chars))
	s.chars = nil
}

// add returns the stand-ins for another secret.
func (s *standIns) add(secret kite.Secret, method ansi.Method) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var chars []secretChar
	secret.RevealTo(func(value []byte) {
		for at := 0; at < len(value); {
			cluster, width := ansi.FirstGraphemeCluster(value[at:], method)
			end := at + len(cluster)
			if width == 0 && len(chars) > 0 {
				chars[len(chars)-1].to = end // a mark on the character before it
			} else {
				chars = append(chars, secretChar{secret, at, end})
			}
			for ; width > 1; width-- {
				chars = append(chars, secretChar{secret, end, end})
			}
			at = end
		}
	})
	if s.base < firstStandIn || int(s.base)+len(s.chars)+len(chars) > lastStandIn {
		s.base = firstStandIn
	}
	out := make([]rune, len(chars))
	for i := range out {
		out[i] = s.base + rune(len(s.chars)+i)
	}
	s.chars = append(s.chars, chars...)
	return string(out)
}

// replace returns b with the secrets in place of their stand-ins, in new memory
// that the caller erases. It returns nil if b has no stand-ins.
func (s *standIns) replace(b []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	size, found := len(b), false
	for at := 0; at < len(b); {
		r, n := utf8.DecodeRune(b[at:])
		if isStandIn(r) {
			c := s.char(r)
			size += c.to - c.from
			found = true
		}
		at += n
	}
	if !found {
		return nil
	}
	out := make([]byte, 0, size) // large enough: growing would leave a copy
	for at := 0; at < len(b); {
		r, n := utf8.DecodeRune(b[at:])
		if isStandIn(r) {
			out = s.char(r).appendTo(out)
		} else {
			out = append(out, b[at:at+n]...)
		}
		at += n
	}
	return out
}

func isStandIn(r rune) bool { return r >= firstStandIn && r <= lastStandIn }

// char returns the character that r stands for, or the zero secretChar if it is
// forgotten.
func (s *standIns) char(r rune) secretChar {
	if i := int(r - s.base); i >= 0 && i < len(s.chars) {
		return s.chars[i]
	}
	return secretChar{}
}

func (c secretChar) appendTo(b []byte) []byte {
	if c.secret.IsZero() {
		return append(b, '*')
	}
	c.secret.RevealTo(func(value []byte) {
		if value != nil { // it has not been erased meanwhile
			b = append(b, value[c.from:c.to]...)
		}
	})
	return b
}
