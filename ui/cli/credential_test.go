package cli

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestDecodeCredential_TakesTheTwoFieldsOnly(t *testing.T) {
	for _, in := range []string{
		`{"api_key":"fake-k","api_secret":"fake-s"}`,
		" {\"api_secret\":\"fake-s\",\r\n\"api_key\":\"fake-k\"}\n\n",
		`{"api\u005fkey":"fake\u002dk","api_secret":"fake-s"}`,
	} {
		key, secret, err := decodeCredential([]byte(in))
		if key != "fake-k" || secret != "fake-s" || err != nil {
			t.Errorf("%s: %q %q %v", in, key, secret, err)
		}
	}
	for in, want := range map[string]string{
		"":                                  "empty",
		" \n":                               "empty",
		"canary":                            "not a JSON object",
		`"canary"`:                          "not a JSON object",
		`{}`:                                "api_key is missing",
		`{"api_key":"k"}`:                   "api_secret is missing",
		`{"api_key":null}`:                  "not a string",
		`{"api_key":{"a":1`:                 "not a string",
		`{"canary":"x"}`:                    "neither",
		`{"Api_Key":"x"}`:                   "neither",
		`{"api_key":"canary`:                "not valid JSON",
		`{"api_key" "x"}`:                   "not valid JSON",
		`{"api_key":"k","api_secret":"s",}`: "not valid JSON",
		`{"api_key":"k","api_secret":"s","api_key":"k"}`: "api_key appears twice",
		`{"api_key":"k","api_secret":"s"}{}`:             "more after the JSON object",
		`{"api_key":"k\ufffd","api_secret":"s"}`:         "not valid text",
		`{"api_key":"k\udc00","api_secret":"s"}`:         "not valid text",
		"{\"api_key\":\"k\xff\",\"api_secret\":\"s\"}":   "not UTF-8",
	} {
		_, _, err := decodeCredential([]byte(in))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%.40s: %v, want %q", in, err, want)
		}
	}
}

func FuzzDecodeCredential(f *testing.F) {
	f.Add([]byte(`{"api_key":"fake-k","api_secret":"fake-s"}`))
	f.Add([]byte(`{"api_key":"fake-k","api_secret":"fake-s","api_key":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		key, secret, err := decodeCredential(data)
		if err != nil {
			return
		}
		// What is taken is what any JSON reader finds there.
		var want map[string]string
		if err := json.Unmarshal([]byte(strings.TrimPrefix(string(data), "\ufeff")), &want); err != nil {
			t.Fatalf("took what is not JSON: %v", err)
		}
		if len(want) != 2 || want["api_key"] != key || want["api_secret"] != secret {
			t.Fatalf("took %q and %q from %q", key, secret, data)
		}
	})
}
