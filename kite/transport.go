package kite

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// transport is the client's own unless one was given.
func (c *Client) transport() http.RoundTripper {
	if c.Transport != nil {
		return c.Transport
	}
	c.once.Do(func() {
		if t, err := c.newTransport(); err != nil {
			c.owned = failing{err}
		} else {
			c.owned = t
		}
	})
	return c.owned
}

// failing is the transport of a client whose settings are wrong: every request
// fails.
type failing struct{ err error }

func (f failing) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
	return nil, f.err
}

func (c *Client) newTransport() (*http.Transport, error) {
	t := http.DefaultTransport.(*http.Transport).Clone() // HTTP/2 and keep-alive
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}
	t.Proxy = proxyFromEnvironment
	if c.base() != c.Environment.BaseURL() {
		t.Proxy = nil
		dialer.Control = func(_, address string, _ syscall.RawConn) error { return loopbackOnly(address) }
	}
	t.DialContext = dialer.DialContext
	t.MaxIdleConns = maxIdleConns
	t.MaxIdleConnsPerHost = maxIdleConns
	t.MaxResponseHeaderBytes = 64 << 10
	t.ResponseHeaderTimeout = time.Minute // for a proxy's requests; ours have a deadline of their own
	// After a suspend, pooled connections are dead: drop idle ones early, and
	// send HTTP/2 pings on the others to find out.
	t.IdleConnTimeout = 30 * time.Second
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 5 * time.Second, PingTimeout: 5 * time.Second}
	t.OnProxyConnectResponse = func(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
		if resp.StatusCode == http.StatusOK {
			return nil
		}
		return &ProxyError{Variable: proxyVariable(), Addr: proxy.Host, Status: resp.StatusCode}
	}
	if base, err := c.checkedBase(); err == nil && base.Scheme == "http" {
		return t, nil // an override without TLS: reading the system's CAs takes longer than all else
	}
	roots, err := c.roots()
	if err != nil {
		return nil, err
	}
	t.TLSClientConfig = &tls.Config{RootCAs: roots}
	return t, nil
}

// maxIdleConns is how many connections stay open between requests: enough for a
// proxy with many clients.
const maxIdleConns = 64

// roots returns the CAs that may vouch for the gateway: the system's, and the one
// in CAFile if there is such a file.
func (c *Client) roots() (*x509.CertPool, error) {
	pool, err := systemRoots()
	if err != nil {
		return nil, &safeError{"this system's CA certificates cannot be read: " + CleanText(err.Error()), nil}
	}
	if c.CAFile == "" {
		return pool, nil
	}
	data, err := ReadCA(c.CAFile)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return pool, nil
	case err != nil:
		return nil, &safeError{"the CA file cannot be read: " + CleanText(err.Error()), nil}
	}
	pool = pool.Clone()
	if !pool.AppendCertsFromPEM(data) {
		return nil, &safeError{"the CA file " + CleanText(c.CAFile) + " holds no certificate", nil}
	}
	return pool, nil
}

// ReadCA reads the file of a CA's certificates: a regular one of at most 1 MiB, since
// a pipe would be waited for.
func ReadCA(path string) ([]byte, error) {
	const limit = 1 << 20
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a file")
	case info.Size() > limit:
		return nil, errors.New("it is larger than 1 MiB")
	}
	return os.ReadFile(path)
}

// SystemRoots returns the CAs that this machine trusts, regardless of variables,
// for other connections that carry a secret. The caller may add to the pool.
func SystemRoots() (*x509.CertPool, error) {
	pool, err := systemRoots()
	if err != nil {
		return nil, err
	}
	return pool.Clone(), nil
}

// certVariables replace the system's CAs in crypto/x509. kitekey ignores them:
// otherwise anything that can set a variable could read the api_secret.
var certVariables = []string{"SSL_CERT_FILE", "SSL_CERT_DIR"}

