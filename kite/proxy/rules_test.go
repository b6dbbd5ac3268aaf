package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kitekey/kite"
)

func TestParseRule_AllowsWhatItSays(t *testing.T) {
	for _, s := range []string{"", "GET", "/x", "GET x", "FETCH /x", "GET /x?y", "GET /a/../b", "GET /a;b", "GET /a%2fb", "CONNECT /x", "GET //x"} {
		if _, err := ParseRule(s); err == nil {
			t.Errorf("ParseRule(%q) accepts it", s)
		}
	}
	rule := func(s string) Rule {
		r, err := ParseRule(s)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, tt := range []struct {
		rule, method, path string
		want               bool
	}{
		{"GET /data/*", "GET", "/data/wallets/balances", true},
		{"GET /data/*", "HEAD", "/data/x", true},
		{"GET /data/*", "POST", "/data/x", false},
		{"GET /data/*", "GET", "/data", false},
		{"GET /data/*", "GET", "/data/", false},
		{"GET /data/*", "GET", "/database/x", false},
		{"GET /data/*", "GET", "/x/data/y", false},
		{"post /collections/request-to-pay", "POST", "/collections/request-to-pay", true},
		{"POST /collections/request-to-pay", "POST", "/collections/request-to-pay/x", false},
		{"GET /data/wallets/*/balance", "GET", "/data/wallets/UGX/balance", true},
		{"GET /data/wallets/*/balance", "GET", "/data/wallets/UGX/KES/balance", false},
		{"GET /*", "GET", "/anything/at/all", true},
	} {
		if got := rule(tt.rule).allows(tt.method, tt.path); got != tt.want {
			t.Errorf("%q allows %s %s: %v, want %v", tt.rule, tt.method, tt.path, got, tt.want)
		}
	}
}

// startWith is start with the test's own options.
func startWith(t *testing.T, change func(*Options)) *setup {
	t.Helper()
	return start(t, nil, nil, change)
}

func TestReadOnly_RefusesEveryFormOfWrite(t *testing.T) {
	s := startWith(t, func(o *Options) { o.ReadOnly = true })
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header[name] = []string{value} }
	}
	for name, tt := range map[string]struct {
		method, path string
		change       func(*http.Request)
		status       int
	}{
		"read":                        {"GET", "/data/wallets/balances", nil, 200},
		"head":                        {"HEAD", "/data/wallets/balances", nil, 200},
		"write":                       {"POST", "/x", nil, 403},
		"odd method":                  {"PURGE", "/x", nil, 403},
		"lower-case":                  {"post", "/x", nil, 403},
		"override":                    {"GET", "/x", header("X-Http-Method-Override", "POST"), 403},
		"override in its own case":    {"GET", "/x", header("x-HTTP-method-OVERRIDE", "POST"), 403},
		"override with _":             {"GET", "/x", header("X_HTTP_Method_Override", "POST"), 403},
		"older override":              {"GET", "/x", header("X-Method-Override", "POST"), 403},
		"override in the query":       {"GET", "/x?a=1&_method=DELETE", nil, 403},
		"override in the query, ;":    {"GET", "/x?a=1;_method=DELETE", nil, 403},
		"override in the query, %":    {"GET", "/x?%5fmethod=DELETE", nil, 403},
		"override in the query, caps": {"GET", "/x?_METHOD=DELETE", nil, 403},
		"override, dots":              {"GET", "/x", header("X.HTTP.Method.Override", "POST"), 403},
		"override, no X":              {"GET", "/x", header("Http-Method", "POST"), 403},
		"override, a bare name":       {"GET", "/x", header("_method", "POST"), 403},
		"override in a list":          {"GET", "/x?_method[]=DELETE", nil, 403},
		"override after a space":      {"GET", "/x?+_method=DELETE", nil, 403},
		"override after an escape":    {"GET", "/x?%20_method=DELETE", nil, 403},
		"override before a zero":      {"GET", "/x?_method%00=DELETE", nil, 403},
		"method of payment":           {"GET", "/x?payment_method=MOBILE_MONEY&method=card", nil, 200},
		"broken UTF-8":                {"GET", "/data/%c0%ae%c0%ae/x", nil, 400},
		"full-width dots":             {"GET", "/data/%EF%BC%8E%EF%BC%8E/x", nil, 400},
		"a full-width slash":          {"GET", "/data%EF%BC%8Fx", nil, 400},
		"a dot at the end":            {"GET", "/data./x", nil, 400},
		"a space at the end":          {"GET", "/auth%20/token", nil, 400},
		"another path, original":      {"GET", "/x", header("X-Original-Path", "/y"), 400},
		"names with accents":          {"GET", "/data/caf%C3%A9", nil, 200},
		"a parameter":                 {"GET", "/data;a=b/x", nil, 400},
		"an escaped parameter":        {"GET", "/data%3ba=b/x", nil, 400},
		"an escape of an escape":      {"GET", "/data%252fx", nil, 400},
		"an escaped slash":            {"GET", "/data%2fx", nil, 400},
		"another path":                {"GET", "/x", header("X-Original-URL", "/collections/request-to-pay"), 400},
		"another path, rewritten":     {"GET", "/x", header("X-Rewrite-Url", "/collections/request-to-pay"), 400},
		"another path, with _":        {"GET", "/x", header("X_Original_URL", "/collections/request-to-pay"), 400},
		"minting with a parameter":    {"GET", "/auth;x/token", nil, 403},
	} {
		t.Run(name, func(t *testing.T) {
			before := s.reached()
			resp, body := s.do(tt.method, tt.path, "", tt.change)
			if resp.StatusCode != tt.status || s.reached() > before != (tt.status == 200) {
				t.Errorf("%d, reached the gateway: %v; want %d: %s", resp.StatusCode, s.reached() > before, tt.status, body)
			}
			if strings.Contains(body, "read-only") || strings.Contains(body, "--") {
				t.Errorf("says how to lift it: %s", body)
			}
		})
	}
}

