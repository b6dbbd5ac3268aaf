package kite

import (
	"strings"
	"testing"
)

func TestParseCredential_TrimsAndRefuses(t *testing.T) {
	const key, secret = "fake-key-0000", canary
	for name, tt := range map[string]struct {
		key, secret string
		trimmed     bool
		err         string // a part of it; "" = none
	}{
		"plain":             {key, secret, false, ""},
		"blanks around":     {"  " + key + "\t", secret + "\r\n", true, ""},
		"no-break space":    {key, "\u00a0" + secret, true, ""},
		"byte order mark":   {"\ufeff" + key, secret, true, ""},
		"inner space":       {"fake key", secret, false, ""},
		"beyond ASCII":      {key, "sécret-ключ", false, ""},
		"longest":           {strings.Repeat("k", MaxAPIKeyLen), strings.Repeat("s", MaxAPISecretLen), false, ""},
		"empty key":         {"", secret, false, "api_key is empty"},
		"blank secret":      {key, " \n ", false, "api_secret is empty"},
		"key too long":      {strings.Repeat("k", MaxAPIKeyLen+1), secret, false, "api_key is too long"},
		"secret too long":   {key, strings.Repeat(canary, 100), false, "api_secret is too long"},
		"not UTF-8":         {key, canary + "\xff", false, "api_secret is not UTF-8"},
		"line break":        {key, canary + "\nX-Evil: 1", false, "more than one line"},
		"carriage return":   {key, canary + "\rx", false, "more than one line"},
		"line separator":    {key, canary + "\u2028x", false, "more than one line"},
		"escape":            {key, canary + "\x1b[31m!", false, "control character (U+001B)"},
		"NUL":               {key + "\x00x", secret, false, "control character (U+0000)"},
		"bidi":              {key, canary + "\u202ex", false, "invisible character (U+202E)"},
		"zero-width space":  {key, "ca\u200bnary", false, "invisible character (U+200B)"},
		"both halves wrong": {"", "", false, "api_secret is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			c, trimmed, err := ParseCredential(tt.key, tt.secret)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want one with %q", err, tt.err)
				}
				if strings.Contains(err.Error(), canary) {
					t.Errorf("the error repeats the value: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if trimmed != tt.trimmed {
				t.Errorf("trimmed %v, want %v", trimmed, tt.trimmed)
			}
			trim := func(s string) string { return strings.Trim(s, " \t\r\n\u00a0\ufeff") }
			if c.APIKey.Reveal() != trim(tt.key) || c.APISecret.Reveal() != trim(tt.secret) {
				t.Error("the value was changed")
			}
		})
	}
}

func TestHint_ShowsAtMostFourCharacters(t *testing.T) {
	for key, want := range map[string]string{
		"": "", "abc": "", "abcd": "d", "abcdefgh": "gh", "2882jj2hh288282jj2": "2jj2", "éééé": "é",
	} {
		if got := (Credential{APIKey: NewSecret(key)}).Hint(); got != want {
			t.Errorf("hint of %q is %q, want %q", key, got, want)
		}
	}
}
