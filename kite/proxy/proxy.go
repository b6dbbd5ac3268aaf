// Package proxy lets any tool on this machine call Kitegateway without a token:
// it passes requests on to the gateway and puts a valid Authorization header on
// each, renewed in time.
//
// # Who may use it
//
// A request through the proxy spends the account's money, and other users, web
// pages and most tools on a machine can open a connection to loopback. So the proxy
// listens on loopback only, and its base URL has a random path ([Proxy.URL]);
// without it the answer is 404. The system is asked who owns the other end of each
// connection, and another user's is refused; where the system does not say
// ([Proxy.KnowsOwners]), the path alone protects. A socket in a private folder
// ([Proxy.StartUnix]) needs no such path. A request is refused as well when its
// Host is not the proxy's own address (a web page's name that was made to point
// here, DNS rebinding) or when a browser sent it for a page (an Origin header, or a
// Sec-Fetch-Site other than "none").
//
// # What passes
//
// A request goes out with its method, path, query, body and headers, except those
// that say who is asking (Authorization, Cookie, Origin, Referer, X-Forwarded-…)
// and those that belong to the connection. Paths stay below the gateway's base URL
// and are written so that every server reads them alike; minting (/auth/) is not
// for proxy users. [Options.ReadOnly] and [Options.Allow] refuse more. Replies come
// back as they are, except for headers that would act on a browser or another
// connection. A redirect is not passed on: a client that follows it would carry
// its request to another host. It becomes a 502.
//
// # What is sent once
//
// A write is sent once. When no answer says whether it was carried out, the
// response is a 502 or 504 that says so: also in place of a web page, which would
// look like a success.
//
// Bodies are neither stored nor logged.
package proxy

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"kitekey/kite"
	"kitekey/kite/internal/loopback"
)

const (
	maxBody   = 16 << 20 // of a request
	smallBody = 64 << 10 // is read before it is sent, so that it can go on a fresh connection
)

// Options says where requests go and with what.
type Options struct {
	// Client says which gateway it is. Required.
	Client *kite.Client
	// Token gets a token: a cached one with life enough, or with fresh set one that
	// is minted now. One call is under way at a time, or two when one is fresh. Its
	// context ends with the proxy. Required.
	Token func(ctx context.Context, fresh bool) (kite.Token, error)
	// Path is the first step of every path and the proxy's secret, made of letters
	// and digits; "" chooses a random one.
	Path string
	// ReadOnly refuses requests that may change something.
	ReadOnly bool
	// Allow has the rules for the requests that may pass. Without rules every request
	// may.
	Allow []Rule
	// Now is the local clock; time.Now when nil.
	Now func() time.Time
	// Log is called after each request, by several goroutines at once. It must not
	// block.
	Log func(Record)
}

// Record is one answered request. It holds no secret: not the proxy's own path,
// no query, no header.
type Record struct {
	Method  string
	Path    string // below the base URL, as a [kite.PathTemplate]; "" if the request was refused
	Status  int
	Latency time.Duration
	Err     error // why the gateway did not reply, or nil
}

// Proxy is a reverse proxy to Kitegateway.
type Proxy struct {
	base     *url.URL
	secret   string // the first step of every path; "" behind a Unix socket
	readOnly bool
	allow    []Rule
	tokens   *tokens
	stop     context.CancelFunc // ends the renewals
	life     context.Context    // of all requests
	end      context.CancelCauseFunc
	log      func(Record)
	pass     *httputil.ReverseProxy

	listener    net.Listener
	server      loopback.Server
	knowsOwners bool
	hosts       []string // accepted values of the Host header
}

// NewPath returns a random value for [Options.Path]: 130 bits.
func NewPath() string { return rand.Text() }

