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

// Limits of a call. A Client can set the first two itself.
const (
	defaultTimeout        = 10 * time.Second // for one attempt
	defaultMaxElapsedTime = 20 * time.Second // for all attempts and the waits between them
	maxAttempts           = 4
	maxBody               = 1 << 20  // bytes of a reply's body
	maxHeader             = 64 << 10 // bytes of a reply's headers
)

// exchange describes one request. call may send it more than once.
type exchange struct {
	op           string
	method, path string
	header       http.Header
	body         []byte
	repeatable   bool     // sending it twice does no harm
	once         bool     // it is not sent again even so
	large        bool     // the caller reads what exceeds maxBody from Reply.Rest
	secrets      []Secret // redacted from the gateway's words and from errors
}

// call sends x, retries the failures that are worth retrying, and classifies the
// reply. The error is an *Error, or wraps context.Canceled if ctx was canceled and
// the request changed nothing.
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
		case attempt == maxAttempts || x.once || !(x.repeatable || unsent) || !worthRepeating(failure):
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

// attempt sends x once. unsent reports that no connection was made, so the gateway
// cannot have seen the request.
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

	req := c.request(ctx, target, x)
	// send calls RoundTrip, which never follows a redirect. An http.Client would
	// follow it and send the Secret-Key header to the other host.
	sent := c.now()
	began := time.Now()
	resp, way, err := send(c.transport(), req, x.repeatable)
	fail := func(err error) *Error {
		if cause := context.Cause(ctx); errors.Is(cause, context.DeadlineExceeded) {
			err = cause
		}
		err = c.Proxy().Failure(err, way.dialed.Load(), way.connected.Load())
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
	reply, err = c.readReply(resp, sent)
	reply.Latency = time.Since(began)
	switch {
	case err != nil:
		failure = fail(err)
		failure.Status, failure.Skew = reply.Status, reply.Skew
		reply = nil
	case len(reply.Body) > maxBody && x.large:
		failure = c.classifyLarge(target, x, reply)
		reply.Rest = &restOfBody{resp.Body, clock, timeout, func() { cancel(nil) }}
		clock.Reset(timeout)
		keepOpen = true
	case len(reply.Body) > maxBody:
		reply.Body = reply.Body[:maxBody]
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

// readReply reads a response's body, up to one byte over maxBody. sent is the local
// time at which the request was sent. It returns the reply also with an error.
func (c *Client) readReply(resp *http.Response, sent time.Time) (*Reply, error) {
	reply := &Reply{
		Proto:  resp.Proto,
		Status: resp.StatusCode,
		Header: resp.Header,
		Skew:   clockSkew(resp.Header.Get("Date"), sent, c.now()),
	}
	// The body of a 101 is the connection itself: reading it could block for ever.
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return reply, nil
	}
	var err error
	reply.Body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	return reply, err
}

// request returns the HTTP request for x.
func (c *Client) request(ctx context.Context, target *url.URL, x exchange) *http.Request {
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
	return req
}

// LeavesOutcomeOpen reports whether a write may have been carried out although it
// was answered with this status.
func LeavesOutcomeOpen(status int) bool {
	switch status {
	case http.StatusRequestTimeout:
		return true
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return false
	}
	return status >= 500
}

// outcomeIsUnknown reports whether the gateway may have carried out a write that
// failed: it replied with a server error, or its reply cannot be read and is no
// refusal in the documented form, which has a code.
func outcomeIsUnknown(e *Error) bool {
	switch e.Kind {
	case ErrGateway: // also an error in the body of a reply with 200
		return e.Status <= 299 || LeavesOutcomeOpen(e.Status)
	case ErrUnreachable, ErrUnexpectedReply:
		return (e.Status < 400 || e.Status > 499) && e.Code == ""
	}
	return false
}

// restOfBody reads the rest of a large reply. A Read fails when nothing has arrived
// for timeout.
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

// setDefault sets a header unless the caller has set it.
func setDefault(h http.Header, name, value string) {
	if len(h.Values(name)) == 0 {
		h.Set(name, value)
	}
}

// classifyLarge classifies a reply after only the beginning of its body has been
// read, by its status and by whether the body begins like JSON.
func (c *Client) classifyLarge(target *url.URL, x exchange, reply *Reply) *Error {
	if reply.Status >= 200 && reply.Status <= 299 {
		if start := bytes.TrimSpace(reply.Body); len(start) > 0 && (start[0] == '{' || start[0] == '[') {
			return nil
		}
		return c.unexpected(x, reply, describeBody(reply))
	}
	part := *reply
	part.Body = []byte("{}") // a truncated body does not parse
	return c.classify(target, x, &part)
}

// classify returns nil for a success, and otherwise an Error of the reply's kind.
func (c *Client) classify(target *url.URL, x exchange, reply *Reply) *Error {
	e, isEnvelope := parseEnvelope(reply.Body)
	status := reply.Status
	switch {
	case status >= 300 && status <= 399:
		return c.unexpected(x, reply, "a redirect to "+redirectHost(target, reply.Header.Get("Location"), x.secrets)+", which is not followed")
	case status == http.StatusProxyAuthRequired || status == http.StatusNetworkAuthenticationRequired:
		return c.unexpected(x, reply, "something in between asks for a sign-in")
	case status < 200 || status > 599:
		return c.unexpected(x, reply, "an invalid HTTP status")
	case status <= 299 && !isEnvelope:
		if len(reply.Body) == 0 && x.op != opMint && mayBeEmpty(x.method, status) {
			return nil
		}
		return c.unexpected(x, reply, describeBody(reply))
	case status <= 299:
		inner, isError := e.errorStatus()
		if !isError {
			return nil
		}
		status = inner // 0 if the error names no status: ErrUnexpectedReply below
	case isRefusal(status) && !isEnvelope && len(reply.Body) > 0:
		// The reply comes from a captive portal, a firewall or another web server. It
		// says nothing about the credential.
		return c.unexpected(x, reply, describeBody(reply))
	}
	return c.gatewayError(target, x, reply, e, status)
}

// gatewayError returns the error that the gateway's envelope describes. status is
// the reply's, or the one in the envelope of a reply with 200.
func (c *Client) gatewayError(target *url.URL, x exchange, reply *Reply, e envelope, status int) *Error {
	failure := &Error{
		Kind: kindOfStatus(status), Host: target.Host, Op: x.op, Status: reply.Status, Skew: reply.Skew,
		Message: truncate(CleanWords(string(e.Message), x.secrets...), 300),
	}
	if status != reply.Status {
		failure.inner = status
	}
	if code := CleanWords(string(e.Code), x.secrets...); strings.Trim(code, "0123456789") != "" {
		failure.Code = truncate(code, 100)
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		failure.RetryAfter = retryAfter(reply.Header, c.now())
	}
	return failure
}

// kindOfStatus returns the kind of an error that the gateway gave this status.
func kindOfStatus(status int) error {
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return ErrRefused
	case status == http.StatusTooManyRequests:
		return ErrRateLimited
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusMisdirectedRequest, status == http.StatusTooEarly:
		return ErrGateway // the three say nothing about the request itself
	case status >= 400:
		return ErrInvalid
	}
	return ErrUnexpectedReply
}

