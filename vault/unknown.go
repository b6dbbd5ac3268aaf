package vault

import (
	"bytes"
	"encoding/json"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"

	"kitekey/vault/internal/disk"
)

// A newer kitekey may write fields that this one does not know and leave the version
// of the format as it is. Those of index.json and settings.json are kept when the file is
// rewritten. Those of a status file are not: what they say about the last verdict or
// token would be wrong of the next one. Nor are those of an item: they may be secret,
// and a new field of an item needs a new version.

// unknownFields returns the fields of a JSON object that are not in known, in lower
// case as encoding/json compares them, as text without braces; "" if there are none.
func unknownFields(object []byte, known map[string]bool) (string, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(object, &all); err != nil {
		return "", err
	}
	maps.DeleteFunc(all, func(name string, _ json.RawMessage) bool { return known[strings.ToLower(name)] })
	if len(all) == 0 {
		return "", nil
	}
	var buf bytes.Buffer
	for i, name := range slices.Sorted(maps.Keys(all)) {
		if i > 0 {
			buf.WriteByte(',')
		}
		quoted, err := json.Marshal(name)
		if err != nil {
			return "", err
		}
		buf.Write(quoted)
		buf.WriteByte(':')
		if err := json.Compact(&buf, all[name]); err != nil { // one line
			return "", err
		}
	}
	return buf.String(), nil
}

// fieldsOf returns the names of the JSON fields of a struct.
func fieldsOf[T any]() map[string]bool {
	known := map[string]bool{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[T]()) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			known[name] = true
		}
	}
	return known
}

var entryFields = sync.OnceValue(fieldsOf[entryJSON])

// withUnknown returns a struct as JSON, with unknown fields at its end.
func withUnknown(v any, unknown string) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	text := bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	if unknown != "" {
		text = append(bytes.TrimSuffix(text, []byte("}")), ","+unknown+"}"...)
	}
	return text, nil
}

// UnmarshalJSON implements [json.Unmarshaler].
func (e *entryJSON) UnmarshalJSON(data []byte) (err error) {
	type fields entryJSON
	if err = json.Unmarshal(data, (*fields)(e)); err == nil {
		e.unknown, err = unknownFields(data, entryFields())
	}
	return err
}

// line returns the entry as it is written.
func (e entryJSON) line() (any, error) {
	type fields entryJSON
	if e.unknown == "" {
		return fields(e), nil
	}
	text, err := withUnknown(fields(e), e.unknown)
	return json.RawMessage(text), err
}

// unknown returns the fields that index.json has beside its profiles, as
// [unknownFields] does.
func (x *index) unknown() string {
	data, err := disk.Read(filepath.Join(x.dir, indexFile), maxIndex)
	if err != nil || ownIndex(data) {
		return ""
	}
	unknown, err := unknownFields(data, map[string]bool{"version": true, "profiles": true})
	if err != nil {
		return "" // it is damaged, and a repair replaces it
	}
	return unknown
}

// ownIndex reports without parsing whether an index has nothing beside its profiles.
func ownIndex(data []byte) bool {
	return bytes.HasPrefix(data, []byte(indexHead)) && bytes.HasSuffix(data, []byte("\n"+indexTail)) && bytes.Count(data, []byte("\n]")) == 1
}
