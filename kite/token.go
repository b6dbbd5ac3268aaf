package kite

import (
	"slices"
	"strings"
	"time"
)

// Token is a minted access token.
//
// Kitegateway's Expires is by the gateway's clock; people and timers use the local
// one. Skew, measured when the token was minted, is the difference between the two,
// and Deadline is the local wall-clock time at which the token expires. No time
// here has a monotonic reading (see [time.Time.Round]), because that clock stands
// still while a laptop sleeps and the token does not.
type Token struct {
	// Value is the token as the gateway gave it, "JWT " prefix included (added
	// when the reply lacked it): what goes to the right of "Authorization: ".
	Value Secret
	// Expires is when the token expires, by the gateway's clock.
	Expires time.Time
	// Minted is when the reply came, by the local clock.
	Minted time.Time
	// Requested is the life that was asked for, 0 when that was left to the
	// gateway. See [Token.ExpiresIn] for the life that was given.
	Requested Lifetime
	// Skew is the gateway's clock minus the local one when it was minted.
	Skew time.Duration
}

// Header returns the ready-made header line, "Authorization: JWT …", without a line
// break.
func (t Token) Header() (header Secret) {
	t.Value.RevealTo(func(value []byte) { header = newSecret(slices.Concat([]byte("Authorization: "), value)) })
	return header
}

// Deadline returns when the token expires, by the local clock.
func (t Token) Deadline() time.Time { return t.Expires.Add(-t.Skew).Round(0) }

// ExpiresIn returns the life that the gateway gave. It is exactly what was asked
// for if the two agree within 2 s: expires and the Date header are whole seconds.
func (t Token) ExpiresIn() Lifetime {
	given := t.Deadline().Sub(t.Minted)
	if t.Requested > 0 && (given-t.Requested.Duration()).Abs() <= 2*time.Second {
		return t.Requested
	}
	return LifetimeOf(given.Round(time.Second))
}

// Remaining returns the life left at now, as [LifeLeft] does.
func (t Token) Remaining(now time.Time) time.Duration { return LifeLeft(t.Minted, t.Deadline(), now) }

// MinRemaining returns the life that the token must have left to be used for one more
// call, which must end before the token does: 30 s, or a tenth of a shorter life.
func (t Token) MinRemaining() time.Duration {
	return min(30*time.Second, t.ExpiresIn().Duration()/10)
}

// LifeLeft returns the life that a token has left at now, never negative. All times
// are by the local clock. It is 0 for a token that was minted after now: the clock has
// been set back, so the token's age is not known.
func LifeLeft(minted, deadline, now time.Time) time.Duration {
	now = now.Round(0) // wall-clock time: a monotonic clock stands still while a laptop sleeps
	if minted.After(now.Add(time.Second)) {
		return 0
	}
	return max(0, deadline.Sub(now))
}

// Curl returns a command that calls url with the token, for a POSIX shell and curl
// 7.55 or newer. The header travels on curl's standard input, so the token is in no
// argument and ps does not show it. The command shows errors but no progress meter,
// which would mix with the reply.
func (t Token) Curl(url string) (command Secret) {
	t.Value.RevealTo(func(value []byte) {
		command = newSecret(slices.Concat([]byte("curl -sS -H @- "+shellQuote(url)+" <<'KITEKEY'\nAuthorization: "), value, []byte("\nKITEKEY\n")))
	})
	return command
}

// shellQuote quotes s for a POSIX shell where it needs it.
func shellQuote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._:/%+@,", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
