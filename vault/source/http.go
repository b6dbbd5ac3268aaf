package source

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"kitekey/kite"
)

// The engine is spoken to with the documented HTTP calls, ten of them, and not with
// github.com/openbao/openbao/api/v2. Linked into kitekey, v2.7.1 makes every command
// start later, those that use no source included: "kitekey --version" took 4.0 ms in
// place of 3.3 (the fastest of 300 runs on two cores), with 16 more packages to
// initialize and three times the memory allocated for it (0.40 MB, 0.13 without). The
// binary grew by 1.1 MB. It also takes the address, the CA, the proxy and whether
// certificates are checked from variables, which must not decide where kitekey sends
// a token.

const (
	callTimeout = 3 * time.Second  // of one request, from dialling to the last byte; the same as the store's
	maxPatience = 15 * time.Second // of one call, while the engine limits the rate
	maxReply    = 1 << 20
)

// call is one request of the API.
type call struct {
	op         string
	method     string
	path       string // below /v1/, as a policy names it
	query      string
	body       []byte
	capability string // what a policy must allow
	noToken    bool
	token      kite.Secret
	inBody     []kite.Secret
}

// secrets returns what the call sends and a server may quote.
func (c call) secrets() []kite.Secret { return append([]kite.Secret{c.token}, c.inBody...) }

// write reports whether the call changes something.
func (c call) write() bool { return c.method == http.MethodPost || c.method == http.MethodDelete }

type reply struct {
	status int
	header http.Header
	body   []byte
	json   bool
}

// erase overwrites the body, which may hold a secret.
func (r *reply) erase() {
	if r != nil {
		clear(r.body)
	}
}