// New returns a proxy that does not listen yet.
func New(o Options) (*Proxy, error) {
	base, upstream, err := o.Client.ProxyTransport()
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Path == "" {
		o.Path = NewPath()
	}
	ctx, stop := context.WithCancel(context.Background())
	p := &Proxy{
		base:     base,
		secret:   o.Path,
		readOnly: o.ReadOnly,
		allow:    o.Allow,
		tokens:   newTokens(ctx, o.Token, o.Now),
		stop:     stop,
		log:      o.Log,
	}
	p.life, p.end = context.WithCancelCause(context.Background())
	p.pass = &httputil.ReverseProxy{
		Rewrite:        p.rewrite,
		Transport:      &authorized{p.tokens, upstream},
		ModifyResponse: p.cleanResponse,
		ErrorHandler:   p.handleError,
		ErrorLog:       log.New(io.Discard, "", 0), // it could quote a secret
		// FlushInterval stays 0: replies of unknown length are flushed as they come
		// even so, and other replies need no timer.
		BufferPool: buffers,
	}
	return p, nil
}

// Start listens on addr, a loopback address such as "127.0.0.1:0", and serves
// until [Proxy.Close].
func (p *Proxy) Start(addr string) error {
	l, err := loopback.Listen(addr)
	if err != nil {
		return err
	}
	host, port, _ := net.SplitHostPort(l.Addr().String())
	for _, name := range []string{host, "localhost"} {
		p.hosts = append(p.hosts, net.JoinHostPort(name, port))
		if port == "80" {
			p.hosts = append(p.hosts, strings.TrimSuffix(net.JoinHostPort(name, port), ":80"))
		}
	}
	p.serve(l)
	return nil
}

// StartUnix is Start with a Unix socket. The socket's folder must be the user's own
// and closed to others; StartUnix makes it if it is missing. The folder protects
// the socket, so there is no secret path.
func (p *Proxy) StartUnix(path string) error {
	if runtime.GOOS == "windows" {
		return errors.New("a Unix socket cannot be protected on Windows: use an address")
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	switch info, err := os.Stat(dir); {
	case err != nil:
		return err
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("the folder %s is open to other users: use one with mode 700", dir)
	}
	if info, err := os.Lstat(path); err == nil {
		if info.Mode()&fs.ModeSocket == 0 {
			return fmt.Errorf("%s exists and is not a socket", path)
		}
		if conn, err := net.Dial("unix", path); err == nil {
			_ = conn.Close()
			return fmt.Errorf("%s is in use", path)
		}
		_ = os.Remove(path) // left behind by a proxy that was killed
	}
	l, err := net.Listen("unix", path)
	if errors.Is(err, syscall.EINVAL) {
		return errors.New("the socket's path is longer than the system allows, about 100 bytes")
	}
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w", path, errors.Unwrap(err))
	}
	p.secret = ""
	p.hosts = []string{"localhost"}
	p.serve(l)
	return nil
}

func (p *Proxy) serve(l net.Listener) {
	p.listener = l
	p.knowsOwners = tellsOwners(l)
	p.server.Handler = p
	p.server.ConnContext = withPeer
	p.server.BaseContext = func(net.Listener) context.Context { return p.life }
	// "OPTIONS *" does not have the secret path and is refused too.
	p.server.DisableGeneralOptionsHandler = true
	p.server.Serve(l)
}

// URL returns the base URL to use instead of the gateway's. It is a secret, because
// it is enough to use the proxy. Call it after Start.
func (p *Proxy) URL() kite.Secret {
	if p.secret == "" {
		return kite.NewSecret("http://localhost")
	}
	return kite.NewSecret("http://" + p.listener.Addr().String() + "/" + p.secret)
}

// KnowsOwners reports whether this system tells which user opens a connection, so
// that the proxy can refuse other users. Call it after Start.
func (p *Proxy) KnowsOwners() bool { return p.knowsOwners }

// errStopped ends the requests that are under way when the proxy stops.
var errStopped = errors.New("the proxy was stopped before the gateway answered")

// answerTime is how long the clients of those requests may take to read that.
const answerTime = 300 * time.Millisecond

// Close stops listening, lets requests under way finish until ctx ends, and then
// ends them: their clients are told that the proxy was stopped.
func (p *Proxy) Close(ctx context.Context) {
	last, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		p.end(errStopped)
		time.AfterFunc(answerTime, cancel)
	})()
	p.server.Close(last)
	p.end(errStopped)
	p.stop()
	p.tokens.wait.Wait()
}

