package kite

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// serve starts a gateway for the test and returns a client of it.
func serve(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	c := &Client{BaseURL: server.URL + "/v1"}
	t.Cleanup(func() {
		c.CloseIdleConnections()
		server.Close()
	})
	return c
}

// answer returns a handler that always gives the same answer.
func answer(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func sentinels() []error {
	return []error{ErrRefused, ErrInvalid, ErrRateLimited, ErrGateway, ErrUnreachable, ErrUnexpectedReply, ErrOutcomeUnknown}
}

// wantKind checks that err is of exactly one kind and shows no secret.
func wantKind(t *testing.T, err, kind error) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %v", kind)
	}
	for _, s := range sentinels() {
		if got := errors.Is(err, s); got != (s == kind) {
			t.Errorf("errors.Is(%q, %v) is %v", err, s, got)
		}
	}
	noCanary(t, err)
}

// noCanary checks the text of err and of everything below it.
func noCanary(t *testing.T, err error) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		for _, verb := range []string{"%v", "%+v", "%#v"} {
			if text := fmt.Sprintf(verb, err); strings.Contains(text, "canary") || CleanText(text) != text {
				t.Errorf("not fit to be shown: %q", text)
			}
		}
	}
}

const htmlPage = "<!DOCTYPE html><html><body>Sign in</body></html>"

