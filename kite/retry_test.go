package kite

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func gzipped(s string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, s)
	_ = w.Close()
	return b.Bytes()
}

// script is a transport that gives one answer after another, and repeats the last.
type script struct {
	answers []func(*http.Request) (*http.Response, error)
	at      []time.Time
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.at = append(s.at, time.Now())
	return s.answers[min(len(s.at), len(s.answers))-1](r)
}

// status returns an answer with a status and headers; 200 is a successful mint.
func status(code int, header ...string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		connected(r)
		h := http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}}
		for i := 0; i < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		body := `{"code":"x","status":"error","message":"m"}`
		if code == 200 {
			body = `{"code":200,"status":"success","data":{"token":"JWT a"}}`
		}
		return &http.Response{StatusCode: code, Header: h, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

// connected tells the client's trace that the request went out.
func connected(r *http.Request) {
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
}

func refusedConnection(*http.Request) (*http.Response, error) { return nil, syscall.ECONNREFUSED }

func resetConnection(r *http.Request) (*http.Response, error) {
	connected(r)
	return nil, syscall.ECONNRESET
}

func hang(r *http.Request) (*http.Response, error) {
	connected(r)
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// drip returns a body with one space a second, without end.
func drip(r *http.Request) (*http.Response, error) {
	connected(r)
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(slowReader{r.Context()})}, nil
}

type slowReader struct{ ctx context.Context }

func (s slowReader) Read(p []byte) (int, error) {
	select {
	case <-time.After(time.Second):
		p[0] = ' '
		return 1, nil
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	}
}

type answers = []func(*http.Request) (*http.Response, error)

func TestClient_RetriesWhatIsSafe(t *testing.T) {
	seconds := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	later := func(d time.Duration) string {
		return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(d).Format(http.TimeFormat) // when a synctest bubble begins
	}
	for name, tt := range map[string]struct {
		answers answers
		method  string // "" = mint, else Do
		kind    error  // nil = success
		tries   int
		least   float64 // seconds that pass
		most    float64
	}{
		"at once":                          {answers{status(200)}, "", nil, 1, 0, 0},
		"after a refused connection":       {answers{refusedConnection, status(200)}, "", nil, 2, 0.125, 0.375},
		"after two resets":                 {answers{resetConnection, resetConnection, status(200)}, "", nil, 3, 0.375, 1.125},
		"never":                            {answers{refusedConnection}, "", ErrUnreachable, 4, 0.875, 2.625},
		"502 503 504":                      {answers{status(502), status(503), status(504), status(200)}, "", nil, 4, 0.875, 2.625},
		"502 for ever":                     {answers{status(502)}, "", ErrGateway, 4, 0.875, 2.625},
		"500":                              {answers{status(500), status(200)}, "", ErrGateway, 1, 0, 0},
		"501":                              {answers{status(501), status(200)}, "", ErrGateway, 1, 0, 0},
		"400":                              {answers{status(400), status(200)}, "", ErrInvalid, 1, 0, 0},
		"401":                              {answers{status(401), status(200)}, "", ErrRefused, 1, 0, 0},
		"404":                              {answers{status(404), status(200)}, "", ErrInvalid, 1, 0, 0},
		"408":                              {answers{status(408), status(200)}, "", ErrGateway, 1, 0, 0},
		"429":                              {answers{status(429), status(200)}, "", nil, 2, 0.125, 0.375},
		"429, 3 s":                         {answers{status(429, "Retry-After", "3"), status(200)}, "", nil, 2, 3, 3.76},
		"429, a date":                      {answers{status(429, "Retry-After", later(4*time.Second)), status(200)}, "", nil, 2, 4, 5.01},
		"429, a date by another clock":     {answers{status(429, "Retry-After", later(time.Hour+4*time.Second), "Date", later(time.Hour)), status(200)}, "", nil, 2, 4, 5.01},
		"429, a date that is over":         {answers{status(429, "Retry-After", later(-time.Hour)), status(200)}, "", nil, 2, 0.125, 0.375},
		"429, nonsense":                    {answers{status(429, "Retry-After", "soon"), status(200)}, "", nil, 2, 0.125, 0.375},
		"429, negative":                    {answers{status(429, "Retry-After", "-5"), status(200)}, "", nil, 2, 0.125, 0.375},
		"429, longer than our maxElapsed":  {answers{status(429, "Retry-After", "60"), status(200)}, "", ErrRateLimited, 1, 0, 0},
		"429, beyond all numbers":          {answers{status(429, "Retry-After", "9999999999"), status(200)}, "", ErrRateLimited, 1, 0, 0},
		"429 until our maxElapsed is gone": {answers{status(429, "Retry-After", "7")}, "", ErrRateLimited, 3, 14, 20},
		"503, 2 s":                         {answers{status(503, "Retry-After", "2"), status(200)}, "", nil, 2, 2, 2.51},
		"hanging":                          {answers{hang}, "", ErrUnreachable, 2, 20, 20},
		"hanging once":                     {answers{hang, status(200)}, "", nil, 2, 10, 10.4},
		"dripping":                         {answers{drip}, "", ErrUnreachable, 2, 20, 20},
		"GET: 502":                         {answers{status(502), status(200)}, "GET", nil, 2, 0.1, 1},
		"HEAD: reset":                      {answers{resetConnection, status(200)}, "HEAD", nil, 2, 0.1, 1},
		"POST: 502":                        {answers{status(502), status(200)}, "POST", ErrOutcomeUnknown, 1, 0, 0},
		"POST: 408":                        {answers{status(408), status(200)}, "POST", ErrOutcomeUnknown, 1, 0, 0},
		"POST: 421":                        {answers{status(421), status(200)}, "POST", ErrGateway, 1, 0, 0},
		"POST: 425":                        {answers{status(425), status(200)}, "POST", ErrGateway, 1, 0, 0},
		"POST: 501":                        {answers{status(501), status(200)}, "POST", ErrGateway, 1, 0, 0},
		"POST: 524":                        {answers{status(524), status(200)}, "POST", ErrOutcomeUnknown, 1, 0, 0},
		"POST: 429":                        {answers{status(429, "Retry-After", "1"), status(200)}, "POST", ErrRateLimited, 1, 0, 0},
		"POST: reset":                      {answers{resetConnection, status(200)}, "POST", ErrOutcomeUnknown, 1, 0, 0},
		"POST: never connected":            {answers{refusedConnection, status(200)}, "POST", nil, 2, 0.1, 1},
		"DELETE: hanging":                  {answers{hang, status(200)}, "DELETE", ErrOutcomeUnknown, 1, 10, 10},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{answers: tt.answers}
				c := &Client{Transport: s}
				start := time.Now()
				var err error
				if tt.method == "" {
					_, err = c.Mint(t.Context(), fakeCredential(), 60)
				} else {
					_, err = c.Do(t.Context(), fakeToken(), Request{Method: tt.method, Path: "/x", Body: []byte("{}")})
				}
				took := time.Since(start)
				if tt.kind == nil && err != nil {
					t.Error(err)
				} else if tt.kind != nil {
					wantKind(t, err, tt.kind)
				}
				if len(s.at) != tt.tries || took < seconds(tt.least) || took > seconds(tt.most) {
					t.Errorf("%d tries in %v, want %d in %v to %v", len(s.at), took, tt.tries, seconds(tt.least), seconds(tt.most))
				}
			})
		})
	}
}

