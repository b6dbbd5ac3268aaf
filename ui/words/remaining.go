package words

import (
	"time"

	"kitekey/vault"
)

// When a token is nearly over depends on the purpose:
//
//   - [kite.Token.MinRemaining]: 30 s, or a tenth of a shorter life. A cached token
//     with less is not handed out, and the proxy renews a token that has less.
//   - [LowAt]: a fifth of its life, 20 s to 5 min. The user is told: it is time to
//     think of another token.
//   - [EndingAt]: 10 s. The user is told: it is too short for a call that takes a while.
//   - [RenewAt]: a tenth of its life, 5 s to 1 min. Keep-alive mints the next token.

// EndingAt is what is left when a token is "ending".
const EndingAt = 10 * time.Second

// LowAt is what is left when a token that was to live for life is "low".
func LowAt(life time.Duration) time.Duration {
	return min(max(life/5, 20*time.Second), 5*time.Minute)
}

// RenewAt returns the remaining time at which keep-alive mints the next token: a tenth
// of its life, at least 5 s for the call and at most a minute, but never more than half:
// a token that lives for 4 s must not be minted without end.
func RenewAt(life time.Duration) time.Duration {
	return min(max(life/10, 5*time.Second), time.Minute, life/2)
}

// TokenState is how near a token is to its expiry.
type TokenState int

// The states of a token, in the order in which they come.
const (
	NoToken TokenState = iota
	Fresh
	Low
	Ending
	Expired
)

// TokenStateOf says where a token stands at now. One that was minted later than
// now (the clock was set back since) counts as none, as it does for the vault.
func TokenStateOf(t vault.TokenInfo, now time.Time) TokenState {
	left := t.Remaining(now)
	switch {
	case t.Deadline.IsZero():
		return NoToken
	case left <= 0 && t.Deadline.After(now): // minted later than now
		return NoToken
	case left <= 0:
		return Expired
	case left <= EndingAt:
		return Ending
	case left <= LowAt(t.ExpiresIn.Duration()):
		return Low
	}
	return Fresh
}

// String is the state's word.
func (s TokenState) String() string {
	return [...]string{"no token", "unexpired", "low", "ending", "expired"}[s]
}

// NearlyOver reports whether the token is unexpired and will not be for long.
func (s TokenState) NearlyOver() bool { return s == Low || s == Ending }