// isRefusal reports whether a status refuses the credential or the request.
func isRefusal(status int) bool {
	kind := kindOfStatus(status)
	return kind == ErrRefused || kind == ErrInvalid
}

// CleanWords is [CleanText] for the words of a server, which may quote the secrets that
// were sent to it. It redacts them both before and after CleanText, because CleanText
// can join the halves of a split secret.
func CleanWords(s string, secrets ...Secret) string {
	return redact(CleanText(redact(s, secrets)), secrets)
}

// unexpected returns an ErrUnexpectedReply. what describes the reply.
func (c *Client) unexpected(x exchange, reply *Reply, what string) *Error {
	return &Error{Kind: ErrUnexpectedReply, Host: c.Host(), Op: x.op, Status: reply.Status, Skew: reply.Skew, Err: errors.New(what)}
}

// mayBeEmpty reports whether a success with this status may have no body. Each of the
// documented successes has one, so that a 200 without it is not Kitegateway's.
func mayBeEmpty(method string, status int) bool {
	switch status {
	case http.StatusCreated, http.StatusNoContent, http.StatusResetContent:
		return true
	}
	return method == http.MethodHead || method == http.MethodOptions
}

// describeBody describes a body that Kitegateway did not write.
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

// redirectHost returns the host that a redirect points to, or "nowhere". It leaves
// out the path and the query, which may hold a secret.
func redirectHost(from *url.URL, location string, secrets []Secret) string {
	to, err := from.Parse(location)
	if err != nil || location == "" || to.Host == "" {
		return "nowhere"
	}
	return CleanWords(to.Host, secrets...)
}

// clockSkew estimates the gateway's clock minus the local one, in whole seconds.
// The Date header (RFC 9110, 6.6.1) has no fractions of a second, so the skew is
// known only as a range: clockSkew returns 0 if the range includes 0 or the header
// cannot be parsed, and the middle of the range otherwise.
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
