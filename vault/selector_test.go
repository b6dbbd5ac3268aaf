package vault_test

import (
	"fmt"
	"strings"
	"testing"

	. "kitekey/vault"
)

// A name in the error is one that is taken.
func TestValidAccount_SaysWhatToUse(t *testing.T) {
	const kelvin = "\u212aelvin" // its first letter is the sign of a unit
	for name, want := range map[string]string{
		"acme":                          "<nil>",
		strings.Repeat("a", MaxAccount): "<nil>",
		"Acme":                          `try "acme"`,
		kelvin:                          `try "kelvin"`,
		"live":                          `"live" is an environment`,
		"sandbox":                       `"sandbox" is an environment`,
		"live-shop":                     "<nil>",
		"Not/A/Name":                    `'/' cannot be in`,
		"Zoë":                           `'ë' cannot be in`,
		strings.Repeat("é", 40):         `'é' cannot be in`,
		strings.Repeat("A", 65):         "at most 64 characters; this one has 65",
	} {
		if got := fmt.Sprint(ValidAccount(name)); !strings.Contains(got, want) {
			t.Errorf("%q: %s, want %q", name, got, want)
		}
	}
}
