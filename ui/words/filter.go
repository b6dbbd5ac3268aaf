package words

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"kitekey/vault"
)

// Term is one word of a filter of profiles.
type Term struct {
	Text string // folded, see [Fold]
	Not  bool   // "!word" excludes
}

// Terms returns the words of a filter. Words between quotes are one term.
func Terms(filter string) []Term {
	var terms []Term
	for rest := strings.TrimSpace(Fold(filter)); rest != ""; rest = strings.TrimSpace(rest) {
		var t Term
		rest, t.Not = strings.CutPrefix(rest, "!")
		if closing := closingQuotes(rest); closing != "" {
			_, size := utf8.DecodeRuneInString(rest)
			t.Text, rest = rest[size:], ""
			if end := strings.IndexAny(t.Text, closing); end >= 0 {
				_, size = utf8.DecodeRuneInString(t.Text[end:])
				t.Text, rest = t.Text[:end], t.Text[end+size:]
			}
			t.Text = strings.Join(strings.Fields(t.Text), " ")
		} else {
			n := strings.IndexFunc(rest, unicode.IsSpace)
			if n < 0 {
				n = len(rest)
			}
			t.Text, rest = rest[:n], rest[n:]
		}
		if t.Text != "" {
			terms = append(terms, t)
		}
	}
	return terms
}

// closingQuotes returns the quotes that can close the one at the beginning of text,
// "" if there is none.
func closingQuotes(text string) string {
	switch r, _ := utf8.DecodeRuneInString(text); r {
	case '"':
		return `"`
	case '“', '„':
		return "”“"
	}
	return ""
}

// Matches reports whether a profile matches every term.
func Matches(terms []Term, p *vault.Profile, text string, now time.Time) bool {
	for _, t := range terms {
		if !t.Has(p, text, now) {
			return false
		}
	}
	return true
}

// Has reports whether a profile matches the term. "failing", "unexpired", "expired",
// "live" and "sandbox" select what they say; any other word must be in text, which
// comes from [FilterText].
func (t Term) Has(p *vault.Profile, text string, now time.Time) bool {
	switch t.Text {
	case "failing":
		class := Verdict(p.Verdict, p.Store).Class
		return (class == Bad || class == Doubtful) != t.Not
	case "unexpired":
		return p.Token.Unexpired(now) != t.Not
	case "expired": // the word may be in text too, as a reason
		if TokenStateOf(p.Token, now) == Expired {
			return !t.Not
		}
	case "live", "sandbox":
		return (string(p.Environment) == t.Text) != t.Not
	}
	return strings.Contains(text, t.Text) != t.Not
}

// FilterText returns the text that a filter searches for a profile: its selector,
// the words for its verdict, and the other texts shown.
func FilterText(p *vault.Profile, shown ...string) string {
	w := Verdict(p.Verdict, p.Store)
	return Fold(strings.Join(append(shown, p.Selector.String(), p.Account+" "+string(p.Environment), w.Word, w.Short, p.Label), "\n"))
}

// Fold returns s in lower case and without accents, as people type when they
// search: "Café Łódź" becomes "cafe lodz".
func Fold(s string) string {
	folded, _ := FoldAt(s)
	return folded
}

// FoldAt is [Fold], and also returns for each byte of the result the byte of s at
// which its character begins. at is nil if that is the same byte.
func FoldAt(s string) (folded string, at []int) {
	if isASCII(s) {
		return strings.ToLower(s), nil
	}
	var b strings.Builder
	for i, r := range s {
		if r < utf8.RuneSelf {
			b.WriteRune(unicode.ToLower(r))
		} else if plain, ok := withoutAccent[unicode.ToLower(r)]; ok {
			b.WriteString(plain)
		} else {
			for _, part := range norm.NFKD.String(string(r)) {
				if !unicode.Is(unicode.Mn, part) {
					b.WriteRune(unicode.ToLower(part))
				}
			}
		}
		for len(at) < b.Len() {
			at = append(at, i)
		}
	}
	return b.String(), at
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// withoutAccent has the letters that Unicode does not decompose.
var withoutAccent = map[rune]string{'ł': "l", 'đ': "d", 'ð': "d", 'ø': "o", 'ħ': "h", 'ı': "i", 'ß': "ss", 'æ': "ae", 'œ': "oe", 'þ': "th"}
