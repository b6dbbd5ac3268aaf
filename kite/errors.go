package kite

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
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
	Skew       time.Duration // the gateway's clock minus the local one, when it answered
	Err        error         // the cause below, if any
}

// Error says what happened in one line for a person, without what to do next:
// that is known where the command or the screen is.
func (e *Error) Error() string {
	var b strings.Builder
	switch {
	case e.Step == stepMint && e.Kind == ErrRefused: // goes without saying
	case e.Step == stepMint:
		b.WriteString("cannot mint a token: ")
	case e.Step != "":
		b.WriteString(e.Step + ": ")
	}
	if e.Kind == ErrInvalid && e.Status == 0 { // never sent
		fmt.Fprintf(&b, "%v", e.Err)
		return b.String()
	}
	b.WriteString(e.Host)
	switch e.Kind {
	case ErrRefused:
		b.WriteString(" refused the " + e.refused())
	case ErrInvalid:
		b.WriteString(" called the request wrong")
	case ErrRateLimited:
		b.WriteString(" has had too many requests")
	case ErrGateway:
		b.WriteString(" failed")
	case ErrUnreachable:
		b.WriteString(" could not be reached")
	default:
		b.WriteString(" did not answer as Kitegateway does")
	}
	var details []string
	if e.Status != 0 {
		details = append(details, strconv.Itoa(e.Status))
	}
	switch {
	case e.Message != "":
		details = append(details, e.Message)
	case e.Err != nil:
		details = append(details, e.Err.Error())
	}
	if len(details) > 0 {
		b.WriteString(" (" + strings.Join(details, ": ") + ")")
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, "; it asks to wait %v", e.RetryAfter)
	}
	return b.String()
}

// refused names what was refused: minting shows the credential, every other call
// a token.
func (e *Error) refused() string {
	if e.Step == stepMint {
		return "credential"
	}
	return "token"
}

// Is makes errors.Is(err, ErrRefused) and the other sentinels work.
func (e *Error) Is(target error) bool { return target == e.Kind }

// Unwrap gives the cause below.
func (e *Error) Unwrap() error { return e.Err }

// Minting reports whether a token was being minted: what the gateway said is then
// about the credential, otherwise about a token or a request.
func (e *Error) Minting() bool { return e.Step == stepMint }
