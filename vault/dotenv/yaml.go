package dotenv

import (
	"encoding/base64"
	"errors"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// parseYAML returns the scalars of YAML with their names: a file of settings, a
// compose file with its list of NAME=value, a Kubernetes Secret, an Insomnia
// collection. Scalars are kept as they are written, even numbers and dates. Unlike
// the decoder's, its errors do not repeat text.
func parseYAML(text string) ([]variable, error) {
	w := yamlWalk{}
	for dec := yaml.NewDecoder(strings.NewReader(text)); ; {
		var doc yaml.Node
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || len(doc.Content) != 1 {
			return nil, errNotYAML
		}
		root := doc.Content[0]
		if root.Kind != yaml.MappingNode && root.Kind != yaml.SequenceNode {
			return nil, errNotYAML
		}
		if err := w.value(root, "", nil, "", 0); err != nil {
			return nil, err
		}
	}
	decodeSecrets(w.fields)
	return nameEnvironments(w.fields), nil
}

var errNotYAML = errors.New("it is not valid YAML")

type yamlWalk struct {
	groups int
	fields []variable
}

func (w *yamlWalk) value(n *yaml.Node, group string, around []string, name string, depth int) error {
	if depth > maxDepth {
		return errNotYAML
	}
	if len(w.fields) > maxFields {
		return errTooMany
	}
	switch n.Kind {
	case yaml.ScalarNode:
		return w.scalar(n, group, around, name)
	case yaml.AliasNode:
		w.fields = append(w.fields, variable{group: group, around: around, name: name, ambiguity: "is a reference to another value"})
		return nil
	}
	if name != "" {
		around = inside(around, name)
	}
	if n.Kind == yaml.MappingNode {
		w.groups++
		group += "." + strconv.Itoa(w.groups)
		for i := 0; i+1 < len(n.Content); i += 2 {
			if v := n.Content[i+1]; v.Tag == "!!null" && environmentAlone(n.Content[i].Value) != "" {
				return errNotYAML // a heading, for what is below it
			}
			if err := w.value(n.Content[i+1], group, around, n.Content[i].Value, depth+1); err != nil {
				return err
			}
		}
		w.fields = unfold(w.fields, group)
		return nil
	}
	for _, item := range n.Content {
		if err := w.value(item, group, around, "", depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (w *yamlWalk) scalar(n *yaml.Node, group string, around []string, name string) error {
	f := variable{group: group, around: around, name: name, value: n.Value}
	switch {
	case name == "": // an item of a list: NAME=value, as in a compose file
		lines, err := parseLines(n.Value)
		if err != nil || len(lines) != 1 {
			return nil
		}
		f.name, f.value, f.ambiguity = lines[0].name, lines[0].value, lines[0].ambiguity
	case strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!"):
		f.ambiguity = "refers to a value that is elsewhere"
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) == 0 && strings.ContainsAny(n.Value, " \t"):
		f.ambiguity = spaceInside
	}
	w.fields = append(w.fields, f)
	return nil
}

// decodeSecrets decodes the base64 values under "data" in a Kubernetes Secret. A
// value that is not base64 stays as it is and is ambiguous.
func decodeSecrets(fields []variable) {
	secrets := map[string]bool{} // the groups that are Secrets
	for _, f := range fields {
		if f.name == "kind" && f.value == "Secret" {
			secrets[f.group] = true
		}
	}
	for i := range fields {
		f := &fields[i]
		if !f.in("data") || f.ambiguity != "" || !anyAround(f.group, secrets) {
			continue
		}
		plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(f.value))
		if err != nil {
			f.ambiguity = "is under data in a Secret, and is not base64"
			continue
		}
		f.value = string(plain)
	}
}

// anyAround reports whether one of the groups around group is in groups.
func anyAround(group string, groups map[string]bool) bool {
	for group != "" {
		if group = outer(group); groups[group] {
			return true
		}
	}
	return false
}
