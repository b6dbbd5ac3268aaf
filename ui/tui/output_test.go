package tui

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

func TestAnchor_PutsTheCursorAfterCombinedScripts(t *testing.T) {
	for text, want := range map[string]string{
		"plain ASCII │ ✓ … ━╸ ● ██ →":   "",
		"Boréalis Café, 珊瑚商店, Ёлка, 한국": "",
		"a देव b":            "a \x1b7देव\x1b8\x1b[2C b",
		"\x1b[1mحساب\x1b[m│": "\x1b[1m\x1b7حساب\x1b8\x1b[4C\x1b[m│",
		"👩‍👩‍👧‍👦│":           "\x1b7👩‍👩‍👧‍👦\x1b8\x1b[2C│",
	} {
		if got := string(anchor([]byte(text), ansi.GraphemeWidth)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	// The text that the terminal shows stays the same, and by our count in the same
	// place.
	for _, label := range scripts() {
		text := "│ " + label + " │"
		got := anchor([]byte(text), ansi.WcWidth)
		if got == nil {
			got = []byte(text)
		}
		if shown := strings.NewReplacer("\x1b7", "", "\x1b8", "").Replace(string(got)); ansi.Strip(shown) != text {
			t.Errorf("%q is shown as %q", text, ansi.Strip(shown))
		}
	}
}
