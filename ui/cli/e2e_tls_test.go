//go:build linux

package cli_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The test uses TLS and HTTP/2 with every variable that makes Go's own libraries
// log headers.
func TestCommands_ShowNoSecretWhenGoIsDebugged(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	h := newInstallation(t, "acme")
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
	h.must("", "network", "ca", roots)
	h.env = append(h.env, "KITEKEY_SANDBOX_URL="+gateway.URL+"/v1", "KITEKEY_LIVE_URL="+gateway.URL+"/live/v1", "SSLKEYLOGFILE="+keys,
		"GODEBUG=http2debug=2,netdns=2", "HTTPS_PROXY=http://127.0.0.1:1", "HTTP_PROXY=http://127.0.0.1:1", "ALL_PROXY=socks5://127.0.0.1:1")

	var said strings.Builder
	for _, args := range [][]string{
		{"add", "acme", "--stdin"}, {"verify", "acme", "--deep"}, {"api", "acme", "--include", "/data/wallets/balances"},
		{"api", "acme", "POST", "/collections/request-to-pay", "--data", paymentJSON()}, {"doctor"},
	} {
		stdin := ""
		if args[0] == "add" {
			stdin = credentialOf("acme")
		}
		code, out, errs := h.run(stdin, args...)
		if code != 0 && args[0] != "doctor" { // doctor warns of the overrides
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

// The server knows only a key exchange that Go has given up and GODEBUG brings back.
func TestCommands_UseNoTLSThatAVariableBringsBack(t *testing.T) {
	if testing.Short() {
		t.Skip("starts several processes")
	}
	t.Parallel()
	h := newInstallation(t, "acme")
	gateway := httptest.NewUnstartedServer(h.sim)
	gateway.TLS = &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}
	gateway.Config.ErrorLog = log.New(io.Discard, "", 0)
	gateway.StartTLS()
	defer gateway.Close()
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: gateway.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	h.must("", "network", "ca", roots)
	h.env = append(h.env, "KITEKEY_SANDBOX_URL="+gateway.URL+"/v1", "GODEBUG=tlsrsakex=1")
	if _, _, errs := h.run(credentialOf("acme"), "add", "acme", "--stdin"); !strings.Contains(errs, "handshake failure") {
		t.Error(errs)
	}
}

// A man in the middle has set a proxy variable and a CA variable, as a careless or
// hostile script may.
func TestCommands_SendNothingThroughAnotherTLS(t *testing.T) {
	t.Parallel()
	h := newInstallation(t, "acme")
	h.env = slices.DeleteFunc(h.env, func(kv string) bool { return strings.HasPrefix(kv, "KITEKEY_SANDBOX_URL=") })
	h.env = append(h.env, "KITEKEY_SANDBOX_URL=")
	proxy := newInspectingProxy(t, h.sim)
	trusted := append(slices.Clone(h.env), "HTTPS_PROXY=http://"+proxy.addr, "SSL_CERT_FILE="+proxy.ca, "SSL_CERT_DIR="+filepath.Dir(proxy.ca))

	h.env = trusted
	code, _, errs := h.run(credentialOf("acme"), "add", "acme", "--stdin")
	if n := proxy.requests.Load(); n != 0 {
		t.Fatalf("%d requests came through the proxy's own TLS (exit %d: %s)", n, code, errs)
	}
	_, _, more := h.run("", "verify", "acme")
	errs += more
	for _, want := range []string{"certificate is not trusted", "CN=Company Inspection CA", "kitekey network ca"} {
		if !strings.Contains(errs, want) {
			t.Errorf("stderr lacks %q: %s", want, errs)
		}
	}
	_, report, _ := h.run("", "network", "--json")
	for _, want := range []string{proxy.addr, "HTTPS_PROXY", "SSL_CERT_FILE"} {
		if !strings.Contains(report, want) {
			t.Errorf("network --json lacks %q: %s", want, report)
		}
	}

	out := h.must("", "network", "ca", proxy.ca, "--json")
	if !strings.Contains(out, proxy.fingerprint) {
		t.Errorf("no fingerprint %s in %s", proxy.fingerprint, out)
	}
	h.must("", "verify", "acme", "--deep")
	if proxy.requests.Load() == 0 {
		t.Error("nothing came through the proxy after its CA was adopted")
	}
	// A child of exec still gets the variables.
	if out := h.must("", "exec", "acme", "--", "sh", "-c", "echo $SSL_CERT_FILE"); strings.TrimSpace(out) != proxy.ca {
		t.Errorf("exec's child has SSL_CERT_FILE=%q, want %q", out, proxy.ca)
	}
	h.must("", "network", "ca", "--none")
	if code, _, _ := h.run("", "verify", "acme"); code != 5 {
		t.Errorf("verify exits with %d after the CA was dropped, want 5", code)
	}
}

// What fails before there is a connection to the gateway or the engine is the
// proxy's failure, and its own words and what to do about it are said.
func TestCommands_NameTheProxyThatDoesNotConnect(t *testing.T) {
	if testing.Short() {
		t.Skip("waits while kitekey tries again")
	}
	h := newInstallation(t, "acme")
	h.env = append(h.env, "KITEKEY_SANDBOX_URL=", "BAO_TOKEN=hvs.x")
	h.must(credentialOf("acme"), "add", "acme", "--stdin", "--no-verify")
	h.must("", "source", "add", "team", "--address", "https://bao.example:8200", "--no-sync")
	env := h.env
	for name, c := range map[string]struct {
		reply string // of the proxy to CONNECT
		value string // of the variable, with the proxy's address for ADDR
		want  []string
	}{
		"hangs up":            {"", "http://ADDR", []string{"the proxy ADDR (HTTPS_PROXY) did not connect (the connection was closed", "correct HTTPS_PROXY"}},
		"speaks SSH":          {"SSH-2.0-OpenSSH_9\r\n", "http://ADDR", []string{"the proxy ADDR (HTTPS_PROXY) did not connect"}},
		"has a page":          {"HTTP/1.1 200 OK\r\n\r\n<html>sign in</html>", "http://ADDR", []string{"the proxy ADDR (HTTPS_PROXY) did not connect"}},
		"forbids":             {"HTTP/1.1 403 Category finance\r\nContent-Length: 0\r\n\r\n", "http://ADDR", []string{"the proxy ADDR (HTTPS_PROXY) refused the connection (403 Category finance)", "allow the connection"}},
		"wants a user":        {"HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n", "http://ADDR", []string{"the proxy ADDR (HTTPS_PROXY) asks for a user and a password (407)", "http://USER:PASSWORD@"}},
		"wants another user":  {"HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n", "http://bob:CANARY@ADDR", []string{"refused the user or the password (407)"}},
		"fails":               {"HTTP/1.1 503 DNS failed\r\nContent-Length: 0\r\n\r\n", "http://ADDR", []string{"(503 DNS failed)", "try again in a minute"}},
		"no SOCKS":            {"HTTP/1.1 400 Bad Request\r\n\r\n", "socks5://ADDR", []string{"the proxy ADDR (HTTPS_PROXY)"}},
		"a scheme of SOCKS 4": {"", "socks4://ADDR", []string{"HTTPS_PROXY is not a proxy's address", "socks4"}},
		"one slash":           {"", "http:/ADDR", []string{"HTTPS_PROXY is not a proxy's address", "http://HOST:PORT"}},
		"a % in the password": {"", "http://bob:CANARY%zz@ADDR", []string{"HTTPS_PROXY is not a proxy's address", "%25"}},
		"a # in the password": {"", "http://bob:CANARY#@ADDR", []string{"HTTPS_PROXY is not a proxy's address", "%23"}},
		"not a port number":   {"", "http://127.0.0.1:99999", []string{"HTTPS_PROXY is not a proxy's address", "port"}},
	} {
		t.Run(name, func(t *testing.T) {
			addr := answeringProxy(t, c.reply)
			h.env = append(slices.Clone(env), "HTTPS_PROXY="+strings.ReplaceAll(c.value, "ADDR", addr))
			for _, command := range []struct {
				args []string
				exit int
			}{{[]string{"token", "acme"}, 5}, {[]string{"source", "sync", "team"}, 6}} {
				code, _, errs := h.run("", command.args...)
				if code != command.exit || strings.Contains(errs, "CANARY") || strings.Contains(errs, "kitegateway.com could not") {
					t.Errorf("%s: exit %d, want %d: %s", command.args, code, command.exit, errs)
				}
				for _, want := range c.want {
					if want = strings.ReplaceAll(want, "ADDR", addr); !strings.Contains(errs, want) {
						t.Errorf("%s: stderr lacks %q: %s", command.args, want, errs)
					}
				}
			}
		})
	}
}

// answeringProxy listens, gives one reply to each request, and hangs up.
func answeringProxy(t *testing.T, reply string) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)) // SOCKS sends no line
			_, _ = http.ReadRequest(bufio.NewReader(conn))
			_, _ = io.WriteString(conn, reply)
			_ = conn.Close()
		}
	}()
	return l.Addr().String()
}

