package dotenv

import (
	"errors"
	"strings"
	"unicode"
)

// escapedAmbiguity says why a value from an address or a form may not be meant as it
// is written, "" if it is.
func escapedAmbiguity(value string) string {
	if strings.ContainsAny(value, "%+") {
		return "contains a % or a +, which may stand for another character"
	}
	return ""
}

func quotedAmbiguity(value string, quote rune) string {
	if quote == '\'' && !strings.Contains(value, `\`) {
		return ""
	}
	return ambiguityOf(value)
}

// value reads what follows a name: signs such as = and :, and then a quoted text or
// a word. Without a sign, or in a sentence, the word must look generated.
func (s *scanner) value(name string, any bool) (token, bool) {
	joined, below := s.toValue()
	t := s.peek(0)
	switch t.kind {
	case quoted:
		if s.isName(t.text) || s.peek(1).is(sign, "=", ":", "=>", ">") { // it is a name itself
			return t, false
		}
		s.at++
		return t, true
	case word:
		return s.wordValue(t, any, joined || t.tab || below || isVariable(name), below)
	}
	return t, false
}

// betweenSigns stand between a name and its value.
var betweenSigns = []string{"=", ":", "=>", ":=", "->", "]", ")", ">", ",", "|", "→", "–", "—", "•"}

// maxBetween is how many signs and words can stand between a name and its value.
const maxBetween = 20

// toValue moves from a name to its value, or to what stands there instead. joined
// reports whether a sign is in between, below whether a line ends in between.
func (s *scanner) toValue() (joined, below bool) {
	sentence := false
	for end := s.at + maxBetween; s.at < end; s.at++ {
		t := s.peek(0)
		switch {
		case t.kind == endOfLine && !below && !sentence:
			below = true
			for s.peek(1).kind == endOfLine { // and blank lines
				s.at, end = s.at+1, end+1
			}
		case t.is(sign, betweenSigns...) && (!below || t.text == ":"):
			joined = joined || t.text != ")"
		case t.is(word, "is", "are", "was"):
			sentence, joined = true, false
		case t.is(word, "value", "--value", "-v", "--body", "-b", "-"):
		case s.isType(t): // and the = after it
			s.at++
			joined = true
		default:
			return joined, below
		}
	}
	return joined, below
}

// isType reports whether t, the current token, is the type in "apiKey: string = …".
func (s *scanner) isType(t token) bool {
	return t.kind == word && t.space && s.peek(-1).text == ":" && s.peek(1).text == "="
}

// wordValue takes a word as a value, if it stands alone.
func (s *scanner) wordValue(t token, any, joined, below bool) (token, bool) {
	t.text = unmarked(strings.TrimRight(t.text, "."))
	if !s.standsAlone() || !any && !s.looksLikeValue(t.text, joined, below) {
		return t, false
	}
	s.at++
	return t, true
}

// standsAlone reports whether the word at the current position ends at a space, or
// at a sign that ends a member, unless the text continues after the sign.
func (s *scanner) standsAlone() bool {
	next, after := s.peek(1), s.peek(2)
	if next.space || next.kind == endOfLine || next.kind == endOfText {
		return true
	}
	if next.is(sign, ",", ";") {
		return after.space || after.kind != word && after.kind != quoted
	}
	return next.is(sign, ")", "}", "]", "<", "|")
}

// looksLikeValue reports whether the word at the current position is a value rather
// than a name or the beginning of a sentence.
func (s *scanner) looksLikeValue(text string, joined, below bool) bool {
	if s.isName(text) || isName(text) {
		return false
	}
	next := s.peek(1)
	sentence := next.kind == word && next.space
	return isValue(text) || joined && !below && !sentence
}

// isVariable reports whether a name has the form of an environment variable.
func isVariable(name string) bool {
	return strings.Contains(name, "_") && name == strings.ToUpper(name)
}

// isName reports whether text is an expression such as config.apiKey or api_key
// rather than a value.
func isName(text string) bool {
	if i := strings.LastIndexAny(text, ".:"); i >= 0 {
		text = text[i+1:]
	}
	return isLabel(text)
}

// isValue reports whether a word looks generated: it is long and has not only
// letters.
func isValue(text string) bool {
	if len(text) < 8 || strings.HasPrefix(text, "-") || strings.Contains(text, "://") {
		return false
	}
	other, digits := 0, 0
	for _, r := range text {
		switch {
		case unicode.IsDigit(r):
			digits++
		case isBlank(r):
			return false
		case !unicode.IsLetter(r):
			other++
		}
	}
	return digits > 0 || other > 0 && len(text) >= 12 || len(text) >= 20
}

// parseValues reads an api_key and its api_secret without names, in this order: in
// two lines, or on one line with a space or a sign in between.
func parseValues(text string) ([]variable, error) {
	parts := strings.FieldsFunc(text, isBlank)
	if len(parts) == 1 {
		for _, c := range []string{",", ";", ":", "|"} {
			if strings.Count(parts[0], c) == 1 {
				parts = strings.Split(parts[0], c)
				break
			}
		}
	}
	if len(parts) == 3 && len(parts[1]) == 1 && strings.ContainsAny(parts[1], ",;:|/-") {
		parts = []string{parts[0], parts[2]}
	}
	if len(parts) != 2 {
		return nil, errors.New("it is not two values")
	}
	twoLines := strings.Contains(strings.TrimSpace(text), "\n")
	for i, p := range parts {
		parts[i] = unquote(strings.TrimRight(p, ",;:"))
		if !twoLines && !isValue(parts[i]) || !Bare(parts[i]) {
			return nil, errors.New("it is not two values")
		}
	}
	return []variable{{name: "api_key", value: parts[0]}, {name: "api_secret", value: parts[1]}}, nil
}

// unquote removes the quotes around a text.
func unquote(text string) string {
	if closingQuotes[firstRune(text)] != "" {
		if value, rest, closed := cutQuoted(text); closed && rest == "" {
			return value
		}
	}
	return text
}
