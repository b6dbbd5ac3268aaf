package vault

import (
	"encoding/json"
	"strconv"
)

// writtenVersion is the version of a format as it stands in a file or an item.
type writtenVersion struct {
	number int    // 0 when it is no whole number
	text   string // "" when there is none
}

// UnmarshalJSON implements [json.Unmarshaler].
func (w *writtenVersion) UnmarshalJSON(text []byte) error {
	if string(text) != "null" {
		w.text = string(text)
		w.number, _ = strconv.Atoi(w.text)
	}
	return nil
}

// CheckVersion fails with a [*NewerError] when JSON has a version that is newer than
// what this kitekey reads, whatever else it holds. A version that is not a whole number
// is newer too: no kitekey so far has written one, and what cannot be read must not be
// taken for damaged and repaired.
func CheckVersion(data []byte, reads int) error {
	var head struct {
		File writtenVersion `json:"version"`
		Item writtenVersion `json:"v"`
	}
	if json.Unmarshal(data, &head) != nil {
		return nil //nolint:nilerr // damaged, which the caller finds out
	}
	for _, w := range []writtenVersion{head.File, head.Item} {
		if _, err := strconv.Atoi(w.text); w.number > reads || w.text != "" && err != nil {
			return &NewerError{Version: w.text, Reads: reads}
		}
	}
	return nil
}
