package tui

import (
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
)

// secretInput takes a secret without showing it, nor how long it is. It keeps
// the exact bytes of a paste: the text widgets at hand fold line breaks and
// drop what is not UTF-8, and what somebody pasted is judged, not mended.
type secretInput struct{ value []byte }

func (s *secretInput) update(msg tea.Msg) {
	switch msg := msg.(type) {
	case tea.PasteMsg:
		s.value = append(s.value, msg.Content...)
	case tea.KeyPressMsg:
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
