package vault

import (
	"encoding/json"
	"strconv"
)

// writtenVersion is the version of a format as a file or an item states it.
type writtenVersion struct {
	number int    // 0 if it is not a whole number
	text   string // "" if there is none
}

// UnmarshalJSON implements [json.Unmarshaler].
func (w *writtenVersion) UnmarshalJSON(text []byte) error {
	if string(text) != "null" {
		w.text = string(text)
		w.number, _ = strconv.Atoi(w.text)
	}
	return nil
}

// CheckVersion fails with a [*NewerError] if JSON has a newer version than this
// kitekey reads, whatever else it holds. A version that is not a whole number
// counts as newer: no kitekey so far has written one, and a file that cannot be
// read must not be treated as damaged and repaired.
func CheckVersion(data []byte, reads int) error {
	var head struct {
		File writtenVersion `json:"version"`
		Item writtenVersion `json:"v"`
	}
	if json.Unmarshal(data, &head) != nil {
		return nil //nolint:nilerr // it is damaged, which the caller notices
	}
	for _, w := range []writtenVersion{head.File, head.Item} {
		if _, err := strconv.Atoi(w.text); w.number > reads || w.text != "" && err != nil {
			return &NewerError{Version: w.text, Reads: reads}
		}
	}
	return nil
}