// inspectingProxy is a company's proxy: it takes CONNECT, ends TLS with a
// certificate of its own CA, and passes requests on to the simulator.
type inspectingProxy struct {
	addr, ca, fingerprint string
	requests              atomic.Int32
}

func newInspectingProxy(t *testing.T, gateway http.Handler) *inspectingProxy {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	issue := func(template, parent *x509.Certificate) []byte {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		template.SerialNumber = big.NewInt(time.Now().UnixNano())
		template.BasicConstraintsValid = true
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	ca := &x509.Certificate{Subject: pkix.Name{CommonName: "Company Inspection CA"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign}
	caDER := issue(ca, ca)
	leaf := issue(&x509.Certificate{Subject: pkix.Name{CommonName: "inspected"}, DNSNames: []string{"sandbox.kitegateway.com", "kitegateway.com"}}, ca)
	p := &inspectingProxy{ca: filepath.Join(t.TempDir(), "company.pem"), fingerprint: strings.ReplaceAll(fmt.Sprintf("% X", sha256.Sum256(caDER)), " ", ":")}
	if err := os.WriteFile(p.ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER}), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	p.addr = l.Addr().String()
	inside := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.requests.Add(1)
		gateway.ServeHTTP(w, r)
	}), ErrorLog: log.New(io.Discard, "", 0)}
	tunnels := &tunnelListener{conns: make(chan net.Conn), addr: l.Addr()}
	go func() { _ = inside.Serve(tunnels) }()
	t.Cleanup(func() { _ = inside.Close() })
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf, caDER}, PrivateKey: key}}}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				r, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil || r.Method != http.MethodConnect {
					_ = conn.Close()
					return
				}
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
				tunnels.conns <- tls.Server(conn, config)
			}()
		}
	}()
	return p
}

