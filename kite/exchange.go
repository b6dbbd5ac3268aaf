package kite

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// How hard a call tries, and how much of a reply it reads.
const (
	defaultTimeout        = 10 * time.Second
	defaultMaxElapsedTime = 20 * time.Second
	maxAttempts           = 4
	maxBody               = 1 << 20
)

// exchange is one request, ready to be sent as often as its kind allows.
type exchange struct {
	op           string
	method, path string
	header       http.Header
	body         []byte
	repeatable   bool     // sending it twice does no harm
	large        bool     // a reply over maxBody is read on by the caller
	secrets      []Secret // taken out of whatever the gateway says back
}

// call sends x until it is answered for good, and classifies the answer. The
// error is an *Error, or wraps the context's when the caller gave up.
func (c *Client) call(ctx context.Context, x exchange) (*Reply, error) {
	base, err := c.checkedBase()
	if err != nil {
		return nil, c.invalid(x.op, err)
	}
	target, err := url.Parse(base.String() + x.path)
	if err != nil {
		return nil, c.invalid(x.op, errors.New("the path is not a URL's path"))
	}
	start := time.Now()
	limit := cmp.Or(c.MaxElapsedTime, defaultMaxElapsedTime)
	for attempt := 1; ; attempt++ {
		timeout := min(cmp.Or(c.Timeout, defaultTimeout), limit-time.Since(start))
		reply, failure, unsent := c.attempt(ctx, target, x, timeout)
		switch {
		case failure == nil:
			return reply, nil
		case failure.Kind == ErrOutcomeUnknown:
			return reply, failure
		case errors.Is(ctx.Err(), context.Canceled):
			return nil, canceled(c.Host(), x.op)
		case attempt == maxAttempts || !(x.repeatable || unsent) || !worthRepeating(failure):
			return reply, failure
		}
		wait := backoff(attempt, failure.RetryAfter)
		if time.Since(start)+wait >= limit {
			return reply, failure
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			if errors.Is(ctx.Err(), context.Canceled) {
				return nil, canceled(c.Host(), x.op)
			}
			return reply, failure
		}
	}
}

