package source

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"kitekey/kite"
	"kitekey/vault"
	"kitekey/vault/dotenv"
)

// bounded keeps what is written up to a limit. It drops the rest, or fails if it is
// strict.
type bounded struct {
	data   []byte
	limit  int64
	strict bool
	over   bool
}

var errTooMuch = errors.New("too much output")

func (b *bounded) Write(p []byte) (int, error) {
	all := len(p)
	if room := int(b.limit) - len(b.data); all > room {
		b.over = true
		if b.strict {
			return 0, errTooMuch // closes the pipe
		}
		p = p[:room]
	}
	if cap(b.data)-len(b.data) < len(p) { // append would leave a copy behind
		grown := make([]byte, len(b.data), 2*(len(b.data)+len(p)))
		copy(grown, b.data)
		clear(b.data)
		b.data = grown
	}
	b.data = append(b.data, p...)
	return all, nil
}

func (b *bounded) erase() { clear(b.data) }

// readAll reads up to limit bytes and fails when there is more.
func readAll(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("more than %d KiB", limit>>10)
	}
	return data, err
}

// readOutput reads a credential that a program printed: JSON with api_key and
// api_secret, a list of fields as op and bw print them, two lines, or a .env.
func readOutput(out []byte, sel vault.Selector) (vault.SourceItem, error) {
	if bytes.IndexByte(out, '\x1b') >= 0 { // colours
		out = []byte(ansi.Strip(string(out)))
		defer clear(out)
	}
	out = bytes.TrimSpace(bytes.TrimPrefix(out, []byte("\ufeff")))
	if len(out) == 0 {
		return vault.SourceItem{}, errors.New("it is empty")
	}
	if out[0] == '[' || out[0] == '{' {
		if fields, ok := namedFields(out); ok {
			item, err := readFields(fields)
			return item, cmp.Or(err, shown(item.Current))
		}
	}
	if lines := nonEmptyLines(out); out[0] != '{' && out[0] != '[' && len(lines) == 2 && dotenv.Bare(string(lines[0])) {
		cred := kite.Credential{APIKey: kite.SecretFromBytes(bytes.Clone(lines[0])), APISecret: kite.SecretFromBytes(bytes.Clone(lines[1]))}
		return vault.SourceItem{Entry: vault.Entry{Current: cred}}, cmp.Or(checkCredential(cred), shown(cred))
	}
	return readForeign(out, sel)
}

// shown returns an error if a manager has printed something in place of a value, as
// those do that hide passwords unless a flag shows them.
func shown(c kite.Credential) (err error) {
	for name, value := range map[string]kite.Secret{"api_key": c.APIKey, "api_secret": c.APISecret} {
		value.RevealTo(func(text []byte) {
			if why := dotenv.Placeholder(string(text)); why != "" {
				err = errors.New(name + " " + why)
			}
		})
	}
	return err
}

func nonEmptyLines(out []byte) (lines [][]byte) {
	for line := range bytes.Lines(out) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			lines = append(lines, line)
		}
	}
	return lines
}

// namedFields finds api_key and api_secret in the JSON of the known managers.
func namedFields(out []byte) (map[string]json.RawMessage, bool) {
	type field struct {
		Label string          `json:"label"` // op
		Name  string          `json:"name"`  // bw
		Value json.RawMessage `json:"value"`
	}
	var list []field
	var item struct {
		Fields []field `json:"fields"`
		Login  *struct {
			User     json.RawMessage `json:"username"`
			Password json.RawMessage `json:"password"`
		} `json:"login"`
	}
	var flat map[string]json.RawMessage
	fields := map[string]json.RawMessage{}
	switch {
	case out[0] == '[' && json.Unmarshal(out, &list) == nil:
	case json.Unmarshal(out, &item) == nil && (item.Fields != nil || item.Login != nil):
		list = item.Fields
	case json.Unmarshal(out, &flat) == nil && flat[fieldKey] != nil:
		return flat, true
	default:
		return nil, false
	}
	for _, f := range list {
		fields[f.Label+f.Name] = f.Value
	}
	if fields[fieldKey] == nil && item.Login != nil {
		fields[fieldKey], fields[fieldSecret] = item.Login.User, item.Login.Password
	}
	return fields, fields[fieldKey] != nil
}

// readNames reads the names in a listing: paths, one per line, a tree as pass draws
// it, or JSON with titles. isList is false for a text that cannot be one, such as a
// message.
func readNames(out []byte) (names []string, isList bool) {
	trimmed := bytes.TrimSpace(out)
	var items []struct {
		Title string `json:"title"` // op
		Name  string `json:"name"`  // bw
	}
	if len(trimmed) > 0 && trimmed[0] == '[' && json.Unmarshal(trimmed, &items) == nil {
		for _, item := range items {
			names = append(names, item.Title+item.Name)
		}
		return names, true
	}
	names = treeNames(string(out))
	isList = !slices.ContainsFunc(names, func(name string) bool { return strings.ContainsAny(name, " {") })
	return names, isList
}

// selectorsIn returns the profiles that names below a path stand for, and the names
// that differ from a profile's in what an account's name may hold or in case.
func selectorsIn(names []string, path string) (found []vault.Selector, ignored []string) {
	seen := map[vault.Selector]bool{}
	for _, name := range names {
		name = strings.TrimPrefix(strings.Trim(name, "/"), path+"/")
		account, env, ok := strings.Cut(name, "/")
		e, err := kite.ParseEnvironment(strings.ToLower(env))
		sel := vault.Selector{Account: account, Environment: e}
		switch {
		case !ok || err != nil || seen[sel]:
		case string(e) != env || vault.ValidName(account) != nil:
			ignored = append(ignored, shortName(name))
		default:
			seen[sel] = true
			found = append(found, sel)
		}
	}
	slices.SortFunc(found, func(a, b vault.Selector) int { return strings.Compare(a.String(), b.String()) })
	slices.Sort(ignored)
	return found, slices.Compact(ignored)
}

// treeNames reads lines of paths, and trees of two levels drawn with lines:
//
//	kitegateway
//	├── acme
//	│   ├── live
//	│   └── sandbox
func treeNames(text string) (names []string) {
	folder := ""
	for line := range strings.Lines(text) {
		line = strings.ReplaceAll(ansi.Strip(strings.TrimRight(line, " \r\n")), "\u00a0", " ")
		name := strings.TrimLeft(line, "│├└─|`- ")
		depth := (len([]rune(line)) - len([]rune(name))) / 4
		switch {
		case name == "":
		case depth == 0:
			names = append(names, name)
		case depth == 1:
			folder = name
			names = append(names, name)
		case depth == 2:
			names = append(names, folder+"/"+name)
		}
	}
	return names
}