func TestAllow_LetsOnlyRulesPass(t *testing.T) {
	s := startWith(t, func(o *Options) {
		for _, text := range []string{"GET /data/*", "POST /collections/request-to-pay"} {
			rule, err := ParseRule(text)
			if err != nil {
				t.Fatal(err)
			}
			o.Allow = append(o.Allow, rule)
		}
	})
	form := func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }
	for _, tt := range []struct {
		method, path, body string
		change             func(*http.Request)
		status             int
	}{
		{"GET", "/data/wallets/balances", "", nil, 200},
		{"POST", "/collections/request-to-pay", "{}", nil, 200},
		{"POST", "/collections/request-to-pay?_method=DELETE", "{}", nil, 403},
		{"POST", "/collections/request-to-pay", "_method=DELETE", form, 403},
		{"POST", "/collections/request-to-pay", `["a"]`, nil, 200},
		{"POST", "/collections/request-to-pay", `{"\u005fmethod":"DELETE"}`, nil, 403},
		{"POST", "/collections/request-to-pay", "\x1f\x8b, or what compresses it", nil, 403},
		{"POST", "/collections/request-to-pay", "{\x00}\x00", nil, 403}, // UTF-16
		{"POST", "/collections/request-to-pay", `{"+AF8-method":"DELETE"}`, func(r *http.Request) { r.Header.Set("Content-Type", "application/json; charset=utf-7") }, 403},
		{"POST", "/collections/request-to-pay", "{}", func(r *http.Request) { r.Header.Set("Content-Type", "application/json; charset=UTF-8") }, 200},
		{"DELETE", "/data/wallets/balances", "", nil, 403},
		{"POST", "/collections/other", "{}", nil, 403},
		{"GET", "/transactions/x", "", nil, 403},
		{"GET", "/DATA/x", "", nil, 403},
	} {
		if resp, body := s.do(tt.method, tt.path, tt.body, tt.change); resp.StatusCode != tt.status {
			t.Errorf("%s %s: %d, want %d: %s", tt.method, tt.path, resp.StatusCode, tt.status, body)
		}
	}
}

// A write that gets no answer, or one from a server in front of the gateway, is
// reported as one that may have been carried out.
func TestProxy_WriteWithoutAnswerIsSentOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		status  int
	}{
		"502": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) }, 502},
		"503": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Retry-After", "1"); w.WriteHeader(503) }, 502},
		"504": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(504) }, 504},
		"408": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(408) }, 504},
		"524": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(524) }, 504},
		"520": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(520) }, 502},
		"304": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) }, 502},
		"a page": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, "<html>")
		}, 502},
		"nothing": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }, 502},
		"a reply that is cut": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"code":202`)
		}, 502},
		"a chunked reply that is cut": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"code":202`)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, 502},
		"no chunk": {func(w http.ResponseWriter, _ *http.Request) { _ = http.NewResponseController(w).Flush() }, 502},
		"a page that says JSON": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, "<html>")
		}, 502},
		"too long a header": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 100<<10)) }, 502},
		"dropped":           {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 502},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == "POST" {
					tt.handler(w, r)
				}
			}, nil)
			s.do("GET", "/warm", "", nil)
			resp, body := s.do("POST", "/pay", "{}", func(r *http.Request) { r.Header.Set("Idempotency-Key", "k") })
			if resp.StatusCode != tt.status || !strings.Contains(body, "it may have been carried out: look it up") ||
				!strings.Contains(body, codeUnknown) || !strings.Contains(body, "POST /pay: ") || resp.Header.Get("Retry-After") != "" {
				t.Errorf("%d %v %s", resp.StatusCode, resp.Header, body)
			}
			if n := s.reached(); n != 2 {
				t.Errorf("%d requests reached the gateway, want 2", n)
			}
		})
	}
}

