package proxy

import (
	"context"
	"net/http"
	"sync"
	"time"

	"kitekey/kite"
)

// How early a token is renewed: with this much life left, or a tenth of a
// shorter life.
const renewAhead = 30 * time.Second

// forcedEvery is how often at most a token is replaced because the gateway
// refused it: one that refuses everything must not be asked to mint without end.
const forcedEvery = 10 * time.Second

// tokens keeps the token in use, so that not every request reads the store.
type tokens struct {
	source func(ctx context.Context, fresh bool) (kite.Token, error)
	now    func() time.Time
	renew  chan struct{} // held by the one who renews

	mu      sync.Mutex
	current kite.Token
	forced  time.Time // when a token was last replaced because it was refused
}

func newTokens(source func(context.Context, bool) (kite.Token, error), now func() time.Time) *tokens {
	return &tokens{source: source, now: now, renew: make(chan struct{}, 1)}
}

// get gives a token with life in it. Towards the end of its life one caller
// renews it while the others go on with it.
func (t *tokens) get(ctx context.Context) (kite.Token, error) {
	tok, due := t.inUse()
	if !due {
		return tok, nil
	}
	alive := !tok.Expired(t.now())
	if alive {
		select {
		case t.renew <- struct{}{}:
		default:
			return tok, nil
		}
	} else {
		select {
		case t.renew <- struct{}{}:
		case <-ctx.Done():
			return kite.Token{}, ctx.Err()
		}
	}
	defer func() { <-t.renew }()
	if tok, due := t.inUse(); !due { // somebody else has done it
		return tok, nil
	}
	next, err := t.source(ctx, false)
	if err != nil {
		if alive && !tok.Expired(t.now()) {
			return tok, nil
		}
		return kite.Token{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current = next
	return next, nil
}

// inUse is the current token, and whether it is time to renew it.
func (t *tokens) inUse() (tok kite.Token, due bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	life := t.current.Deadline().Sub(t.current.Minted)
	return t.current, t.current.Remaining(t.now()) <= min(renewAhead, life/10)
}

// replace gives another token than the one that was refused; ok is false when
// there is none to be had or it is too early to ask again.
func (t *tokens) replace(ctx context.Context, refused kite.Token) (tok kite.Token, ok bool) {
	select {
	case t.renew <- struct{}{}:
	case <-ctx.Done():
		return kite.Token{}, false
	}
	defer func() { <-t.renew }()
	t.mu.Lock()
	current, now := t.current, t.now()
	early := !t.forced.IsZero() && now.Sub(t.forced).Abs() < forcedEvery
	t.mu.Unlock()
	if !current.Value.Equal(refused.Value) {
		return current, true
	}
	if early {
		return kite.Token{}, false
	}
	next, err := t.source(ctx, true)
	if err != nil {
		return kite.Token{}, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current, t.forced = next, now
	return next, true
}

// authorized is a transport that puts the token on each request. A read that is
// refused although the token should live is tried once more with a new one;
// anything else is not: what it asked for may have been done. The next request has
// the new one either way.
type authorized struct {
	tokens *tokens
	next   http.RoundTripper
}

func (a *authorized) RoundTrip(r *http.Request) (*http.Response, error) {
	tok, err := a.tokens.get(r.Context())
	if err != nil {
		return nil, err
	}
	resp, err := a.send(r, tok)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	another, ok := a.tokens.replace(r.Context(), tok)
	if !ok || !repeatable(r) {
		return resp, nil
	}
	_ = resp.Body.Close()
	return a.send(r, another)
}

func (a *authorized) send(r *http.Request, tok kite.Token) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", tok.Value.Reveal())
	return a.next.RoundTrip(r)
}

func repeatable(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return r.Body == nil || r.Body == http.NoBody
	}
	return false
}
