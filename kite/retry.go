package kite

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// worthRepeating tells whether the same request may do better a moment later.
func worthRepeating(e *Error, repeatable bool) bool {
	if !repeatable {
		return false
	}
	switch e.Kind {
	case ErrUnreachable:
		return !isCertificateError(e.Err)
	case ErrRateLimited:
		return true
	case ErrGateway:
		return e.Status == http.StatusBadGateway || e.Status == http.StatusServiceUnavailable || e.Status == http.StatusGatewayTimeout
	}
	return false
}

// backoff is how long to wait after the given attempt: what the gateway asked
// for and up to a quarter more, else 0.25 s, 0.5 s, 1 s, each spread over half
// to one and a half of it, so that many callers do not come back as one.
func backoff(attempt int, retryAfter time.Duration) time.Duration {
	if retryAfter > 0 {
		return retryAfter + rand.N(retryAfter/4+time.Millisecond)
	}
	base := 250 * time.Millisecond << (attempt - 1)
	return base/2 + rand.N(base)
}

// retryAfter reads Retry-After: seconds, or a date by the gateway's clock.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.Atoi(value); err == nil {
		return time.Duration(min(max(n, 0), 86400)) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(at.Sub(now), 0), 24*time.Hour).Round(time.Second)
}

// failureKind classifies what went wrong below HTTP. Nobody there is unreachable;
// somebody who answers, but not in HTTP, is an unexpected reply.
func failureKind(err error, answered bool) error {
	var record tls.RecordHeaderError
	if errors.As(err, &record) || answered && !isNetworkError(err) {
		return ErrUnexpectedReply
	}
	return ErrUnreachable
}

// isNetworkError reports whether a connection failed, rather than what came over it.
func isNetworkError(err error) bool {
	var netErr net.Error
	var errno syscall.Errno
	return errors.As(err, &netErr) || errors.As(err, &errno) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || strings.Contains(err.Error(), "http2: ")
}

func isCertificateError(err error) bool {
	var verification *tls.CertificateVerificationError
	var certificate *CertificateError
	return errors.As(err, &verification) || errors.As(err, &certificate)
}

// issuerOf names who issued the last certificate of an untrusted chain: the CA
// that is missing here.
func issuerOf(e *tls.CertificateVerificationError) string {
	if len(e.UnverifiedCertificates) == 0 {
		return ""
	}
	last := e.UnverifiedCertificates[len(e.UnverifiedCertificates)-1]
	return truncate(CleanText(last.Issuer.String()), 100)
}

// cause is an error below ours in words that are safe to show. Only errors that
// hold nothing but an errno, a host name or a certificate stay reachable through
// it: others may quote a header or a proxy's password.
type safeError struct {
	text string
	err  error
}

func (c *safeError) Error() string { return c.text }
func (c *safeError) Unwrap() error { return c.err }

func toSafeError(err error, secrets []Secret) error {
	var netErr net.Error
	var dns *net.DNSError
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var errno syscall.Errno
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return tooLarge
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return &safeError{"no answer in time", context.DeadlineExceeded}
	case errors.As(err, &dns) && dns.IsNotFound:
		return &safeError{"its name is not known here; is this machine online?", dns}
	case errors.As(err, &dns):
		return &safeError{"its name could not be looked up", dns}
	case errors.As(err, &verification):
		return &CertificateError{Issuer: issuerOf(verification), Err: verification.Err}
	case errors.As(err, &record):
		return &safeError{"it does not speak TLS", nil}
	case errors.As(err, &errno):
		return &safeError{errno.Error(), errno}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &safeError{"the connection was closed before the reply was complete", io.ErrUnexpectedEOF}
	case strings.Contains(err.Error(), "proxy address"):
		return &safeError{"the proxy variable (HTTPS_PROXY) holds no valid address", nil}
	}
	return &safeError{truncate(CleanText(redact(err.Error(), secrets)), 200), nil}
}

// redact takes secrets out of text that came back: a gateway may quote what it
// was sent.
func redact(text string, secrets []Secret) string {
	out := []byte(text)
	for _, s := range secrets {
		s.RevealTo(func(value []byte) {
			if len(value) >= 4 { // shorter ones would tear ordinary words apart
				out = bytes.ReplaceAll(out, value, []byte(redacted))
			}
			if bare, ok := bytes.CutPrefix(value, []byte(authScheme)); ok && len(bare) >= 4 {
				out = bytes.ReplaceAll(out, bare, []byte(redacted))
			}
		})
	}
	return string(out)
}

func canceled(host, step string) error {
	return fmt.Errorf("%s: %s: %w", host, step, context.Canceled)
}

// transport is the client's own unless one was given.
func (c *Client) transport() http.RoundTripper {
	if c.Transport != nil {
		return c.Transport
	}
	c.once.Do(func() {
		t := http.DefaultTransport.(*http.Transport).Clone() // proxies from the environment, HTTP/2
		dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}
		if c.base() != c.Environment.BaseURL() {
			t.Proxy = nil
			dialer.Control = func(_, address string, _ syscall.RawConn) error { return loopbackOnly(address) }
		}
		t.DialContext = dialer.DialContext
		t.MaxIdleConnsPerHost = 16
		t.MaxResponseHeaderBytes = 64 << 10
		t.ResponseHeaderTimeout = time.Minute // for a proxy's requests; ours have a shorter deadline
		// A connection that slept with a laptop is dead and does not know.
		t.IdleConnTimeout = 30 * time.Second
		t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 5 * time.Second, PingTimeout: 5 * time.Second}
		t.OnProxyConnectResponse = func(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
			if resp.StatusCode == http.StatusOK {
				return nil
			}
			return fmt.Errorf("the proxy %s answered %d", proxy.Host, resp.StatusCode)
		}
		c.owned = t
	})
	return c.owned
}
