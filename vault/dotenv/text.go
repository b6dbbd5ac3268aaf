package dotenv

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

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

// Bounds of such a text, and of a quoted text in it, in bytes.
const (
	maxText   = 256 << 10
	maxQuoted = 16 << 10
)

// token is a word, a quoted text, a sign or the end of a line.
type token struct {
	kind  tokenKind
	text  string
	quote rune // the quote that began a quoted text
	blank bool // a blank precedes it
	tab   bool // and it is a tab
}

type tokenKind int

const (
	endOfText tokenKind = iota
	endOfLine
	word
	quoted
	sign
)

// signs end a word. A word may hold "=" and ":", see cutWord.
const signs = ",;(){}[]<>|"

func tokenize(text string) (tokens []token) {
	var blank, tab bool
	add := func(t token) {
		t.blank, t.tab = blank, tab
		tokens = append(tokens, t)
		blank, tab = false, false
	}
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		fresh := blank || len(tokens) == 0 || tokens[len(tokens)-1].kind == endOfLine
		if end := continuation(text); end > 0 && fresh {
			text, blank = text[end:], true
			continue
		}
		if end := comment(text); end > 0 && fresh {
			text, blank = text[end:], true
			continue
		}
		switch {
		case r == '\n':
			add(token{kind: endOfLine})
		case isBlank(r):
			blank, tab = true, tab || r == '\t'
		case closingQuotes[r] != "" || r == '`':
			value, rest, closed := cutEscaped(text)
			if !closed { // an apostrophe
				text, blank = text[n:], true
				continue
			}
			add(token{kind: quoted, text: value, quote: r})
			text = rest
			continue
		case strings.ContainsRune(signs, r):
			add(token{kind: sign, text: string(r)})
		case strings.HasPrefix(text, "=>"), strings.HasPrefix(text, "->"), strings.HasPrefix(text, ":="):
			n = 2
			add(token{kind: sign, text: text[:2]})
		case r == '=' || r == ':' || r == '→' || r == '–' || r == '—' || r == '•':
			add(token{kind: sign, text: string(r)})
		default:
			n = wordEnd(text)
			add(token{kind: word, text: text[:n]})
		}
		text = text[n:]
	}
	return tokens
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

// cutEscaped is cutQuoted for programs, in which a quote after a backslash is part
// of the text.
func cutEscaped(text string) (value, rest string, closed bool) {
	quote, n := utf8.DecodeRuneInString(text)
	ends := closingQuotes[quote]
	if quote == '`' {
		ends = "`"
	}
	for i := n; i < min(len(text), maxQuoted); {
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
	return "", "", false
}

// wordEnd returns the end of the word at the beginning of text. A name ends at its
// "=" or ":"; a value and an address may have them.
func wordEnd(text string) int {
	for i, r := range text {
		switch {
		case isBlank(r), strings.ContainsRune(signs, r), closingQuotes[r] != "", r == '`':
			return i
		case i > 0 && (r == '=' || r == ':'):
			rest := text[i+1:]
			if rest == "" || closingQuotes[firstRune(rest)] != "" || isBlank(firstRune(rest)) && r == ':' || isLabel(text[:i]) {
				return i
			}
		case r == '=' || r == ':':
			return 1
		}
	}
	return len(text)
}

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
	for s.at < len(s.tokens) {
		t := s.peek(0)
		switch {
		case t.kind == sign && strings.Contains("{[(", t.text):
			s.enter()
		case t.kind == sign && strings.Contains("}])", t.text):
			if len(s.open) > 0 {
				s.open = s.open[:len(s.open)-1]
			}
		case t.kind == quoted && s.inner(t):
		case t.kind == word && profileName().MatchString(t.text):
			s.groups++
			s.base = bracket{"." + strconv.Itoa(s.groups), strings.Split(t.text, "/")}
		case t.kind == word && s.heading() != "":
			s.groups++
			s.base = bracket{"." + strconv.Itoa(s.groups), []string{string(s.heading())}}
		case t.kind == word || t.kind == quoted:
			if n := s.label(); n > 0 {
				continue // it has moved on
			}
		}
		if s.tooDeep {
			return
		}
		s.at++
	}
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
	b, before := s.around(), s.peek(-1)
	list := s.peek(0).text == "(" && strings.EqualFold(before.text, "array")
	named := -1 // position of the sign before it
	if list {
		named = -2
	}
	after := s.peek(named)
	isSign := after.kind == sign && strings.Contains("= : => := ", after.text+" ")
	member := isSign || list || s.peek(0).text != "(" && (before.kind == endOfText || before.kind == endOfLine || before.kind == word && s.peek(0).text == "{" || before.kind == sign && strings.Contains("{[(,", before.text))
	if member {
		s.groups++
		b.group += "." + strconv.Itoa(s.groups)
		name := s.peek(named - 1)
		if before.kind == word && !isSign && !list { // name { … }
			name = before
		}
		if (name.kind == word || name.kind == quoted) && (isSign || name == before) && !isDeclaration(name.text) {
			b.around = append(b.around[:len(b.around):len(b.around)], bareName(name.text))
		}
	}
	s.open = append(s.open, b)
}

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
		if part[at] == '=' && strings.Contains(content, "&") && strings.ContainsAny(f.value, "%+") {
			f.ambiguity = "holds a % or a +, which may stand for another character"
		}
		s.fields = append(s.fields, f)
		found = true
	}
	return found
}

