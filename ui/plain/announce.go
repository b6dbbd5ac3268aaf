package plain

import (
	"slices"
	"time"

	"kitekey/ui/prompt"
	"kitekey/ui/words"
	"kitekey/vault"
)

// watch makes announce tell when a token that was handed out is low or has expired.
func (c *conversation) watch(sel vault.Selector, t vault.TokenInfo) {
	c.handed[sel] = handed{deadline: t.Deadline, lowAt: t.Deadline.Add(-words.LowAt(t.ExpiresIn.Duration()))}
}

// nextAnnouncement returns the time until the next announcement. It returns a minute
// if there is none, or if announcements are off or would interrupt a question.
func (c *conversation) nextAnnouncement(kind prompt.Kind) time.Duration {
	wait := time.Minute
	if c.o.NoNotices || kind != prompt.Line {
		return wait
	}
	for _, h := range c.handed {
		at := h.lowAt
		if h.toldLow {
			at = h.deadline
		}
		wait = min(wait, max(at.Sub(c.now()), 0))
	}
	return wait
}

// announce tells which tokens are low or have expired since the last time, and
// reports whether there were any.
func (c *conversation) announce() (said bool) {
	if c.o.NoNotices {
		return false
	}
	now := c.now()
	sels := make([]vault.Selector, 0, len(c.handed))
	for sel := range c.handed {
		sels = append(sels, sel)
	}
	slices.SortFunc(sels, func(a, b vault.Selector) int { return c.handed[a].deadline.Compare(c.handed[b].deadline) })
	for _, sel := range sels {
		h := c.handed[sel]
		switch {
		case !now.Before(h.deadline):
			c.say("\nNotice: the token of %s has expired.", speak(sel))
			delete(c.handed, sel)
		case !h.toldLow && !now.Before(h.lowAt):
			c.say("\nNotice: the token of %s expires in %s.", speak(sel), words.Duration(h.deadline.Sub(now)))
			h.toldLow = true
			c.handed[sel] = h
		default:
			continue
		}
		said = true
	}
	return said
}
