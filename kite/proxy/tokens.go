package proxy

import (
	"context"
	"net/http"
	"sync"
	"time"

	"kitekey/kite"
)

// forcedEvery is the shortest time between two mints because the gateway refused a
// token. A gateway that refuses everything must not be asked to mint for every
// request.
const forcedEvery = 10 * time.Second

// tokens keeps the token in use, so that the store is not read for every request.
type tokens struct {
	source func(ctx context.Context, fresh bool) (kite.Token, error)
	now    func() time.Time
	ctx    context.Context // ends with the proxy
	wait   sync.WaitGroup  // renewals under way

	mu      sync.Mutex
	current token
	forced  time.Time // when a token was last replaced because it was refused
	renewal *renewal  // under way, nil when none
}

// token is an access token with the values that every request needs.
type token struct {
	kite.Token
	header string        // the Authorization header's value
	ahead  time.Duration // the life left at which it is renewed
}

// left returns the life that the token has left, 0 if there is none.
func (t token) left(now time.Time) time.Duration {
	if t.header == "" {
		return 0
	}
	return t.Remaining(now)
}

// renewal is one call of Options.Token. All requests that wait for it share its
// result, a failure too.
type renewal struct {
	fresh bool
	done  chan struct{}
	token token
	err   error
}

func newTokens(ctx context.Context, source func(context.Context, bool) (kite.Token, error), now func() time.Time) *tokens {
	return &tokens{source: source, now: now, ctx: ctx}
}

// get returns a token with life left. Towards the end of its life get starts a
// renewal and still returns the current token. While a token that was refused is being
// replaced, get waits: a write that is refused is not repeated.
func (t *tokens) get(ctx context.Context) (token, error) {
	t.mu.Lock()
	current := t.current
	left := current.left(t.now())
	r := t.renewal
	if replacing := r != nil && r.fresh; replacing && left > 0 {
		t.mu.Unlock()
		if next, err := r.result(ctx); err == nil || ctx.Err() != nil {
			return next, err
		}
		return current, nil // it may have been refused for one request only
	}
	if left > current.ahead {
		t.mu.Unlock()
		return current, nil
	}
	r = t.start(false)
	t.mu.Unlock()
	if left > 0 {
		return current, nil
	}
	return r.result(ctx)
}

// replace returns another token than the one that was refused. ok is false if none
// could be obtained, or if it is too early to ask again.
func (t *tokens) replace(ctx context.Context, refused token) (tok token, ok bool) {
	tok, r := t.refuse(refused)
	if r != nil {
		tok, _ = r.result(ctx)
	}
	return tok, tok.header != "" && !tok.Value.Equal(refused.Value)
}

// refuse notes that a token was refused. It returns the token that has replaced it, or
// the renewal that will, or neither if it is too early to ask again.
func (t *tokens) refuse(refused token) (token, *renewal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.current.Value.Equal(refused.Value) {
		return t.current, nil
	}
	r := t.renewal
	if r == nil || !r.fresh {
		if !t.forced.IsZero() && t.now().Sub(t.forced).Abs() < forcedEvery {
			return token{}, nil
		}
		r = t.start(true)
	}
	return token{}, r
}

// start begins a renewal, or joins the one under way. The caller holds t.mu.
func (t *tokens) start(fresh bool) *renewal {
	if r := t.renewal; r != nil && (r.fresh || !fresh) {
		return r
	}
	r := &renewal{fresh: fresh, done: make(chan struct{})}
	t.renewal = r
	t.wait.Go(func() {
		next, err := t.source(t.ctx, fresh)
		t.mu.Lock()
		defer t.mu.Unlock()
		defer close(r.done)
		if t.renewal == r {
			t.renewal = nil
		}
		if r.err = err; err != nil {
			return
		}
		r.token = token{Token: next, header: next.Value.Reveal(), ahead: next.MinRemaining()}
		t.current = r.token
		if fresh {
			t.forced = t.now()
		}
	})
	return r
}

func (r *renewal) result(ctx context.Context) (token, error) {
	select {
	case <-r.done:
		return r.token, r.err
	case <-ctx.Done():
		return token{}, ctx.Err()
	}
}

// authorized is a transport that puts the token on each request. If the gateway
// refuses a read although the token should be valid, the read is tried once more
// with a new token. A write is not, because it may have been carried out; the next
// request has the new token.
type authorized struct {
	tokens *tokens
	next   http.RoundTripper
}

func (a *authorized) RoundTrip(r *http.Request) (*http.Response, error) {
	tok, err := a.tokens.get(r.Context())
	if err != nil {
		return nil, err
	}
	// The request is ReverseProxy's own copy and may be changed.
	r.Header["Authorization"] = []string{tok.header}
	resp, err := a.next.RoundTrip(r)
	if err != nil || !kite.RefusesToken(resp) {
		return resp, err
	}
	if kite.IsWrite(r.Method, r.URL.RawQuery, r.Header) || r.Body != nil && r.Body != http.NoBody {
		a.tokens.refuse(tok) // the client is not kept waiting for a mint
		return resp, nil
	}
	another, ok := a.tokens.replace(r.Context(), tok)
	if !ok {
		return resp, nil
	}
	_ = resp.Body.Close()
	again := r.Clone(r.Context())
	again.Header["Authorization"] = []string{another.header}
	return a.next.RoundTrip(again)
}
