package kite

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestToken_DeadlineAllowsForTheSkew(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tok := Token{Expires: now.Add(10*time.Minute + 90*time.Second), Skew: 10 * time.Minute}
	if got := tok.Remaining(now); got != 90*time.Second {
		t.Errorf("remaining %v", got)
	}
	if tok.Remaining(now.Add(89*time.Second)) == 0 || tok.Remaining(now.Add(90*time.Second)) != 0 {
		t.Error("expired at the wrong moment")
	}
	if got := tok.Remaining(now.Add(time.Hour)); got != 0 {
		t.Errorf("%v remain an hour later", got)
	}
}

// The command runs: the server must see the header, and the arguments must not hold
// it.
func TestCurl_KeepsTheTokenOutOfArguments(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a Unix shell runs the command")
	}
	seen := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Get("Authorization") + " " + r.URL.String()
	}))
	defer server.Close()
	command := fakeToken().Curl(server.URL + "/a?b=c&d='e'").Reveal()
	first, _, _ := strings.Cut(command, "\n")
	if strings.Contains(first, "canary") {
		t.Errorf("the token is in an argument: %s", first)
	}
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no sh here")
	}
	out, err := exec.Command("sh", "-c", command).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got, want := <-seen, "JWT canary-token-77aa /a?b=c&d='e'"; got != want {
		t.Errorf("the server saw %q, want %q", got, want)
	}
}

func TestShellQuote_QuotesWhatAShellReads(t *testing.T) {
	for in, want := range map[string]string{
		"": "''", "https://a.example/v1": "https://a.example/v1", "a b": "'a b'", "it's": `'it'\''s'`, "$(x)": "'$(x)'", "a?b": "'a?b'", "~": "'~'", "=a": "'=a'",
	} {
		if got := shellQuote(in); got != want {
			t.Errorf("%q is quoted %s, want %s", in, got, want)
		}
	}
}