func quotedAmbiguity(value string, quote rune) string {
	if quote == '\'' && !strings.Contains(value, `\`) {
		return ""
	}
	return ambiguityOf(value)
}

// label reads the name of half of a credential at the current position, and its
// value. It returns 0 and does not move if there is none.
func (s *scanner) label() int {
	name, n := s.name()
	if n == 0 {
		return 0
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
		return n
	}
	f.value, f.ambiguity = value.text, quotedAmbiguity(value.text, value.quote)
	if value.kind == word {
		f.ambiguity = ""
	}
	s.fields = append(s.fields, f)
	return n
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
			if next.kind != word || !next.blank || next.tab || isValue(next.text) {
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
	joined, lines := false, 0 // whether a sign is in between; the number of line breaks
	sentence := false
	for ; ; s.at++ {
		t := s.peek(0)
		switch {
		case t.kind == endOfLine && lines == 0 && !sentence:
			lines++
			for s.peek(1).kind == endOfLine { // and blank lines
				s.at++
			}
			continue
		case t.kind == sign && strings.Contains("= : => := -> ] ) > , | → – — • ", t.text+" ") && (lines == 0 || t.text == ":"):
			joined = joined || t.text != ")"
			continue
		case t.kind == word && (t.text == "is" || t.text == "are" || t.text == "was"):
			sentence, joined = true, false
			continue
		case t.kind == word && (t.text == "value" || t.text == "--body" || t.text == "-b" || t.text == "-" || t.text == "-v" || t.text == "--value"):
			continue
		case t.kind == word && s.peek(1).text == "=" && t.blank && s.peek(-1).text == ":": // a type: apiKey: string = …
			s.at++
			joined = true
			continue
		case t.kind == quoted:
			if s.isName(t.text) || s.peek(1).kind == sign && strings.Contains("= : => ", s.peek(1).text+" ") {
				return t, false
			}
			s.at++
			return t, true
		case t.kind == word:
			return s.wordValue(t, any, joined || t.tab || lines > 0 || isVariable(name), lines > 0)
		}
		return t, false
	}
}

// wordValue takes a word as a value, if it stands alone.
func (s *scanner) wordValue(t token, any, joined, below bool) (token, bool) {
	text := t.text
	next := s.peek(1)
	adjacent := !next.blank && next.kind != endOfLine && next.kind != endOfText
	switch {
	case adjacent && next.kind == sign && strings.Contains(",;)}]<|", next.text): // it ends a member, unless the text continues
		if after := s.peek(2); strings.Contains(",;", next.text) && !after.blank && (after.kind == word || after.kind == quoted) {
			return t, false
		}
	case adjacent:
		return t, false
	}
	if strings.HasSuffix(text, ".") {
		text = strings.TrimRight(text, ".")
	}
	switch {
	case any:
	case !joined && !isValue(text):
		return t, false
	case s.isName(text), isName(text):
		return t, false
	case joined && !isValue(text) && next.kind == word && next.blank: // the beginning of a sentence
		return t, false
	case below && !isValue(text):
		return t, false
	}
	s.at++
	t.text = text
	return t, true
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
// two lines, or on one line with a blank or a sign in between.
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