// rejection tells why a request is not passed on.
type rejection struct {
	status int
	words  string
}

// ServeHTTP implements [http.Handler].
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	seen := &responseRecorder{ResponseWriter: w}
	path, no := p.authorize(r)
	defer func() {
		if p.log != nil {
			p.log(Record{Method: kite.CleanText(r.Method), Path: kite.PathTemplate(path), Status: seen.status, Latency: time.Since(start), Err: seen.err})
		}
	}()
	if no != nil {
		seen.err = errors.New(no.words)
		refuse(seen, no.status, codeRefused, no.words)
		return
	}
	// Do not switch protocols: the proxy could not check what follows. RFC 9110 (7.8)
	// allows ignoring Upgrade; Java's HttpClient always sends it.
	r.Header.Del("Upgrade")
	seen.body = &clientBody{ReadCloser: http.MaxBytesReader(seen, r.Body, maxBody)}
	r.Body = seen.body
	restricted := len(p.allow) > 0 // then a body is looked into before it is passed on
	if restricted && r.ContentLength != 0 || r.ContentLength > 0 && r.ContentLength <= smallBody {
		body, err := io.ReadAll(r.Body)
		switch {
		case err != nil:
			seen.refuseBody(err)
			return
		case restricted && namesMethodInside(body):
			seen.err = errors.New(notAllowed)
			refuse(seen, http.StatusForbidden, codeRefused, notAllowed)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	}
	unescaped, _ := url.PathUnescape(path) // authorize has checked that this cannot fail
	r.URL.Path, r.URL.RawPath = unescaped, path
	p.pass.ServeHTTP(seen, r)
}

// buffers holds the buffers for copying replies.
var buffers = &bufferPool{sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}}

type bufferPool struct{ pool sync.Pool }

func (b *bufferPool) Get() []byte  { return *b.pool.Get().(*[]byte) }
func (b *bufferPool) Put(p []byte) { b.pool.Put(&p) }

// authorize alone decides whether a request may pass. It returns the path below the
// base URL, with the escapes it came with.
func (p *Proxy) authorize(r *http.Request) (path string, no *rejection) {
	if foreign := p.foreign(r); foreign != "" {
		return "", &rejection{http.StatusForbidden, foreign}
	}
	rest := strings.TrimPrefix(r.URL.EscapedPath(), "/")
	if p.secret != "" {
		var secret string
		secret, rest, _ = strings.Cut(rest, "/")
		if subtle.ConstantTimeCompare([]byte(secret), []byte(p.secret)) != 1 {
			return "", &rejection{http.StatusNotFound, "not found: the path must begin with the proxy's own path"}
		}
	}
	switch r.Method {
	case http.MethodConnect, http.MethodTrace: // TRACE would show the token
		return "", &rejection{http.StatusMethodNotAllowed, "this method is not passed on"}
	}
	if r.ContentLength > maxBody {
		return "", &rejection{http.StatusRequestEntityTooLarge, tooLarge}
	}
	path = "/" + rest
	const odd = "the path must be plain, without . or .. or empty steps, ; or escaped slashes, or characters that servers read differently"
	if kite.CheckPath(path) != nil || kite.OverridesPath(r.Header) {
		return "", &rejection{http.StatusBadRequest, odd}
	}
	unescaped, err := url.PathUnescape(path)
	if first, _, _ := strings.Cut(strings.ToLower(unescaped), ";"); err != nil || strings.HasPrefix(first+"/", "/auth/") {
		return "", &rejection{http.StatusForbidden, "tokens are minted by kitekey: leave the Authorization header to it"}
	}
	if !plain(path) {
		return "", &rejection{http.StatusBadRequest, odd}
	}
	if p.restricted(r, unescaped) {
		return "", &rejection{http.StatusForbidden, notAllowed}
	}
	return path, nil
}

