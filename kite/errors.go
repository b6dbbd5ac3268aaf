package kite

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The kinds of failure. Every error that a [Client] returns matches exactly one of
// these with [errors.Is], or the context's error when the caller gave up.
var (
	// ErrRefused: the gateway answered 401 or 403. It does not accept the
	// credential or the token, or does not allow the request; Status and Message
	// tell more.
	ErrRefused = errors.New("refused")
	// ErrInvalid: the gateway answered with another 4xx, or the request was wrong
	// and never sent (then Status is 0).
	ErrInvalid = errors.New("invalid request")
	// ErrRateLimited: the gateway answered 429 to every attempt.
	ErrRateLimited = errors.New("rate limited")
	// ErrGateway: the gateway answered with a 5xx, or with a 408, 421 or 425, which
	// say nothing about the request.
	ErrGateway = errors.New("gateway error")
	// ErrUnreachable: no gateway answered: name lookup, TCP, TLS, a proxy, or the
	// time limit failed. See [ProxyError] and [CertificateError].
	ErrUnreachable = errors.New("unreachable")
	// ErrUnexpectedReply: something answered, but not as Kitegateway does: a web
	// page, a redirect, a token that has already expired, a reply over kitekey's
	// limit ([LimitError]).
	ErrUnexpectedReply = errors.New("unexpected reply")
	// ErrOutcomeUnknown: a write was sent, and no answer says whether it was
	// carried out. It must be looked up before it is repeated.
	ErrOutcomeUnknown = errors.New("outcome unknown")
)

// Error is what a failed call returns. Its text names the host and the operation
// and holds no secret. The gateway's words in it have no control characters.
type Error struct {
	Kind       error         // one of the sentinels above
	Host       string        // host:port that was asked
	Op         string        // "mint a token", "GET /data/wallets/balances"; "" for Ping
	Status     int           // HTTP status, 0 when there was no reply
	Code       string        // the envelope's code, when it says more than the status
	Message    string        // the gateway's own words, cleaned
	RetryAfter time.Duration // what a 429 or 503 asked for, 0 when it did not
	Skew       time.Duration // the gateway's clock minus the local one, when it answered
	Err        error         // the cause, if any
	inner      int           // the status in the envelope of a reply with 2xx, 0 if there is none
}

// IsTokenRefusal reports whether err says that the gateway does not accept the token: it
// answered 401, or said so inside a reply with 2xx.
func IsTokenRefusal(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Kind == ErrRefused && cmp.Or(e.inner, e.Status) == http.StatusUnauthorized
}

// Cause says in a few words why no gateway answered, "" if one did.
func (e *Error) Cause() string {
	var proxy *ProxyError
	var certificate *CertificateError
	var dns *net.DNSError
	switch {
	case e.Status != 0 || e.Message != "" || e.Err == nil:
		return ""
	case errors.As(e.Err, &proxy):
		return "the proxy failed"
	case errors.As(e.Err, &certificate):
		return "certificate not trusted"
	case errors.As(e.Err, &dns):
		return "name not found"
	case errors.Is(e.Err, io.ErrUnexpectedEOF):
		return "connection closed"
	}
	return CleanText(e.Err.Error()) // "connection refused", "no answer within 3 s"
}

// Error says what happened in one line, without what to do next.
func (e *Error) Error() string {
	var b strings.Builder
	switch {
	case e.Op == opMint && e.Kind == ErrRefused: // the text names the credential instead
	case e.Op == opMint:
		b.WriteString("cannot mint a token: ")
	case e.Op != "":
		b.WriteString(e.Op + ": ")
	}
	if e.Kind == ErrInvalid && e.Status == 0 { // never sent
		fmt.Fprintf(&b, "%v", e.Err)
		return b.String()
	}
	var proxy *ProxyError
	if errors.As(e.Err, &proxy) && e.Kind == ErrUnreachable { // the gateway was not asked
		b.WriteString(proxy.Error())
		return b.String()
	}
	b.WriteString(e.Host + " " + e.outcome())
	var details []string
	if e.Status != 0 {
		details = append(details, strconv.Itoa(e.Status))
	}
	switch {
	case e.Message != "":
		details = append(details, e.Message)
	case e.Err != nil:
		details = append(details, e.Err.Error())
	}
	if len(details) > 0 {
		b.WriteString(" (" + strings.Join(details, ": ") + ")")
	}
	if e.RetryAfter > 0 {
		b.WriteString("; it asks to wait " + LifetimeOf(e.RetryAfter).String())
	}
	if e.Kind == ErrOutcomeUnknown {
		b.WriteString("; " + outcomeUnknown)
	}
	return b.String()
}

