package kite

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ProxyTransport returns the base URL that a proxy sends requests to, and a
// transport that keeps this package's promises. The transport sends requests only
// below that URL, sends a write once, and returns an error for a redirect. Its
// errors are *Error or wrap the context's. Other replies pass unchanged, whatever
// their size, and no request is repeated.
func (c *Client) ProxyTransport() (base *url.URL, transport http.RoundTripper, err error) {
	if base, err = c.checkedBase(); err != nil {
		return nil, nil, err
	}
	return base, &upstream{c, base, c.Proxy()}, nil
}

// checkedBase returns the base URL: the documented one, or one that [ParseBaseURL]
// accepts.
func (c *Client) checkedBase() (*url.URL, error) {
	raw := c.base()
	if raw != c.Environment.BaseURL() {
		var err error
		if raw, err = ParseBaseURL(raw); err != nil {
			return nil, err
		}
	}
	return url.Parse(raw)
}

type upstream struct {
	client *Client
	base   *url.URL
	proxy  *Proxy // in force, nil if none
}

func (u *upstream) RoundTrip(r *http.Request) (*http.Response, error) {
	op := func() string {
		return CleanText(r.Method) + " " + PathTemplate(strings.TrimPrefix(r.URL.Path, u.base.Path))
	}
	fail := func(kind, cause error) error {
		return &Error{Kind: kind, Host: u.base.Host, Op: op(), Err: cause}
	}
	if r.URL.Scheme != u.base.Scheme || r.URL.Host != u.base.Host || r.Host != u.base.Host ||
		!strings.HasPrefix(r.URL.Path, u.base.Path+"/") {
		return nil, fail(ErrInvalid, errors.New("not below the base URL"))
	}
	began := time.Now()
	safe := !IsWrite(r.Method, r.URL.RawQuery, r.Header)
	var resp *http.Response
	var err error
	way := &sending{}
	switch {
	case !safe:
		resp, way, err = send(u.client.transport(), r.Clone(r.Context()), false)
	case u.proxy != nil: // watch how far the request gets, to name the one that failed
		resp, way, err = send(u.client.transport(), r, true)
	default:
		resp, err = u.client.transport().RoundTrip(r)
	}
	if err != nil {
		err = u.proxy.Failure(err, way.dialed.Load(), way.connected.Load())
		cause := toSafeError(err, time.Since(began), tokenOf(r))
		switch {
		case !safe && way.connected.Load():
			return nil, fail(ErrOutcomeUnknown, cause)
		case errors.Is(r.Context().Err(), context.Canceled):
			return nil, canceled(u.base.Host, op())
		}
		return nil, fail(failureKind(err, false), cause)
	}
	if e := u.check(resp, safe, began); e != nil {
		_ = resp.Body.Close()
		e.Host, e.Op, e.Status = u.base.Host, op(), resp.StatusCode
		return nil, e
	}
	// net/http puts the fields that follow the body into resp.Trailer, which the caller
	// could not look at before it has passed the body on.
	headed := *resp
	headed.Trailer = nil
	return &headed, nil
}

// tokenOf returns the token of a request, for [redact].
func tokenOf(r *http.Request) []Secret { return []Secret{NewSecret(r.Header.Get("Authorization"))} }

// check returns an error if a reply must not be passed on.
func (u *upstream) check(resp *http.Response, safe bool, began time.Time) *Error {
	var start []byte
	if !safe {
		var err error
		start, err = hold(resp)
		if err != nil {
			e := &Error{Kind: ErrOutcomeUnknown, Err: toSafeError(err, time.Since(began), tokenOf(resp.Request))}
			if resp.StatusCode >= 400 && !LeavesOutcomeOpen(resp.StatusCode) {
				e.Kind = ErrUnreachable
			}
			return e
		}
	}
	what := notPassedOn(resp, safe, start)
	switch {
	case what == "":
		return nil
	case safe:
		return &Error{Kind: ErrUnexpectedReply, Err: errors.New(what)}
	}
	return &Error{Kind: ErrOutcomeUnknown, Err: errors.New(what)}
}

// How much of a reply to a write is held, and for how long.
const (
	maxHeld     = 64 << 10    // bytes of its body
	holdTimeout = time.Minute // as for its headers
)

// hold reads the beginning of the reply to a write before any of it is passed on, and
// returns what it has read. If the gateway's connection breaks within the reply, the
// client must be told so. Its own connection would otherwise be closed without a byte,
// and some clients, curl among them, then send the write again.
func hold(resp *http.Response) ([]byte, error) {
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return nil, nil // its body is the connection
	}
	body := resp.Body
	if b, ok := body.(*cancelingBody); ok { // it is, for every write
		defer time.AfterFunc(holdTimeout, func() { b.cancel(context.DeadlineExceeded) }).Stop()
	}
	start, err := io.ReadAll(io.LimitReader(body, maxHeld))
	if cause := context.Cause(resp.Request.Context()); err != nil && errors.Is(cause, context.DeadlineExceeded) {
		err = cause
	}
	resp.Body = &heldBody{io.MultiReader(bytes.NewReader(start), body), body}
	return start, err
}

// heldBody is a body whose beginning has been read.
type heldBody struct {
	io.Reader
	io.Closer
}

// notPassedOn says why a reply must not be passed on: it would affect more than
// this request. It returns "" if the reply may pass. start is the beginning of the
// reply to a write.
func notPassedOn(resp *http.Response, safe bool, start []byte) string {
	switch status := resp.StatusCode; {
	case status == http.StatusSwitchingProtocols:
		return "a change of protocol, which was not asked for"
	case status == http.StatusNotModified && safe:
		return ""
	case status >= 300 && status <= 399:
		return "a redirect to " + redirectHost(resp.Request.URL, resp.Header.Get("Location"), tokenOf(resp.Request)) + ", which is not followed"
	// A page or nothing in place of the answer to a write would look like a success.
	case safe || status > 299 || len(start) == 0 && mayBeEmpty(resp.Request.Method, status):
		return ""
	case len(start) == 0 || start[0] == '<' || strings.Contains(strings.ToLower(resp.Header.Get("Content-Type")), "html"):
		return describeBody(&Reply{Header: resp.Header, Body: start})
	}
	return ""
}

// maxRefusal is the most bytes of a refusal inside a reply with 2xx.
const maxRefusal = 4 << 10

// RefusesToken reports whether a reply says that the gateway does not accept the token,
// as [IsTokenRefusal] does for an error. It reads the beginning of a JSON reply with 2xx,
// and leaves the whole reply to be read.
func RefusesToken(resp *http.Response) bool {
	encoded := resp.Header.Get("Content-Encoding") != "" || !strings.Contains(strings.ToLower(resp.Header.Get("Content-Type")), "json")
	if status := resp.StatusCode; status < 200 || status > 299 || encoded || resp.ContentLength > maxRefusal {
		return status == http.StatusUnauthorized
	}
	// Of a reply of unknown length, what comes first is enough: more may come late.
	start := make([]byte, maxRefusal)
	n, _ := io.ReadAtLeast(resp.Body, start, max(1, int(resp.ContentLength)))
	resp.Body = &heldBody{io.MultiReader(bytes.NewReader(start[:n]), resp.Body), resp.Body}
	e, _ := parseEnvelope(start[:n])
	status, _ := e.errorStatus()
	return status == http.StatusUnauthorized
}
