package kite

import (
	"context"
	"errors"
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
		secret := NewSecret(r.Header.Get("Authorization"))
		defer secret.Erase()
		err = u.proxy.Failure(err, way.dialed.Load(), way.connected.Load())
		cause := toSafeError(err, time.Since(began), []Secret{secret})
		switch {
		case !safe && way.connected.Load():
			return nil, fail(ErrOutcomeUnknown, cause)
		case errors.Is(r.Context().Err(), context.Canceled):
			return nil, canceled(u.base.Host, op())
		}
		return nil, fail(failureKind(err, false), cause)
	}
	if what := notPassedOn(r.URL, resp, safe); what != "" {
		_ = resp.Body.Close()
		e := &Error{Kind: ErrUnexpectedReply, Host: u.base.Host, Op: op(), Status: resp.StatusCode, Err: errors.New(what)}
		if !safe {
			e.Kind = ErrOutcomeUnknown
		}
		return nil, e
	}
	// net/http puts the fields that follow the body into resp.Trailer, which the caller
	// could not look at before it has passed the body on.
	headed := *resp
	headed.Trailer = nil
	return &headed, nil
}

// notPassedOn says why a reply must not be passed on: it would affect more than
// this request. It returns "" if the reply may pass.
func notPassedOn(asked *url.URL, resp *http.Response, safe bool) string {
	switch status := resp.StatusCode; {
	case status == http.StatusSwitchingProtocols:
		return "a change of protocol, which was not asked for"
	case status == http.StatusNotModified && safe:
		return ""
	case status >= 300 && status <= 399:
		return "a redirect to " + redirectHost(asked, resp.Header.Get("Location")) + ", which is not followed"
	// A page or nothing in place of the answer to a write would look like a success.
	case !safe && status <= 299 && strings.Contains(strings.ToLower(resp.Header.Get("Content-Type")), "html"):
		return "a web page instead of JSON"
	case !safe && status <= 299 && resp.ContentLength == 0 && !mayBeEmpty(resp.Request.Method, status):
		return "an empty reply"
	}
	return ""
}
