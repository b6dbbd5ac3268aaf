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
// of the format as it is. The fields of index.json are kept when it is rewritten. Those
// of a status file are not: what they say about the last verdict or token would be
// wrong of the next one.

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

// entryFields has the names of the fields of an entry.
var entryFields = sync.OnceValue(func() map[string]bool {
	known := map[string]bool{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[entryJSON]()) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			known[name] = true
		}
	}
	return known
})

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
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(fields(e)); err != nil {
		return nil, err
	}
	return json.RawMessage(string(bytes.TrimSuffix(buf.Bytes(), []byte("}\n"))) + "," + e.unknown + "}"), nil
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
