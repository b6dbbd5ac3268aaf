package source

import (
	"context"
	"sync"
	"time"
)

// The gaps between requests once the engine has limited the rate.
const (
	minGap = 10 * time.Millisecond
	maxGap = time.Second
)

// pace keeps the calls of one source within the engine's rate limit: a call that
// was refused for the rate makes all of them wait and widens the gap between them;
// one that succeeded narrows it.
type pace struct {
	mu   sync.Mutex
	gap  time.Duration
	next time.Time // no call starts before this time
	rest time.Time // all calls wait until this time
}

// wait is called before each request.
func (p *pace) wait(ctx context.Context) error {
	p.mu.Lock()
	now := time.Now()
	at := p.next
	if at.Before(now) {
		at = now
	}
	p.next = at.Add(p.gap)
	p.mu.Unlock()
	rest := at.Sub(now)
	if rest <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(rest)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// limited records that a request was refused for the rate, and returns the rest
// that follows. asked is what the engine asked for, 0 if it did not say.
func (p *pace) limited(asked time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if now.After(p.rest) { // otherwise it was under way when another one was refused
		p.gap = min(maxGap, max(minGap, 2*p.gap))
	}
	rest := max(asked, 5*p.gap)
	if at := now.Add(rest); at.After(p.rest) {
		p.rest = at
		if at.After(p.next) {
			p.next = at
		}
	}
	return rest
}

// fine records that a request succeeded.
func (p *pace) fine() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gap = p.gap * 95 / 100; p.gap < time.Millisecond {
		p.gap = 0
	}
}