// foreign says why a request was not sent by a program of the proxy's own user to
// this proxy, "" if it was.
func (p *Proxy) foreign(r *http.Request) string {
	if owner := peerOf(r.Context(), p.knowsOwners); owner == peerOther || owner == peerUnknown && p.knowsOwners {
		return "the connection comes from another user"
	}
	if !p.ownHost(r.Host) {
		return "the request is for another host"
	}
	if site := r.Header.Get("Sec-Fetch-Site"); len(r.Header.Values("Origin")) > 0 || site != "" && site != "none" {
		return "the request comes from a web page"
	}
	return ""
}

const notAllowed = "this request is not allowed here"

const tooLarge = "the body is larger than the proxy's limit of 16 MiB"

func (p *Proxy) ownHost(host string) bool {
	for _, own := range p.hosts {
		if strings.EqualFold(host, own) {
			return true
		}
	}
	return false
}

// rewrite turns a client's request into the one for the gateway. The reverse proxy
// has already removed X-Forwarded-… and the headers that belong to a connection.
func (p *Proxy) rewrite(pr *httputil.ProxyRequest) {
	target := *p.base
	target.Path += pr.In.URL.Path
	target.RawPath = p.base.EscapedPath() + pr.In.URL.RawPath
	target.RawQuery = pr.In.URL.RawQuery
	pr.Out.URL, pr.Out.Host = &target, target.Host
	// The gateway must not get fields behind the body that nobody has looked at, and
	// the client has been told to send its body.
	pr.Out.Trailer = nil
	pr.Out.Header.Del("Expect")
	for name := range pr.Out.Header {
		switch {
		case name == "Authorization", name == "Secret-Key", name == "Cookie", name == "Origin", name == "Referer", name == "Forwarded",
			strings.HasPrefix(name, "Sec-"), strings.HasPrefix(name, "X-Forwarded-"), strings.HasPrefix(name, "X-Real-"):
			pr.Out.Header.Del(name)
		}
	}
	if len(pr.Out.Header.Values("Accept")) == 0 {
		pr.Out.Header.Set("Accept", "application/json")
	}
	if pr.Out.ContentLength != 0 && len(pr.Out.Header.Values("Content-Type")) == 0 {
		pr.Out.Header.Set("Content-Type", "application/json")
	}
}

// cleanResponse removes the headers of a reply that would affect more than this
// request, and those that could show the token.
func (p *Proxy) cleanResponse(resp *http.Response) error {
	if err := p.unknownOutcome(resp); err != nil {
		return err
	}
	value := resp.Request.Header.Get("Authorization")
	_, bare, _ := strings.Cut(value, " ")
	for name, values := range resp.Header {
		drop := strings.HasPrefix(name, "Access-Control-")
		switch name {
		case "Set-Cookie", "Alt-Svc", "Strict-Transport-Security", "Clear-Site-Data", "Refresh":
			drop = true
		}
		for _, v := range values {
			drop = drop || bare != "" && strings.Contains(v, bare)
		}
		if drop {
			resp.Header.Del(name)
		}
	}
	// The Location of a new resource becomes its address on the proxy.
	if location := resp.Header.Get("Location"); location != "" {
		if rest, ok := strings.CutPrefix(location, p.base.String()+"/"); ok {
			prefix := "/"
			if p.secret != "" {
				prefix += p.secret + "/"
			}
			resp.Header.Set("Location", prefix+rest)
		}
	}
	protect(resp.Header)
	return nil
}

// protect sets the headers that keep a reply out of caches and a page in it from
// doing anything. Referrer-Policy keeps the secret path out of Referer.
func protect(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
}

// unknownOutcome returns the error for a write that a server in front of the
// gateway answered, so that it may have been carried out. The gateway's own 500
// passes: its words say more.
func (p *Proxy) unknownOutcome(resp *http.Response) error {
	status := resp.StatusCode
	if kite.IsWrite(resp.Request.Method, resp.Request.URL.RawQuery, resp.Request.Header) && kite.LeavesOutcomeOpen(status) && status != http.StatusInternalServerError {
		return &kite.Error{Kind: kite.ErrOutcomeUnknown, Host: resp.Request.URL.Host, Op: resp.Request.Method + " " + kite.PathTemplate(strings.TrimPrefix(resp.Request.URL.Path, p.base.Path)), Status: resp.StatusCode, Message: messageOf(resp)}
	}
	return nil
}

