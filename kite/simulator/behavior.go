package simulator

import (
	"net/http"
	"strconv"
	"time"

	"kitekey/kite"
)

// Failure is a way in which a gateway, or what stands in front of it, goes wrong.
type Failure string

// The failures. The zero value is none.
const (
	NoFailure      Failure = ""
	InternalError  Failure = "500"      // 500 in the documented envelope
	BadGateway     Failure = "502"      // 502 with the HTML page of a proxy
	Unavailable    Failure = "503"      // 503 with the HTML page of a proxy; Retry-After when Behavior has one
	HTMLPage       Failure = "html"     // 200 with a login page, as a captive portal answers
	Forbidden      Failure = "403"      // 403 with the HTML page of a firewall
	Endless        Failure = "endless"  // 200 and JSON that never ends, as fast as it goes
	SlowBody       Failure = "drip"     // 200 and a space every 50 ms for ever
	Redirect       Failure = "redirect" // 302 to Behavior.RedirectTo
	Drop           Failure = "drop"     // the connection is closed without an answer
	Hang           Failure = "hang"     // no answer at all
	ErrorInSuccess Failure = "200"      // 200 around the documented error envelope
)

// Behavior is how the simulator treats a merchant's requests. The zero value
// answers all of them.
type Behavior struct {
	Latency time.Duration // waited before every answer
	Skew    time.Duration // the gateway's clock minus the true one
	MaxLife time.Duration // tokens live no longer, whatever was asked; 0 = no bound
	Refuse  bool          // the credential and its tokens are refused: 401

	// Limit requests are answered in any Window, further ones get 429 with the rest
	// of the window as Retry-After. 0 means no limit; if Limit is negative, every
	// request gets 429.
	Limit          int
	Window         time.Duration // 1 s when 0
	RetryAfter     time.Duration // instead of the rest of the window; used for Unavailable too
	RetryAfterDate bool          // send Retry-After as a date

	Failure    Failure
	Failures   int    // how many requests fail; later ones succeed; 0 = all fail
	RedirectTo string // the Location of a Redirect
}

// Set changes the behavior towards an account in one environment, at once. The
// empty account sets it for every caller there without a behavior of its own,
// unrecognised callers included.
func (s *Simulator) Set(account string, env kite.Environment, k Behavior) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := profile{account, env}
	s.behavior[p] = k
	delete(s.windows, p)
}

// Revoke invalidates the tokens that the account has been given so far in the
// environment.
func (s *Simulator) Revoke(account string, env kite.Environment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked[profile{account, env}]++
}

// generation returns how often the tokens of p have been revoked.
func (s *Simulator) generation(p profile) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.revoked[p]
}

// treatment returns the behavior towards the next request of p, and whether it is
// over the limit.
func (s *Simulator) treatment(p profile) (k Behavior, limited bool, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, own := s.behavior[p]
	if !own {
		p.account = ""
		k = s.behavior[p]
	}
	if k.Failures > 0 {
		left := k
		if left.Failures--; left.Failures == 0 {
			left.Failure = NoFailure
		}
		s.behavior[p] = left
	}
	if k.Limit == 0 {
		return k, false, 0
	}
	length := k.Window
	if length == 0 {
		length = time.Second
	}
	now := s.now()
	w := s.windows[p]
	if w == nil || now.Sub(w.start) >= length {
		w = &window{start: now}
		s.windows[p] = w
	}
	w.requests++
	return k, k.Limit < 0 || w.requests > k.Limit, w.start.Add(length).Sub(now)
}

// window counts requests since start.
type window struct {
	start    time.Time
	requests int
}

// setRetryAfter writes the header in the form that k asks for. Seconds are rounded
// up, so that a client that obeys does not come back too early.
func setRetryAfter(h http.Header, k Behavior, now time.Time, wait time.Duration) {
	if k.RetryAfter > 0 {
		wait = k.RetryAfter
	}
	wait = (wait + time.Second - 1).Truncate(time.Second)
	if wait <= 0 {
		return
	}
	if k.RetryAfterDate {
		h.Set("Retry-After", now.Add(wait).UTC().Format(http.TimeFormat))
		return
	}
	h.Set("Retry-After", strconv.FormatInt(int64(wait/time.Second), 10))
}
