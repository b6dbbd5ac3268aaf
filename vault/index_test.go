package vault_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	. "kitekey/vault"
)

// A program that can write the index must not be able to write on the screen, or to
// have a live credential used as a sandbox one.
func TestParseIndex_CleansWhatIsPlanted(t *testing.T) {
	entry := func(fields string) string {
		return `{"version":1,"profiles":[{"id":"aaaaaaaaaaaaaaaa","account":"acme","environment":"sandbox","store":"keyring"` + fields + `}]}`
	}
	for name, text := range map[string]string{
		"unknown state": entry(`,"state":"gone"`),
		"store":         strings.Replace(entry(""), `"keyring"`, `"\u001b[2Jkeyring"`, 1),
		"id":            strings.Replace(entry(""), "aaaaaaaaaaaaaaaa", "../../../../etc/", 1),
		"account":       strings.Replace(entry(""), "acme", `\u001b[2Jacme`, 1),
		"twice":         strings.Replace(entry(""), "}]", `},{"id":"aaaaaaaaaaaaaaaa","account":"coral","environment":"sandbox","store":"keyring"}]`, 1),
		"a wild year":   entry(`,"verdict_at":"99999-01-01T00:00:00Z"`),
		"deep":          entry(`,"label":` + strings.Repeat("[", 100_000)),
	} {
		_, err := ParseIndex([]byte(text))
		if err == nil || strings.IndexFunc(err.Error(), unicode.IsControl) >= 0 {
			t.Errorf("%s: %q", name, err)
		}
	}
	profiles, err := ParseIndex([]byte(entry(`,"label":"\u001b]0;title\u0007Acme\u202e ` + strings.Repeat("long", 1000) +
		`","key_hint":"\u009b31mabcdefgh","verdict":"\u001b[2J","expires_in":9223372036854775807,` +
		`"token":{"minted":"0001-01-01T00:00:00Z","deadline":"9999-12-31T23:59:59Z","expires_in":9223372036854775807,"skew_ms":9223372036854775807}`)))
	if err != nil {
		t.Fatal(err)
	}
	p := profiles[0]
	if !strings.HasPrefix(p.Label, "Acme long") || len(p.Label) > MaxLabel || p.KeyHint != "abcd" ||
		p.Verdict != VerdictNone || p.ExpiresIn != DefaultExpiresIn || p.Token.ExpiresIn != 0 {
		t.Errorf("%+v %q %q %v", p.Token, p.Label, p.KeyHint, p.ExpiresIn)
	}
	if _, err := FormatIndex(profiles); err != nil {
		t.Errorf("it cannot be written again: %v", err)
	}
}

func TestIndex_CannotSwapEnvironments(t *testing.T) {
	w := newFixture(t)
	w.mustAdd(t, "acme/live")
	path := filepath.Join(w.dir, IndexFile)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), `"live"`, `"sandbox"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Token(t.Context(), sel("acme"), TokenRequest{}); !errors.Is(err, ErrIndexDamaged) || w.gateway.count() != 0 {
		t.Errorf("a live credential went to the sandbox: %v", err)
	}
	// It is not overwritten either.
	if _, err := w.Rotate(t.Context(), sel("acme"), credential("next")); !errors.Is(err, ErrIndexDamaged) {
		t.Errorf("%v", err)
	}
}
