package dotenv

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// token is a word, a quoted text, a sign or the end of a line.
type token struct {
	kind  tokenKind
	text  string
	quote rune // the quote that began a quoted text
	space bool // a space precedes it
	tab   bool // and it is a tab
	query bool // the & or ? of an address or a form precedes it
}

// is reports whether t is of the kind and one of the texts.
func (t token) is(kind tokenKind, texts ...string) bool {
	return t.kind == kind && slices.Contains(texts, t.text)
}

type tokenKind int

const (
	endOfText tokenKind = iota
	endOfLine
	word
	quoted
	sign
	gap // a space, an apostrophe, or a mark of Markdown: not a token, but it precedes one
)

// signs end a word. A word may hold "=" and ":", see wordEnd.
const signs = ",;(){}[]<>|"

func tokenize(text string) (tokens []token) {
	var space, tab, query bool
	unclosed := unclosedQuotes{}
	for len(text) > 0 {
		if space || len(tokens) == 0 || tokens[len(tokens)-1].kind == endOfLine {
			if end := max(continuation(text), comment(text)); end > 0 {
				text, space = text[end:], true
				continue
			}
		}
		t, n := firstToken(text, unclosed)
		text = text[n:]
		if t.kind == gap {
			space, tab, query = true, tab || t.text == "\t", query || t.query
			continue
		}
		t.space, t.tab, t.query = space, tab, query
		tokens = append(tokens, t)
		space, tab, query = false, false, false
	}
	return tokens
}

// firstToken returns the token at the beginning of text, and its length in text.
func firstToken(text string, unclosed unclosedQuotes) (t token, n int) {
	r, n := utf8.DecodeRuneInString(text)
	switch {
	case r == '\n':
		return token{kind: endOfLine}, n
	case isBlank(r):
		return token{kind: gap, text: text[:n]}, n
	case queryMember(text):
		return token{kind: gap, query: true}, n
	case emphasis(text) > 0:
		return token{kind: gap}, emphasis(text)
	case closingQuotes[r] != "" || r == '`':
		value, rest, closed := unclosed.cut(text)
		if !closed { // an apostrophe
			return token{kind: gap, text: text[:n]}, n
		}
		return token{kind: quoted, text: value, quote: r}, len(text) - len(rest)
	case strings.HasPrefix(text, "=>"), strings.HasPrefix(text, "->"), strings.HasPrefix(text, ":="):
		return token{kind: sign, text: text[:2]}, 2
	case strings.ContainsRune(signs+"=:→–—•", r):
		return token{kind: sign, text: text[:n]}, n
	}
	n = wordEnd(text)
	return token{kind: word, text: text[:n]}, n
}

// queryMember reports whether text begins with the & or ? before a NAME= in an
// address or in the body of a form.
func queryMember(text string) bool {
	if text == "" || text[0] != '&' && text[0] != '?' {
		return false
	}
	name, _, ok := strings.Cut(text[1:min(len(text), maxName+2)], "=")
	return ok && variableName().MatchString(name)
}

// emphasis returns the length of the mark at the beginning of text that makes what
// is before or after it bold or italic in Markdown, 0 if text does not begin with
// one that stands apart.
func emphasis(text string) int {
	n := len(text) - len(strings.TrimLeft(text, "*_"))
	if next := firstRune(text[n:]); n == len(text) || isBlank(next) || closingQuotes[next] != "" || next == '`' {
		return n
	}
	return 0
}

// continuation returns the length of the mark that continues a command on the next
// line, 0 if text does not begin with one: \ in a Unix shell, ^ in cmd, ` in
// PowerShell.
func continuation(text string) int {
	if strings.IndexByte("\\^`", text[0]) >= 0 && len(text) > 1 && text[1] == '\n' {
		return 2
	}
	return 0
}

// comment returns the length of the comment at the beginning of text.
func comment(text string) int {
	end := "\n"
	switch {
	case strings.HasPrefix(text, "/*"):
		end = "*/"
	case strings.HasPrefix(text, "<!--"):
		end = "-->"
	case text[0] != '#' && !strings.HasPrefix(text, "//"):
		return 0
	}
	switch at := strings.Index(text, end); {
	case at < 0:
		return len(text)
	case end == "\n":
		return at
	default:
		return at + len(end)
	}
}

// maxQuoted is the most bytes of a quoted text.
const maxQuoted = 16 << 10

// unclosedQuotes has, for each opening quote, how much of the text was left where the
// last search for its closing quote ended in vain. Later searches begin there, so that
// a text is searched once.
type unclosedQuotes map[rune]int

// cut is cutQuoted for programs, in which a quote after a backslash is part of the
// text. Each text must be a later part of the same one.
func (u unclosedQuotes) cut(text string) (value, rest string, closed bool) {
	quote, n := utf8.DecodeRuneInString(text)
	ends := closingQuotes[quote]
	if quote == '`' {
		ends = "`"
	}
	i := n
	if left, searched := u[quote]; searched {
		i = max(n, len(text)-left)
	}
	for i < min(len(text), maxQuoted) {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == '\\' && i+1 < len(text):
			i++
			_, size = utf8.DecodeRuneInString(text[i:])
		case strings.ContainsRune(ends, r):
			return text[n:i], text[i+size:], true
		}
		i += size
	}
	u[quote] = len(text) - i
	return "", "", false
}

// wordEnd returns the end of the word at the beginning of text. A name ends at its
// "=" or ":"; a value and an address may have them.
func wordEnd(text string) int {
	for i, r := range text {
		switch {
		case isBlank(r), strings.ContainsRune(signs, r), closingQuotes[r] != "", r == '`', queryMember(text[i:]):
			return i
		case i > 0 && (r == '=' || r == ':'):
			rest := text[i+1:]
			if rest == "" || closingQuotes[firstRune(rest)] != "" || isBlank(firstRune(rest)) && r == ':' || isLabel(text[:i]) || beginsWithLabel(rest) {
				return i
			}
		case r == '=' || r == ':':
			return 1
		}
	}
	return len(text)
}

// beginsWithLabel reports whether text begins with NAME= for half of a credential, as
// after --from-literal= or --data=.
func beginsWithLabel(text string) bool {
	name, _, ok := strings.Cut(text[:min(len(text), maxName+1)], "=")
	return ok && isLabel(name)
}
