package vault

import (
	"strings"
	"testing"
)

// A script may put what it has at hand into the reason.
func TestReasonOf_HoldsNoToken(t *testing.T) {
	token := "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE3OTU5MzA0NDN9.c2lnbmF0dXJl"
	for text, want := range map[string]string{
		"ticket 4711":       "ticket 4711",
		"JWT " + token:      "JWT {…}",
		"Bearer=" + token:   "Bearer={…}",
		"key hvs.CAESIJ1x5": "key {…}",
		"0b3c7a52-9d4e-4f6a-8b1c-2d3e4f5a6b7c for https://tickets.example/browse/a-long-project-name-4711": "0b3c7a52-9d4e-4f6a-8b1c-2d3e4f5a6b7c for https://tickets.example/browse/a-long-project-name-4711",
		strings.Repeat("k3y", 20): "{…}",
		strings.Repeat("a ", 300): strings.Repeat("a ", 100),
	} {
		if got := reasonOf(text); strings.TrimSpace(got) != strings.TrimSpace(want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
