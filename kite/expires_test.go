package kite

import (
	"strings"
	"testing"
	"time"
	"unicode"
)

func TestParseExpiresIn(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"300": 5 * time.Minute, " 90s ": 90 * time.Second, "5m": 5 * time.Minute, "5 min": 5 * time.Minute,
		"1h30m": 90 * time.Minute, "1 h 30 min": 90 * time.Minute, "1 Hour": time.Hour, "2 minutes 5 secs": 125 * time.Second,
		"1": time.Second, "86400": 24 * time.Hour, "24h": 24 * time.Hour, "1.5h": 90 * time.Minute, "+5m": 5 * time.Minute, "060": time.Minute,
	} {
		if got, err := ParseExpiresIn(in); err != nil || got != want {
			t.Errorf("%q gives %v, %v; want %v", in, got, err, want)
		}
	}
	for in, words := range map[string]string{
		"": "is empty", "  ": "is empty", "0": "more than nothing", "0s": "more than nothing", "-5m": "cannot die before", "-1": "cannot die before",
		"1e9": "no length of time", "abc": "no length of time", "5x": "no length of time", "300ms": "no length of time", "5m5": "no length of time",
		"1000000000": "at most 24 hours", "86401": "at most 24 hours", "25h": "at most 24 hours", "1.5": "whole seconds", "0.5m0.5s": "whole seconds",
		"٣٠٠": "no length of time", "5\x1b[31mm": "no length of time", "9999999999999999999999h": "that is no length", strings.Repeat("9", 400): "that is no length",
		"１００": "no length of time", "5:00": "no length of time", "m": "no length of time",
	} {
		_, err := ParseExpiresIn(in)
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%q gives error %v, want one with %q", in, err, words)
		} else if strings.ContainsRune(err.Error(), '\x1b') {
			t.Errorf("%q: the error holds an escape", in)
		}
	}
}

func FuzzParseExpiresIn(f *testing.F) {
	for _, s := range []string{"300", "90s", "1h30m", "5 min", "-1", "1e9", "abc", "1.5h", "5µs", "1h1h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseExpiresIn(s)
		if err != nil {
			if strings.IndexFunc(err.Error(), unicode.IsControl) >= 0 {
				t.Errorf("the error is not fit for a terminal: %q", err)
			}
			return
		}
		if CheckExpiresIn(d) != nil {
			t.Errorf("%q gives %v, which may not be asked for", s, d)
		}
		if again, err := ParseExpiresIn(d.String()); err != nil || again != d {
			t.Errorf("%v does not come back: %v, %v", d, again, err)
		}
	})
}
