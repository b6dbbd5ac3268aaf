package dotenv

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// parseJSON returns the strings in JSON with their names. Every object is a group.
// Unlike the decoder's, its errors do not repeat data.
func parseJSON(data []byte) ([]variable, error) {
	w := jsonWalk{dec: json.NewDecoder(bytes.NewReader(data))}
	for w.dec.More() { // one value or, in lines of JSON, several
		if err := w.value("", nil, ""); errors.Is(err, errTooMany) {
			return nil, err
		} else if err != nil {
			return nil, errNotJSON
		}
	}
	if _, err := w.dec.Token(); err != io.EOF {
		return nil, errNotJSON
	}
	decodeSecrets(w.fields)
	return nameEnvironments(w.fields), nil
}

var errNotJSON = errors.New("it is not valid JSON, and no credential was found in it")

type jsonWalk struct {
	dec    *json.Decoder
	depth  int // the number of objects and lists around
	groups int
	fields []variable
}

// maxDepth is how deep objects and lists may be nested.
const maxDepth = 16

// token reads the first token of a value.
func (w *jsonWalk) token() (json.Token, error) {
	if len(w.fields) > maxFields {
		return nil, errTooMany
	}
	return w.dec.Token()
}

func (w *jsonWalk) value(group string, around []string, name string) error {
	t, err := w.token()
	if err != nil {
		return err
	}
	if name != "" && (t == json.Delim('{') || t == json.Delim('[')) {
		around = inside(around, name)
	}
	switch t := t.(type) {
	case string:
		if name != "" {
			f := variable{group: group, around: around, name: name, value: t}
			if strings.ContainsRune(t, utf8.RuneError) {
				f.ambiguity = "contains a character that is not valid text"
			}
			w.fields = append(w.fields, f)
			w.inner(t, group, around)
		}
	case json.Delim:
		if w.depth++; w.depth > maxDepth {
			return errors.New("too deep")
		}
		defer func() { w.depth-- }()
		if t == '{' {
			w.groups++
			group += "." + strconv.Itoa(w.groups)
			defer func() { w.fields = unfold(w.fields, group) }()
		}
		for w.dec.More() {
			name := ""
			if t == '{' {
				key, err := w.dec.Token()
				if err != nil {
					return err
				}
				name, _ = key.(string)
			}
			if err := w.value(group, around, name); err != nil {
				return err
			}
		}
		_, err = w.dec.Token() // its closing bracket
	}
	return err
}

// inner reads JSON that is a string within JSON, like the body of a request in a
// Postman collection.
func (w *jsonWalk) inner(text, group string, around []string) {
	if text = strings.TrimSpace(text); !strings.HasPrefix(text, "{") || w.depth >= maxDepth {
		return
	}
	inside := jsonWalk{dec: json.NewDecoder(strings.NewReader(text)), depth: w.depth, groups: w.groups}
	if inside.value(group, around, "") == nil {
		w.groups = inside.groups
		w.fields = append(w.fields, inside.fields...)
	}
}

// unfold replaces the fields of a group {"key": NAME, "value": VALUE}, the form of
// variables in a Postman environment, with the variable NAME in the group around
// it.
func unfold(fields []variable, group string) []variable {
	first := len(fields)
	for first > 0 && fields[first-1].group == group {
		first--
	}
	var name, value *variable
	for i := range fields[first:] {
		switch f := &fields[first+i]; f.name {
		case "key", "name":
			if name == nil || f.name == "key" {
				name = f
			}
		case "value":
			value = f
		}
	}
	if name == nil || value == nil {
		return fields
	}
	v := *value
	v.group, v.name, v.around, v.unfolded = outer(group), name.value, nil, true
	return append(fields[:first], v)
}

// nameEnvironments takes the environment of variables from the name of the object
// ("Acme live") that they are in: under "values" in Postman, under "data" in
// Insomnia.
func nameEnvironments(fields []variable) []variable {
	named := map[string]string{} // the environments that objects' names say, by group
	for _, f := range fields {
		var r parsedName
		if f.name != "name" || f.group == "" {
			continue
		}
		if r.takeEnvironment(words(f.value)); r.env != "" && !r.both {
			named[f.group] = string(r.env)
		}
	}
	said := map[string]string{} // the environments of the groups that hold variables
	for _, v := range fields {
		if v.unfolded {
			said[v.group] = named[v.group]
		}
		for group := v.group; v.in("data") && group != "" && said[v.group] == ""; {
			group = outer(group)
			said[v.group] = named[group]
		}
	}
	var first []variable
	for group, env := range said {
		if env != "" {
			first = append(first, variable{group: group, name: "environment", value: env})
		}
	}
	return append(first, fields...) // a field "environment" comes later and takes precedence
}

// outer returns the group around a group.
func outer(group string) string { return group[:max(strings.LastIndexByte(group, '.'), 0)] }

// inside adds a name to the names around. One that is too long is not a name, and says
// nothing.
func inside(around []string, name string) []string {
	if len(name) > maxName {
		name = ""
	}
	return append(around[:len(around):len(around)], name)
}

