package tui

import (
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
)

// secretInput takes a secret without showing it, nor how long it is. It keeps
// the exact bytes of a paste: the text widgets at hand fold line breaks and
// drop what is not UTF-8, and what somebody pasted is judged, not mended.
//
// What it holds cannot be seen, so a paste takes its place when one has come back
// to it: nobody means the end of one secret and the whole of the next.
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
		s.value = append(s.value, msg.Content...)
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
			s.value = append(s.value, msg.Text...)
		}
	}
}

func (s *secretInput) clear() {
	clear(s.value[:cap(s.value)])
	s.value = nil
}

func (s *secretInput) empty() bool { return len(s.value) == 0 }

// secret hands the value to where it is checked and stored.
func (s *secretInput) secret() kite.Secret { return kite.NewSecret(string(s.value)) }
