package tui

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"kitekey/ui/words"
	"kitekey/vault"
)

// verifyOne mints a test token for the chosen profile and shows the result.
func (a *app) verifyOne() tea.Cmd {
	p := *a.chosen()
	v := a.o.Vault
	return a.run(task{kind: taskVerify, id: p.ID, doing: "verifying"}, func(ctx context.Context) func(*app) tea.Cmd {
		r := v.Verify(ctx, p.Selector, false)
		return func(a *app) tea.Cmd {
			a.verifiedOne(&p, r)
			return a.reload()
		}
	})
}

// verifiedOne shows what verifying a profile found.
func (a *app) verifiedOne(p *vault.Profile, r vault.Report) {
	if r.Verdict == vault.VerdictNone {
		a.reportError(p.ID, "verifying", r.Err)
		return
	}
	a.noteReport(p.ID, r)
	if r.Verdict == vault.VerdictOK {
		n := notice{kind: done, id: p.ID, text: p.Selector.String() + " works" + latencyWords(r.Latency)}
		if wrong := words.ClockWarning(r.Skew); wrong != "" {
			n.kind, n.small = warning, wrong
		}
		a.notices.show(n, a.now)
		return
	}
	a.notify(warning, p.Selector.String()+": "+words.Verdict(r.Verdict, p.Store).Word)
	if a.dialog() != nil {
		return
	}
	if c := a.chosen(); c != nil && c.ID == p.ID {
		a.push(&verdictDialog{id: p.ID})
	}
}

// copyReport copies a report to the clipboard. The report holds no secret, so it is
// not cleared.
func (a *app) copyReport(summary string, reports []vault.Report) tea.Cmd {
	text, c := summary+words.Tickets(reports, a.o.Version), a.o.Clipboard
	return a.run(task{kind: taskReport, doing: "copying the report"}, func(ctx context.Context) func(*app) tea.Cmd {
		r, err := c.Copy(ctx, []byte(text), time.Time{})
		return func(a *app) tea.Cmd {
			if err != nil {
				a.reportError("", "copying the report", err)
				return nil
			}
			a.clip.clear() // the report has replaced it
			a.clip.copies++
			a.notify(done, fmt.Sprintf("report copied, no secret in it (%s)", r.Way))
			return nil
		}
	})
}
