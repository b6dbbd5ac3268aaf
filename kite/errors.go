package kite

import (
	"errors"
	"time"
)

// What can be wrong with a call. Every error that a [Client] returns matches
// exactly one of these with [errors.Is], or a context's error when the caller
// gave up.
var (
	// ErrRefused: the gateway answered 401 or 403; the key pair or the token is no good.
	ErrRefused = errors.New("refused")
	// ErrInvalid: the gateway called the request itself wrong (400, 404, 422 and the other 4xx).
	ErrInvalid = errors.New("invalid request")
	// ErrRateLimited: 429 to the end of our patience.
	ErrRateLimited = errors.New("rate limited")
	// ErrGateway: the gateway failed (5xx).
	ErrGateway = errors.New("gateway error")
	// ErrUnreachable: nothing that could be a gateway answered: DNS, TCP, TLS, a deadline.
	ErrUnreachable = errors.New("unreachable")
	// ErrUnexpectedReply: something answered, but not as Kitegateway does: HTML,
	// a redirect, an endless body, a token that is already dead.
	ErrUnexpectedReply = errors.New("unexpected reply")
)

// Error is what a failed call returns. Its text names the host and the step and
// holds no secret; what the gateway said has lost its control characters.
type Error struct {
	Kind       error         // one of the sentinels above
	Host       string        // host:port that was asked
	Step       string        // what was being done: "mint a token", "GET /data/wallets/balances"
	Status     int           // HTTP status, 0 when there was no reply
	Code       string        // the envelope's code, when it says more than the status
	Message    string        // the gateway's own words, cleaned
	RetryAfter time.Duration // what a 429 or 503 asked for, 0 when it did not
	Attempts   int           // how often it was tried
	Err        error         // the cause below, if any
}