func TestMint_TellsWhatAReplyMeans(t *testing.T) {
	t.Parallel()
	failed := func(code, message string) string {
		return fmt.Sprintf(`{"code":%q,"status":"error","message":%q,"data":{}}`, code, message)
	}
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		kind    error
		words   []string // all in the error
		tries   int      // requests of one mint
	}{
		"wrong secret":             {answer(401, failed("x_auth", "Invalid API key.")), ErrRefused, []string{"refused the", "(401: Invalid API key.)"}, 1},
		"403":                      {answer(403, failed("x", "Address not allowed.")), ErrRefused, []string{"403: Address not allowed."}, 1},
		"401 without a body":       {answer(401, ""), ErrRefused, []string{"(401)"}, 1},
		"400":                      {answer(400, failed("x", "expires_in")), ErrInvalid, []string{"rejected the request as invalid", "400: expires_in"}, 1},
		"404":                      {answer(404, failed("x", "Resource doesn't exist.")), ErrInvalid, []string{"404: Resource doesn't exist."}, 1},
		"422":                      {answer(422, failed("x", "no")), ErrInvalid, []string{"422"}, 1},
		"500":                      {answer(500, failed("x", "Oops.")), ErrGateway, []string{" failed (500: Oops.)"}, 1},
		"500 in HTML":              {answer(500, htmlPage, "Content-Type", "text/html"), ErrGateway, []string{" failed (500)"}, 1},
		"429, wait too long":       {answer(429, failed("x", "Slow down."), "Retry-After", "3600"), ErrRateLimited, []string{"is rate limiting (429: Slow down.)", "asks to wait 1h"}, 1},
		"HTML":                     {answer(200, htmlPage, "Content-Type", "text/html"), ErrUnexpectedReply, []string{"(200: a web page instead of JSON)"}, 1},
		"HTML that says JSON":      {answer(200, htmlPage), ErrUnexpectedReply, []string{"a web page"}, 1},
		"firewall's 403":           {answer(403, htmlPage, "Content-Type", "text/html"), ErrUnexpectedReply, []string{"(403: a web page instead of JSON)"}, 1},
		"other site's 404":         {answer(404, htmlPage, "Content-Type", "text/html"), ErrUnexpectedReply, []string{"404"}, 1},
		"text":                     {answer(200, "OK", "Content-Type", "text/plain"), ErrUnexpectedReply, []string{"something other than Kitegateway's JSON"}, 1},
		"broken JSON":              {answer(200, `{"code":200,`), ErrUnexpectedReply, []string{"something other"}, 1},
		"a list":                   {answer(200, `[]`), ErrUnexpectedReply, []string{"something other"}, 1},
		"error in a 200":           {answer(200, failed("x_gone", "Gone fishing.")), ErrUnexpectedReply, []string{"(200: Gone fishing.)"}, 1},
		"401 in a 200":             {answer(200, `{"code":401,"status":"error","message":"No."}`), ErrRefused, []string{"No."}, 1},
		"code as text in a 200":    {answer(200, `{"code":"500","status":"error","message":"No."}`), ErrGateway, []string{"No."}, 1},
		"network's sign-in":        {answer(511, ""), ErrUnexpectedReply, []string{"(511: something in between asks for a sign-in)"}, 1},
		"a proxy that is not set":  {answer(407, ""), ErrUnexpectedReply, []string{"(407: something in between"}, 1},
		"redirect":                 {answer(302, "", "Location", "https://evil.example/x?api_secret="+canary), ErrUnexpectedReply, []string{"302: a redirect to evil.example, which is not followed"}, 1},
		"redirect to nowhere":      {answer(307, ""), ErrUnexpectedReply, []string{"a redirect to nowhere"}, 1},
		"redirect to an escape":    {answer(301, "", "Location", "http://\u202eevil.example"), ErrUnexpectedReply, []string{"301"}, 1},
		"a status beyond":          {answer(777, "{}"), ErrUnexpectedReply, []string{"an invalid HTTP status"}, 1},
		"escapes in the message":   {answer(401, `{"code":"\u001b[2J","message":"\u001b[31mred\u001b[0m \u202eback\r\nline"}`), ErrRefused, []string{"(401: red back line)"}, 1},
		"message of another type":  {answer(400, `{"code":400,"message":{"api_key":["is required"]}}`), ErrInvalid, []string{`{"api_key":["is required"]}`}, 1},
		"very long message":        {answer(400, failed("x", strings.Repeat("long ", 1000))), ErrInvalid, []string{"long…"}, 1},
		"endless":                  {endless, ErrUnexpectedReply, []string{"larger than kitekey's limit of 1 MiB"}, 1},
		"endless header":           {answer(200, "", "X-Long", strings.Repeat("x", 100<<10)), ErrUnexpectedReply, []string{"headers are larger than kitekey's limit of 64 KiB"}, 1},
		"cut short":                {cutShort, ErrUnreachable, []string{"did not finish its answer (200: ", "closed before the reply was complete"}, maxAttempts},
		"dropped":                  {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, ErrUnreachable, []string{"closed before"}, maxAttempts},
		"not HTTP":                 {notHTTP, ErrUnexpectedReply, []string{"malformed HTTP"}, 1},
		"408":                      {answer(408, htmlPage), ErrGateway, []string{"failed (408)"}, 1},
		"421":                      {answer(421, failed("", "Misdirected.")), ErrGateway, []string{"failed (421: Misdirected.)"}, 1},
		"502":                      {answer(502, htmlPage), ErrGateway, []string{"(502)"}, maxAttempts},
		"switching protocols":      {answer(101, "", "Connection", "Upgrade", "Upgrade", "websocket"), ErrUnexpectedReply, nil, 1},
		"truncated gzip":           {answer(200, "\x1f\x8b\x08", "Content-Encoding", "gzip"), ErrUnreachable, nil, maxAttempts},
		"no gzip at all":           {answer(200, "{\"code\":200,\"data\":null}", "Content-Encoding", "gzip"), ErrUnexpectedReply, nil, 1},
		"a bomb":                   {bomb, ErrUnexpectedReply, []string{"larger than kitekey's limit of 1 MiB"}, 1},
		"content of another shape": {answer(200, `{"code":200,"status":"success","data":"x"}`), ErrUnexpectedReply, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				tt.handler(w, r)
			})
			_, err := c.Mint(t.Context(), fakeCredential(), 60)
			wantKind(t, err, tt.kind)
			for _, w := range tt.words {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q lacks %q", err, w)
				}
			}
			if !strings.Contains(err.Error(), c.Host()) {
				t.Errorf("%q does not name the host", err)
			}
			if n := int(requests.Load()); n != tt.tries {
				t.Errorf("%d requests, want %d", n, tt.tries)
			}
			if tt.tries > 1 {
				return // once is slow enough
			}
			_, err = c.Balances(t.Context(), fakeToken())
			wantKind(t, err, tt.kind)
			if !strings.HasPrefix(err.Error(), "GET /data/wallets/balances: "+c.Host()) {
				t.Errorf("%q does not name step and host", err)
			}
		})
	}
}

