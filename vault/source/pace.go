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
// was turned away makes all of them wait and widens the gap between them, one
// that went through narrows it.
type pace struct {
	mu   sync.Mutex
	gap  time.Duration
	next time.Time // no call starts before
	rest time.Time // until when everything waits
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

// limited notes that a request was turned away, and gives the rest that follows.
// asked is what the engine asked for, 0 when it did not say.
func (p *pace) limited(asked time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if now.After(p.rest) { // else it was on its way when another was turned away
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

// fine notes that a request went through.
func (p *pace) fine() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gap = p.gap * 95 / 100; p.gap < time.Millisecond {
		p.gap = 0
	}
}
