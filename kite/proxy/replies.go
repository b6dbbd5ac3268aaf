package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"kitekey/kite"
)

// The codes of the proxy's own replies.
const (
	codeRefused = "kitekey_proxy_refused"
	codeFailed  = "kitekey_proxy_failed"
	codeUnknown = "kitekey_proxy_outcome_unknown"
)

// cleanResponse removes the headers of a reply that would affect more than this
// request, and those that could show the token.
func (p *Proxy) cleanResponse(resp *http.Response) error {
	if err := p.unknownOutcome(resp); err != nil {
		return err
	}
	bare := bareToken(resp.Request)
	for name, values := range resp.Header {
		drop := strings.HasPrefix(name, "Access-Control-")
		switch name {
		case "Set-Cookie", "Alt-Svc", "Strict-Transport-Security", "Clear-Site-Data", "Refresh":
			drop = true
		}
		for _, v := range values {
			drop = drop || bare != "" && strings.Contains(v, bare)
		}
		if drop {
			resp.Header.Del(name)
		}
	}
	// The Location of a new resource becomes its address on the proxy.
	if location := resp.Header.Get("Location"); location != "" {
		if rest, ok := strings.CutPrefix(location, p.base.String()+"/"); ok {
			prefix := "/"
			if p.secret != "" {
				prefix += p.secret + "/"
			}
			resp.Header.Set("Location", prefix+rest)
		}
	}
	protect(resp.Header)
	return nil
}

// protect sets the headers that keep a reply out of caches and a page in it from
// doing anything. Referrer-Policy keeps the secret path out of Referer.
func protect(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
}

// unknownOutcome returns the error for a write that a server in front of the
// gateway answered, so that it may have been carried out. The gateway's own 500
// passes: its words say more.
func (p *Proxy) unknownOutcome(resp *http.Response) error {
	status := resp.StatusCode
	if kite.IsWrite(resp.Request.Method, resp.Request.URL.RawQuery, resp.Request.Header) && kite.LeavesOutcomeOpen(status) && status != http.StatusInternalServerError {
		return &kite.Error{Kind: kite.ErrOutcomeUnknown, Host: resp.Request.URL.Host, Op: resp.Request.Method + " " + kite.PathTemplate(strings.TrimPrefix(resp.Request.URL.Path, p.base.Path)), Status: resp.StatusCode, Message: messageOf(resp)}
	}
	return nil
}

// bareToken returns the token of a request to the gateway, without its prefix.
func bareToken(r *http.Request) string {
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return token
}

// messageOf returns what a reply that is not passed on says, "" if that is not JSON.
func messageOf(resp *http.Response) string {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // what came is enough
	return kite.MessageIn(body, kite.NewSecret(bareToken(resp.Request)))
}

// handleError answers when the gateway failed or no token could be obtained.
func (p *Proxy) handleError(w http.ResponseWriter, r *http.Request, err error) {
	seen, _ := w.(*responseRecorder) // it always is
	seen.err = err
	stopped := errors.Is(context.Cause(r.Context()), errStopped)
	var e *kite.Error
	late := errors.Is(err, context.DeadlineExceeded)
	switch {
	case errors.Is(r.Context().Err(), context.Canceled) && !stopped:
		if cut := seen.body.err.Load(); cut != nil {
			seen.err = cutError(*cut)
		}
		panic(http.ErrAbortHandler) // the client has gone
	case seen.body.err.Load() != nil:
		seen.refuseBody(*seen.body.err.Load())
	case errors.Is(err, kite.ErrOutcomeUnknown):
		status := http.StatusBadGateway
		if errors.As(err, &e) && (late || timedOut[e.Status]) {
			status = http.StatusGatewayTimeout
		}
		refuse(w, status, codeUnknown, err.Error())
	case stopped:
		refuse(w, http.StatusBadGateway, codeFailed, errStopped.Error())
	case errors.Is(err, kite.ErrRateLimited):
		if errors.As(err, &e) && e.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.FormatInt(int64(e.RetryAfter/time.Second), 10))
		}
		refuse(w, http.StatusTooManyRequests, codeFailed, err.Error())
	case late:
		refuse(w, http.StatusGatewayTimeout, codeFailed, err.Error())
	default:
		refuse(w, http.StatusBadGateway, codeFailed, err.Error())
	}
}

// timedOut has the statuses of a server that gave up waiting: 524 is Cloudflare's.
var timedOut = map[int]bool{http.StatusRequestTimeout: true, http.StatusGatewayTimeout: true, 524: true}

// refuse answers in the gateway's own format, which its clients understand.
func refuse(w http.ResponseWriter, status int, code, message string) {
	protect(w.Header())
	w.Header().Set("Content-Type", "application/json")
	body, _ := json.Marshal(map[string]any{"code": code, "status": "error", "message": "kitekey proxy: " + kite.CleanText(message), "data": nil})
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

// responseRecorder remembers a response's status.
type responseRecorder struct {
	http.ResponseWriter
	body   *clientBody // nil for a request that is not passed on
	status int
	err    error
}

func cutError(err error) error { return fmt.Errorf("the client did not send its whole body: %w", err) }

// refuseBody answers a request of which the client did not send the whole body. The
// gateway has at most a part of it, which is not a request.
func (o *responseRecorder) refuseBody(err error) {
	if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
		o.err = err
		refuse(o, http.StatusRequestEntityTooLarge, codeRefused, tooLarge)
		return
	}
	o.err = cutError(err)
	refuse(o, http.StatusBadRequest, codeRefused, o.err.Error())
}

// WriteHeader passes no status below 200 on: its headers have not been cleaned.
func (o *responseRecorder) WriteHeader(status int) {
	if status >= 200 {
		o.status = status
		o.ResponseWriter.WriteHeader(status)
	}
}

func (o *responseRecorder) Unwrap() http.ResponseWriter { return o.ResponseWriter }

const tooLarge = "the body is larger than the proxy's limit of 16 MiB"