// A gateway may quote what was sent to it.
func TestMint_RemovesSecretsThatTheGatewayQuotes(t *testing.T) {
	c := serve(t, answer(400, `{"code":"`+canary+`","message":"bad `+canary+` for fake-\u200bkey-0000"}`))
	_, err := c.Mint(t.Context(), fakeCredential(), 60)
	wantKind(t, err, ErrInvalid)
	if !strings.Contains(err.Error(), "(400: bad [redacted] for [redacted])") {
		t.Error(err)
	}
	c = serve(t, answer(302, "", "Location", "https://"+canary+".evil.example/"))
	_, err = c.Mint(t.Context(), fakeCredential(), 60)
	wantKind(t, err, ErrUnexpectedReply)
	if !strings.Contains(err.Error(), "a redirect to [redacted].evil.example,") {
		t.Error(err)
	}
	c = serve(t, answer(401, `{"code":"x","message":"bad JWT canary-token-77aa, I mean canary-token-77aa"}`))
	_, err = c.Balances(t.Context(), fakeToken())
	wantKind(t, err, ErrRefused)
	if !strings.Contains(err.Error(), "(401: bad [redacted], I mean [redacted])") {
		t.Error(err)
	}
}

func endless(w http.ResponseWriter, r *http.Request) {
	chunk := []byte(strings.Repeat("x", 64<<10))
	_, _ = io.WriteString(w, `{"data":"`)
	for r.Context().Err() == nil {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

func cutShort(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, `{"code":200`)
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func notHTTP(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_, _ = io.WriteString(conn, "SSH-2.0-OpenSSH_9.2 \x1b[31m\r\n")
		_ = conn.Close()
	}
}

func bomb(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Encoding", "gzip")
	_, _ = w.Write(blanks())
}

// blanks is a large body that is small when compressed.
var blanks = sync.OnceValue(func() []byte { return gzipped(strings.Repeat(" ", 8<<20)) })

// A second server records everything that reaches it, under both names of this
// machine.
func TestClient_FollowsNoRedirect(t *testing.T) {
	var mu sync.Mutex
	var seen []http.Header
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, r.Header.Clone())
	}))
	defer other.Close()
	_, port, _ := net.SplitHostPort(other.Listener.Addr().String())
	for _, status := range []int{300, 301, 302, 303, 304, 305, 307, 308} {
		for _, location := range []string{other.URL, other.URL + "/v1/auth/token", "http://localhost:" + port + "/", "//" + other.Listener.Addr().String() + "/x"} {
			c := serve(t, answer(status, "", "Location", location, "Refresh", "0; url="+location))
			_, err := c.Mint(t.Context(), fakeCredential(), 60)
			wantKind(t, err, ErrUnexpectedReply)
			for method, kind := range map[string]error{"GET": ErrUnexpectedReply, "POST": ErrOutcomeUnknown, "DELETE": ErrOutcomeUnknown} {
				_, err = c.Do(t.Context(), fakeToken(), Request{Method: method, Path: "/x", Body: []byte("{}")})
				wantKind(t, err, kind)
			}
		}
	}
	if len(seen) > 0 {
		t.Errorf("%d requests reached the other host: %v", len(seen), seen)
	}
}

// recorder is a transport that records requests and answers as for a successful
// mint.
type recorder struct {
	requests []*http.Request
	bodies   []string
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	body := ""
	if req.Body != nil {
		b, _ := io.ReadAll(req.Body)
		body = string(b)
	}
	r.requests, r.bodies = append(r.requests, req), append(r.bodies, body)
	reply := fmt.Sprintf(`{"code":200,"status":"success","message":"","data":{"token":"JWT canary-token","expires":%d}}`, time.Now().Add(time.Hour).Unix())
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(reply))}, nil
}

