package plain

import (
	"context"
	"time"

	"kitekey/ui/handout"
	"kitekey/ui/words"
	"kitekey/vault"
)

// keepAlive mints a new token for one profile shortly before the current one
// expires, until it is switched off or kitekey quits. It mints while a line is being
// waited for, so that nothing waits for the gateway.
type keepAlive struct {
	handout.Renewals
	renewing chan renewal // nil if none is under way
	failing  bool         // the last renewal failed, and this was announced
}

// renewal is the result of a renewal.
type renewal struct {
	profile vault.Profile
	token   vault.TokenInfo
	err     error
}

// toggleKeepAlive switches keep-alive on for a profile, or off.
func (c *conversation) toggleKeepAlive(ctx context.Context, p vault.Profile, _ string) error {
	if c.keep.ID == p.ID {
		c.keep = keepAlive{}
		c.say("Keep-alive is off: %s keeps its token until it expires.", speak(p.Selector))
		return nil
	}
	if err := c.confirm(ctx, handout.KeepAlive, p.Selector); err != nil {
		return err
	}
	was := c.keep.ID
	c.keep = keepAlive{Renewals: handout.Renew(p, c.now())}
	c.say("Keep-alive is on for %s, until you type keep-alive again or quit. Copy copies the token of the moment.", speak(p.Selector))
	if other, ok := c.byID(was); ok {
		c.say("It is off for %s.", speak(other.Selector))
	}
	return nil
}

// nextRenewal returns the time until a renewal is to begin, a minute if none is.
func (c *conversation) nextRenewal() time.Duration {
	if c.keep.ID == "" || c.keep.renewing != nil {
		return time.Minute
	}
	p, _ := c.byID(c.keep.ID) // renew notices that there is none
	return c.keep.Wait(p.Token, c.now())
}

// renew begins a renewal if it is time.
func (c *conversation) renew(ctx context.Context) {
	if c.keep.ID == "" || c.nextRenewal() > 0 {
		return
	}
	was := c.keep.Renewals
	c.keep.Begin(c.now())
	if c.load() != nil { // the next command reports it
		return
	}
	p, ok := c.byID(c.keep.ID)
	if !ok { // it was removed
		c.keep = keepAlive{}
		return
	}
	if was.Wait(p.Token, c.now()) > 0 {
		return // another kitekey has minted
	}
	done := make(chan renewal, 1)
	c.keep.renewing = done
	v := c.o.Vault
	go func() {
		t, err := v.Token(ctx, p.Selector, vault.TokenRequest{Fresh: true, ExpiresIn: was.ExpiresIn}) // the guard was asked when keep-alive was switched on
		r := renewal{profile: p, err: err}
		if err == nil {
			r.token = t.Info()
		}
		done <- r
	}()
}

// renewed takes the result of a renewal and notes what is to be announced.
func (c *conversation) renewed(r renewal) {
	c.keep.renewing = nil
	name := speak(r.profile.Selector)
	if r.err == nil {
		c.keep.failing = false
		c.watch(r.profile.Selector, r.token)
		if r.profile.Token.Unexpired(c.now()) { // the first token needs no message
			c.notices = append(c.notices, "keep-alive: "+name+" has a new token for "+words.Duration(r.token.ExpiresIn.Duration())+".")
		}
		if err := c.load(); err == nil {
			c.noteToken(r.profile.ID, r.token)
		}
		return
	}
	if c.keep.failing {
		return // it was announced
	}
	c.keep.failing = true
	text := "keep-alive of " + name + " tries again every " + words.Duration(handout.RenewalPause)
	if v := vault.VerdictOf(r.err); v.Refused() || v == vault.VerdictNoCredential {
		c.keep = keepAlive{} // another request would be refused too
		text = "keep-alive of " + name + " stopped"
	}
	text += ": " + words.Sentence(words.Line(vault.WithoutProfile(r.profile.Selector, r.err).Error()))
	if next := words.NextStep(r.err, ways()); next != "" {
		text += " Next: " + words.Sentence(next)
	}
	c.notices = append(c.notices, text)
}

// noteToken sets a profile's token: one that could not be cached is not in the index.
func (c *conversation) noteToken(id string, t vault.TokenInfo) {
	for i := range c.profiles {
		if c.profiles[i].ID == id {
			c.profiles[i].Token = t
		}
	}
}

// byID returns a profile, false if there is none.
func (c *conversation) byID(id string) (vault.Profile, bool) {
	for _, p := range c.profiles {
		if p.ID == id {
			return p, true
		}
	}
	return vault.Profile{}, false
}
