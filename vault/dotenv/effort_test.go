package dotenv

import (
	"strings"
	"testing"
	"time"
)

// Each text made an earlier reader look at the same part again and again, for 4 seconds to
// many minutes.
func TestRead_TakesTimeInProportionToTheText(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 2 MB")
	}
	const size = 250 << 10
	many := func(text string, size int) string { return strings.Repeat(text, size/len(text)) }
	for name, text := range map[string]string{
		"escaped quotes":      `"` + many(`\"`, size),
		"opening quotes":      "x\n" + many("„a ", size),
		"lines with a quote":  many("A=«\n", size),
		"types":               "x " + many(": apiKey =", size),
		"objects with a name": "[" + many(`{"name":"live"},`, size) + `{"a":"b"}]`,
		"Secrets":             "[" + many(`{"kind":"Secret"},`, size) + `{"a":"b"}]`,
		"a long name":         `{"` + many("a-", size/2) + `":[` + many(`{"api_key":"a1","api_secret":"b"},`, size/2) + `{"a":"b"}]}`,
		"a long section":      "[" + many("a.", size/2) + "]\n" + many("api_key=a\n", size/2),
	} {
		began := time.Now()
		_, err := Read(text)
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("%s: it took %v (%v)", name, took, err)
		}
	}
}
