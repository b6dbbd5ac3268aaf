package tui

import (
	"bytes"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
)

// secretInput takes a secret without showing it or its length. It keeps the exact
// bytes of a paste: the available text widgets fold line breaks and drop bytes that
// are not UTF-8, and a paste must be checked as it is, not corrected.
//
// The user cannot see its contents. So after the user has come back to the field, a
// paste replaces them: appending a secret to the end of another is never meant.
//
// It is overwritten when it is cleared. When it moves in memory, the old place is
// overwritten.
type secretInput struct {
	value []byte
	left  bool // the user has left the field, or its value was tried
	typed bool // a part of the value was typed, and not read since
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
			s.typed = true
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

// set copies a value into the input. The next paste replaces it.
func (s *secretInput) set(value kite.Secret) {
	s.clear()
	value.RevealTo(func(b []byte) { s.value = append(make([]byte, 0, max(1024, len(b))), b...) })
	s.left = true
}

func (s *secretInput) clear() {
	clear(s.value[:cap(s.value)])
	s.value, s.typed = nil, false
}

func (s *secretInput) empty() bool { return len(s.value) == 0 }

// secret returns a copy of the value. The caller erases it.
func (s *secretInput) secret() kite.Secret { return kite.SecretFromBytes(bytes.Clone(s.value)) }