// parseLines reads lines of NAME=value, with or without "export", and of "name:
// value". A line [acme.live], as in TOML and INI, names the lines below it.
func parseLines(text string) ([]variable, error) {
	var fields []variable
	var group string
	var around []string
	lines := strings.Split(text, "\n")
	unclosed := map[rune]bool{}
	for i := 0; i < len(lines) && len(fields) <= maxFields; i++ {
		line := trim(lines[i])
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if m := section().FindStringSubmatch(line); m != nil && len(m[1]) <= maxName {
			group, around = "."+strconv.Itoa(i+1), strings.FieldsFunc(m[1], func(r rune) bool { return strings.ContainsRune(`."' /:`, r) })
			continue
		}
		if rest, ok := strings.CutPrefix(line, "export"); ok && strings.TrimLeft(rest, " \t") != rest {
			line = trim(rest)
		}
		name, raw, ok := cutName(line)
		if !ok {
			return nil, fmt.Errorf("line %d is not NAME=value", i+1)
		}
		f := variable{name: name, group: group, around: around}
		var more int
		f.value, f.ambiguity, more = parseValue(trim(raw), lines[i+1:], unclosed)
		if f.ambiguity != "" {
			f.ambiguity = fmt.Sprintf("(line %d) %s", i+1, f.ambiguity)
		}
		i += more
		fields = append(fields, f)
	}
	return fields, nil
}

// pattern compiles expr at its first use: every start of kitekey would wait for it.
func pattern(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

// section is a line that names the lines below it, as in TOML and INI.
var section = pattern(`^\[{1,2}\s*([^\[\]{},]+?)\s*\]{1,2}\s*(?:[#;].*)?$`)

// variableName matches a name before the = of a line.
var variableName = pattern(`^[\pL_][\pL\pN_.-]*$`)

var (
	// lineTitle matches a name before the colon of a line.
	lineTitle = pattern(`^[\pL_][\pL\pN\pZ\t_.()-]*$`)
	// severalOnLine matches a value that is followed by another NAME= or a command.
	severalOnLine = pattern(`^(?:[^\s"'#]+|"[^"]*"|'[^']*')[\s;&]+[A-Za-z_]\w*=`)
)

// cutName splits a line at its =, or, if there is none before it, at a colon with a
// space after it. Before a colon a few words may stand ("API key: …"). A name with
// nothing after its colon begins something else: YAML, or a label above its value.
func cutName(line string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(line, "=")
	if left, right, colon := strings.Cut(line, ":"); colon && len(left) < len(name) && (right == "" || unicode.IsSpace(firstRune(right))) {
		name = strings.Trim(trim(left), `"'`)
		value = unmarked(strings.TrimSuffix(trim(right), ","))
		return name, value, lineTitle().MatchString(name) && value != "" && len(strings.Fields(name)) <= 4
	}
	name = trim(name)
	return name, value, ok && variableName().MatchString(name) && !severalOnLine().MatchString(trim(value))
}

// unmarked removes Markdown's marks for code and bold text from around a value.
func unmarked(value string) string {
	for _, mark := range []string{"`", "**", "`"} {
		if inner, ok := strings.CutPrefix(value, mark); ok && len(inner) > 2*len(mark) && strings.Index(inner, mark) == len(inner)-len(mark) {
			value = strings.TrimSuffix(inner, mark)
		}
	}
	return value
}

func firstRune(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

// trim removes spaces around s, and the invisible characters that come from pages
// and mails.
func trim(s string) string { return strings.TrimFunc(s, isBlank) }

func isBlank(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }

// closingQuotes has the quotes that can close each opening quote: word processors
// replace quotes with pairs, which differ between languages.
var closingQuotes = map[rune]string{'"': `"`, '\'': `'`, '“': "”“", '”': "”", '„': "“”", '‘': "’", '’': "’", '‚': "‘’", '«': "»", '»': "«"}

// cutQuoted splits raw, which begins with a quote, at the quote that closes it.
func cutQuoted(raw string) (value, rest string, closed bool) {
	open, n := utf8.DecodeRuneInString(raw)
	at := strings.IndexAny(raw[n:], closingQuotes[open])
	if at < 0 {
		return "", "", false
	}
	_, m := utf8.DecodeRuneInString(raw[n+at:])
	return raw[n : n+at], raw[n+at+m:], true
}

// parseValue removes quotes and comments. more is the number of following lines
// that a quoted value continues on. ambiguity says why programs would disagree
// about the value. unclosed has the quotes that nothing in the following lines closes.
func parseValue(raw string, following []string, unclosed map[rune]bool) (value, ambiguity string, more int) {
	quote := firstRune(raw)
	if closingQuotes[quote] == "" {
		if at := strings.Index(raw, " #"); at >= 0 {
			raw = trim(raw[:at])
		} else if strings.HasPrefix(raw, "#") {
			raw = ""
		}
		return raw, cmp.Or(ambiguityOf(raw), ambiguousBlank(raw)), 0
	}
	value, rest, closed := cutQuoted(raw)
	if !closed {
		if unclosed[quote] {
			following = nil
		}
		for n, line := range following {
			if strings.ContainsAny(line, closingQuotes[quote]) {
				return "", "has more than one line", n + 1
			}
		}
		unclosed[quote] = true
		return "", "has an opening quote and no closing one", 0
	}
	if rest = strings.TrimLeft(trim(rest), ";,"); rest != "" && rest[0] != '#' {
		return "", "has something after the closing quote", 0
	}
	if quote != '\'' {
		ambiguity = ambiguityOf(value)
	}
	return value, ambiguity, 0
}

// ambiguityOf says why some programs use value as it is and others expand it, "" if
// none would.
func ambiguityOf(value string) string {
	if strings.ContainsAny(value, "$\\`") {
		return "contains a $, a backslash or a back quote, which programs read differently: put the value in single quotes"
	}
	return ""
}

const spaceInside = "contains a space, which programs read differently: put the value in single quotes"

func ambiguousBlank(value string) string {
	if strings.ContainsFunc(value, unicode.IsSpace) {
		return spaceInside
	}
	return ""
}