// outcomeUnknown is the advice after a write without an answer. Kitegateway
// documents no call that finds a payment by its merchant_reference.
const outcomeUnknown = "it may have been carried out: look it up (in the Kitegateway dashboard, by its merchant_reference) before you repeat it"

// outcome says what the gateway did.
func (e *Error) outcome() string {
	switch e.Kind {
	case ErrRefused:
		return e.refused()
	case ErrInvalid:
		return "rejected the request as invalid"
	case ErrRateLimited:
		return "is rate limiting"
	case ErrGateway:
		return "failed"
	case ErrUnreachable:
		if e.Status != 0 {
			return "did not finish its answer"
		}
		return "could not be reached"
	case ErrOutcomeUnknown:
		switch {
		case e.Status == 0:
			return "did not answer"
		case e.Status >= 500, e.Status == http.StatusRequestTimeout, e.Message != "":
			return "failed"
		}
	}
	return "did not answer as Kitegateway does"
}

// refused says what the gateway refused. A 403 says only that the request is not
// allowed: the credential may be right.
func (e *Error) refused() string {
	switch {
	case cmp.Or(e.inner, e.Status) == http.StatusForbidden:
		return "does not allow this"
	case e.Op == opMint:
		return "refused the credential"
	}
	return "refused the token"
}

// Is makes errors.Is(err, ErrRefused) and the other sentinels work.
func (e *Error) Is(target error) bool { return target == e.Kind }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Minting reports whether the call was to mint a token. If so, the gateway's words
// are about the credential, and otherwise about a token or a request.
func (e *Error) Minting() bool { return e.Op == opMint }

// ProxyError is a failure of the proxy that the environment names, not of the
// server behind it.
type ProxyError struct {
	Variable  string // "HTTPS_PROXY": where the proxy is set
	Addr      string // its host and port; "" when the variable holds no address
	Anonymous bool   // the variable has no user
	Reached   bool   // a connection to it was made
	Status    int    // its answer to CONNECT, 0 when there was none
	Message   string // its own words with the status, cleaned
	Err       error  // why it could not be used
}

// Error names the proxy, its variable and what it said. The variable's value is
// not repeated: it may hold a password.
func (e *ProxyError) Error() string {
	name := fmt.Sprintf("the proxy %s (%s)", e.Addr, e.Variable)
	switch {
	case e.Addr == "":
		return fmt.Sprintf("%s is not a proxy's address (%v)", e.Variable, e.Err)
	case e.Status == http.StatusProxyAuthRequired && e.Anonymous:
		return name + " asks for a user and a password (407)"
	case e.Status == http.StatusProxyAuthRequired:
		return name + " refused the user or the password (407)"
	case e.Status != 0:
		return fmt.Sprintf("%s refused the connection (%s)", name, strings.TrimSpace(fmt.Sprint(e.Status, " ", cmp.Or(e.Message, http.StatusText(e.Status)))))
	case e.Reached:
		return fmt.Sprintf("%s did not connect (%v)", name, e.Err)
	}
	return fmt.Sprintf("%s could not be reached (%v)", name, e.Err)
}

// Unwrap returns the cause.
func (e *ProxyError) Unwrap() error { return e.Err }

// CertificateError is a certificate that this machine does not trust. Behind a
// company's TLS inspection, Issuer is the company's CA.
type CertificateError struct {
	Issuer string // who issued the chain, cleaned: "CN=Acme Inspection CA,O=Acme"; "" when unknown
	Err    error
}

// Error says who issued the certificate and why it is not trusted.
func (e *CertificateError) Error() string {
	text := "its certificate is not trusted"
	if e.Issuer != "" {
		text += ", issued by " + e.Issuer
	}
	return text + ": " + CleanText(e.Err.Error())
}

// Unwrap returns the cause.
func (e *CertificateError) Unwrap() error { return e.Err }

// WrongTime reports whether the certificate has expired, or is not valid yet, by this
// machine's clock.
func (e *CertificateError) WrongTime() bool {
	invalid, ok := errors.AsType[x509.CertificateInvalidError](e.Err)
	return ok && invalid.Reason == x509.Expired
}

// WrongName reports whether the certificate is another server's.
func (e *CertificateError) WrongName() bool {
	_, ok := errors.AsType[x509.HostnameError](e.Err)
	return ok
}

// LimitError is a reply that is larger than kitekey reads. The limit is kitekey's
// own and says nothing about the gateway.
type LimitError struct{ Limit int64 } // bytes

// Error names the limit.
func (e *LimitError) Error() string {
	return fmt.Sprintf("the reply is larger than kitekey's limit of %d MiB", e.Limit>>20)
}