func TestClient_SendsTheDocumentedRequests(t *testing.T) {
	var r recorder
	sandbox, live := &Client{Transport: &r}, &Client{Transport: &r, Environment: Live, UserAgent: "kitekey/test"}
	if _, err := sandbox.Mint(t.Context(), fakeCredential(), 90); err != nil {
		t.Fatal(err)
	}
	if _, err := live.Mint(t.Context(), fakeCredential(), 0); err != nil {
		t.Fatal(err)
	}
	custom := http.Header{
		"Accept": {"text/csv"}, "X-Request-Id": {"1"},
	}
	if _, err := live.Do(t.Context(), fakeToken(), Request{Method: "post", Path: "/collections/request-to-pay?dry=1", Body: []byte(`{"a":1}`), Header: custom}); err != nil {
		t.Fatal(err)
	}
	if _, err := live.Do(t.Context(), Token{Value: NewSecret("bare")}, Request{Path: "/x%20y/"}); err != nil {
		t.Fatal(err)
	}
	header := func(extra ...string) http.Header {
		h := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}, "User-Agent": {"kitekey/test"}}
		for i := 0; i < len(extra); i += 2 {
			h.Set(extra[i], extra[i+1])
		}
		return h
	}
	for i, want := range []struct {
		line, body string
		header     http.Header
	}{
		{"POST https://sandbox.kitegateway.com/v1/auth/token", `{"api_key":"fake-key-0000","expires_in":90}`, header("Secret-Key", canary, "User-Agent", "kitekey")},
		{"POST https://kitegateway.com/v1/auth/token", `{"api_key":"fake-key-0000"}`, header("Secret-Key", canary)},
		{"POST https://kitegateway.com/v1/collections/request-to-pay?dry=1", `{"a":1}`, header("Authorization", "JWT canary-token-77aa", "Accept", "text/csv", "X-Request-Id", "1")},
		{"GET https://kitegateway.com/v1/x%20y/", "", header("Authorization", "JWT bare")},
	} {
		got := r.requests[i]
		if line := got.Method + " " + got.URL.String(); line != want.line || r.bodies[i] != want.body {
			t.Errorf("request %d is %s %s, want %s %s", i, line, r.bodies[i], want.line, want.body)
		}
		if !reflect.DeepEqual(got.Header, want.header) {
			t.Errorf("request %d has header %v, want %v", i, got.Header, want.header)
		}
	}
	if got := sandbox.Host() + " " + live.Host(); got != "sandbox.kitegateway.com kitegateway.com" {
		t.Errorf("hosts %s", got)
	}
}

func TestClient_SendsNothingThatIsNotSafe(t *testing.T) {
	var r recorder
	good := &Client{Transport: &r}
	mint := func(c *Client, cred Credential, l Lifetime) error {
		_, err := c.Mint(t.Context(), cred, l)
		return err
	}
	do := func(tok Token, path string) error {
		_, err := good.Do(t.Context(), tok, Request{Path: path})
		return err
	}
	send := func(method string, h http.Header) error {
		_, err := good.Do(t.Context(), fakeToken(), Request{Method: method, Path: "/x", Header: h})
		return err
	}
	for name, err := range map[string]error{
		"another host":               mint(&Client{Transport: &r, BaseURL: "https://evil.example/v1"}, fakeCredential(), 60),
		"its user part":              mint(&Client{Transport: &r, BaseURL: "https://kitegateway.com@evil.example/v1"}, fakeCredential(), 60),
		"the other's host":           mint(&Client{Transport: &r, BaseURL: Live.BaseURL()}, fakeCredential(), 60),
		"no credential":              mint(good, Credential{}, 60),
		"injected secret":            mint(good, Credential{APIKey: NewSecret("k"), APISecret: NewSecret(canary + "\r\nX-Evil: 1")}, 60),
		"no token":                   do(Token{}, "/x"),
		"injected token":             do(Token{Value: NewSecret("JWT canary\r\nX-Evil: 1")}, "/x"),
		"path without slash":         do(fakeToken(), "x"),
		"path is another host":       do(fakeToken(), "//evil.example/x"),
		"path is a URL":              do(fakeToken(), "https://evil.example/x"),
		"path is a user part":        do(fakeToken(), "@evil.example/x"),
		"path climbs":                do(fakeToken(), "/../admin"),
		"path climbs, encoded":       do(fakeToken(), "/a/%2e%2e/%2E%2e/admin"),
		"path climbs, slashes":       do(fakeToken(), "/a%2f..%2f..%2fadmin"),
		"path, backslash":            do(fakeToken(), "/..\\admin"),
		"path climbs, twice encoded": do(fakeToken(), "/%252e%252e%252fadmin"),
		"path, encoded backslash":    do(fakeToken(), "/..%5cadmin"),
		"path, encoded NUL":          do(fakeToken(), "/a%00"),
		"path, line break":           do(fakeToken(), "/a\r\nX: 1"),
		"path, fragment":             do(fakeToken(), "/a#b"),
		"empty path":                 do(fakeToken(), ""),
		"header, its name":           send("GET", http.Header{"A b": {"c"}}),
		"header, injected":           send("GET", http.Header{"A": {"b\r\nX-Evil: 1"}}),
		"method":                     send("GET /x HTTP/1.1\r\n", nil),
	} {
		t.Run(name, func(t *testing.T) {
			wantKind(t, err, ErrInvalid)
		})
	}
	if len(r.requests) > 0 {
		t.Errorf("%d requests were sent", len(r.requests))
	}
}