// attempt is one exchange. unsent reports that no connection was made, so that
// the gateway cannot have seen the request.
func (c *Client) attempt(ctx context.Context, target *url.URL, x exchange, timeout time.Duration) (reply *Reply, failure *Error, unsent bool) {
	ctx, cancel := context.WithCancelCause(ctx)
	clock := time.AfterFunc(timeout, func() { cancel(context.DeadlineExceeded) })
	keepOpen := false
	defer func() {
		if !keepOpen {
			clock.Stop()
			cancel(nil)
		}
	}()

	req := (&http.Request{
		Method: x.method, URL: target, Host: target.Host, Header: x.header.Clone(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	if x.body != nil {
		req.ContentLength = int64(len(x.body))
		req.Body = io.NopCloser(bytes.NewReader(x.body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(x.body)), nil }
	}
	setDefault(req.Header, "Content-Type", "application/json")
	setDefault(req.Header, "Accept", "application/json")
	setDefault(req.Header, "User-Agent", cmp.Or(c.UserAgent, "kitekey"))

	// RoundTrip, not http.Client: it has no way to follow a redirect, and Go would
	// send Secret-Key along to another host.
	sent := c.now()
	began := time.Now()
	resp, way, err := send(c.transport(), req, x.repeatable)
	fail := func(err error) *Error {
		if cause := context.Cause(ctx); errors.Is(cause, context.DeadlineExceeded) {
			err = cause
		}
		err = proxyFailure(err, c.Proxy())
		return &Error{Kind: failureKind(err, way.answered.Load()), Host: target.Host, Op: x.op, Err: toSafeError(err, time.Since(began), x.secrets)}
	}
	if err != nil {
		failure := fail(err)
		if !x.repeatable && way.connected.Load() {
			failure.Kind = ErrOutcomeUnknown
		}
		return nil, failure, !way.connected.Load()
	}
	defer func() {
		if !keepOpen {
			_ = resp.Body.Close()
		}
	}()
	received := c.now()
	var body []byte
	// The body of a 101 is the connection itself, which knows no deadline.
	if resp.StatusCode != http.StatusSwitchingProtocols {
		body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	}
	reply = &Reply{
		Proto:   resp.Proto,
		Status:  resp.StatusCode,
		Header:  resp.Header,
		Body:    body,
		Skew:    clockSkew(resp.Header.Get("Date"), sent, received),
		Latency: time.Since(began),
	}
	switch {
	case err != nil:
		failure = fail(err)
		failure.Status, failure.Skew = reply.Status, reply.Skew
		reply = nil
	case len(body) > maxBody && x.large:
		failure = c.classifyLarge(target, x, reply)
		reply.Rest = &restOfBody{resp.Body, clock, timeout, func() { cancel(nil) }}
		clock.Reset(timeout)
		keepOpen = true
	case len(body) > maxBody:
		reply.Body = body[:maxBody]
		failure = c.unexpected(x, reply, "")
		failure.Err = &LimitError{maxBody}
	default:
		failure = c.classify(target, x, reply)
	}
	if failure != nil && !x.repeatable && outcomeIsUnknown(failure) {
		failure.Kind = ErrOutcomeUnknown
	}
	return reply, failure, false
}

// outcomeIsUnknown reports whether a failed write may have been carried out all
// the same: the gateway failed, or its answer cannot be read, and it did not say
// in its own words that it refused.
func outcomeIsUnknown(e *Error) bool {
	switch e.Kind {
	case ErrGateway:
		return e.Status != http.StatusNotImplemented && e.Status != http.StatusHTTPVersionNotSupported
	case ErrUnreachable, ErrUnexpectedReply:
		return (e.Status < 400 || e.Status > 499) && e.Message == "" && e.Code == ""
	}
	return false
}

// restOfBody is what is left of a large reply. A reader that gets nothing for the
// length of the timeout ends.
type restOfBody struct {
	body    io.ReadCloser
	clock   *time.Timer
	timeout time.Duration
	cancel  func()
}

func (r *restOfBody) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	r.clock.Reset(r.timeout)
	return n, err
}

func (r *restOfBody) Close() error {
	r.clock.Stop()
	err := r.body.Close()
	r.cancel()
	return err
}

// setDefault sets a header that the caller has not set.
func setDefault(h http.Header, name, value string) {
	if len(h.Values(name)) == 0 {
		h.Set(name, value)
	}
}

// classifyLarge classifies a reply of which only the beginning has been read: by its
// status, and by whether it begins as JSON does.
func (c *Client) classifyLarge(target *url.URL, x exchange, reply *Reply) *Error {
	if reply.Status >= 200 && reply.Status <= 299 {
		if start := bytes.TrimSpace(reply.Body); len(start) > 0 && (start[0] == '{' || start[0] == '[') {
			return nil
		}
		return c.unexpected(x, reply, describeBody(reply))
	}
	part := *reply
	part.Body = []byte("{}") // what it says cannot be read out of a part
	return c.classify(target, x, &part)
}

// classify tells a good reply (nil) from every kind of bad one.
func (c *Client) classify(target *url.URL, x exchange, reply *Reply) *Error {
	e, isEnvelope := parseEnvelope(reply.Body)
	status := reply.Status
	switch {
	case status >= 300 && status <= 399:
		return c.unexpected(x, reply, "a redirect to "+redirectHost(target, reply.Header.Get("Location"))+", which is not followed")
	case status < 200 || status > 599:
		return c.unexpected(x, reply, "an invalid HTTP status")
	case status <= 299 && !isEnvelope:
		if len(reply.Body) == 0 && x.op != opMint {
			return nil // 204, or the answer to a HEAD
		}
		return c.unexpected(x, reply, describeBody(reply))
	case status <= 299:
		inner, isError := e.errorStatus()
		if !isError {
			return nil
		}
		status = inner // 0 when it is an error that names no status: then unexpected
	case status <= 499 && status != http.StatusTooManyRequests && !isEnvelope && len(reply.Body) > 0:
		// A captive portal, a firewall, or a web server with another site on it: their
		// answer says nothing about a credential.
		return c.unexpected(x, reply, describeBody(reply))
	}
	failure := &Error{
		Host: target.Host, Op: x.op, Status: reply.Status, Skew: reply.Skew,
		Message: truncate(cleanWords(string(e.Message), x.secrets), 300),
	}
	if code := cleanWords(string(e.Code), x.secrets); strings.Trim(code, "0123456789") != "" {
		failure.Code = truncate(code, 100)
	}
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		failure.Kind = ErrRefused
	case status == http.StatusTooManyRequests:
		failure.Kind = ErrRateLimited
	case status >= 500:
		failure.Kind = ErrGateway
	case status >= 400:
		failure.Kind = ErrInvalid
	default:
		failure.Kind = ErrUnexpectedReply
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		failure.RetryAfter = retryAfter(reply.Header, c.now())
	}
	return failure
}

// cleanWords makes what the gateway says fit to show. It redacts before and after
// stripping: stripping can join the halves of a split secret.
func cleanWords(s string, secrets []Secret) string {
	return redact(CleanText(redact(s, secrets)), secrets)
}

func (c *Client) unexpected(x exchange, reply *Reply, what string) *Error {
	return &Error{Kind: ErrUnexpectedReply, Host: c.Host(), Op: x.op, Status: reply.Status, Skew: reply.Skew, Err: errors.New(what)}
}

// describeBody describes a body that is not Kitegateway's.
func describeBody(reply *Reply) string {
	start := strings.ToLower(string(bytes.TrimSpace(reply.Body[:min(len(reply.Body), 200)])))
	switch {
	case len(reply.Body) == 0:
		return "an empty reply"
	case strings.HasPrefix(start, "<"), strings.Contains(reply.Header.Get("Content-Type"), "html"):
		return "a web page instead of JSON"
	}
	return "something other than Kitegateway's JSON"
}

// redirectHost names where a redirect points, host only: the rest may hold
// anything.
func redirectHost(from *url.URL, location string) string {
	to, err := from.Parse(location)
	if err != nil || location == "" || to.Host == "" {
		return "nowhere"
	}
	return CleanText(to.Host)
}

// clockSkew is the gateway's clock minus the local one, of which the Date header
// gives whole seconds: 0 when the two may agree, else the middle of what is
// possible, in whole seconds.
func clockSkew(date string, sent, received time.Time) time.Duration {
	at, err := http.ParseTime(date)
	if err != nil {
		return 0
	}
	lowest, highest := at.Sub(received.Round(0)), at.Add(time.Second).Sub(sent.Round(0))
	if lowest <= 0 && highest >= 0 {
		return 0
	}
	return ((lowest + highest) / 2).Round(time.Second)
}
