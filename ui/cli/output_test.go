package cli

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestJSON_HasEveryKeyAndUTCTimes(t *testing.T) {
	for _, v := range []any{profileJSON{}, cachedTokenJSON{}, tokenJSON{}, reportJSON{}} {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var keys map[string]any
		if err := json.Unmarshal(data, &keys); err != nil {
			t.Fatal(err)
		}
		if n := len(jsonFields(reflect.TypeOf(v))); len(keys) != n {
			t.Errorf("%T: %d keys of %d fields: %s", v, len(keys), n, data)
		}
		for key := range keys {
			if strings.ToLower(key) != key {
				t.Errorf("%T: the key %s", v, key)
			}
		}
	}
	kampala := time.FixedZone("EAT", 3*60*60)
	data, _ := json.Marshal(jsonTime(time.Date(2026, 3, 4, 1, 2, 3, 456e6, kampala)))
	if got, want := string(data), `"2026-03-03T22:02:03Z"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if jsonTime(time.Time{}) != nil {
		t.Error("no time is not null")
	}
}

// jsonFields are the fields of a struct, those of embedded structs included.
func jsonFields(t reflect.Type) (fields []reflect.StructField) {
	for _, f := range reflect.VisibleFields(t) {
		if !f.Anonymous {
			fields = append(fields, f)
		}
	}
	return fields
}
