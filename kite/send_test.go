package kite

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// flaky starts an HTTP/1.1 server that answers the first request of each connection
// and closes the connection after it has read the second.
func flaky(t *testing.T) (client *Client, writes *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	writes = new(atomic.Int32)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			context.AfterFunc(t.Context(), func() { _ = conn.Close() })
			go func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				for n := 1; ; n++ {
					r, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, r.Body)
					if !IsSafe(r.Method) {
						writes.Add(1)
					}
					if n > 1 {
						return
					}
					_, _ = io.WriteString(conn, reply)
				}
			}()
		}
	}()
	c := &Client{BaseURL: "http://" + l.Addr().String() + "/v1"}
	t.Cleanup(c.CloseIdleConnections)
	return c, writes
}

const reply = "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{\"code\":200,\"status\":\"success\",\"data\":1}"

var keyed = http.Header{"Idempotency-Key": {"k"}, "X-Idempotency-Key": {"k"}}

func TestDo_SendsWriteOnceWhenConnectionDrops(t *testing.T) {
	for name, body := range map[string][]byte{"with a body": []byte(`{"amount":1}`), "without": nil} {
		t.Run(name, func(t *testing.T) {
			c, writes := flaky(t)
			if _, err := c.Do(t.Context(), fakeToken(), Request{Path: "/warm"}); err != nil {
				t.Fatal(err)
			}
			_, err := c.Do(t.Context(), fakeToken(), Request{Method: "POST", Path: "/pay", Body: body, Header: keyed})
			wantKind(t, err, ErrOutcomeUnknown)
			if n := writes.Load(); n != 1 {
				t.Errorf("the write was sent %d times", n)
			}
			if !strings.Contains(err.Error(), "it may have been carried out: look it up") {
				t.Errorf("%q does not say what to do", err)
			}
		})
	}
}

// brokenConn fails every write once broken is set, before a byte is sent.
type brokenConn struct {
	net.Conn
	broken *atomic.Bool
}

func (c brokenConn) Write(p []byte) (int, error) {
	if c.broken.Load() {
		return 0, syscall.EPIPE
	}
	return c.Conn.Write(p)
}

// A pooled connection to which nothing could be written is replaced by a fresh one.
func TestDo_WriteTakesFreshConnectionWhenNothingWasWritten(t *testing.T) {
	var writes atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			writes.Add(1)
		}
		_, _ = io.WriteString(w, `{"code":200,"status":"success","data":1}`)
	}))
	defer server.Close()
	c := &Client{BaseURL: server.URL + "/v1"}
	defer c.CloseIdleConnections()
	var broken atomic.Bool
	first := true
	c.transport().(*http.Transport).DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if first && err == nil {
			conn, first = brokenConn{conn, &broken}, false
		}
		return conn, err
	}
	if _, err := c.Do(t.Context(), fakeToken(), Request{Path: "/warm"}); err != nil {
		t.Fatal(err)
	}
	broken.Store(true)
	if _, err := c.Do(t.Context(), fakeToken(), Request{Method: "POST", Path: "/pay", Body: []byte("{}"), Header: keyed}); err != nil {
		t.Error(err)
	}
	if n := writes.Load(); n != 1 {
		t.Errorf("the write was sent %d times", n)
	}
}

// The parts of HTTP/2 (RFC 9113) that a server needs to refuse requests.
const (
	h2Data, h2Headers, h2RSTStream, h2Settings, h2GoAway = 0x0, 0x1, 0x3, 0x4, 0x7
	h2EndStream, h2Ack                                   = 0x1, 0x1
	h2ErrProtocol, h2ErrRefusedStream                    = 0x1, 0x7
	h2Preface                                            = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
)

