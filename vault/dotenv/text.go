package dotenv

import (
	"cmp"
	"strconv"
	"strings"

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
	if len(name) > maxName {
		return false
	}
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
			b.around = inside(b.around, bareName(name.text))
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