func (e *engine) newClient() (*http.Client, error) {
	t := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: callTimeout}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    callTimeout,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
	kite.UseProxy(t)
	switch {
	case e.config.CA != "":
		if err := e.sys.vet(e.config.CA, false); err != nil {
			return nil, err
		}
		pool, err := certificates(e.config.CA)
		if err != nil {
			return nil, err
		}
		t.TLSClientConfig.RootCAs = pool
	case e.base.Scheme == "https": // variables must not change which CAs are trusted
		pool, err := kite.SystemRoots()
		if err != nil {
			return nil, fmt.Errorf("this system's CA certificates cannot be read: %w", err)
		}
		t.TLSClientConfig.RootCAs = pool
	}
	return &http.Client{
		Transport: t,
		// A redirect would carry the token to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// do makes a call and returns every reply that comes from the engine, whatever its
// status. While the engine limits the rate, do waits together with all other calls
// of this source. It repeats a read whose connection broke once.
func (e *engine) do(ctx context.Context, c call) (*reply, error) {
	began := time.Now()
	broken := false
	for {
		if err := e.pace.wait(ctx); err != nil {
			return nil, err
		}
		r, err := e.once(ctx, c)
		var failure *Error
		switch {
		case err == nil && later(c, r):
			rest := e.pace.limited(retryAfter(r.header, e.clock(r)))
			if rest > maxPatience-time.Since(began) {
				return nil, cmp.Or(e.notEngine(c, r), e.errorOf(ctx, c, r))
			}
			r.erase()
			continue
		case err == nil && e.notEngine(c, r) != nil:
			return nil, e.notEngine(c, r)
		case errors.As(err, &failure) && failure.Kind == ErrUnreachable && !c.write() && !broken:
			broken = true
			continue
		case err == nil:
			e.pace.fine()
		}
		return r, err
	}
}

// later reports whether a reply asks for the same request a little later: the rate is
// limited, a node of a cluster has not caught up yet, or a read came while the server
// was busy.
func later(c call, r *reply) bool {
	switch r.status {
	case http.StatusTooManyRequests, http.StatusPreconditionFailed:
		return true
	case http.StatusServiceUnavailable:
		return !c.write() && r.header.Get("Retry-After") != ""
	}
	return false
}

// notEngine returns an error for a failure in JSON that an engine does not send:
// every failure of an engine has a list of errors, or data. Without this, a proxy's
// 404 would stand for a secret that is not there, and its 403 for an expired token.
func (e *engine) notEngine(c call, r *reply) error {
	var said struct {
		Errors *[]any           `json:"errors"`
		Data   *json.RawMessage `json:"data"`
	}
	if r.status < 400 || json.Unmarshal(r.body, &said) == nil && (said.Errors != nil || said.Data != nil) || r.status == http.StatusTooManyRequests {
		return nil
	}
	what := "its JSON is not the engine's"
	if len(bytes.TrimSpace(r.body)) == 0 {
		what = "an empty reply"
	}
	return e.failed(c, ErrNotEngine, r, errors.New(what))
}

// dataOf reads the "data" of a reply, which every reply of the engine to a read has.
func (e *engine) dataOf(c call, r *reply, what string, into any) error {
	var raw struct {
		Data json.RawMessage `json:"data"`
	}
	err := json.Unmarshal(r.body, &raw)
	if err == nil && (raw.Data == nil || string(raw.Data) == "null") {
		err = errors.New("no data")
	}
	if err == nil {
		err = json.Unmarshal(raw.Data, into)
		clear(raw.Data)
	}
	if err != nil {
		return e.failed(c, ErrNotEngine, r, errors.New("the reply is not "+what))
	}
	return nil
}

func (e *engine) once(ctx context.Context, c call) (*reply, error) {
	limited, cancel := context.WithTimeout(ctx, cmp.Or(e.sys.Timeout, callTimeout))
	defer cancel()
	u := *e.base
	u.Path = u.Path + "/v1/" + c.path
	u.RawQuery = c.query
	var body io.Reader
	if c.body != nil {
		body = bytes.NewReader(c.body)
	}
	req, err := http.NewRequestWithContext(limited, c.method, u.String(), body)
	if err != nil {
		return nil, e.failed(c, ErrUnreachable, nil, errors.New("the address is not a URL"))
	}
	req.Header.Set("User-Agent", e.sys.UserAgent)
	req.Header.Set("X-Vault-Request", "true") // an agent in between refuses requests without it
	if e.config.Namespace != "" {
		req.Header.Set("X-Vault-Namespace", e.config.Namespace)
	}
	if c.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if !c.noToken {
		req.Header.Set("X-Vault-Token", c.token.Reveal())
	}
	way := &wayTo{began: time.Now()}
	res, err := e.client.Do(req.WithContext(httptrace.WithClientTrace(limited, way.trace())))
	if err != nil {
		return nil, e.noReply(ctx, limited, c, way, err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxReply+1))
	if err != nil {
		return nil, e.noReply(ctx, limited, c, way, err)
	}
	r := &reply{status: res.StatusCode, header: res.Header, body: data}
	r.json = len(bytes.TrimSpace(data)) == 0 || isJSON(res.Header, data)
	if len(data) > maxReply {
		r.erase()
		return nil, e.failed(c, ErrNotEngine, r, fmt.Errorf("the reply is larger than %d MiB", maxReply>>20))
	}
	if r.status >= 300 && r.status < 400 {
		return nil, e.redirected(c, r)
	}
	if !r.json {
		return nil, e.failed(c, ErrNotEngine, r, errors.New(kite.CleanWords(whatItIs(r), c.secrets()...)))
	}
	return r, nil
}

func isJSON(h http.Header, body []byte) bool {
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return (kind == "application/json" || kind == "") && json.Valid(body)
}

// whatItIs describes a reply that does not come from the engine, without repeating
// it.
func whatItIs(r *reply) string {
	kind, _, _ := mime.ParseMediaType(r.header.Get("Content-Type"))
	if kind == "text/html" || bytes.HasPrefix(bytes.TrimSpace(r.body), []byte("<")) {
		return "a web page"
	}
	if kind == "" || kind == "application/json" {
		return "not JSON"
	}
	return "the reply is " + kind
}

// redirected returns an error for a redirect. A standby node redirects to the
// active one.
func (e *engine) redirected(c call, r *reply) error {
	to, err := url.Parse(r.header.Get("Location"))
	if err != nil || to.Host == "" {
		return e.failed(c, ErrNotEngine, r, errors.New("a redirect"))
	}
	host := kite.CleanWords(to.Host, c.secrets()...)
	if r.status == http.StatusTemporaryRedirect && strings.HasSuffix(to.Path, "/v1/"+c.path) {
		return e.failed(c, ErrStandby, r, fmt.Errorf("the active node is %s", host))
	}
	return e.failed(c, ErrNotEngine, r, fmt.Errorf("a redirect to %s", host))
}

// wayTo records how far a request has got.
type wayTo struct {
	began             time.Time
	dialed, connected atomic.Bool // to the proxy if there is one; to the engine
}

func (w *wayTo) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		ConnectDone: func(_, _ string, err error) {
			if err == nil {
				w.dialed.Store(true)
			}
		},
		GotConn: func(httptrace.GotConnInfo) { w.connected.Store(true) },
	}
}

