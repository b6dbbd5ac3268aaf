package proxy

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kitekey/kite"
	"kitekey/kite/simulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const canary = "canary-token-5d0c"

// setup is a proxy before a gateway for the test.
type setup struct {
	*Proxy
	t       *testing.T
	mu      sync.Mutex
	seen    []*http.Request // requests that reached the gateway
	bodies  []string
	records []Record
	client  *http.Client
}

// start puts a proxy before a gateway that answers with handler (nil: 200).
func start(t *testing.T, handler http.HandlerFunc, token func(context.Context, bool) (kite.Token, error), change ...func(*Options)) *setup {
	t.Helper()
	s := &setup{t: t, client: &http.Client{
		Transport:     &http.Transport{DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.seen, s.bodies = append(s.seen, r), append(s.bodies, string(body))
		s.mu.Unlock()
		if handler != nil {
			handler(w, r)
			return
		}
		_, _ = io.WriteString(w, `{"code":200,"status":"success"}`)
	}))
	if token == nil {
		token = func(context.Context, bool) (kite.Token, error) { return living(canary), nil }
	}
	upstream := &kite.Client{BaseURL: gateway.URL + "/v1"}
	var err error
	o := Options{Client: upstream, Token: token, Log: func(r Record) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.records = append(s.records, r)
	}}
	for _, c := range change {
		c(&o)
	}
	s.Proxy, err = New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		s.Close(ctx)
		upstream.CloseIdleConnections()
		gateway.Close()
		for _, r := range s.records {
			if text := fmt.Sprintf("%+v", r); strings.Contains(text, "canary") || s.secret != "" && strings.Contains(text, s.secret) {
				t.Errorf("the log shows a secret: %s", text)
			}
		}
	})
	return s
}

func living(value string) kite.Token {
	now := time.Now()
	return kite.Token{Value: kite.NewSecret("JWT " + value), Minted: now, Expires: now.Add(time.Hour)}
}

// do makes a request below the proxy's URL. change may change it.
func (s *setup) do(method, path, body string, change func(*http.Request)) (*http.Response, string) {
	s.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequest(method, s.URL().Reveal()+path, reader)
	if err != nil {
		s.t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	resp, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp, string(data)
}

func (s *setup) reached() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.seen)
}

func TestProxy_PassesOnWithItsOwnToken(t *testing.T) {
	s := start(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "7")
		w.Header().Set("Location", "http://"+r.Host+"/v1/payments/1")
		w.Header().Set("Set-Cookie", "a=b")
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Strict-Transport-Security", "max-age=1")
		w.Header().Set("X-Debug", "you sent "+r.Header.Get("Authorization"))
		w.WriteHeader(201)
		_, _ = io.WriteString(w, "created")
	}, nil)
	resp, body := s.do("POST", "/collections/request-to-pay?dry=1&x=%2F", `{"amount":1}`, func(r *http.Request) {
		for name, value := range map[string]string{
			"Authorization": "JWT mine", "Secret-Key": "mine", "Cookie": "session=1", "Referer": s.URL().Reveal(), "X-Forwarded-For": "1.2.3.4",
			"X-Forwarded-Host": "evil.example", "Forwarded": "for=1", "X-Mine": "kept", "Connection": "X-Hop, Authorization", "X-Hop": "1",
			"Upgrade": "websocket", "Proxy-Authorization": "mine", "Keep-Alive": "1", "Sec-Fetch-Mode": "cors",
		} {
			r.Header.Set(name, value)
		}
	})
	if resp.StatusCode != 201 || body != "created" || resp.Header.Get("X-Request-Id") != "7" {
		t.Errorf("%d %q %v", resp.StatusCode, body, resp.Header)
	}
	if got, want := resp.Header.Get("Location"), "/"+s.secret+"/payments/1"; got != want {
		t.Errorf("Location %q, want %q", got, want)
	}
	for _, name := range []string{"Set-Cookie", "Access-Control-Allow-Origin", "Strict-Transport-Security", "X-Debug"} {
		if resp.Header.Get(name) != "" {
			t.Errorf("%s: %s comes back", name, resp.Header.Get(name))
		}
	}
	for _, name := range []string{"Content-Security-Policy", "Referrer-Policy", "X-Content-Type-Options", "Cross-Origin-Resource-Policy"} {
		if len(resp.Header.Values(name)) != 1 {
			t.Errorf("%s: %v", name, resp.Header.Values(name))
		}
	}
	got := s.seen[0]
	if got.Method != "POST" || got.RequestURI != "/v1/collections/request-to-pay?dry=1&x=%2F" || s.bodies[0] != `{"amount":1}` {
		t.Errorf("the gateway got %s %s %s", got.Method, got.RequestURI, s.bodies[0])
	}
	if got.Header.Get("Authorization") != "JWT "+canary || len(got.Header.Values("Authorization")) != 1 || got.Header.Get("X-Mine") != "kept" ||
		got.Header.Get("Content-Type") != "application/json" {
		t.Errorf("the gateway got %v", got.Header)
	}
	for _, name := range []string{"Secret-Key", "Cookie", "Referer", "X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "X-Hop", "Upgrade", "Proxy-Authorization", "Keep-Alive", "Sec-Fetch-Mode", "Connection"} {
		if v := got.Header.Get(name); v != "" {
			t.Errorf("%s: %s reached the gateway", name, v)
		}
	}
	if want := strings.TrimPrefix(s.base.Host, "http://"); got.Host != want {
		t.Errorf("Host %q, want %q", got.Host, want)
	}
}