// tunnelListener returns the connections in the tunnels.
type tunnelListener struct {
	conns chan net.Conn
	addr  net.Addr
	once  sync.Once
}

func (l *tunnelListener) Accept() (net.Conn, error) {
	conn, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}
func (l *tunnelListener) Close() error   { l.once.Do(func() { close(l.conns) }); return nil }
func (l *tunnelListener) Addr() net.Addr { return l.addr }

// Another program listens where an override points. A profile that was added
// without the override is not sent to it.
func TestCommands_SendNothingToAPortSquatter(t *testing.T) {
	t.Parallel()
	h := newInstallation(t, "acme")
	var requests atomic.Int32
	squatter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		h.sim.ServeHTTP(w, r)
	}))
	defer squatter.Close()
	env := slices.DeleteFunc(h.env, func(kv string) bool { return strings.HasPrefix(kv, "KITEKEY_SANDBOX_URL=") })
	// Added for Kitegateway itself, which cannot be reached.
	h.env = append(slices.Clone(env), "HTTPS_PROXY=http://127.0.0.1:1")
	h.must(credentialOf("acme"), "add", "acme", "--stdin", "--no-verify")

	h.env = append(slices.Clone(env), "KITEKEY_SANDBOX_URL="+squatter.URL+"/v1")
	for _, args := range [][]string{
		{"token", "acme"}, {"token", "acme", "--no-cache"}, {"exec", "acme", "--", "true"}, {"env", "acme"}, {"verify", "acme"}, {"verify", "--all"},
		{"api", "acme", "/data/wallets/balances"}, {"proxy", "acme"}, {"copy", "acme"},
	} {
		code, _, errs := h.run("", args...)
		if code != 2 || !strings.Contains(errs, "Kitegateway") {
			t.Errorf("%v: exit %d: %s", args, code, errs)
		}
	}
	if n := requests.Load(); n != 0 {
		t.Errorf("%d requests reached the program at the override's port", n)
	}
}
