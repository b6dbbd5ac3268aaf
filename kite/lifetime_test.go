package kite

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/spf13/pflag"
)

var _ pflag.Value = (*Lifetime)(nil)

func TestParseLifetime_TakesSecondsAndUnits(t *testing.T) {
	for in, want := range map[string]Lifetime{
		"300": 300, " 90s ": 90, "5m": 300, "5 min": 300, "1h30m": 5400, "1 h 30 min": 5400, "1 Hour": 3600,
		"2 minutes 5 secs": 125, "1": 1, "86400": 86400, "24h": 86400, "1.5h": 5400, "+5m": 300, "060": 60,
		"2d": 172800, "1d12h": 129600, "1.5 days": 129600, "1000000000": 1e9, "4294967295": MaxLifetime, "1000ms": 1,
	} {
		if got, err := ParseLifetime(in); err != nil || got != want {
			t.Errorf("%q gives %d, %v; want %d", in, got, err, want)
		}
	}
	for in, words := range map[string]string{
		"": `"" is not a duration`, "  ": "is not a duration", "0": "must be at least 1s", "0s": "must be at least 1s", "-5m": "must be at least 1s",
		"-1": "must be at least 1s", "1e9": "is not a duration", "abc": "is not a duration", "5x": "is not a duration", "300ms": "must be at least 1s",
		"5m5": "is not a duration", "4294967296": "at most 4294967295 seconds", "50000d": "at most 4294967295 seconds", "1.5": "whole seconds", "1500ms": "whole seconds",
		"1m0.5s": "whole seconds", "٣٠٠": "is not a duration", "5\x1b[31mm": "is not a duration", "9999999999999999999999h": "at most 4294967295 seconds",
		"999999999d": "at most 4294967295 seconds", strings.Repeat("9", 400): "at most 4294967295 seconds", "1.2.3s": "is not a duration", "999999999d5": "is not a duration", "-999999999d": "is not a duration", "１００": "is not a duration", "5:00": "is not a duration",
		"m": "is not a duration", "--5": "is not a duration", "5m-3m": "is not a duration", "-": "is not a duration",
	} {
		_, err := ParseLifetime(in)
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%q gives error %v, want one with %q", in, err, words)
		} else if strings.ContainsRune(err.Error(), '\x1b') {
			t.Errorf("%q: the error holds an escape", in)
		}
	}
}

func TestLifetime_PrintsUnits(t *testing.T) {
	for l, want := range map[Lifetime]string{0: "0", 1: "1s", 300: "5m", 90: "1m30s", 5400: "1h30m", 172800: "2d", 90061: "1d1h1m1s"} {
		if got := l.String(); got != want {
			t.Errorf("Lifetime(%d).String() = %q, want %q", uint32(l), got, want)
		}
	}
}

func TestLifetime_SetKeepsValueOnError(t *testing.T) {
	l := Lifetime(300)
	if err := l.Set("soon"); err == nil || l != 300 {
		t.Errorf("Set(soon) = %v, and the value is %v; want an error and 5m", err, l)
	}
	if err := l.Set("2d"); err != nil || l.Duration() != 48*time.Hour {
		t.Errorf("Set(2d) = %v, and the value is %v", err, l)
	}
}

func TestLifetime_JSONIsSeconds(t *testing.T) {
	if data, err := json.Marshal(Lifetime(300)); err != nil || string(data) != "300" {
		t.Errorf("JSON is %s, %v; want 300", data, err)
	}
}

func TestLifetimeOf_LimitsAndRounds(t *testing.T) {
	for d, want := range map[time.Duration]Lifetime{-time.Hour: 0, 1500 * time.Millisecond: 1, 200 * 365 * 24 * time.Hour: MaxLifetime} {
		if got := LifetimeOf(d); got != want {
			t.Errorf("LifetimeOf(%v) = %v, want %v", d, got, want)
		}
	}
}

func FuzzParseLifetime(f *testing.F) {
	for _, s := range []string{"300", "90s", "1h30m", "5 min", "-1", "1e9", "abc", "1.5h", "5µs", "1h1h", "2d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := ParseLifetime(s)
		if err != nil {
			if strings.IndexFunc(err.Error(), unicode.IsControl) >= 0 {
				t.Errorf("the error is not fit for a terminal: %q", err)
			}
			return
		}
		if again, err := ParseLifetime(l.String()); err != nil || again != l || l == 0 {
			t.Errorf("%v does not come back: %v, %v", l, again, err)
		}
	})
}