func h2Frame(kind, flags byte, stream uint32, payload ...uint32) []byte {
	b := []byte{0, 0, byte(4 * len(payload)), kind, flags}
	for _, n := range append([]uint32{stream}, payload...) {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return b
}

// refusingHTTP2 starts an HTTP/2 server that reads each request and answers with
// the frame that refuse makes for its stream.
func refusingHTTP2(t *testing.T, refuse func(stream uint32) []byte) (client *Client, writes *atomic.Int32) {
	t.Helper()
	plain := httptest.NewTLSServer(nil) // for its certificate
	certificate := plain.TLS.Certificates[0]
	trusted := plain.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	plain.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	writes = new(atomic.Int32)
	serve := func(conn net.Conn) {
		defer conn.Close()
		if _, err := io.ReadFull(conn, make([]byte, len(h2Preface))); err != nil {
			return
		}
		_, _ = conn.Write(h2Frame(h2Settings, 0, 0))
		for head := make([]byte, 9); ; {
			if _, err := io.ReadFull(conn, head); err != nil {
				return
			}
			length := int64(head[0])<<16 | int64(head[1])<<8 | int64(head[2])
			_, _ = io.CopyN(io.Discard, conn, length)
			kind, flags, stream := head[3], head[4], binary.BigEndian.Uint32(head[5:])
			if kind == h2Headers {
				writes.Add(1)
			}
			switch {
			case kind == h2Settings && flags&h2Ack == 0:
				_, _ = conn.Write(h2Frame(h2Settings, h2Ack, 0))
			case (kind == h2Headers || kind == h2Data) && flags&h2EndStream != 0:
				_, _ = conn.Write(refuse(stream))
			}
		}
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			context.AfterFunc(t.Context(), func() { _ = conn.Close() })
			go serve(conn)
		}
	}()
	c := &Client{BaseURL: "https://" + l.Addr().String() + "/v1", Timeout: 5 * time.Second}
	c.transport().(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: trusted}
	t.Cleanup(c.CloseIdleConnections)
	return c, writes
}

func TestDo_SendsWriteOnceOverHTTP2(t *testing.T) {
	for name, refuse := range map[string]func(uint32) []byte{
		"refused stream": func(id uint32) []byte { return h2Frame(h2RSTStream, 0, id, h2ErrRefusedStream) },
		"protocol error": func(id uint32) []byte { return h2Frame(h2RSTStream, 0, id, h2ErrProtocol) },
		"going away":     func(uint32) []byte { return h2Frame(h2GoAway, 0, 0, 0, 0) },
	} {
		for kind, body := range map[string][]byte{"with a body": []byte(`{"amount":1}`), "without": nil} {
			t.Run(name+" "+kind, func(t *testing.T) {
				c, writes := refusingHTTP2(t, refuse)
				_, err := c.Do(t.Context(), fakeToken(), Request{Method: "POST", Path: "/pay", Body: body, Header: keyed})
				wantKind(t, err, ErrOutcomeUnknown)
				if n := writes.Load(); n != 1 {
					t.Errorf("the write was sent %d times", n)
				}
			})
		}
	}
}

func TestCheckProxy_SaysWhatIsWrongWithTheVariable(t *testing.T) {
	for value, want := range map[string]string{
		"http://proxy:3128": "", "proxy:3128": "", "http://user:pass%23@proxy:3128": "", "socks5://127.0.0.1:1080": "", "http://proxy:3128/": "",
		`"http://proxy:3128"`: "quotes", "'proxy:3128'": "quotes", "http://proxy:3128 ": "space", "http://pro xy": "space",
		"http://user:pa#ss@proxy:3128": "%23", "http://user:12#3@proxy": "%23", "http://user:a/b@proxy:3128": "%2F", "http://user:pass": "not a URL", "http://": "not a URL", ":3128": "not a URL",
		"http:/proxy:3128": "not a URL", "http://user:pa%ss@proxy:3128": "%25", "socks4://proxy:1080": "scheme", "ftp://proxy": "scheme",
		"http://proxy:99999": "port", "http://proxy:0": "port", "socks5h://proxy:1080": "", "HTTPS://proxy": "",
		"http://pac.corp/proxy.pac": "has a path",
		"http://proxy:8080/":        "",
		"DIRECT":                    "does not name a proxy",
	} {
		got := checkProxy(value)
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("checkProxy(%q) = %q, want one with %q", value, got, want)
		}
	}
}

