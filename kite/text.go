package kite

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// eightBit replaces the 8-bit C1 controls that start or end an escape sequence with
// their 7-bit forms (ECMA-48, 5.3). Terminals treat the two alike.
var eightBit = strings.NewReplacer("\u0090", "\x1bP", "\u0098", "\x1bX", "\u009b", "\x1b[",
	"\u009c", "\x1b\\", "\u009d", "\x1b]", "\u009e", "\x1b^", "\u009f", "\x1b_")

// CleanText makes untrusted text safe to show in a terminal. It removes escape
// sequences, control characters and format characters (Unicode category Cf: among
// them bidirectional controls and zero-width characters), turns each run of white
// space, line breaks included, into one space, and replaces invalid UTF-8 with
// U+FFFD. The result has no leading or trailing space.
func CleanText(s string) string {
	if clean(s) {
		return s
	}
	var b strings.Builder
	space := false // write a space before the next visible character
	for _, r := range ansi.Strip(eightBit.Replace(strings.ToValidUTF8(s, "\ufffd"))) {
		switch {
		case unicode.IsSpace(r):
			space = true
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
		default:
			if space && b.Len() > 0 {
				b.WriteByte(' ')
			}
			space = false
			b.WriteRune(r)
		}
	}
	return b.String()
}

// clean reports whether CleanText would return s unchanged: s is printable ASCII
// with single spaces between words. Nearly all text is, and reading an index cleans
// thousands of strings.
func clean(s string) bool {
	space := true
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c > '~' || c == ' ' && space {
			return false
		}
		space = c == ' '
	}
	return s == "" || !space
}

// PathTemplate returns the path of a request for a log or a terminal: clean, without
// its query, at most 200 characters, and with {…} in place of each step that looks
// like an id. It may be a customer's number or a token.
func PathTemplate(path string) string {
	steps := strings.Split(truncate(CleanText(pathOnly(path)), 200), "/")
	for i, step := range steps {
		if len(step) > 24 || strings.ContainsAny(step, "0123456789+@%") && step != "v1" {
			steps[i] = "{…}"
		}
	}
	return strings.Join(steps, "/")
}

// truncate returns at most n characters of s. If s is longer, the last is an ellipsis.
func truncate(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return strings.TrimSpace(string([]rune(s)[:n-1])) + "…"
}
