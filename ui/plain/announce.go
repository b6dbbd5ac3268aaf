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
	if len(c.notices) > 0 && kind == prompt.Line {
		return 0
	}
	if c.o.NoNotices || kind != prompt.Line {
		return wait
	}
	kept, _ := c.byID(c.keep.ID)
	for sel, h := range c.handed {
		at := h.lowAt
		if h.toldLow || sel == kept.Selector { // it is renewed before it is low for long
			at = h.deadline
		}
		wait = min(wait, max(at.Sub(c.now()), 0))
	}
	return wait
}

// announce tells what keep-alive did and which tokens are low or have expired since the
// last time, and reports whether there was anything.
func (c *conversation) announce() (said bool) {
	notices := c.notices
	c.notices = nil
	if c.o.NoNotices {
		return false
	}
	for _, text := range notices {
		c.say("\nNotice: %s", text)
		said = true
	}
	now := c.now()
	kept, _ := c.byID(c.keep.ID)
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
		case !h.toldLow && sel != kept.Selector && !now.Before(h.lowAt):
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
