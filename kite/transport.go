package kite

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
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
	UseProxy(t)
	if c.base() != c.Environment.BaseURL() {
		t.Proxy = nil
		dialer.Control = func(_, address string, _ syscall.RawConn) error { return loopbackOnly(address) }
	}
	t.DialContext = dialer.DialContext
	t.MaxIdleConns = maxIdleConns
	t.MaxIdleConnsPerHost = maxIdleConns
	t.MaxResponseHeaderBytes = maxHeader
	t.ResponseHeaderTimeout = time.Minute // for a proxy's requests; ours have a deadline of their own
	// After a suspend, pooled connections are dead: drop idle ones early, and
	// send HTTP/2 pings on the others to find out.
	t.IdleConnTimeout = 30 * time.Second
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 5 * time.Second, PingTimeout: 5 * time.Second}
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

// CertVariables lists the variables that replace the system's CAs in crypto/x509.
// The client ignores them: otherwise anything that can set a variable could read the
// api_secret.
func CertVariables() []string { return []string{"SSL_CERT_FILE", "SSL_CERT_DIR"} }

// systemRoots loads the system's CAs without [CertVariables]. crypto/x509 reads the
// variables once in a process, at the first use, so they are removed from the
// environment for that moment and restored for programs that are started later.
var systemRoots = sync.OnceValues(func() (*x509.CertPool, error) {
	for _, name := range CertVariables() {
		if value, ok := os.LookupEnv(name); ok {
			_ = os.Unsetenv(name)
			defer func() { _ = os.Setenv(name, value) }()
		}
	}
	return x509.SystemCertPool()
})

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