func TestProxy_TurnsAwayPagesAndWrongPaths(t *testing.T) {
	s := start(t, nil, nil)
	_, port, _ := net.SplitHostPort(s.listener.Addr().String())
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	host := func(h string) func(*http.Request) { return func(r *http.Request) { r.Host = h } }
	path := func(p string) func(*http.Request) {
		return func(r *http.Request) { r.URL, _ = url.Parse("http://" + r.URL.Host + p) }
	}
	for name, tt := range map[string]struct {
		method string
		change func(*http.Request)
		status int
	}{
		"rebound name":            {"GET", host("evil.example"), 403},
		"rebound with port":       {"GET", host("evil.example:" + port), 403},
		"other port":              {"GET", host("127.0.0.1:1"), 403},
		"no port":                 {"GET", host("127.0.0.1"), 403},
		"trailing dot":            {"GET", host("localhost.:" + port), 403},
		"page":                    {"GET", header("Origin", "https://evil.example"), 403},
		"page of its own":         {"POST", header("Origin", "http://127.0.0.1:"+port), 403},
		"sandboxed page":          {"POST", header("Origin", "null"), 403},
		"preflight":               {"OPTIONS", header("Origin", "https://evil.example"), 403},
		"image in a page":         {"GET", header("Sec-Fetch-Site", "cross-site"), 403},
		"other port's page":       {"GET", header("Sec-Fetch-Site", "same-site"), 403},
		"same page":               {"GET", header("Sec-Fetch-Site", "same-origin"), 403},
		"no secret":               {"GET", path("/data/wallets/balances"), 404},
		"wrong secret":            {"GET", path("/AAAAAAAAAAAAAAAAAAAAAAAAAA/data/wallets/balances"), 404},
		"half the secret":         {"GET", path("/" + s.secret[:13] + "/data"), 404},
		"secret in a step":        {"GET", path("/x/" + s.secret + "/data"), 404},
		"secret and more":         {"GET", path("/" + s.secret + "x/data"), 404},
		"root":                    {"GET", path("/"), 404},
		"TRACE":                   {"TRACE", nil, 405},
		"climbing":                {"GET", path("/" + s.secret + "/../../admin"), 400},
		"climbing, encoded":       {"GET", path("/" + s.secret + "/%2e%2e/admin"), 400},
		"climbing, slashes":       {"GET", path("/" + s.secret + "/a%2f..%2f..%2fadmin"), 400},
		"climbing, backslash":     {"GET", path("/" + s.secret + "/..%5cadmin"), 400},
		"climbing, twice encoded": {"GET", path("/" + s.secret + "/%252e%252e/admin"), 400},
		"another host":            {"GET", path("/" + s.secret + "//evil.example/x"), 400},
		"minting":                 {"POST", path("/" + s.secret + "/auth/token"), 403},
		"minting, encoded":        {"POST", path("/" + s.secret + "/%61uth/token"), 403},
		"minting, slash":          {"POST", path("/" + s.secret + "/auth%2ftoken"), 403},
		"minting, capitals":       {"POST", path("/" + s.secret + "/AUTH/token"), 403},
		"minting, bare":           {"POST", path("/" + s.secret + "/auth"), 403},
		"localhost":               {"GET", host("localhost:" + port), 200},
		"LOCALHOST":               {"GET", host("LocalHost:" + port), 200},
		"typed by a person":       {"GET", header("Sec-Fetch-Site", "none"), 200},
		"secret, encoded":         {"GET", path("/%" + fmt.Sprintf("%X", s.secret[0]) + s.secret[1:] + "/data"), 404},
		"base alone":              {"GET", path("/" + s.secret), 200},
	} {
		t.Run(name, func(t *testing.T) {
			before := s.reached()
			resp, body := s.do(tt.method, "/data/wallets/balances", "", tt.change)
			if resp.StatusCode != tt.status {
				t.Errorf("%d %s, want %d", resp.StatusCode, body, tt.status)
			}
			if passed := s.reached() > before; passed != (tt.status == 200) {
				t.Errorf("reached the gateway: %v", passed)
			}
			if strings.Contains(body, "canary") || strings.Contains(body, s.secret) {
				t.Errorf("shows a secret: %s", body)
			}
			var e struct{ Code, Message string }
			if tt.status != 200 && (json.Unmarshal([]byte(body), &e) != nil || e.Code != "kitekey_proxy_refused") {
				t.Errorf("not in the gateway's form: %s", body)
			}
		})
	}
}

