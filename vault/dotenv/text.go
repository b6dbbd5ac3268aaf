package dotenv

import (
	"cmp"
	"errors"
	"strconv"
	"strings"
	"unicode"

	"kitekey/kite"
)

// parseText finds names with their values in a text that has no format of its own:
// a command (curl, setx, gh secret set), a part of a program, or a page or a mail
// with "API key" and the value beside or below it. It takes a value only if it is
// clear where the value begins and ends, and ignores the rest.
func parseText(text string) ([]variable, error) {
	if len(text) > maxText {
		return nil, ErrNoCredential
	}
	s := scanner{tokens: tokenize(text)}
	s.run()
	if s.tooDeep || len(s.fields) == 0 {
		return nil, ErrNoCredential
	}
	return s.fields, nil
}

// maxText is the most bytes of such a text.
const maxText = 256 << 10

// isLabel reports whether a name is that of an api_key or an api_secret.
func isLabel(name string) bool {
	r := (variable{name: bareName(name)}).parseName(true)
	return (r.role == roleKey || r.role == roleSecret) && (r.strong || len(words(name)) <= 2)
}

// bareName removes what precedes a name in commands and programs.
func bareName(name string) string {
	name = strings.TrimLeft(name, "$@-*_.")
	if scope, rest, ok := strings.Cut(name, ":"); ok && strings.EqualFold(scope, "env") { // PowerShell
		return rest
	}
	return name
}

type scanner struct {
	tokens  []token
	at      int
	groups  int
	open    []bracket // the brackets around
	base    bracket   // the account and environment from a profile's name above it
	fields  []variable
	tooDeep bool
}

// profileName matches a profile's name in kitekey.
var profileName = pattern(`^[a-z0-9][a-z0-9._-]*/(?:sandbox|live)$`)

type bracket struct {
	group  string
	around []string
}

func (s *scanner) peek(ahead int) token {
	if i := s.at + ahead; i >= 0 && i < len(s.tokens) {
		return s.tokens[i]
	}
	return token{}
}

func (s *scanner) run() {
	for s.at < len(s.tokens) && !s.tooDeep {
		moved := false
		switch t := s.peek(0); t.kind {
		case sign:
			s.bracket(t)
		case quoted:
			moved = !s.inner(t) && s.label()
		case word:
			moved = !s.title(t) && s.label()
		}
		if !moved {
			s.at++
		}
	}
}

// bracket opens or closes a bracket, if t is one.
func (s *scanner) bracket(t token) {
	switch t.text {
	case "{", "[", "(":
		s.enter()
	case "}", "]", ")":
		if len(s.open) > 0 {
			s.open = s.open[:len(s.open)-1]
		}
	}
}

// title reads t if it names the credentials below it: as a profile's name in
// kitekey, or as an environment on a line of its own.
func (s *scanner) title(t token) bool {
	var around []string
	if profileName().MatchString(t.text) {
		around = strings.Split(t.text, "/")
	} else if env := s.heading(); env != "" {
		around = []string{string(env)}
	} else {
		return false
	}
	s.groups++
	s.base = bracket{"." + strconv.Itoa(s.groups), around}
	return true
}

// heading is the environment that a line of its own names: "Live", "Sandbox keys:".
func (s *scanner) heading() kite.Environment {
	if before := s.peek(-1).kind; before != endOfLine && before != endOfText {
		return ""
	}
	n := 1
	switch strings.ToLower(s.peek(1).text) {
	case "keys", "credentials", "environment", "account":
		n = 2
	}
	if s.peek(n).text == ":" {
		n++
	}
	if after := s.peek(n).kind; after != endOfLine {
		return ""
	}
	return environmentAlone(s.peek(0).text)
}

// environmentAlone is the environment that a text names if it says nothing else.
func environmentAlone(text string) kite.Environment {
	var r parsedName
	if rest := r.takeEnvironment(words(text)); len(rest) > 0 || r.both {
		return ""
	}
	return r.env
}

func (s *scanner) around() bracket {
	if len(s.open) == 0 {
		return s.base
	}
	return s.open[len(s.open)-1]
}

// enter opens a bracket. A bracket with the members of an object or a list is a
// group, named by the name before it; brackets of calls and indexes are not.
func (s *scanner) enter() {
	if len(s.open) >= maxDepth {
		s.tooDeep = true
		return
	}
	b := s.around()
	if name, ok := s.opensGroup(); ok {
		s.groups++
		b.group += "." + strconv.Itoa(s.groups)
		if (name.kind == word || name.kind == quoted) && !isDeclaration(name.text) {
			b.around = append(b.around[:len(b.around):len(b.around)], bareName(name.text))
		}
	}
	s.open = append(s.open, b)
}