func TestMint_SendsSecretBeyondASCIIAsUTF8(t *testing.T) {
	got := make(chan string, 1)
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got <- r.Header.Get("Secret-Key")
		answer(401, `{"code":"no"}`)(w, r)
	})
	cred, _, err := ParseCredential("k", "sécret-ключ")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Mint(t.Context(), cred, 60)
	wantKind(t, err, ErrRefused)
	if s := <-got; s != "sécret-ключ" {
		t.Errorf("the gateway got %q", s)
	}
}

func TestMint_ClosedPortIsUnreachable(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	unused := l.Addr().String()
	_ = l.Close()
	c := &Client{BaseURL: "http://" + unused}
	defer c.CloseIdleConnections()
	_, err = c.Mint(t.Context(), fakeCredential(), 60)
	wantKind(t, err, ErrUnreachable)
	// The system's own text: "connection refused", or "…actively refused it" on
	// Windows.
	if text := err.Error(); !strings.Contains(text, "could not be reached (") || !strings.Contains(text, "refused") {
		t.Error(err)
	}
}

func TestMint_UntrustedCertificateGetsNoRequest(t *testing.T) {
	var requests atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	c := &Client{BaseURL: server.URL}
	defer c.CloseIdleConnections()
	_, err := c.Mint(t.Context(), fakeCredential(), 60)
	wantKind(t, err, ErrUnreachable)
	if !strings.Contains(err.Error(), "its certificate is not trusted") || requests.Load() != 0 {
		t.Errorf("%v after %d requests", err, requests.Load())
	}
}

func TestMint_PlainServerBehindHTTPSIsUnexpected(t *testing.T) {
	c := serve(t, answer(200, "{}"))
	c.BaseURL = strings.Replace(c.BaseURL, "http:", "https:", 1)
	_, err := c.Mint(t.Context(), fakeCredential(), 60)
	wantKind(t, err, ErrUnexpectedReply)
}

// Many calls share one HTTP/2 connection.
func TestClient_SharesOneHTTP2Connection(t *testing.T) {
	var connections atomic.Int32
	var protocol atomic.Value
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protocol.Store(r.Proto)
		answer(200, `{"code":200,"status":"success","data":[{"currency":"UGX","balance":12345678901234567890.10},{"currency":"K\u001b[31mES","balance":"7"}]}`)(w, r)
	}))
	server.EnableHTTP2 = true
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.StartTLS()
	defer server.Close()
	c := &Client{BaseURL: server.URL}
	defer c.CloseIdleConnections()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	c.transport().(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots}
	if _, err := c.Balances(t.Context(), fakeToken()); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			got, err := c.Balances(t.Context(), fakeToken())
			want := []Balance{{"UGX", json.Number("12345678901234567890.10")}, {"KES", "7"}}
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("balances %v, %v", got, err)
			}
		})
	}
	wg.Wait()
	if n := connections.Load(); n != 1 || protocol.Load() != "HTTP/2.0" {
		t.Errorf("%d connections, %v", n, protocol.Load())
	}
}

