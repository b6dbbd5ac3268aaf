//go:build linux

package cli_test

import (
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDebuggingShowsNoSecret runs over TLS and HTTP/2 with every switch in the
// environment that makes Go's own libraries talk: they would print headers.
func TestDebuggingShowsNoSecret(t *testing.T) {
	h := newHouse(t, "acme")
	gateway := httptest.NewUnstartedServer(h.sim)
	gateway.EnableHTTP2 = true
	gateway.StartTLS()
	defer gateway.Close()
	roots := filepath.Join(t.TempDir(), "roots.pem")
	keys := filepath.Join(t.TempDir(), "keys")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: gateway.Certificate().Raw})
	if err := os.WriteFile(roots, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	h.env = append(h.env, "KITEKEY_SANDBOX_URL="+gateway.URL+"/v1", "KITEKEY_LIVE_URL="+gateway.URL+"/live/v1", "SSL_CERT_FILE="+roots, "SSLKEYLOGFILE="+keys,
		"GODEBUG=http2debug=2,netdns=2", "HTTPS_PROXY=http://127.0.0.1:1", "HTTP_PROXY=http://127.0.0.1:1", "ALL_PROXY=socks5://127.0.0.1:1")

	var said strings.Builder
	for _, args := range [][]string{
		{"add", "acme", "--stdin"}, {"verify", "acme", "--deep"}, {"api", "acme", "--include", "/data/wallets/balances"},
		{"api", "acme", "POST", "/collections/request-to-pay", "-F", "amount=1"}, {"doctor"},
	} {
		stdin := ""
		if args[0] == "add" {
			stdin = pairOf("acme")
		}
		code, out, errs := h.run(stdin, args...)
		if code != 0 && args[0] != "doctor" { // which does not like the overrides
			t.Errorf("%s: exit %d: %s", args, code, errs)
		}
		said.WriteString(out + errs)
	}
	if !strings.Contains(said.String(), "HTTP/2.0 200 OK") {
		t.Error("it was not HTTP/2")
	}
	token := strings.TrimSpace(h.must("", "token", "acme"))
	for _, canary := range append(secretsOf("acme"), strings.TrimPrefix(token, "JWT ")) {
		if strings.Contains(said.String(), canary) {
			t.Errorf("%q was printed:\n%s", canary, said.String())
		}
	}
	if _, err := os.Stat(keys); err == nil {
		t.Error("TLS keys were written to a file")
	}
}
