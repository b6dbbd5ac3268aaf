// Package proxy lets any tool on this machine call Kitegateway without a token:
// it passes requests on to the gateway and puts a valid Authorization header on
// each, renewed in time.
//
// # Who may use it
//
// Whoever reaches the proxy spends somebody's money, and other users, web pages
// and half of the tools on a machine can open a connection to loopback. So the
// proxy listens on loopback only, and its base URL has a path that is made up
// anew for each run ([Proxy.URL]); without it there is nothing but a 404. A
// request is refused when its Host is not the proxy's own address (a web page's
// name that was made to point here, DNS rebinding) or when a browser sent it for
// a page (an Origin header, or a Sec-Fetch-Site other than "none").
//
// # What passes
//
// A request goes out with its method, path, query, body and headers, except
// those that say who is asking (Authorization, Cookie, Origin, Referer,
// X-Forwarded-…) and those that belong to the connection. Paths stay below the
// gateway's base URL, and minting (/auth/) is not for proxy users. Replies come
// back as they are, except for headers that would act on a browser or another
// connection. A redirect is not passed on: a client that follows it would carry
// its request to another host. It becomes a 502.
//
// Bodies are neither kept nor logged.
package proxy

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"kitekey/kite"
)

// maxBody bounds a request's body.
const maxBody = 16 << 20

// Options says where requests go and with what.
type Options struct {
	// Client says which gateway it is. Required.
	Client *kite.Client
	// Token gets a token: a kept one with life enough, or with fresh set one that is
	// minted now. It may be called from several goroutines. Required.
	Token func(ctx context.Context, fresh bool) (kite.Token, error)
	// Now is the local clock; time.Now when nil.
	Now func() time.Time
	// Log is called after each request, by several goroutines at once.
	Log func(Record)
}

// Record is one answered request. It holds no secret: not the proxy's own path,
// no query, no header.
type Record struct {
	Method  string
	Path    string // below the base URL; "" when the request was turned away
	Status  int
	Latency time.Duration
	Err     error // why there is no reply of the gateway's, or nil
}

// Proxy is a reverse proxy to Kitegateway.
type Proxy struct {
	base   *url.URL
	secret string // the first step of every path
	tokens *tokens
	log    func(Record)
	pass   *httputil.ReverseProxy

	listener net.Listener
	server   *http.Server
	served   chan struct{}
	hosts    []string // what a Host header may say
}

// New makes a proxy that listens nowhere yet.
func New(o Options) (*Proxy, error) {
	base, upstream, err := o.Client.ProxyTransport()
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	p := &Proxy{
		base:   base,
		secret: rand.Text(), // 130 bits
		tokens: newTokens(o.Token, o.Now),
		log:    o.Log,
	}
	p.pass = &httputil.ReverseProxy{
		Rewrite:        p.rewrite,
		Transport:      &authorized{p.tokens, upstream},
		ModifyResponse: p.cleanResponse,
		ErrorHandler:   p.failed,
		ErrorLog:       log.New(io.Discard, "", 0), // it could quote what it should not
		FlushInterval:  -1,
	}
	return p, nil
}

// Start listens on addr, a loopback address such as "127.0.0.1:0", and serves
// until [Proxy.Close].
func (p *Proxy) Start(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%q is not an address: write HOST:PORT, as in 127.0.0.1:0", addr)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Zone() != "" || !ip.Unmap().IsLoopback() {
		return fmt.Errorf("%q is not a loopback address: the proxy is for this machine only, as in 127.0.0.1:0", host)
	}
	if p.listener, err = net.Listen("tcp", net.JoinHostPort(ip.Unmap().String(), port)); err != nil {
		return fmt.Errorf("cannot listen on %s: %w", addr, errors.Unwrap(err))
	}
	_, port, _ = net.SplitHostPort(p.listener.Addr().String())
	for _, name := range []string{ip.Unmap().String(), "localhost"} {
		p.hosts = append(p.hosts, net.JoinHostPort(name, port))
		if port == "80" {
			p.hosts = append(p.hosts, strings.TrimSuffix(net.JoinHostPort(name, port), ":80"))
		}
	}
	p.server = &http.Server{
		Handler:           p,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		// "OPTIONS *" is turned away like all that does not know the secret.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     log.New(io.Discard, "", 0),
	}
	p.served = make(chan struct{})
	go func() {
		defer close(p.served)
		_ = p.server.Serve(p.listener) // always ErrServerClosed: Close is the only end
	}()
	return nil
}

// URL is the base URL to use instead of the gateway's. It is a secret: whoever
// has it can use the proxy. Only after Start.
func (p *Proxy) URL() kite.Secret {
	return kite.NewSecret("http://" + p.listener.Addr().String() + "/" + p.secret)
}

// Close stops listening, gives requests under way until ctx ends, and then ends
// them.
func (p *Proxy) Close(ctx context.Context) {
	if p.server == nil {
		return
	}
	if p.server.Shutdown(ctx) != nil {
		_ = p.server.Close()
	}
	<-p.served
}

