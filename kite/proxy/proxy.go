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
// response is a 502 or 504 that says so: also in place of a web page or an empty 200,
// which would look like a success, and of a reply that is cut or stops. The reply to a
// write is therefore passed on when it is whole, or longer than 64 KiB.
//
// Bodies are neither stored nor logged.
package proxy

import (
	"bytes"
	"context"
	"crypto/rand"
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
		case restricted && !isPlainJSON(body):
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

// rewrite turns a client's request into the one for the gateway. The reverse proxy
// has already removed X-Forwarded-… and the headers that belong to a connection.
func (p *Proxy) rewrite(pr *httputil.ProxyRequest) {
	target := *p.base
	target.Path += pr.In.URL.Path
	target.RawPath = p.base.EscapedPath() + pr.In.URL.RawPath
	target.RawQuery = pr.In.URL.RawQuery
	pr.Out.URL, pr.Out.Host = &target, target.Host
	// The gateway must not get fields behind the body that were not checked, and
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