func TestProxy_UnknownOutcomeHasTheOtherSidesWords(t *testing.T) {
	s := start(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(503)
		_, _ = io.WriteString(w, `{"message":"maintenance until 18:00\u001b[31m `+r.Header.Get("Authorization")+`"}`)
	}, nil)
	_, body := s.do("POST", "/pay", "{}", nil)
	if !strings.Contains(body, "503: maintenance until 18:00") || strings.Contains(body, "\\u001b") || !strings.Contains(body, kite.NewSecret("x").String()) {
		t.Error(body)
	}
}

// A write that was refused is answered at once, and the writes after it wait for the
// token that replaces its own. Without such a token they are sent with the old one,
// which may have been refused for one request only.
func TestTokens_WritesWaitForAReplacement(t *testing.T) {
	for _, failed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			tok := newTokens(t.Context(), func(_ context.Context, fresh bool) (kite.Token, error) {
				switch time.Sleep(time.Second); {
				case fresh && failed:
					return kite.Token{}, errors.New("no gateway")
				case fresh:
					return living("new"), nil
				}
				return living("old"), nil
			}, time.Now)
			a := &authorized{tok, roundTrip(func(r *http.Request) (*http.Response, error) {
				status := http.StatusAccepted
				if r.Header.Get("Authorization") == "JWT old" {
					status = http.StatusUnauthorized
				}
				return &http.Response{StatusCode: status, Body: http.NoBody, Request: r}, nil
			})}
			pay := func() (int, time.Duration) {
				began := time.Now()
				resp, err := a.RoundTrip(httptest.NewRequest("POST", "http://gateway/pay", nil))
				if err != nil {
					t.Fatal(err)
				}
				return resp.StatusCode, time.Since(began)
			}
			if _, err := tok.get(t.Context()); err != nil {
				t.Fatal(err)
			}
			if status, took := pay(); status != 401 || took != 0 {
				t.Errorf("the first: %d after %v", status, took)
			}
			want := map[bool]int{false: 202, true: 401}[failed]
			if status, took := pay(); status != want || took != time.Second {
				t.Errorf("the second: %d after %v", status, took)
			}
			tok.wait.Wait()
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Requests that wait for a token share the result of getting it.
func TestTokens_ShareOneFailedMint(t *testing.T) {
	var calls atomic.Int32
	release := make(chan struct{})
	tok := newTokens(t.Context(), func(context.Context, bool) (kite.Token, error) {
		calls.Add(1)
		<-release
		return kite.Token{}, errors.New("no gateway")
	}, time.Now)
	var waiting, failed sync.WaitGroup
	for range 16 {
		waiting.Add(1)
		failed.Go(func() {
			waiting.Done()
			if _, err := tok.get(context.Background()); err == nil {
				t.Error("a token came out of a failure")
			}
		})
	}
	waiting.Wait()
	time.Sleep(20 * time.Millisecond) // until all of them wait
	close(release)
	failed.Wait()
	if n := calls.Load(); n != 1 {
		t.Errorf("%d mints failed for sixteen requests", n)
	}
	tok.wait.Wait()
}

// onSocket starts a proxy on a Unix socket in a private folder.
func onSocket(t *testing.T) (p *Proxy, socket string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not protect a socket by its folder")
	}
	p, err := New(Options{Client: &kite.Client{BaseURL: "http://127.0.0.1:1/v1"}, Token: func(context.Context, bool) (kite.Token, error) { return living(canary), nil }})
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "kk") // not t.TempDir: a socket's path is at most 103 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket = filepath.Join(dir, "private", "s")
	if err := p.StartUnix(socket); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(context.Background()) })
	return p, socket
}