// opensGroup reports whether the bracket at the current position begins a group, and
// returns the token that may be the group's name.
func (s *scanner) opensGroup() (name token, ok bool) {
	open, before := s.peek(0).text, s.peek(-1)
	switch {
	case before.is(sign, assignments...): // name = {
		return s.peek(-2), true
	case open == "(" && strings.EqualFold(before.text, "array"): // name => array(
		if s.peek(-2).is(sign, assignments...) {
			return s.peek(-3), true
		}
		return token{}, true
	case open == "(":
		return token{}, false
	case open == "{" && before.kind == word: // name {
		return before, true
	}
	return token{}, before.kind == endOfText || before.kind == endOfLine || before.is(sign, "{", "[", "(", ",")
}

// assignments are the signs between a name and its object or list.
var assignments = []string{"=", ":", "=>", ":=", ">"}

// isDeclaration reports whether name is a word of a programming language before a
// bracket.
func isDeclaration(name string) bool {
	switch name {
	case "return", "else", "do", "try", "default", "exports", "module.exports", "vars", "new", "then", "static":
		return true
	}
	return false
}

// inner reads a quoted text that itself has names and values: the body or a header
// of a request, or NAME=value for a command.
func (s *scanner) inner(t token) bool {
	content := trim(t.text)
	b := s.around()
	switch {
	case strings.HasPrefix(content, "{"):
		fields, err := parseJSON([]byte(content))
		if err != nil {
			fields, err = parseJSON([]byte(strings.ReplaceAll(content, `\"`, `"`)))
		}
		if err != nil {
			return false
		}
		for i := range fields {
			fields[i].group = b.group + fields[i].group
		}
		s.fields = append(s.fields, fields...)
		return true
	case !strings.ContainsAny(content, "=:"):
		return false
	}
	found := false
	for part := range strings.SplitSeq(content, "&") {
		at := strings.IndexAny(part, "=:")
		if at <= 0 || !isLabel(trim(part[:at])) {
			continue
		}
		f := variable{group: b.group, around: b.around, name: trim(part[:at]), value: trim(part[at+1:])}
		f.ambiguity = quotedAmbiguity(f.value, t.quote)
		if part[at] == '=' && strings.Contains(content, "&") {
			f.ambiguity = cmp.Or(escapedAmbiguity(f.value), f.ambiguity)
		}
		s.fields = append(s.fields, f)
		found = true
	}
	return found
}

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

// label reads the name of half of a credential at the current position, and its
// value. It reports false and does not move if there is none.
func (s *scanner) label() bool {
	name, n := s.name()
	if n == 0 {
		return false
	}
	start := s.at
	s.at += n
	b := s.around()
	inQuotes := s.peek(-n).kind == quoted
	f := variable{group: b.group, around: b.around, name: name}
	r := f.parseName(f.group != "")
	about := r.role == roleAccount || r.role == roleEnvironment || r.role == roleLabel
	value, ok := s.value(name, about)
	if !ok || inQuotes && value.kind != quoted { // the value of a quoted name is quoted, or cut off
		s.at = start + n
		return true
	}
	f.value, f.ambiguity = value.text, quotedAmbiguity(value.text, value.quote)
	if value.kind == word {
		f.ambiguity = ""
		if s.tokens[start].query || s.peek(0).query {
			f.ambiguity = escapedAmbiguity(value.text)
		}
	}
	s.fields = append(s.fields, f)
	return true
}

// name reads a name of one to four words, the longest that names half of a
// credential, and an environment in brackets after it: "API key (live)".
func (s *scanner) name() (name string, n int) {
	t := s.peek(0)
	if t.kind == quoted {
		if !s.isName(t.text) {
			return "", 0
		}
		return t.text, 1
	}
	text := bareName(strings.TrimRight(t.text, "*_"))
	for i := 0; i < 4; i++ {
		if i > 0 {
			next := s.peek(i)
			if next.kind != word || !next.space || next.tab || isValue(next.text) {
				break
			}
			text += " " + strings.Trim(next.text, "*_")
		}
		if s.isName(text) {
			name, n = text, i+1
		}
	}
	if n > 0 && s.peek(n).text == "(" && s.peek(n+1).kind == word && s.peek(n+2).text == ")" {
		if environmentAlone(s.peek(n+1).text) != "" {
			return name + " " + s.peek(n+1).text, n + 3
		}
	}
	return name, n
}

// isName reports whether text names half of a credential, or in a group the account
// or environment.
func (s *scanner) isName(text string) bool {
	group := s.around().group
	switch r := (variable{name: text, around: s.around().around}).parseName(group != ""); r.role {
	case roleKey, roleSecret:
		return true
	case roleAccount, roleEnvironment, roleLabel:
		return group != ""
	case roleNone:
		return r.weak && len(words(text)) <= 2
	}
	return false
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

// toValue moves from a name to its value, or to what stands there instead. joined
// reports whether a sign is in between, below whether a line ends in between.
func (s *scanner) toValue() (joined, below bool) {
	sentence := false
	for ; ; s.at++ {
		t := s.peek(0)
		switch {
		case t.kind == endOfLine && !below && !sentence:
			below = true
			for s.peek(1).kind == endOfLine { // and blank lines
				s.at++
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
