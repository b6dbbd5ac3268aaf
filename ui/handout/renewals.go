package handout

import (
	"time"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

// RenewalPause is how long to wait after a renewal that failed, and the shortest time
// between two that did not, unless the tokens themselves live shorter.
const RenewalPause = 15 * time.Second

// Renewals says when the token of a profile that is kept alive is minted anew. Its zero
// value keeps none alive.
type Renewals struct {
	ID        string // the profile, "" if none is kept alive
	ExpiresIn kite.Lifetime
	earliest  time.Time // of the next renewal
}

// Renew returns the renewals of a profile's token, which ask for the life that its
// token has, or else for the profile's default.
func Renew(p vault.Profile, now time.Time) Renewals {
	r := Renewals{ID: p.ID, ExpiresIn: p.ExpiresIn}
	if p.Token.Unexpired(now) {
		r.ExpiresIn = p.Token.ExpiresIn
	}
	return r
}

// Wait returns how long it is until the next renewal begins, given the token that
// there is now: 0 if it is due.
func (r Renewals) Wait(token vault.TokenInfo, now time.Time) time.Duration {
	var left time.Duration
	if token.Unexpired(now) {
		left = token.Remaining(now) - words.RenewAt(r.ExpiresIn.Duration())
	}
	return max(left, r.earliest.Sub(now), 0)
}

// Begin notes that a renewal begins now.
func (r *Renewals) Begin(now time.Time) {
	life := r.ExpiresIn.Duration()
	r.earliest = now.Add(min(RenewalPause, max(life-words.RenewAt(life), time.Second)))
}