// noReply returns the error for a request without a reply. The request may have
// arrived.
func (e *engine) noReply(ctx, limited context.Context, c call, way *wayTo, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var outer *url.Error // it would repeat the whole address
	if errors.As(err, &outer) {
		err = outer.Err
	}
	kind := ErrUnreachable
	if limited.Err() != nil || errors.Is(err, context.DeadlineExceeded) {
		kind, err = ErrTimeout, context.DeadlineExceeded
	}
	err = kite.ProxyFor(e.base).Failure(err, way.dialed.Load(), way.connected.Load())
	failure := e.failed(c, kind, nil, kite.DescribeFailure(err, time.Since(way.began), c.secrets()...))
	failure.Unknown = c.write() && way.connected.Load()
	return failure
}

// failed returns the error for a call that failed.
func (e *engine) failed(c call, kind error, r *reply, err error) *Error {
	f := &Error{Source: e.config.Name, Op: c.op, Kind: kind, Host: e.base.Host, Path: c.path, Capability: c.capability, Err: err}
	if proxy := kite.ProxyFor(e.base); proxy != nil {
		f.Proxy = proxy.Addr
	}
	if r != nil {
		f.Status, f.Message = r.status, words(r, c.secrets()...)
		f.RetryAfter = retryAfter(r.header, e.clock(r))
		f.Unknown = c.write() && (r.status == 500 || r.status == 502 || r.status == 504)
	}
	return f
}

// words returns the engine's text, cleaned for terminals and of the secrets.
func words(r *reply, secrets ...kite.Secret) string {
	var said struct {
		Errors  []string `json:"errors"`
		Message string   `json:"message"`
	}
	if !r.json || json.Unmarshal(r.body, &said) != nil {
		return ""
	}
	if said.Errors == nil && r.status >= 400 { // a proxy's
		said.Errors = []string{said.Message}
	}
	var parts []string
	for _, s := range said.Errors {
		// The format of Go's multierror: "1 error occurred:\n\t* permission denied\n\n"
		for line := range strings.Lines(s) {
			line = strings.TrimSpace(kite.CleanWords(strings.TrimPrefix(strings.TrimSpace(line), "* "), secrets...))
			if line != "" && !strings.HasSuffix(line, "occurred:") {
				parts = append(parts, line)
			}
		}
	}
	text := []rune(strings.Join(parts, ", "))
	const most = 200
	if len(text) > most {
		text = append(text[:most], '…')
	}
	return string(text)
}

// clock returns the engine's time, by which it dates what it says. It is this machine's
// where a reply has no date.
func (e *engine) clock(r *reply) time.Time {
	if at, err := http.ParseTime(r.header.Get("Date")); err == nil {
		return at
	}
	return e.sys.Now()
}

// retryAfter reads the header: seconds, or a date. It returns 0 if there is none or
// it makes no sense.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseInt(v, 10, 32); err == nil && n > 0 {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil && at.After(now) {
		return at.Sub(now).Round(time.Second)
	}
	return 0
}

// errorOf returns an error if a reply is not a success. The caller must handle 404.
func (e *engine) errorOf(ctx context.Context, c call, r *reply) error {
	said := strings.ToLower(words(r))
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(said, part) })
	}
	switch {
	case r.status < 300:
		return nil
	case r.status == http.StatusBadRequest && has("check-and-set parameter did not match"):
		return e.failed(c, ErrConflict, r, nil)
	case r.status == http.StatusForbidden:
		return e.denied(ctx, c, r, has("invalid token", "bad token", "missing client token"))
	case r.status == http.StatusNotFound && has("no handler for route"):
		f := e.failed(c, ErrNoMount, r, nil)
		f.Path = e.config.Mount
		return f
	case r.status == 472 || r.status == 473 || r.status == 500 && has("not active", "active cluster node"):
		return e.failed(c, ErrStandby, r, nil)
	case r.status == http.StatusTooManyRequests:
		return e.failed(c, ErrRateLimited, r, nil)
	case r.status == http.StatusServiceUnavailable && has("sealed"), r.status == http.StatusNotImplemented:
		return e.failed(c, ErrSealed, r, nil)
	}
	return e.failed(c, ErrEngine, r, nil)
}

// denied tells a token that is invalid from one that lacks a policy: older releases
// answer both with the same text.
func (e *engine) denied(ctx context.Context, c call, r *reply, token bool) error {
	if !token {
		self, err := e.do(ctx, call{op: c.op, method: http.MethodGet, path: "auth/token/lookup-self", token: c.token})
		token = err == nil && self.status == http.StatusForbidden
		self.erase()
	}
	if token {
		f := e.failed(c, ErrToken, r, nil)
		f.Path, f.Capability = "", ""
		return f
	}
	return e.failed(c, ErrDenied, r, nil)
}
