package vault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// jsonFields gives the strings in JSON with their names. Every object is a group.
// Its errors repeat nothing of data, as the decoder's do.
func jsonFields(data []byte) ([]foreignField, error) {
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
	return w.fields, nil
}

type jsonWalk struct {
	dec    *json.Decoder
	depth  int // of objects and lists around
	groups int
	fields []foreignField
}

// maxDepth is how deep objects and lists may be nested: nobody keeps keys deeper.
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
			f := foreignField{group: group, around: around, name: name, value: t}
			if strings.ContainsRune(t, utf8.RuneError) {
				f.doubt = "holds a character that is not valid text"
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
		}
		group := fmt.Sprint(w.groups)
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

// dotenvFields reads lines of NAME=value, with "export" before them or not.
func dotenvFields(text string) ([]foreignField, error) {
	var fields []foreignField
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		if line == "" || line[0] == '#' {
			continue
		}
		if rest, ok := strings.CutPrefix(line, "export"); ok && strings.TrimLeft(rest, " \t") != rest {
			line = strings.TrimSpace(rest)
		}
		name, raw, ok := strings.Cut(line, "=")
		name = strings.TrimSpace(name)
		if !ok || name == "" || strings.ContainsAny(name, " \t\"'") {
			return nil, fmt.Errorf("line %d is not NAME=value: it is neither a backup, nor JSON, nor a .env file", i+1)
		}
		f := foreignField{name: name}
		var more int
		f.value, f.doubt, more = dotenvValue(strings.TrimSpace(raw), lines[i+1:])
		if f.doubt != "" {
			f.doubt = fmt.Sprintf("(line %d) %s", i+1, f.doubt)
		}
		i += more
		fields = append(fields, f)
	}
	return fields, nil
}

// dotenvValue takes off quotes and comments. more is how many of the following
// lines a quoted value goes on for. doubt says why programs would disagree about
// the value.
func dotenvValue(raw string, following []string) (value, doubt string, more int) {
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
		return raw, doubtful(raw), 0
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
		doubt = doubtful(value)
	}
	return value, doubt, 0
}

// doubtful tells values that some programs take as they are and others expand.
func doubtful(value string) string {
	if strings.ContainsAny(value, "$\\`") {
		return "holds a $, a backslash or a back quote, which programs read in different ways: put it between single quotes"
	}
	return ""
}