// rejection is why a request is not passed on.
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
			p.log(Record{Method: r.Method, Path: path, Status: seen.status, Latency: time.Since(start), Err: seen.err})
		}
	}()
	if no != nil {
		seen.err = errors.New(no.words)
		refuse(seen, no.status, "kitekey_proxy_refused", no.words)
		return
	}
	// No change of protocol: what follows it would pass unseen. Ignoring the wish is
	// what HTTP allows, and Java's client makes it with every request.
	r.Header.Del("Upgrade")
	r.Body = http.MaxBytesReader(seen, r.Body, maxBody)
	plain, _ := url.PathUnescape(path) // authorize has seen that it can be
	r.URL.Path, r.URL.RawPath = plain, path
	p.pass.ServeHTTP(seen, r)
}

// authorize decides whether a request may pass, and gives its path below the base
// URL, escaped as it came.
func (p *Proxy) authorize(r *http.Request) (path string, no *rejection) {
	if !p.ownHost(r.Host) {
		return "", &rejection{http.StatusForbidden, "the request is for another host"}
	}
	if site := r.Header.Get("Sec-Fetch-Site"); len(r.Header.Values("Origin")) > 0 || site != "" && site != "none" {
		return "", &rejection{http.StatusForbidden, "the request comes from a web page"}
	}
	secret, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	if subtle.ConstantTimeCompare([]byte(secret), []byte(p.secret)) != 1 {
		return "", &rejection{http.StatusNotFound, "there is nothing here: the path must begin with this run's secret"}
	}
	switch r.Method {
	case http.MethodConnect, http.MethodTrace: // TRACE would show the token
		return "", &rejection{http.StatusMethodNotAllowed, "this method is not passed on"}
	}
	if r.ContentLength > maxBody {
		return "", &rejection{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d MiB", maxBody>>20)}
	}
	path = "/" + rest
	if kite.CheckPath(path) != nil {
		return "", &rejection{http.StatusBadRequest, "the path must be plain, without . or .. or empty steps"}
	}
	if plain, err := url.PathUnescape(path); err != nil || strings.HasPrefix(strings.ToLower(plain)+"/", "/auth/") {
		return "", &rejection{http.StatusForbidden, "tokens are kitekey's to mint: leave the Authorization header to it"}
	}
	return path, nil
}

func (p *Proxy) ownHost(host string) bool {
	for _, own := range p.hosts {
		if strings.EqualFold(host, own) {
			return true
		}
	}
	return false
}

// rewrite makes the gateway's request of a client's. The reverse proxy has
// already taken out the headers that belong to a connection and X-Forwarded-….
func (p *Proxy) rewrite(pr *httputil.ProxyRequest) {
	target := *p.base
	target.Path += pr.In.URL.Path
	target.RawPath = p.base.EscapedPath() + pr.In.URL.RawPath
	target.RawQuery = pr.In.URL.RawQuery
	pr.Out.URL, pr.Out.Host = &target, target.Host
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

// cleanResponse takes out of a reply what would act on more than this request,
// and what could show the token.
func (p *Proxy) cleanResponse(resp *http.Response) error {
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
	// A 201 says where the new thing is: through the proxy, that is.
	if rest, ok := strings.CutPrefix(resp.Header.Get("Location"), p.base.String()+"/"); ok {
		resp.Header.Set("Location", "/"+p.secret+"/"+rest)
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

// failed answers for a gateway that did not, or a token that is not to be had.
func (p *Proxy) failed(w http.ResponseWriter, _ *http.Request, err error) {
	if seen, ok := w.(*responseRecorder); ok {
		seen.err = err
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.Is(err, context.Canceled):
		panic(http.ErrAbortHandler) // the client has gone
	case errors.As(err, &tooLarge):
		refuse(w, http.StatusRequestEntityTooLarge, "kitekey_proxy_refused", fmt.Sprintf("the body has more than %d MiB", maxBody>>20))
	case errors.Is(err, kite.ErrRateLimited):
		var e *kite.Error
		if errors.As(err, &e) && e.RetryAfter > 0 {
			w.Header().Set("Retry-After", fmt.Sprint(int(e.RetryAfter/time.Second)))
		}
		refuse(w, http.StatusTooManyRequests, "kitekey_proxy_failed", err.Error())
	default:
		refuse(w, http.StatusBadGateway, "kitekey_proxy_failed", err.Error())
	}
}

// refuse answers in the gateway's own form, so that its clients understand.
func refuse(w http.ResponseWriter, status int, code, message string) {
	protect(w.Header())
	w.Header().Set("Content-Type", "application/json")
	body, _ := json.Marshal(map[string]any{"code": code, "status": "error", "message": "kitekey proxy: " + kite.CleanText(message), "data": nil})
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

// responseRecorder remembers a response's status.
type responseRecorder struct {
	http.ResponseWriter
	status int
	err    error
}

func (o *responseRecorder) WriteHeader(status int) {
	if status >= 200 {
		o.status = status
	}
	o.ResponseWriter.WriteHeader(status)
}

func (o *responseRecorder) Unwrap() http.ResponseWriter { return o.ResponseWriter }
