package kite

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// Upstream is for whoever passes requests of others on: where they go, and a
// transport that keeps this package's promises. It sends nothing but below that
// URL; a redirect is an error and is not followed; errors are *Error, or wrap the
// context's. Otherwise replies pass as they are, without bounds, and nothing is
// repeated.
func (c *Client) ProxyTransport() (base *url.URL, transport http.RoundTripper, err error) {
	if base, err = c.checkedBase(); err != nil {
		return nil, nil, err
	}
	return base, &upstream{c, base}, nil
}

// checkedBase is the base URL: the documented one, or one that [ParseBaseURL] lets
// pass.
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
}

func (u *upstream) RoundTrip(r *http.Request) (*http.Response, error) {
	step := r.Method + " " + truncate(CleanText(strings.TrimPrefix(r.URL.Path, u.base.Path)), 100)
	fail := func(kind, cause error) error {
		return &Error{Kind: kind, Host: u.base.Host, Op: step, Err: cause}
	}
	if r.URL.Scheme != u.base.Scheme || r.URL.Host != u.base.Host || r.Host != u.base.Host ||
		!strings.HasPrefix(r.URL.Path, u.base.Path+"/") {
		return nil, fail(ErrInvalid, errors.New("not below the base URL"))
	}
	resp, err := u.client.transport().RoundTrip(r)
	switch {
	case err != nil && errors.Is(r.Context().Err(), context.Canceled):
		return nil, canceled(u.base.Host, step)
	case err != nil:
		secret := NewSecret(r.Header.Get("Authorization"))
		return nil, fail(failureKind(err, false), toSafeError(err, []Secret{secret}))
	case resp.StatusCode == http.StatusSwitchingProtocols,
		resp.StatusCode >= 300 && resp.StatusCode <= 399 && resp.StatusCode != http.StatusNotModified:
		_ = resp.Body.Close()
		what := "a change of protocol, which was not asked for"
		if resp.StatusCode >= 300 {
			what = "a redirect to " + redirectHost(r.URL, resp.Header.Get("Location")) + ", which is not followed"
		}
		return nil, &Error{Kind: ErrUnexpectedReply, Host: u.base.Host, Op: step, Status: resp.StatusCode, Err: errors.New(what)}
	}
	return resp, nil
}
