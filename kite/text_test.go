package kite

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestCleanText_RemovesControlCharacters(t *testing.T) {
	for in, want := range map[string]string{
		"":                                 "",
		"plain words.":                     "plain words.",
		"two\nlines\r\n and\ttabs ":        "two lines and tabs",
		"\x1b[31mred\x1b[0m":               "red",
		"\x1b]0;title\x07after":            "after",
		"\x1b]52;c;AAAA\x1b\\after":        "after",
		"\x1b]0;never ends":                "",
		"\u009b31mred":                     "red",
		"\u009d0;title\u009cafter":         "after",
		"\x1bPq...\x1b\\after":             "after",
		"a\x1b":                            "a",
		"a\x1b\x1b[31mb":                   "ab",
		"a\x1b(Bb":                         "ab",
		"bell\a back\b nul\x00":            "bell back nul",
		"user\u202etxt.exe":                "usertxt.exe",
		"\u2066iso\u2069 \u200bzero\ufeff": "iso zero",
		"bad \xff utf":                     "bad \ufffd utf",
		"Größe 大小 ✓":                       "Größe 大小 ✓",
		"next\u0085line\u2028sep":          "next line sep",
	} {
		if got := CleanText(in); got != want {
			t.Errorf("CleanText(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzCleanText(f *testing.F) {
	for _, s := range []string{"a\x1b[31mb", "\x1b]0;x\x07", "\u009b", "\x1b", "\xc2", "a \u202e b", "\x1b\xc2\x9b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := CleanText(s)
		if !utf8.ValidString(got) {
			t.Errorf("not UTF-8: %q", got)
		}
		for _, r := range got {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.IsSpace(r) && r != ' ' {
				t.Errorf("%q still holds %U", got, r)
			}
		}
		if strings.TrimSpace(got) != got || strings.Contains(got, "  ") {
			t.Errorf("spaces left in %q", got)
		}
		if again := CleanText(got); again != got {
			t.Errorf("cleaning twice changes %q to %q", got, again)
		}
	})
}

// CleanText must not change a text that clean reports as clean.
func TestClean_AgreesWithCleanText(t *testing.T) {
	for s, want := range map[string]bool{
		"": true, "a": true, "a b": true, "~!": true,
		" ": false, " a": false, "a ": false, "a  b": false, "a\tb": false, "\x1b[2J": false, "é": false, "\x7f": false,
	} {
		if got := clean(s); got != want {
			t.Errorf("clean(%q) = %v", s, got)
		}
	}
}

func TestPathTemplate_HidesIDsQueryAndControlCharacters(t *testing.T) {
	for in, want := range map[string]string{
		"/data/wallets/balances":                  "/data/wallets/balances",
		"/v1/collections/request-to-pay?token=ab": "/v1/collections/request-to-pay",
		"/transactions/send-callback/sim-4711":    "/transactions/send-callback/{…}",
		"/x/" + strings.Repeat("k", 25):           "/x/{…}",
		"/data/%1B%5D0;t":                         "/data/{…}",
		"/data/\x1b]0;title\x07\u202etxt":         "/data/txt",
		"":                                        "",
	} {
		if got := PathTemplate(in); got != want {
			t.Errorf("PathTemplate(%q) = %q, want %q", in, got, want)
		}
	}
	if got := PathTemplate(strings.Repeat("/abc", 9000)); utf8.RuneCountInString(got) > 200 {
		t.Errorf("%d characters", utf8.RuneCountInString(got))
	}
}