// messageOf returns what a reply that is not passed on says, "" if that is not JSON.
func messageOf(resp *http.Response) string {
	_, token, _ := strings.Cut(resp.Request.Header.Get("Authorization"), " ")
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // what came is enough
	return kite.MessageIn(body, kite.NewSecret(token))
}

// The codes of the proxy's own replies.
const (
	codeRefused = "kitekey_proxy_refused"
	codeFailed  = "kitekey_proxy_failed"
	codeUnknown = "kitekey_proxy_outcome_unknown"
)

// handleError answers when the gateway failed or no token could be obtained.
func (p *Proxy) handleError(w http.ResponseWriter, r *http.Request, err error) {
	seen, _ := w.(*responseRecorder) // it always is
	seen.err = err
	stopped := errors.Is(context.Cause(r.Context()), errStopped)
	var e *kite.Error
	late := errors.Is(err, context.DeadlineExceeded)
	switch {
	case errors.Is(r.Context().Err(), context.Canceled) && !stopped:
		panic(http.ErrAbortHandler) // the client has gone
	case seen.body.err.Load() != nil:
		seen.refuseBody(*seen.body.err.Load())
	case errors.Is(err, kite.ErrOutcomeUnknown):
		status := http.StatusBadGateway
		if errors.As(err, &e) && (late || timedOut[e.Status]) {
			status = http.StatusGatewayTimeout
		}
		refuse(w, status, codeUnknown, err.Error())
	case stopped:
		refuse(w, http.StatusBadGateway, codeFailed, errStopped.Error())
	case errors.Is(err, kite.ErrRateLimited):
		if errors.As(err, &e) && e.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.FormatInt(int64(e.RetryAfter/time.Second), 10))
		}
		refuse(w, http.StatusTooManyRequests, codeFailed, err.Error())
	case late:
		refuse(w, http.StatusGatewayTimeout, codeFailed, err.Error())
	default:
		refuse(w, http.StatusBadGateway, codeFailed, err.Error())
	}
}

// timedOut has the statuses of a server that gave up waiting: 524 is Cloudflare's.
var timedOut = map[int]bool{http.StatusRequestTimeout: true, http.StatusGatewayTimeout: true, 524: true}

// refuse answers in the gateway's own format, which its clients understand.
func refuse(w http.ResponseWriter, status int, code, message string) {
	protect(w.Header())
	w.Header().Set("Content-Type", "application/json")
	body, _ := json.Marshal(map[string]any{"code": code, "status": "error", "message": "kitekey proxy: " + kite.CleanText(message), "data": nil})
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

// clientBody is a request's body that remembers why it could not be read.
type clientBody struct {
	io.ReadCloser
	err atomic.Pointer[error] // the transport may read after it has returned
}

func (b *clientBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		b.err.Store(&err)
	}
	return n, err
}

// responseRecorder remembers a response's status.
type responseRecorder struct {
	http.ResponseWriter
	body   *clientBody // nil for a request that is not passed on
	status int
	err    error
}

// refuseBody answers a request of which the client did not send the whole body. The
// gateway has at most a part of it, which is no request.
func (o *responseRecorder) refuseBody(err error) {
	if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
		o.err = err
		refuse(o, http.StatusRequestEntityTooLarge, codeRefused, tooLarge)
		return
	}
	o.err = fmt.Errorf("the client did not send its whole body: %w", err)
	refuse(o, http.StatusBadRequest, codeRefused, o.err.Error())
}

func (o *responseRecorder) WriteHeader(status int) {
	if status >= 200 {
		o.status = status
	}
	o.ResponseWriter.WriteHeader(status)
}

func (o *responseRecorder) Unwrap() http.ResponseWriter { return o.ResponseWriter }