func TestClient_OverrideUsesNoProxy(t *testing.T) {
	zero, local := &Client{}, &Client{BaseURL: "http://127.0.0.1:1"}
	if zero.transport().(*http.Transport).Proxy == nil {
		t.Error("the proxy variables are ignored")
	}
	if local.transport().(*http.Transport).Proxy != nil {
		t.Error("an override goes through a proxy")
	}
	var asked atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	defer proxy.Close()
	defer zero.CloseIdleConnections()
	through, _ := url.Parse(proxy.URL)
	through.User = url.UserPassword("hunter2", canary)
	zero.transport().(*http.Transport).Proxy = http.ProxyURL(through)
	_, err := zero.Mint(t.Context(), fakeCredential(), 60)
	wantKind(t, err, ErrUnreachable)
	var failed *ProxyError
	if !errors.As(err, &failed) || failed.Status != 407 || failed.Addr != through.Host || asked.Load() != 1 {
		t.Errorf("%v after %d requests to the proxy; want the proxy's 407 after one", err, asked.Load())
	}
}

func TestMint_EndsWhenCancelled(t *testing.T) {
	arrived := make(chan struct{})
	c := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice a hangup
		close(arrived)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	_, err := c.Mint(ctx, fakeCredential(), 60)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	for _, s := range sentinels() {
		if errors.Is(err, s) {
			t.Errorf("%v is %v", err, s)
		}
	}
}

func TestMint_TellsTheSkewOfTheClock(t *testing.T) {
	for _, skew := range []time.Duration{0, 10 * time.Minute, -10 * time.Minute} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			now := time.Now().Add(skew)
			answer(401, "{}", "Date", now.UTC().Format(http.TimeFormat))(w, r)
		})
		_, err := c.Mint(t.Context(), fakeCredential(), 60)
		var e *Error
		if !errors.As(err, &e) || (e.Skew-skew).Abs() > 15*time.Second || skew == 0 && e.Skew != 0 {
			t.Errorf("skew %v is measured as %v", skew, e.Skew)
		}
	}
	sent := time.Date(2026, 1, 2, 3, 4, 5, 500e6, time.UTC)
	for date, want := range map[string]time.Duration{
		"Fri, 02 Jan 2026 03:04:05 GMT": 0, "Fri, 02 Jan 2026 03:04:06 GMT": 0, "Fri, 02 Jan 2026 03:04:15 GMT": 10 * time.Second, "Fri, 02 Jan 2026 03:03:05 GMT": -60 * time.Second,
		"": 0, "yesterday": 0,
	} {
		if got := clockSkew(date, sent, sent.Add(600*time.Millisecond)); got != want {
			t.Errorf("Date %q gives %v, want %v", date, got, want)
		}
	}
}

func TestDo_GivesTheReplyBesideTheError(t *testing.T) {
	c := serve(t, answer(404, `{"code":"gone","message":"No."}`, "X-Request-Id", "7"))
	reply, err := c.Do(t.Context(), fakeToken(), Request{Path: "/x?token=" + canary})
	wantKind(t, err, ErrInvalid)
	if reply == nil || reply.Status != 404 || string(reply.Body) != `{"code":"gone","message":"No."}` || reply.Header.Get("X-Request-Id") != "7" || reply.Latency <= 0 {
		t.Errorf("reply %+v", reply)
	}
	var e *Error
	if errors.As(err, &e); e.Code != "gone" || e.Op != "GET /x" {
		t.Errorf("%+v", e)
	}
	c = serve(t, answer(204, ""))
	if reply, err = c.Do(t.Context(), fakeToken(), Request{Method: "DELETE", Path: "/x"}); err != nil || reply.Status != 204 {
		t.Errorf("204: %+v, %v", reply, err)
	}
	c = serve(t, answer(200, ""))
	if _, err = c.Do(t.Context(), fakeToken(), Request{Method: "HEAD", Path: "/x"}); err != nil {
		t.Errorf("HEAD: %v", err)
	}
}
