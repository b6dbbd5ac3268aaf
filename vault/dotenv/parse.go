package dotenv

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// parseJSON gives the strings in JSON with their names. Every object is a group.
// Its errors repeat nothing of data, as the decoder's do.
func parseJSON(data []byte) ([]variable, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	w := jsonWalk{dec: dec}
	err := w.value("", nil, "")
	if err == nil {
		if _, end := dec.Token(); end != io.EOF {
			err = errors.New("something follows")
		}
	}
	if err != nil {
		return nil, errors.New("it is not valid JSON")
	}
	w.nameVariables()
	return w.fields, nil
}

type jsonWalk struct {
	dec       *json.Decoder
	depth     int // of objects and lists around
	groups    int
	variables []string // the groups that hold variables of a Postman environment
	fields    []variable
}

// maxDepth is how deep objects and lists may be nested.
const maxDepth = 16

func (w *jsonWalk) value(group string, around []string, name string) error {
	t, err := w.dec.Token()
	if err != nil {
		return err
	}
	if name != "" && (t == json.Delim('{') || t == json.Delim('[')) {
		around = append(around[:len(around):len(around)], name)
	}
	switch t := t.(type) {
	case string:
		if name != "" {
			f := variable{group: group, around: around, name: name, value: t}
			if strings.ContainsRune(t, utf8.RuneError) {
				f.ambiguity = "holds a character that is not valid text"
			}
			w.fields = append(w.fields, f)
		}
	case json.Delim:
		if w.depth++; w.depth > maxDepth {
			return errors.New("too deep")
		}
		defer func() { w.depth-- }()
		if t == '{' {
			w.groups++
			outer := group
			group = strconv.Itoa(w.groups)
			first := len(w.fields)
			defer func() { w.unfold(first, group, outer) }()
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
		_, err = w.dec.Token() // its end
	}
	return err
}

// unfold replaces the fields of an object that says {"key": NAME, "value": VALUE},
// as those of a Postman environment do, by the variable that it stands for, in the
// object around it. first is the object's first field.
func (w *jsonWalk) unfold(first int, group, outer string) {
	var key, value *variable
	for i := range w.fields[first:] {
		f := &w.fields[first+i]
		if f.group != group {
			return
		}
		switch f.name {
		case "key":
			key = f
		case "value":
			value = f
		}
	}
	if key == nil || value == nil {
		return
	}
	v := *value
	v.group, v.name, v.around = outer, key.value, nil
	w.fields = append(w.fields[:first], v)
	w.variables = append(w.variables, outer)
}

// nameVariables lets the name of a Postman environment ("Acme live") say which
// environment its variables are for.
func (w *jsonWalk) nameVariables() {
	for i := range w.fields {
		f := &w.fields[i]
		var r parsedName
		if f.name != "name" || !slices.Contains(w.variables, f.group) {
			continue
		}
		if r.takeEnvironment(words(f.value)); r.env != "" && !r.both {
			f.name, f.value = "environment", string(r.env)
		}
	}
}

// parseLines reads lines of NAME=value, with "export" before them or not, and of
// "name: value".
func parseLines(text string) ([]variable, error) {
	var fields []variable
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		if line == "" || line[0] == '#' {
			continue
		}
		if rest, ok := strings.CutPrefix(line, "export"); ok && strings.TrimLeft(rest, " \t") != rest {
			line = strings.TrimSpace(rest)
		}
		name, raw, ok := cutName(line)
		if !ok {
			return nil, fmt.Errorf("line %d is not NAME=value: it is neither a backup, nor JSON, nor a .env file", i+1)
		}
		f := variable{name: name}
		var more int
		f.value, f.ambiguity, more = parseValue(strings.TrimSpace(raw), lines[i+1:])
		if f.ambiguity != "" {
			f.ambiguity = fmt.Sprintf("(line %d) %s", i+1, f.ambiguity)
		}
		i += more
		fields = append(fields, f)
	}
	return fields, nil
}

// cutName splits a line at its = or, where none comes before it, at a colon with a
// blank after it. What is before a colon may be a few words ("API key: …").
func cutName(line string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(line, "=")
	if left, right, colon := strings.Cut(line, ":"); colon && len(left) < len(name) && (right == "" || right[0] == ' ' || right[0] == '\t') {
		name = strings.Trim(strings.TrimSpace(left), `"'`)
		value = strings.TrimSuffix(strings.TrimSpace(right), ",")
		return name, value, name != "" && len(strings.Fields(name)) <= 4
	}
	name = strings.TrimSpace(name)
	return name, value, ok && name != "" && !strings.ContainsAny(name, " \t\"'")
}

// parseValue takes off quotes and comments. more is how many of the following
// lines a quoted value goes on for. ambiguity says why programs would disagree about
// the value.
func parseValue(raw string, following []string) (value, ambiguity string, more int) {
	if raw == "" {
		return "", "", 0
	}
	quote := raw[0]
	if quote != '\'' && quote != '"' {
		if at := strings.Index(raw, " #"); at >= 0 {
			raw = strings.TrimSpace(raw[:at])
		} else if strings.HasPrefix(raw, "#") {
			raw = ""
		}
		return raw, ambiguityOf(raw), 0
	}
	value, rest, closed := strings.Cut(raw[1:], string(quote))
	if !closed {
		for n, line := range following {
			if strings.IndexByte(line, quote) >= 0 {
				return "", "has more than one line", n + 1
			}
		}
		return "", "has an opening quote and no closing one", 0
	}
	if rest = strings.TrimSpace(rest); rest != "" && rest[0] != '#' {
		return "", "has something after the closing quote", 0
	}
	if quote == '"' {
		ambiguity = ambiguityOf(value)
	}
	return value, ambiguity, 0
}

// doubtful tells values that some programs take as they are and others expand.
func ambiguityOf(value string) string {
	if strings.ContainsAny(value, "$\\`") {
		return "holds a $, a backslash or a back quote, which programs read in different ways: put it between single quotes"
	}
	return ""
}
