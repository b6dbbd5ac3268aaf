package handout

import (
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/vault"
)

func TestRenewals_BeginBeforeTheTokenExpires(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	token := func(left time.Duration) vault.TokenInfo {
		return vault.TokenInfo{Minted: now.Add(left - 10*time.Minute), Deadline: now.Add(left), ExpiresIn: 600}
	}
	for _, tt := range []struct {
		name  string
		left  time.Duration
		since time.Duration // since a renewal began, 0 if none has
		want  time.Duration
	}{
		{"a new token", 10 * time.Minute, 0, 9 * time.Minute},
		{"a token with a tenth left", time.Minute, 0, 0},
		{"an expired token", -time.Second, 0, 0},
		{"a renewal that has just failed", 50 * time.Second, time.Second, RenewalPause - time.Second},
		{"a renewal that failed some time ago", 30 * time.Second, time.Minute, 0},
	} {
		r := Renew(vault.Profile{ID: "x", ExpiresIn: 60, Token: token(10 * time.Minute)}, now)
		if tt.since > 0 {
			r.Begin(now.Add(-tt.since))
		}
		if got := r.Wait(token(tt.left), now); got != tt.want {
			t.Errorf("%s: in %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestRenew_TakesTheLifeOfTheTokenThereIs(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	p := vault.Profile{ExpiresIn: 60, Token: vault.TokenInfo{Minted: now.Add(-time.Minute), Deadline: now.Add(time.Minute), ExpiresIn: 120}}
	if r := Renew(p, now); r.ExpiresIn != 120 {
		t.Errorf("%v with an unexpired token", r.ExpiresIn)
	}
	if r := Renew(p, now.Add(time.Hour)); r.ExpiresIn != 60 {
		t.Errorf("%v with an expired token", r.ExpiresIn)
	}
}

// A token that lives shorter than the pause is renewed in time all the same.
func TestRenewals_KeepShortTokensAlive(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	r := Renewals{ID: "x", ExpiresIn: kite.Lifetime(4)}
	r.Begin(now)
	if got := r.Wait(vault.TokenInfo{}, now); got != 2*time.Second {
		t.Errorf("the next renewal is in %v", got)
	}
}