func TestProxyFailure_NamesTheProxyAndItsVariable(t *testing.T) {
	proxy := &Proxy{Variable: "HTTPS_PROXY", Addr: "proxy.corp:3128"}
	err := proxy.Failure(&net.OpError{Op: "proxyconnect", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "proxy.corp", IsNotFound: true}}, false, false)
	e := &Error{Kind: failureKind(err, false), Host: "kitegateway.com", Op: "GET /x", Err: toSafeError(err, 0, nil)}
	wantKind(t, e, ErrUnreachable)
	if got := e.Error(); !strings.Contains(got, "the proxy proxy.corp:3128 (HTTPS_PROXY) could not be reached") || strings.Contains(got, "kitegateway.com") {
		t.Error(got)
	}
	direct := errors.New("x")
	if (*Proxy)(nil).Failure(direct, true, false) != direct || proxy.Failure(direct, true, true) != direct {
		t.Error("a failure without a proxy, or behind it, is the proxy's")
	}
}

// The CA in CAFile is trusted besides the system's, and SSL_CERT_FILE is not.
func TestClient_TrustsCAFileAndNoVariable(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"code":200,"status":"success","data":[]}`)
	}))
	server.Config.ErrorLog = discard
	server.StartTLS()
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	writePEM(t, ca, server.Certificate().Raw)
	t.Setenv("SSL_CERT_FILE", ca)

	stranger := &Client{BaseURL: server.URL + "/v1", MaxElapsedTime: time.Minute}
	_, err := stranger.Balances(t.Context(), fakeToken())
	wantKind(t, err, ErrUnreachable)
	var untrusted *CertificateError
	if !errors.As(err, &untrusted) || untrusted.Issuer != "O=Acme Co" {
		t.Errorf("%v (%+v); want the certificate's issuer named", err, untrusted)
	}
	if os.Getenv("SSL_CERT_FILE") != ca {
		t.Error("SSL_CERT_FILE was not put back for other programs")
	}
	friend := &Client{BaseURL: server.URL + "/v1", CAFile: ca}
	defer friend.CloseIdleConnections()
	if _, err := friend.Balances(t.Context(), fakeToken()); err != nil {
		t.Error(err)
	}
	if _, err := (&Client{BaseURL: server.URL + "/v1", CAFile: filepath.Join(t.TempDir(), "gone"), MaxElapsedTime: time.Minute}).Balances(t.Context(), fakeToken()); !errors.As(err, &untrusted) {
		t.Errorf("a CA file that is gone gives %v", err)
	}
}

func TestDo_LargeReplyIsReadWhole(t *testing.T) {
	long := `{"code":200,"status":"success","data":"` + strings.Repeat("x", 3<<20) + `"}`
	c := serve(t, answer(200, long))
	got, err := c.Do(t.Context(), fakeToken(), Request{Path: "/x", Large: true})
	if err != nil || got.Rest == nil {
		t.Fatalf("%v, rest %v", err, got)
	}
	defer got.Rest.Close()
	rest, err := io.ReadAll(got.Rest)
	if err != nil || string(got.Body)+string(rest) != long {
		t.Errorf("%v; %d bytes of %d", err, len(got.Body)+len(rest), len(long))
	}
	_, err = c.Do(t.Context(), fakeToken(), Request{Path: "/x"})
	var limit *LimitError
	if wantKind(t, err, ErrUnexpectedReply); !errors.As(err, &limit) {
		t.Errorf("%v is not a LimitError", err)
	}
}

var discard = log.New(io.Discard, "", 0)

func writePEM(t *testing.T, path string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestWay_DiffersWithBaseURLAndCA(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	seen := map[string]string{}
	for _, name := range []string{"none", "one CA", "another CA", "override"} {
		c := &Client{CAFile: ca}
		switch name {
		case "override":
			c.BaseURL = "http://127.0.0.1:4010/v1"
		case "one CA", "another CA":
			if err := os.WriteFile(ca, []byte(name), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		way := c.Way()
		if other := seen[way]; other != "" || len(way) != 8 {
			t.Errorf("%s: %q, as for %q", name, way, other)
		}
		seen[way] = name
	}
}
