package plain

import (
	"context"
	"fmt"
	"strings"

	"kitekey/ui/words"
	"kitekey/vault"
)

// verify verifies the chosen profile, or all that match the words.
func (c *conversation) verify(ctx context.Context, rest string) error {
	if rest != "" {
		if strings.EqualFold(rest, "all") {
			rest = ""
		}
		return c.verifyAll(ctx, c.where(func(p vault.Profile) bool { return c.matches(p, rest) }))
	}
	p, ok := c.current()
	if !ok {
		c.say("Choose a profile first, or type verify all.")
		return nil
	}
	c.say("Verifying.")
	r := c.o.Vault.Verify(ctx, p.Selector, false)
	if r.Verdict == vault.VerdictNone {
		return r.Err
	}
	c.reports[p.Selector] = r
	c.explain(r)
	return nil
}

// verifyAll reports each failure as it is found, the progress, and totals at the
// end.
func (c *conversation) verifyAll(ctx context.Context, profiles []vault.Profile) error {
	if len(profiles) == 0 {
		c.say("No profile matches.")
		return nil
	}
	c.say("Verifying %s.", words.Count(len(profiles), "profile"))
	sels := make([]vault.Selector, len(profiles))
	for i, p := range profiles {
		sels[i] = p.Selector
	}
	count, done, failing := map[vault.Verdict]int{}, 0, 0
	started := c.now()
	c.o.Vault.VerifyAll(ctx, sels, false, func(r vault.Report) {
		done++
		count[r.Verdict]++
		c.reports[r.Selector] = r
		if r.Verdict != vault.VerdictOK {
			failing++
			c.say("%s: %s%s.", speak(r.Selector), words.Verdict(r.Verdict, r.Store).Word, gatewaySaid(r))
		}
		if quarter := len(sels) / 4; quarter >= 5 && done%quarter == 0 && done < len(sels) {
			c.say("%d of %d.", done, len(sels))
		}
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	c.lastRun = run{sels, c.now().Sub(started)}
	c.say("Done: %s.", strings.Join(words.Tally(count), ", "))
	if failing > 0 {
		c.say("Choose one and type why to hear what to do. Report failing copies a report of them.")
	}
	return nil
}

// why says what the last verdict means.
func (c *conversation) why(_ context.Context, p vault.Profile, _ string) error {
	c.explain(c.reportFor(p))
	return nil
}

// explain says a verdict, the gateway's own words, what they mean and what to do.
func (c *conversation) explain(r vault.Report) {
	c.say("%s: %s%s.", speak(r.Selector), words.Verdict(r.Verdict, r.Store).Word, gatewaySaid(r))
	if r.Verdict != vault.VerdictNone {
		where := ""
		if r.Host != "" {
			where = " at " + r.Host
		}
		c.say("Verified %s%s.", words.Age(r.At, c.now()), where)
	}
	meaning, next := words.Advice(r, ways())
	c.say("It means: %s", words.Sentence(meaning))
	c.say("Next: %s", words.Sentence(next))
	if warning := words.ClockWarning(r.Skew); warning != "" {
		c.say("Note: %s.", warning)
	}
}

// gatewaySaid returns the reply's status and the gateway's own words.
func gatewaySaid(r vault.Report) string {
	switch {
	case r.Verdict == vault.VerdictOK || r.Status == 0:
		return ""
	case r.Message == "":
		return fmt.Sprintf("; the gateway answered %d", r.Status)
	}
	return fmt.Sprintf("; the gateway said: %d, %s", r.Status, strings.TrimRight(words.Line(r.Message), "."))
}
