package kite

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
)

// sending records how far a request has got.
type sending struct {
	dialed    atomic.Bool // a TCP connection was made, perhaps to a proxy
	connected atomic.Bool // it got a connection: the gateway may have seen it
	answered  atomic.Bool // the first byte of a reply came
}

func (s *sending) connectDone(_, _ string, err error) {
	if err == nil {
		s.dialed.Store(true)
	}
}

// errSentOnce ends a second attempt that net/http would make of a write.
var errSentOnce = errors.New("the connection was closed before the reply, and a write is sent once")

// replayHeaders are the headers for which net/http repeats a request of any method
// when a connection that was used before breaks (Request.isReplayable).
var replayHeaders = []string{"Idempotency-Key", "X-Idempotency-Key"}

// send sends a request once, unless it is safe to repeat. The gateway may carry out
// a write and drop the connection before it answers, and net/http would then send
// it again: over HTTP/1 if it has one of replayHeaders, over HTTP/2 if the server
// refuses the stream or goes away. net/http may still use a fresh connection if it
// has written nothing to the first one.
//
// send changes req; the caller must not use it afterwards.
func send(transport http.RoundTripper, req *http.Request, safe bool) (*http.Response, *sending, error) {
	s := &sending{}
	if safe {
		resp, err := transport.RoundTrip(req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
			ConnectDone:          s.connectDone,
			GotConn:              func(httptrace.GotConnInfo) { s.connected.Store(true) },
			GotFirstResponseByte: func() { s.answered.Store(true) },
		})))
		return resp, s, err
	}
	// Header names are case-insensitive; net/http looks for the canonical form only.
	for _, name := range replayHeaders {
		if values, ok := req.Header[name]; ok {
			delete(req.Header, name)
			req.Header[strings.ToLower(name)] = values
		}
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	var overHTTP2, written atomic.Bool
	trace := &httptrace.ClientTrace{
		ConnectDone: s.connectDone,
		GotConn: func(info httptrace.GotConnInfo) {
			s.connected.Store(true)
			if c, ok := info.Conn.(*tls.Conn); ok && c.ConnectionState().NegotiatedProtocol == "h2" {
				overHTTP2.Store(true)
			}
			if written.Load() && overHTTP2.Load() {
				cancel(errSentOnce) // HTTP/2 looks at the context before it writes headers
			}
		},
		// Over HTTP/1 this comes before the headers leave a buffer, so it counts for
		// HTTP/2 alone.
		WroteHeaders:         func() { written.Store(true) },
		GotFirstResponseByte: func() { s.answered.Store(true) },
	}
	if body := req.GetBody; body != nil {
		req.GetBody = func() (io.ReadCloser, error) {
			if written.Load() && overHTTP2.Load() {
				return nil, errSentOnce
			}
			return body()
		}
	}
	resp, err := transport.RoundTrip(req.WithContext(httptrace.WithClientTrace(ctx, trace)))
	if err != nil {
		if cause := context.Cause(ctx); errors.Is(cause, errSentOnce) {
			err = cause
		}
		cancel(nil)
		return nil, s, err
	}
	resp.Body = &cancelingBody{resp.Body, cancel}
	return resp, s, nil
}

// cancelingBody ends its request's context when it is closed.
type cancelingBody struct {
	io.ReadCloser
	cancel context.CancelCauseFunc
}

func (b *cancelingBody) Close() error {
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}