func TestMint_DeadlineIsUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		c := &Client{Transport: &script{answers: answers{hang}}}
		start := time.Now()
		_, err := c.Mint(ctx, fakeCredential(), 60)
		wantKind(t, err, ErrUnreachable)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 3*time.Second || !strings.Contains(err.Error(), "no answer within 3 s") {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestMint_EndsWhenCancelledBetweenTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := &script{answers: answers{status(429, "Retry-After", "10")}}
		time.AfterFunc(2*time.Second, cancel)
		start := time.Now()
		_, err := (&Client{Transport: s}).Mint(ctx, fakeCredential(), 60)
		if !errors.Is(err, context.Canceled) || time.Since(start) != 2*time.Second || len(s.at) != 1 {
			t.Errorf("%v after %v and %d tries", err, time.Since(start), len(s.at))
		}
	})
}

// A caller that cancels a write that was sent must be told that it may have been
// carried out.
func TestDo_CancelledWriteMayHaveBeenCarriedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		c := &Client{Transport: &script{answers: answers{hang}}}
		_, err := c.Do(ctx, fakeToken(), Request{Method: "POST", Path: "/x"})
		wantKind(t, err, ErrOutcomeUnknown)
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "interrupted before it answered") {
			t.Error(err)
		}
	})
}

// Ping looks, and changes nothing: no outcome is unknown. It looks once.
func TestPing_IsARead(t *testing.T) {
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		kind    error
	}{
		"500":     {answer(500, ""), ErrGateway},
		"503":     {answer(503, ""), ErrGateway},
		"page":    {answer(200, htmlPage), ErrUnexpectedReply},
		"dropped": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, ErrUnreachable},
	} {
		var asked atomic.Int32
		c := serve(t, func(w http.ResponseWriter, r *http.Request) { asked.Add(1); tt.handler(w, r) })
		_, err := c.Ping(t.Context())
		wantKind(t, err, tt.kind)
		if n := asked.Load(); n != 1 {
			t.Errorf("%s: asked %d times", name, n)
		}
	}
}