// systemRoots loads the system's CAs without certVariables. crypto/x509 reads the
// variables once in a process, at the first use, so they are removed from the
// environment for that moment and restored for programs that are started later.
var systemRoots = sync.OnceValues(func() (*x509.CertPool, error) {
	for _, name := range certVariables {
		if value, ok := os.LookupEnv(name); ok {
			_ = os.Unsetenv(name)
			defer func() { _ = os.Setenv(name, value) }()
		}
	}
	return x509.SystemCertPool()
})

// proxyVariable returns the name of the variable that sets the proxy, "" if none
// does.
func proxyVariable() string {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy"} { // in the order of net/http
		if os.Getenv(name) != "" {
			return name
		}
	}
	return ""
}

// proxyFromEnvironment is [http.ProxyFromEnvironment] with errors that say what is
// wrong with the variable and do not repeat its value.
func proxyFromEnvironment(r *http.Request) (*url.URL, error) {
	proxy, err := http.ProxyFromEnvironment(r)
	if proxy == nil && err == nil {
		return nil, nil
	}
	name := proxyVariable()
	if why := checkProxy(os.Getenv(name)); why != "" {
		return nil, &ProxyError{Variable: name, Err: errors.New(why)}
	}
	if err != nil {
		return nil, &ProxyError{Variable: name, Err: errors.New("it is not a proxy's URL: write http://HOST:PORT")}
	}
	return proxy, nil
}

// checkProxy looks for common mistakes in a proxy variable, which would otherwise
// show as a host that does not exist. It returns "" if it finds none.
func checkProxy(value string) string {
	rest := value
	if _, after, ok := strings.Cut(value, "://"); ok {
		rest = after
	}
	_, afterUser, hasUser := cutLast(rest, "@")
	switch {
	case strings.ContainsAny(value, `"'`):
		return "it holds quotes: leave them out"
	case strings.TrimSpace(value) != value || strings.ContainsAny(value, " \t\r\n"):
		return "it holds a blank: leave it out"
	case strings.ContainsRune(rest, '#'):
		return "it holds a #: write it as %23"
	case hasUser && strings.ContainsAny(strings.TrimSuffix(rest, "@"+afterUser), "/?"):
		return "its user or password holds / or ?: write them as %2F and %3F"
	}
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	if u, err := url.Parse(value); err != nil || u.Hostname() == "" {
		return "it is not a URL: write http://HOST:PORT"
	}
	return ""
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// Proxy is the proxy in force between this machine and the gateway.
type Proxy struct {
	Variable string // "HTTPS_PROXY"
	Addr     string // host and port, without user and password; "" when Err is set
	Err      error  // what is wrong with the variable
}

// Proxy returns the proxy that c's requests use, nil if they use none.
func (c *Client) Proxy() *Proxy {
	base, err := c.checkedBase()
	if err != nil || c.base() != c.Environment.BaseURL() {
		return nil
	}
	proxy, err := proxyFromEnvironment(&http.Request{URL: base})
	switch {
	case err != nil:
		return &Proxy{Variable: proxyVariable(), Err: err}
	case proxy == nil:
		return nil
	}
	return &Proxy{Variable: proxyVariable(), Addr: CleanText(proxy.Host)}
}

// proxyFailure returns a *ProxyError if the proxy could not be reached or refused
// the connection, and otherwise err itself.
func proxyFailure(err error, proxy *Proxy) error {
	var known *ProxyError
	var op *net.OpError
	switch {
	case errors.As(err, &known):
		return known
	case proxy != nil && errors.As(err, &op) && (op.Op == "proxyconnect" || strings.HasPrefix(op.Op, "socks")):
		return &ProxyError{Variable: proxy.Variable, Addr: proxy.Addr, Err: err}
	}
	return err
}

// loopbackOnly is a [net.Dialer] Control function. It checks the address that is
// dialled, so that no secret leaves the machine even if the resolver gives another
// address for localhost.
func loopbackOnly(address string) error {
	if ap, err := netip.ParseAddrPort(address); err != nil || !ap.Addr().Unmap().IsLoopback() {
		host, _, _ := net.SplitHostPort(address)
		return fmt.Errorf("%s is not this machine", host)
	}
	return nil
}