// The requests are written to the connection by hand, because a client library
// would refuse to send them.
func TestProxy_AnswersMalformedRequests(t *testing.T) {
	s := start(t, nil, nil)
	addr := s.listener.Addr().String()
	target := "/" + s.secret + "/x"
	for name, tt := range map[string]struct {
		request string
		status  int // of the first response
		passed  int // requests that reach the gateway
	}{
		"plain":                       {"GET " + target + " HTTP/1.1\r\nHost: " + addr + "\r\nConnection: close\r\n\r\n", 200, 1},
		"no Host":                     {"GET " + target + " HTTP/1.0\r\n\r\n", 403, 0},
		"two Hosts":                   {"GET " + target + " HTTP/1.1\r\nHost: " + addr + "\r\nHost: evil.example\r\n\r\n", 400, 0},
		"CONNECT":                     {"CONNECT kitegateway.com:443 HTTP/1.1\r\nHost: " + addr + "\r\n\r\n", 403, 0},
		"CONNECT to itself":           {"CONNECT " + addr + " HTTP/1.1\r\nHost: " + addr + "\r\n\r\n", 404, 0},
		"forward proxy":               {"GET http://evil.example" + target + " HTTP/1.1\r\nHost: " + addr + "\r\nConnection: close\r\n\r\n", 403, 0},
		"forward proxy to itself":     {"GET http://" + addr + target + " HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 200, 1},
		"OPTIONS *":                   {"OPTIONS * HTTP/1.1\r\nHost: " + addr + "\r\nConnection: close\r\n\r\n", 404, 0},
		"length and chunks":           {"POST " + target + " HTTP/1.1\r\nHost: " + addr + "\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET " + target + "2 HTTP/1.1\r\nHost: " + addr + "\r\nConnection: close\r\n\r\n", 200, 2}, // two requests, which are passed on as two
		"two lengths":                 {"POST " + target + " HTTP/1.1\r\nHost: " + addr + "\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", 400, 0},
		"strange encoding":            {"POST " + target + " HTTP/1.1\r\nHost: " + addr + "\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501, 0},
		"space before the colon":      {"POST " + target + " HTTP/1.1\r\nHost: " + addr + "\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400, 0},
		"folded header":               {"GET " + target + " HTTP/1.1\r\nHost: " + addr + "\r\nX: a\r\n Authorization: b\r\nConnection: close\r\n\r\n", 200, 1},
		"websocket":                   {"GET " + target + " HTTP/1.1\r\nHost: " + addr + "\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n", 200, 1},
		"h2c":                         {"GET " + target + " HTTP/1.1\r\nHost: " + addr + "\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings, close\r\nHTTP2-Settings: AAMAAABk\r\n\r\n", 200, 1},
		"HTTP/2 without asking":       {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 403, 0},
		"body longer than it says":    {"POST " + target + " HTTP/1.1\r\nHost: " + addr + "\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}GET " + target + " HTTP/1.1\r\nHost: " + addr + "\r\n\r\n", 200, 1},
		"more than the body's bound":  {"POST " + target + " HTTP/1.1\r\nHost: " + addr + "\r\nContent-Length: 999999999\r\n\r\n", 413, 0},
		"header beyond bounds":        {"GET " + target + " HTTP/1.1\r\nHost: " + addr + "\r\nX: " + strings.Repeat("x", 100<<10) + "\r\n\r\n", 431, 0},
		"line break in the path, raw": {"GET " + target + "\nX: y HTTP/1.1\r\nHost: " + addr + "\r\n\r\n", 400, 0},
	} {
		t.Run(name, func(t *testing.T) {
			before := s.reached()
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
			go func() { _, _ = io.WriteString(conn, tt.request) }() // the far end may hang up in the middle
			from := bufio.NewReader(conn)
			resp, err := http.ReadResponse(from, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != tt.status {
				t.Errorf("%s, want %d: %s", resp.Status, tt.status, body)
			}
			if tt.passed > 1 { // the last one's response closes the connection
				_, _ = io.Copy(io.Discard, from)
			}
			if n := s.reached() - before; n != tt.passed {
				t.Errorf("%d requests reached the gateway, want %d", n, tt.passed)
			}
			for _, r := range s.seen[before:] {
				if got := r.Header.Values("Authorization"); len(got) != 1 || got[0] != "JWT "+canary || r.Header.Get("Upgrade") != "" {
					t.Errorf("the gateway got %v", r.Header)
				}
			}
		})
	}
}

func TestProxy_PassesNoRedirectOn(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := start(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example/x?token=canary", status)
		}, nil)
		resp, body := s.do("POST", "/x", "{}", nil)
		if resp.StatusCode != 502 || resp.Header.Get("Location") != "" || !strings.Contains(body, "a redirect to evil.example, which is not followed") || strings.Contains(body, "canary") {
			t.Errorf("%d: %d %v %s", status, resp.StatusCode, resp.Header, body)
		}
	}
	s := start(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) }, nil)
	if resp, _ := s.do("GET", "/x", "", nil); resp.StatusCode != 304 {
		t.Errorf("304 becomes %d", resp.StatusCode)
	}
}

