package kite

import (
	"strings"
	"testing"
)

func TestParseBaseURL_TakesLoopbackAddressesOnly(t *testing.T) {
	for in, want := range map[string]string{
		"http://127.0.0.1:4010/v1":    "http://127.0.0.1:4010/v1",
		" http://127.0.0.1:4010/v1/ ": "http://127.0.0.1:4010/v1",
		"https://localhost:4010/v1":   "https://localhost:4010/v1",
		"http://LOCALHOST":            "http://localhost",
		"http://[::1]:4010/live/v1":   "http://[::1]:4010/live/v1",
		"http://127.8.9.10/":          "http://127.8.9.10",
		"http://[::ffff:127.0.0.1]/":  "http://[::ffff:127.0.0.1]",
	} {
		if got, err := ParseBaseURL(in); err != nil || got != want {
			t.Errorf("%q gives %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "127.0.0.1:4010/v1", "localhost:4010", "ftp://127.0.0.1", "http://", "http:///v1", "//127.0.0.1/v1", "mailto:a@127.0.0.1",
		"http://evil.example/v1", "http://127.0.0.1.evil.example/v1", "http://localhost.evil.example", "http://evil.localhost", "http://localhost./v1",
		"http://0.0.0.0:4010", "http://[::]:4010", "http://10.0.0.1", "http://169.254.169.254", "http://2130706433/", "http://0x7f.1", "http://127.1",
		"http://hunter2:" + canary + "@127.0.0.1/v1", "http://127.0.0.1@evil.example", "http://127.0.0.1\\@evil.example/", "http://evil.example#@127.0.0.1",
		"http://127.0.0.1/v1?k=" + canary, "http://127.0.0.1/v1#x", "http://127.0.0.1/v1?", "http://127.0.0.1/../v1", "http://127.0.0.1/a%2f..", "http://127.0.0.1//v1",
		"http://127.0.0.1:4010\r\nX: y/v1", "http://127.0.0.1:99999999999999", "http://[fe80::1%25lo]/", "http://[::1%25lo]/", "http://１２７.0.0.1/", "http://\x1b[31mx/",
	} {
		got, err := ParseBaseURL(in)
		if err == nil {
			t.Errorf("%q is taken as %q", in, got)
		} else if strings.Contains(err.Error(), canary) || strings.ContainsRune(err.Error(), '\x1b') {
			t.Errorf("%q: the error repeats what it should not: %v", in, err)
		}
	}
}

func FuzzOverride(f *testing.F) {
	f.Add("http://127.0.0.1:4010/v1")
	f.Add("http://[::1]/")
	f.Add("http://localhost@evil.example")
	f.Add("http://loCAlhost://")
	f.Add("http://[::1]:/v1/")
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := ParseBaseURL(raw)
		if err != nil {
			return
		}
		if again, err := ParseBaseURL(got); err != nil || again != got {
			t.Errorf("%q becomes %q, which becomes %q, %v", raw, got, again, err)
		}
	})
}

func TestLoopbackOnly_RefusesOtherAddresses(t *testing.T) {
	for address, ok := range map[string]bool{"127.0.0.1:80": true, "[::1]:80": true, "10.0.0.1:80": false, "[fe80::1]:80": false, "nonsense": false} {
		if err := loopbackOnly(address); (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
	}
}