// A reply with 200 may hold a server error, which says nothing about the outcome.
func TestDo_ServerErrorInA200LeavesOutcomeUnknown(t *testing.T) {
	for code, kind := range map[int]error{500: ErrOutcomeUnknown, 504: ErrOutcomeUnknown, 400: ErrInvalid, 401: ErrRefused} {
		c := serve(t, answer(200, fmt.Sprintf(`{"code":%d,"status":"error","message":"the operator is slow"}`, code)))
		_, err := c.Do(t.Context(), fakeToken(), Request{Method: "POST", Path: "/x", Body: []byte("{}")})
		wantKind(t, err, kind)
	}
}

// A token is refused by 401 only, as the status of the reply or inside one with 200.
func TestIsTokenRefusal_MeansA401InsideA200Too(t *testing.T) {
	for _, tt := range []struct {
		status, inner int
		refused       bool
		text          string
	}{
		{401, 401, true, "refused the token"},
		{200, 401, true, "refused the token"},
		{403, 403, false, "does not allow this"},
		{200, 403, false, "does not allow this"},
		{400, 401, false, "invalid"},
		{200, 500, false, "failed"},
	} {
		c := serve(t, answer(tt.status, fmt.Sprintf(`{"code":%d,"status":"error","message":"No."}`, tt.inner)))
		_, err := c.Do(t.Context(), fakeToken(), Request{Path: "/x"})
		if IsTokenRefusal(err) != tt.refused || !strings.Contains(fmt.Sprint(err), tt.text) {
			t.Errorf("%d with %d inside: %v, %v", tt.status, tt.inner, IsTokenRefusal(err), err)
		}
	}
	if IsTokenRefusal(nil) {
		t.Error("no error is taken for a refusal")
	}
}

// A reply with 200 that Kitegateway does not document is no success, and says nothing
// about the outcome of a write. An error with a code in words is a refusal.
func TestDo_UndocumentedSuccessLeavesOutcomeUnknown(t *testing.T) {
	for body, kinds := range map[string]struct{ read, write error }{
		"":                                       {ErrUnexpectedReply, ErrOutcomeUnknown},
		"{}":                                     {ErrUnexpectedReply, ErrOutcomeUnknown},
		`{"portal":"sign"}`:                      {ErrUnexpectedReply, ErrOutcomeUnknown},
		`{"status":"error","message":"balance"}`: {ErrUnexpectedReply, ErrOutcomeUnknown},
		`{"code":202,"status":"failed","message":"balance"}`:       {ErrUnexpectedReply, ErrOutcomeUnknown},
		`{"code":"no_balance","status":"error","message":"empty"}`: {ErrUnexpectedReply, ErrUnexpectedReply},
	} {
		c := serve(t, answer(200, body))
		_, err := c.Do(t.Context(), fakeToken(), Request{Path: "/x"})
		wantKind(t, err, kinds.read)
		_, err = c.Do(t.Context(), fakeToken(), Request{Method: "POST", Path: "/x", Body: []byte("{}")})
		wantKind(t, err, kinds.write)
	}
	for status, method := range map[int]string{200: "HEAD", 204: "POST", 201: "PUT"} {
		if _, err := serve(t, answer(status, "")).Do(t.Context(), fakeToken(), Request{Method: method, Path: "/x"}); err != nil {
			t.Errorf("%s with %d and no body: %v", method, status, err)
		}
	}
}

// counted is an endless body that counts how much of it is read.
type counted struct{ read int }

func (c *counted) Read(p []byte) (int, error) {
	clear(p)
	c.read += len(p)
	return len(p), nil
}
func (c *counted) Close() error { return nil }

func TestDo_BoundsTheReply(t *testing.T) {
	var body counted
	c := &Client{Transport: &script{answers: answers{func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: &body}, nil
	}}}}
	reply, err := c.Do(t.Context(), fakeToken(), Request{Path: "/x"})
	wantKind(t, err, ErrUnexpectedReply)
	if body.read > maxBody+64<<10 || len(reply.Body) != maxBody {
		t.Errorf("%d bytes read, %d kept", body.read, len(reply.Body))
	}
}

func TestBackoff_Spreads(t *testing.T) {
	seen, asked := map[time.Duration]bool{}, map[time.Duration]bool{}
	for range 100 {
		seen[backoff(1, 0)], asked[backoff(1, 4*time.Second)] = true, true
		if w := backoff(1, 4*time.Second); w < 4*time.Second || w > 5*time.Second+time.Millisecond {
			t.Errorf("asked to wait 4 s, it waits %v", w)
		}
	}
	if len(seen) < 50 || len(asked) < 50 {
		t.Errorf("a hundred callers share %d and %d moments", len(seen), len(asked))
	}
}
