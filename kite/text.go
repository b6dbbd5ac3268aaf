package kite

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// CleanText makes text from elsewhere safe to show in a terminal: escape
// sequences, control characters, and the invisible ones that reorder or hide
// text (bidirectional controls, zero-width characters) are removed; line breaks
// and runs of blanks become one blank; what is not UTF-8 becomes U+FFFD.
func CleanText(s string) string {
	var b strings.Builder
	blank := false // a blank is owed before the next visible character
	for s != "" {
		r, size := utf8.DecodeRuneInString(s)
		if n := escapeLen(s); n > 0 {
			s = s[n:]
			continue
		}
		s = s[size:]
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

// escapeLen is the length of the terminal escape sequence that s begins with
// (ECMA-48: CSI and the string sequences OSC, DCS, SOS, PM, APC in their 7-bit and
// 8-bit forms, and the short ones), or 0. A string sequence that never ends
// takes the rest: it is what a terminal would do with it.
func escapeLen(s string) int {
	kind, n := byte(0), 0
	switch {
	case s[0] == 0x1b && len(s) == 1:
		return 1
	case s[0] == 0x1b:
		kind, n = s[1], 2
	case len(s) >= 2 && s[0] == 0xc2 && strings.IndexByte("\x90\x98\x9b\x9d\x9e\x9f", s[1]) >= 0:
		kind, n = s[1]-0x40, 2 // U+009B stands for ESC [, and so on
	default:
		return 0
	}
	switch {
	case kind == '[':
		for n < len(s) && s[n] >= 0x20 && s[n] <= 0x3f {
			n++
		}
		if n < len(s) && s[n] >= 0x40 && s[n] <= 0x7e {
			n++
		}
		return n
	case strings.IndexByte("]PX^_", kind) >= 0:
		for n < len(s) {
			switch {
			case s[n] == 0x07:
				return n + 1
			case s[n] == 0x1b && n+1 < len(s) && s[n+1] == '\\', s[n] == 0xc2 && n+1 < len(s) && s[n+1] == 0x9c:
				return n + 2
			}
			n++
		}
		return n
	case kind >= 0x20 && kind <= 0x2f: // as in ESC ( B, which changes the character set
		for n < len(s) && s[n] >= 0x20 && s[n] <= 0x2f {
			n++
		}
		return min(n+1, len(s))
	case kind < 0x20 || kind > 0x7e:
		return 1 // ESC before something that is no part of a sequence
	}
	return n
}

// brief cuts text to at most n characters, with an ellipsis when it was longer.
func brief(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return strings.TrimSpace(string([]rune(s)[:n-1])) + "…"
}
