package kite

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// failureKind classifies what went wrong below HTTP. A server that answers, but not
// in HTTP, is an unexpected reply; everything else is unreachable.
func failureKind(err error, answered bool) error {
	var record tls.RecordHeaderError
	var proxy *ProxyError
	if errors.As(err, &proxy) {
		return ErrUnreachable
	}
	if errors.As(err, &record) || answered && !isNetworkError(err) || overHeaderLimit(err) {
		return ErrUnexpectedReply
	}
	return ErrUnreachable
}

// overHeaderLimit reports whether a reply's headers were larger than we read.
// net/http has no type for it, over HTTP/1 and HTTP/2.
func overHeaderLimit(err error) bool {
	text := err.Error()
	return strings.Contains(text, "response headers exceeded") || strings.Contains(text, "header list larger than")
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

// issuerOf returns the issuer of the last certificate of an untrusted chain: the CA
// that this machine does not trust.
func issuerOf(e *tls.CertificateVerificationError) string {
	if len(e.UnverifiedCertificates) == 0 {
		return ""
	}
	last := e.UnverifiedCertificates[len(e.UnverifiedCertificates)-1]
	return truncate(CleanText(last.Issuer.String()), 100)
}

// safeError is a cause whose text is safe to show. It unwraps only to errors that
// hold nothing but an errno, a host name or a certificate: others may quote a
// header or a proxy's password.
type safeError struct {
	text string
	err  error
}

func (e *safeError) Error() string { return e.text }
func (e *safeError) Unwrap() error { return e.err }

// DescribeFailure describes a failure below HTTP in few words, for other packages.
// after is how long the attempt took. It unwraps to [ProxyError],
// [CertificateError] and what else it can without quoting one of the secrets that were
// sent.
func DescribeFailure(err error, after time.Duration, secrets ...Secret) error {
	return toSafeError(err, after, secrets)
}

// toSafeError describes a failure below HTTP without quoting a secret. after is how
// long the attempt took.
func toSafeError(err error, after time.Duration, secrets []Secret) error {
	var netErr net.Error
	var dns *net.DNSError
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var errno syscall.Errno
	var tooLarge *http.MaxBytesError
	var proxy *ProxyError
	switch {
	case errors.As(err, &proxy):
		safe := *proxy
		if safe.Err != nil {
			safe.Err = toSafeError(safe.Err, after, secrets)
		}
		return &safe
	case errors.As(err, &tooLarge):
		return tooLarge
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		text := "no answer in time"
		if after = after.Round(time.Second); after > 0 {
			text = fmt.Sprintf("no answer within %d s", after/time.Second)
		}
		return &safeError{text, context.DeadlineExceeded}
	case errors.As(err, &dns):
		return &safeError{lookupText(dns), dns}
	case errors.As(err, &verification):
		return &CertificateError{Issuer: issuerOf(verification), Err: verification.Err}
	case errors.As(err, &record):
		return &safeError{"it does not speak TLS", nil}
	case errors.As(err, &errno):
		return &safeError{errnoText(errno), errno}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &safeError{"the connection was closed before the reply was complete", io.ErrUnexpectedEOF}
	case errors.Is(err, context.Canceled):
		return &safeError{"interrupted before it answered", context.Canceled}
	}
	if overHeaderLimit(err) {
		return &safeError{fmt.Sprintf("the reply's headers are larger than kitekey's limit of %d KiB", maxHeader>>10), nil}
	}
	text := strings.TrimPrefix(err.Error(), "net/http: HTTP/1.x transport connection broken: ")
	return &safeError{truncate(CleanText(redact(text, secrets)), 200), nil}
}

func lookupText(err *net.DNSError) string {
	if err.IsNotFound {
		return "its name is not known here; is this machine online?"
	}
	return "its name could not be looked up"
}

// winsock has the short Unix wording of errors that Windows describes in whole
// sentences.
var winsock = map[syscall.Errno]string{
	10048: "address already in use", 10051: "network is unreachable", 10053: "connection aborted",
	10054: "connection reset by peer", 10061: "connection refused", 10065: "no route to host",
}

func errnoText(errno syscall.Errno) string {
	if text, ok := winsock[errno]; ok && runtime.GOOS == "windows" {
		return text
	}
	return errno.Error()
}

// redact replaces secrets in text that came back: a gateway may quote what was sent
// to it.
func redact(text string, secrets []Secret) string {
	out := []byte(text)
	for _, s := range secrets {
		s.RevealTo(func(value []byte) {
			if len(value) >= 4 { // a shorter secret may be part of an ordinary word
				out = bytes.ReplaceAll(out, value, []byte(redacted))
			}
			if bare, ok := bytes.CutPrefix(value, []byte(authScheme)); ok && len(bare) >= 4 {
				out = bytes.ReplaceAll(out, bare, []byte(redacted))
			}
		})
	}
	return string(out)
}

// canceled returns the error for a caller that gave up a call that changed nothing.
func canceled(host, op string) error {
	return fmt.Errorf("%s: %s: %w", host, op, context.Canceled)
}
