package kite

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// eightBit rewrites the 8-bit forms of escape sequences (ECMA-48, C1) to the
// 7-bit ones, which is what terminals take them for.
var eightBit = strings.NewReplacer("\u0090", "\x1bP", "\u0098", "\x1bX", "\u009b", "\x1b[",
	"\u009c", "\x1b\\", "\u009d", "\x1b]", "\u009e", "\x1b^", "\u009f", "\x1b_")

// CleanText makes text from elsewhere safe to show in a terminal: escape
// sequences, control characters, and the invisible ones that reorder or hide
// text (bidirectional controls, zero-width characters) are removed; line breaks
// and runs of blanks become one blank; what is not UTF-8 becomes U+FFFD.
func CleanText(s string) string {
	if clean(s) {
		return s
	}
	var b strings.Builder
	blank := false // a blank is owed before the next visible character
	for _, r := range ansi.Strip(eightBit.Replace(strings.ToValidUTF8(s, "\ufffd"))) {
		switch {
		case unicode.IsSpace(r):
			blank = true
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
		default:
			if blank && b.Len() > 0 {
				b.WriteByte(' ')
			}
			blank = false
			b.WriteRune(r)
		}
	}
	return b.String()
}

// clean recognises what needs no cleaning, which is nearly everything: plain
// ASCII with single blanks between words. An index has thousands of them to read.
func clean(s string) bool {
	blank := true
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c > '~' || c == ' ' && blank {
			return false
		}
		blank = c == ' '
	}
	return s == "" || !blank
}

// truncate cuts text to at most n characters, with an ellipsis when it was longer.
func truncate(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return strings.TrimSpace(string([]rune(s)[:n-1])) + "…"
}