func TestStartUnix_RefusesAFolderThatIsOpenToOthers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not protect a socket by its folder")
	}
	open := t.TempDir()
	if err := os.Chmod(open, 0o755); err != nil {
		t.Fatal(err)
	}
	p, err := New(Options{Client: &kite.Client{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.StartUnix(filepath.Join(open, "s")); err == nil {
		t.Error("a socket in a folder that is open to others")
	}
}

func TestStartUnix_SaysThatAPathIsTooLong(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no protected sockets")
	}
	p, err := New(Options{Client: &kite.Client{}})
	if err != nil {
		t.Fatal(err)
	}
	err = p.StartUnix(filepath.Join(t.TempDir(), "private", strings.Repeat("s", 120)))
	if err == nil || !strings.Contains(err.Error(), "longer than the system allows") {
		t.Errorf("error %v", err)
	}
}

func TestStartUnix_ServesWithoutASecretPath(t *testing.T) {
	p, socket := onSocket(t)
	if p.URL().Reveal() != "http://localhost" {
		t.Errorf("the URL is %s", p.URL().Reveal())
	}
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	defer client.CloseIdleConnections()
	resp, err := client.Get("http://localhost/data/wallets/balances")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 502 { // nothing listens at the gateway's address
		t.Errorf("%s", resp.Status)
	}
}

func TestStartUnix_RefusesASocketInUse(t *testing.T) {
	_, socket := onSocket(t)
	second, err := New(Options{Client: &kite.Client{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := second.StartUnix(socket); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second proxy on the socket: %v", err)
	}
}

func TestProxy_PassesNoHalfBodyOn(t *testing.T) {
	s := start(t, nil, nil)
	conn, err := net.Dial("tcp", s.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, "POST /"+s.secret+"/pay HTTP/1.1\r\nHost: "+s.listener.Addr().String()+"\r\nContent-Length: 100\r\n\r\n{\"amount\":")
	_ = conn.(*net.TCPConn).CloseWrite()
	_, _ = io.Copy(io.Discard, conn)
	_ = conn.Close()
	if n := s.reached(); n != 0 {
		t.Errorf("half a payment reached the gateway %d times", n)
	}
}

// Some servers take the method from a field of the body.
func TestRestrictions_LookIntoBodies(t *testing.T) {
	rule := func(text string) Rule {
		r, err := ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	readOnly := startWith(t, func(o *Options) { o.ReadOnly = true })
	allowing := startWith(t, func(o *Options) { o.Allow = []Rule{rule("GET /x"), rule("POST /x")} })
	kind := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Content-Type", value) }
	}
	chunked := func(r *http.Request) { r.ContentLength = -1 }
	long := `{"a":"` + strings.Repeat("a", smallBody) + `"`
	for name, tt := range map[string]struct {
		s            *setup
		method, body string
		change       func(*http.Request)
		status       int
	}{
		"a read with a body":           {readOnly, "GET", `{"_method":"DELETE"}`, nil, 403},
		"a read with a chunked body":   {readOnly, "GET", `{"_method":"DELETE"}`, chunked, 403},
		"an allowed read with a body":  {allowing, "GET", `{"a":1}`, nil, 403},
		"an allowed write":             {allowing, "POST", `{"payment_method":"card"}`, nil, 200},
		"an allowed write, chunked":    {allowing, "POST", `{"payment_method":"card"}`, chunked, 200},
		"an allowed write, long":       {allowing, "POST", long + "}", nil, 200},
		"a field":                      {allowing, "POST", `{"a":1,"_method":"DELETE"}`, nil, 403},
		"an escaped field":             {allowing, "POST", `{"\u005fmethod":"DELETE"}`, nil, 403},
		"a field, chunked":             {allowing, "POST", `{"_METHOD":"DELETE"}`, chunked, 403},
		"a field of a long body":       {allowing, "POST", long + `,"_method":"PUT"}`, nil, 403},
		"a field of what is not JSON":  {allowing, "POST", `_method=DELETE`, nil, 403},
		"a field of text":              {allowing, "POST", `a=1`, kind("text/plain"), 403},
		"a field of several documents": {allowing, "POST", `{}`, kind("multipart/mixed; boundary=x"), 403},
		"another kind of JSON":         {allowing, "POST", `{}`, kind("application/merge-patch+json; charset=utf-8"), 200},
	} {
		t.Run(name, func(t *testing.T) {
			before := tt.s.reached()
			resp, body := tt.s.do(tt.method, "/x", tt.body, tt.change)
			if resp.StatusCode != tt.status || tt.s.reached() > before != (tt.status == 200) {
				t.Errorf("%d, reached the gateway: %v; want %d: %s", resp.StatusCode, tt.s.reached() > before, tt.status, body)
			}
		})
	}
}

// Without restrictions a read may name another method. It is then treated as the
// write that some servers make of it.
func TestProxy_SendsAnOverriddenReadOnce(t *testing.T) {
	s := start(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, nil)
	resp, body := s.do("GET", "/pay?_method=POST", "", nil)
	if resp.StatusCode != 502 || !strings.Contains(body, codeUnknown) || s.reached() != 1 {
		t.Errorf("%d after %d requests: %s", resp.StatusCode, s.reached(), body)
	}
}
