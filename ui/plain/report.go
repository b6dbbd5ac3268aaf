package plain

import (
	"context"
	"fmt"
	"strings"
	"time"

	"kitekey/ui/words"
	"kitekey/vault"
)

// run is a verification of many profiles.
type run struct {
	profiles []vault.Selector
	took     time.Duration
}

// report copies a report to paste into a ticket: of the chosen profile or the one that
// rest names, or of the failing ones or all of the last verification of many. It holds
// no secret, so it is not cleared.
func (c *conversation) report(ctx context.Context, rest string) error {
	rest = strings.ToLower(rest)
	if rest == "all" || rest == "failing" {
		return c.reportRun(ctx, rest == "all")
	}
	if rest != "" && !c.reach(rest) {
		return nil
	}
	p, ok := c.current()
	if !ok {
		c.say("Choose a profile first, or type report failing.")
		return nil
	}
	r := c.reportFor(p)
	if r.Verdict == vault.VerdictNone {
		c.say("%s is not verified yet. Type verify.", speak(p.Selector))
		return nil
	}
	return c.copyReports(ctx, "", r)
}

// reportRun copies a summary of the last verification of many, and the reports of the
// failing profiles or of all.
func (c *conversation) reportRun(ctx context.Context, all bool) error {
	if len(c.lastRun.profiles) == 0 {
		c.say("Type verify all first: the report is about what it found.")
		return nil
	}
	var reports []vault.Report
	count := map[vault.Verdict]int{}
	for _, sel := range c.lastRun.profiles {
		r := c.reports[sel]
		count[r.Verdict]++
		if all || r.Verdict != vault.VerdictOK {
			reports = append(reports, r)
		}
	}
	summary := fmt.Sprintf("kitekey verified all %d in %.1f s: %s\n\n", len(c.lastRun.profiles), c.lastRun.took.Seconds(), strings.Join(words.Tally(count), ", "))
	return c.copyReports(ctx, summary, reports...)
}

func (c *conversation) copyReports(ctx context.Context, summary string, reports ...vault.Report) error {
	receipt, err := c.o.Clipboard.Copy(ctx, []byte(summary+words.Tickets(reports, c.o.Version)), time.Time{})
	if err != nil {
		return fmt.Errorf("cannot copy: %w", err)
	}
	what := "Report of " + words.Count(len(reports), "profile")
	switch len(reports) {
	case 0:
		what = "None fails. A report of the totals"
	case 1:
		what = "Report of " + speak(reports[0].Selector)
	}
	c.say("%s copied, no secret in it (%s).", what, receipt.Way)
	return nil
}

// reportFor returns the last report of a profile, from this run or an earlier one.
func (c *conversation) reportFor(p vault.Profile) vault.Report {
	if r, ok := c.reports[p.Selector]; ok && r.KeyHint == p.KeyHint && !p.VerdictAt.After(r.At) {
		return r
	}
	r := p.Report()
	r.Selector = p.Selector
	return r
}
