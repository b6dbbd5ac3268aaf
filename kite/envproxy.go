package kite

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// UseProxy makes t use the proxy that the environment names, and report its
// failures as [ProxyError].
func UseProxy(t *http.Transport) {
	t.Proxy = proxyFromEnvironment
	t.OnProxyConnectResponse = func(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
		if resp.StatusCode == http.StatusOK {
			return nil
		}
		_, words, _ := strings.Cut(resp.Status, " ")
		return &ProxyError{
			Variable: proxyVariable(), Addr: CleanText(proxy.Host), Anonymous: proxy.User == nil,
			Status: resp.StatusCode, Message: truncate(CleanText(words), 100),
		}
	}
}

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
// wrong with the variable and do not repeat its value. A value that net/http cannot
// read is an error too: net/http would go without the proxy.
func proxyFromEnvironment(r *http.Request) (*url.URL, error) {
	proxy, err := http.ProxyFromEnvironment(r)
	name := proxyVariable()
	if proxy == nil && err == nil && (name == "" || r.URL.Scheme != "https" || isLoopback(r.URL.Hostname()) || readable(os.Getenv(name))) {
		return nil, nil // NO_PROXY excludes the host, or there is no proxy
	}
	if why := checkProxy(os.Getenv(name)); why != "" {
		return nil, &ProxyError{Variable: name, Err: errors.New(why)}
	}
	if err != nil {
		return nil, &ProxyError{Variable: name, Err: errors.New("it is not a proxy's URL: write http://HOST:PORT")}
	}
	return proxy, nil
}

// readable reports whether net/http makes a proxy's URL of a variable's value.
func readable(value string) bool {
	_, err := url.Parse(value)
	if err != nil {
		_, err = url.Parse("http://" + value)
	}
	return err == nil
}

// checkProxy looks for common mistakes in a proxy variable, which would otherwise
// show as a host that does not exist. It returns "" if it finds none.
func checkProxy(value string) string {
	if mistake := mistypedProxy(value); mistake != "" {
		return mistake
	}
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	u, err := url.Parse(value)
	switch {
	case err != nil && strings.Contains(value, "@") && strings.Contains(err.Error(), "escape"):
		return "its user or password contains a %: write it as %25"
	case err != nil || u.Hostname() == "" || strings.HasSuffix(u.Host, ":") && u.Path != "":
		return "it is not a URL: write http://HOST:PORT"
	case strings.TrimSuffix(u.Path, "/") != "":
		return "it has a path: write http://HOST:PORT; a configuration file (PAC) cannot be used"
	case strings.EqualFold(value, "http://direct"):
		return "it does not name a proxy: unset it to use none"
	case !proxySchemes[u.Scheme]:
		return "its scheme is " + CleanText(u.Scheme) + ": http, https, socks5 and socks5h are known"
	case !validPort(u.Port()):
		return "its port is not between 1 and 65535"
	}
	return ""
}

// mistypedProxy looks for characters that a proxy's URL has escaped or not at all.
func mistypedProxy(value string) string {
	rest := value
	if _, after, ok := strings.Cut(value, "://"); ok {
		rest = after
	}
	_, afterUser, hasUser := cutLast(rest, "@")
	switch {
	case strings.ContainsAny(value, `"'`):
		return "it contains quotes: remove them"
	case strings.TrimSpace(value) != value || strings.ContainsAny(value, " \t\r\n"):
		return "it contains a space: remove it"
	case strings.ContainsRune(rest, '#'):
		return "it contains a #: write it as %23"
	case hasUser && strings.ContainsAny(strings.TrimSuffix(rest, "@"+afterUser), "/?"):
		return "its user or password contains / or ?: write them as %2F and %3F"
	}
	return ""
}

// proxySchemes are those of [http.Transport], which takes any other for http.
var proxySchemes = map[string]bool{"http": true, "https": true, "socks5": true, "socks5h": true}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// Proxy is the proxy in force between this machine and a server.
type Proxy struct {
	Variable string // "HTTPS_PROXY"
	Addr     string // host and port, without user and password; "" when Err is set
	Err      error  // what is wrong with the variable
}

// ProxyFor returns the proxy that the environment names for requests to a server,
// nil if there is none.
func ProxyFor(server *url.URL) *Proxy {
	proxy, err := proxyFromEnvironment(&http.Request{URL: server})
	switch {
	case err != nil:
		return &Proxy{Variable: proxyVariable(), Err: err}
	case proxy == nil:
		return nil
	}
	return &Proxy{Variable: proxyVariable(), Addr: CleanText(proxy.Host)}
}

// Proxy returns the proxy that c's requests use, nil if they use none.
func (c *Client) Proxy() *Proxy {
	base, err := c.checkedBase()
	if err != nil || c.base() != c.Environment.BaseURL() {
		return nil
	}
	return ProxyFor(base)
}

// Failure returns a *ProxyError if err is a failure of the proxy, and otherwise err
// itself. reached says that a connection to the proxy was made. A failure before
// there is a connection to the server is the proxy's, except for a certificate of
// the server's that is not trusted.
func (p *Proxy) Failure(err error, reached, connected bool) error {
	var known *ProxyError
	var op *net.OpError
	switch {
	case errors.As(err, &known):
		return known
	case p == nil || p.Addr == "" || errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &op) && (op.Op == "proxyconnect" || strings.HasPrefix(op.Op, "socks")):
		return &ProxyError{Variable: p.Variable, Addr: p.Addr, Reached: reached, Err: err}
	case connected || isCertificateError(err):
		return err
	}
	return &ProxyError{Variable: p.Variable, Addr: p.Addr, Reached: reached, Err: err}
}
