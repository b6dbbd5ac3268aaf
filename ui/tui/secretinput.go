package tui

import (
	"bytes"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
)

// secretInput takes a secret without showing it, nor how long it is. It keeps
// the exact bytes of a paste: the text widgets at hand fold line breaks and
// drop what is not UTF-8, and a paste must be checked as it is, not corrected.
//
// The user cannot see what it holds. So after the user has come back to the field, a
// paste replaces its text: appending a secret to the end of another is never meant.
//
// It is overwritten when it is cleared, and never moved without being overwritten
// where it was.
type secretInput struct {
	value []byte
	left  bool // one has left it, or what it held was tried
}

func (s *secretInput) update(msg tea.Msg) {
	switch msg := msg.(type) {
	case tea.PasteMsg:
		if s.left {
			s.clear()
		}
		s.left = false
		s.append(msg.Content)
	case tea.KeyPressMsg:
		s.left = false
		switch msg.String() {
		case "backspace", "ctrl+h":
			_, n := utf8.DecodeLastRune(s.value)
			clear(s.value[len(s.value)-n:])
			s.value = s.value[:len(s.value)-n]
		case "ctrl+u", "ctrl+w":
			s.clear()
		default:
			s.append(msg.Text)
		}
	}
}

func (s *secretInput) append(text string) {
	if len(s.value)+len(text) > cap(s.value) {
		bigger := append(make([]byte, 0, max(1024, 2*(len(s.value)+len(text)))), s.value...)
		clear(s.value)
		s.value = bigger
	}
	s.value = append(s.value, text...)
}

// set takes over a copy of a value. As after coming back, a paste replaces it.
func (s *secretInput) set(value kite.Secret) {
	s.clear()
	value.RevealTo(func(b []byte) { s.value = append(make([]byte, 0, max(1024, len(b))), b...) })
	s.left = true
}

func (s *secretInput) clear() {
	clear(s.value[:cap(s.value)])
	s.value = nil
}

func (s *secretInput) empty() bool { return len(s.value) == 0 }

// secret hands a copy of the value to where it is checked and stored. The caller
// erases it.
func (s *secretInput) secret() kite.Secret { return kite.SecretFromBytes(bytes.Clone(s.value)) }