func TestProxy_StreamsReplies(t *testing.T) {
	more := make(chan struct{})
	s := start(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "one\n")
		_ = http.NewResponseController(w).Flush()
		<-more
		_, _ = io.WriteString(w, "two\n")
	}, nil)
	resp, err := s.client.Get(s.URL().Reveal() + "/x")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	if !lines.Scan() || lines.Text() != "one" {
		t.Errorf("first line %q", lines.Text())
	}
	close(more)
	if !lines.Scan() || lines.Text() != "two" {
		t.Errorf("second line %q", lines.Text())
	}
}

func TestProxy_BoundsBodies(t *testing.T) {
	s := start(t, nil, nil)
	r, _ := http.NewRequest("POST", s.URL().Reveal()+"/x", io.LimitReader(zeros{}, maxBody+1)) // without a length
	resp, err := s.client.Do(r)
	if err != nil {
		return // the proxy closed the connection while the body was being sent
	}
	defer resp.Body.Close()
	if resp.StatusCode != 413 {
		t.Errorf("%s", resp.Status)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestProxy_TellsWhyThereIsNoToken(t *testing.T) {
	for name, tt := range map[string]struct {
		err    error
		status int
		words  string
	}{
		"refused":      {&kite.Error{Kind: kite.ErrRefused, Host: "gateway", Status: 401, Message: "No\x1b[31m."}, 502, "gateway refused"},
		"rate-limited": {&kite.Error{Kind: kite.ErrRateLimited, Host: "gateway", RetryAfter: 7 * time.Second}, 429, "is rate limiting"},
		"store":        {errors.New("the keyring is locked"), 502, "the keyring is locked"},
	} {
		s := start(t, nil, func(context.Context, bool) (kite.Token, error) { return kite.Token{}, tt.err })
		resp, body := s.do("GET", "/x", "", nil)
		if resp.StatusCode != tt.status || !strings.Contains(body, tt.words) || strings.ContainsRune(body, '\x1b') || s.reached() != 0 {
			t.Errorf("%s: %d %s", name, resp.StatusCode, body)
		}
		if tt.status == 429 && resp.Header.Get("Retry-After") != "7" {
			t.Errorf("%s: %v", name, resp.Header)
		}
	}
	// No gateway listens there.
	client := &kite.Client{BaseURL: "http://127.0.0.1:1/v1"}
	defer client.CloseIdleConnections()
	p, err := New(Options{Client: client, Token: func(context.Context, bool) (kite.Token, error) { return living(canary), nil }})
	if err != nil {
		t.Fatal(err)
	}
	p.hosts = []string{"proxy"}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/"+p.secret+"/x", nil)
	r.Host = "proxy"
	p.ServeHTTP(w, r)
	if w.Code != 502 || !strings.Contains(w.Body.String(), "could not be reached (") || !strings.Contains(w.Body.String(), "refused") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestStart_ListensOnLoopbackOnly(t *testing.T) {
	p, err := New(Options{Client: &kite.Client{}})
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.com:0", "127.0.0.1", "nonsense"} {
		if err := p.Start(addr); err == nil {
			t.Errorf("listens on %s", addr)
		}
	}
	if _, err := New(Options{Client: &kite.Client{BaseURL: "https://evil.example/v1"}}); err == nil {
		t.Error("passes on to another host")
	}
}

// aging is a proxy before a simulator, whose tokens really expire, with a clock for
// both that can be set forward.
type aging struct {
	*testing.T
	*Proxy
	sim           *simulator.Simulator
	client        *http.Client
	ahead         atomic.Int64 // how far the clock is ahead
	mints, forced atomic.Int32 // all mints, and those after a refusal
}

func startAging(t *testing.T) *aging {
	t.Helper()
	a := &aging{T: t, sim: simulator.New(simulator.Options{}), client: &http.Client{Transport: &http.Transport{}}}
	if err := a.sim.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	gateway := &kite.Client{BaseURL: a.sim.BaseURL(kite.Sandbox)}
	cred, _ := a.sim.Credential("acme", kite.Sandbox)
	now := func() time.Time { return time.Now().Add(time.Duration(a.ahead.Load())) }
	p, err := New(Options{Client: gateway, Now: now, Token: func(ctx context.Context, fresh bool) (kite.Token, error) {
		a.mints.Add(1)
		if fresh {
			a.forced.Add(1)
		}
		tok, err := gateway.Mint(ctx, cred, 60)
		ahead := time.Duration(a.ahead.Load())
		tok.Expires, tok.Minted = tok.Expires.Add(ahead), tok.Minted.Add(ahead)
		return tok, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	a.Proxy = p
	t.Cleanup(func() {
		a.client.CloseIdleConnections()
		p.Close(context.Background())
		gateway.CloseIdleConnections()
		a.sim.Close()
	})
	return a
}

// pass moves the clock forward.
func (a *aging) pass(d time.Duration) { a.ahead.Add(int64(d)) }

// read reads the balances through the proxy and checks the status.
func (a *aging) read(want int) {
	a.Helper()
	resp, err := a.client.Get(a.URL().Reveal() + "/data/wallets/balances")
	a.answered("a read", resp, err, want)
}

// pay requests a payment through the proxy and checks the status.
func (a *aging) pay(want int) {
	a.Helper()
	resp, err := a.client.Post(a.URL().Reveal()+"/collections/request-to-pay", "application/json", strings.NewReader(payment))
	a.answered("a payment", resp, err, want)
}

func (a *aging) answered(what string, resp *http.Response, err error, want int) {
	a.Helper()
	if err != nil {
		a.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != want {
		a.Errorf("%s: %s, want %d", what, resp.Status, want)
	}
}

// minted checks how often a token was minted, and how often because of a refusal.
func (a *aging) minted(mints, forced int32) {
	a.Helper()
	if a.mints.Load() != mints || a.forced.Load() != forced {
		a.Errorf("%d mints, %d of them forced; want %d and %d", a.mints.Load(), a.forced.Load(), mints, forced)
	}
}

func TestTokens_RequestsAtOnceShareOneMint(t *testing.T) {
	a := startAging(t)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { a.read(200) })
	}
	wg.Wait()
	a.minted(1, 0)
}

func TestTokens_AreRenewedBeforeTheyExpire(t *testing.T) {
	a := startAging(t)
	a.read(200)
	a.pass(55 * time.Second) // the last tenth of its life
	a.read(200)
	a.tokens.wait.Wait() // requests use the old token meanwhile
	a.minted(2, 0)
}

// A clock that was set back says nothing about the age of the token in use: the token
// would be sent after it has expired, and a payment would be refused.
func TestTokens_AreRenewedAfterTheClockIsSetBack(t *testing.T) {
	a := startAging(t)
	a.read(200)
	a.pass(-time.Hour)
	a.pay(202)
	a.minted(2, 0)
}

// A write with a revoked token is not repeated, but the next write has a new token.
func TestTokens_RevokedOneFailsOneWrite(t *testing.T) {
	a := startAging(t)
	a.read(200)
	a.sim.Revoke("acme", kite.Sandbox)
	a.pay(401)
	a.pay(202)
	a.minted(2, 1)
}

// A gateway may refuse a token inside a reply with 200.
func TestTokens_RefusalInsideA200IsARefusal(t *testing.T) {
	refusal := `{"code":401,"status":"error","message":"` + strings.Repeat("x", 3000) + `"}`
	for name, encode := range map[string]func(http.ResponseWriter){
		"of known length": func(w http.ResponseWriter) { w.Header().Set("Content-Length", strconv.Itoa(len(refusal))) },
		"in chunks":       func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() },
	} {
		var forced atomic.Int32
		s := start(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			if strings.HasSuffix(r.Header.Get("Authorization"), canary) {
				encode(w)
				_, _ = io.WriteString(w, refusal)
				return
			}
			_, _ = io.WriteString(w, `{"code":200,"status":"success"}`)
		}, func(_ context.Context, fresh bool) (kite.Token, error) {
			if fresh {
				forced.Add(1)
				return living(canary + "-2"), nil
			}
			return living(canary), nil
		})
		if _, body := s.do("POST", "/pay", "{}", nil); body != refusal {
			t.Errorf("%s: the write got %q", name, body)
		}
		if _, body := s.do("GET", "/balances", "", nil); !strings.Contains(body, "success") || forced.Load() != 1 {
			t.Errorf("%s: the read got %q after %d forced mints", name, body, forced.Load())
		}
	}
}

func TestTokens_RevokedOneFailsNoRead(t *testing.T) {
	a := startAging(t)
	a.read(200)
	a.sim.Revoke("acme", kite.Sandbox)
	a.read(200)
	a.minted(2, 1)
}

// A gateway that refuses everything is not asked to mint for each request.
func TestTokens_AreNotForcedForEachRequest(t *testing.T) {
	a := startAging(t)
	a.read(200)
	a.sim.Revoke("acme", kite.Sandbox)
	a.read(200)
	a.sim.Revoke("acme", kite.Sandbox)
	for range 5 {
		a.read(401)
	}
	a.minted(2, 1)
	a.pass(forcedEvery)
	a.read(200)
	a.minted(3, 2)
}

// payment is a documented request to pay.
const payment = `{"currency":"UGX","amount":1,"payment_method":"MOBILE_MONEY","account_number":"256700000000",` +
	`"narration":"test","merchant_reference":"0b3c7a52-9d4e-4f6a-8b1c-2d3e4f5a6b7c"}`
