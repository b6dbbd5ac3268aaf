package tui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

// verifyOne mints a test token for the chosen profile and says what came of it.
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

// verifiedOne says what verifying a profile found.
func (a *app) verifiedOne(p *vault.Profile, r vault.Report) {
	if r.Verdict == vault.VerdictNone {
		a.reportError(p.ID, "verifying", r.Err)
		return
	}
	a.reports[p.ID] = r
	if r.Verdict == vault.VerdictOK {
		n := notice{kind: done, id: p.ID, text: p.Selector.String() + " works" + latencyWords(r.Latency)}
		if wrong := words.ClockWarning(r.Skew); wrong != "" {
			n.kind, n.small = warning, wrong
		}
		a.notices.show(n, a.now)
		return
	}
	a.notify(warning, p.Selector.String()+": "+words.Verdict(r.Verdict, p.Store).Word)
	if c := a.chosen(); a.dialog() == nil && c != nil && c.ID == p.ID {
		a.push(&verdictDialog{id: p.ID})
	}
}

// copyReport puts a redacted report into the clipboard. It holds no secret, so
// nothing takes it back.
func (a *app) copyReport(reports []vault.Report) tea.Cmd {
	text, c := words.Tickets(reports, a.o.Version), a.o.Clipboard
	return a.run(task{kind: taskReport, doing: "copying the report"}, func(ctx context.Context) func(*app) tea.Cmd {
		r, err := c.Copy(ctx, []byte(text), time.Time{})
		return func(a *app) tea.Cmd {
			if err != nil {
				a.reportError("", "copying the report", err)
				return nil
			}
			a.notify(done, fmt.Sprintf("report copied, no secret in it (%s)", r.Way))
			return nil
		}
	})
}

// verifyRun is the dialog of a verification of many profiles.
type verifyRun struct {
	pager
	sels    []vault.Selector
	results map[vault.Selector]vault.Report
	started time.Time
	took    time.Duration // 0 while it runs
	task    *task
	arrived chan vault.Report
}

// verifiedMsg is one report of a run; last tells that there will be no more.
type verifiedMsg struct {
	run    *verifyRun
	from   chan vault.Report // which start of the run it is of
	report vault.Report
	last   bool
}

// verifyAll verifies what the list shows. Verifying hands nothing out and changes
// nothing, so live takes part without a question.
func (a *app) verifyAll() tea.Cmd {
	run := &verifyRun{results: map[vault.Selector]vault.Report{}}
	for _, r := range a.list.rows {
		run.sels = append(run.sels, a.list.profiles[r.profile].Selector)
	}
	a.push(run)
	return run.start(a, run.sels)
}

// start verifies some of the run's profiles; their reports come one by one.
func (d *verifyRun) start(a *app, sels []vault.Selector) tea.Cmd {
	d.started, d.took = a.now, 0
	d.arrived = make(chan vault.Report)
	v, arrived := a.o.Vault, d.arrived
	t, cmd := a.start(task{kind: taskVerifyAll, doing: "verifying", quiet: true}, func(ctx context.Context) func(*app) tea.Cmd {
		defer close(arrived)
		v.VerifyAll(ctx, sels, false, func(r vault.Report) {
			select {
			case arrived <- r:
			case <-ctx.Done():
			}
		})
		return nil
	})
	d.task = t
	return tea.Batch(cmd, d.next())
}

// next waits for the next report.
func (d *verifyRun) next() tea.Cmd {
	arrived := d.arrived
	return func() tea.Msg {
		r, ok := <-arrived
		return verifiedMsg{run: d, from: arrived, report: r, last: !ok}
	}
}

func (d *verifyRun) verified(a *app, msg verifiedMsg) tea.Cmd {
	if msg.last {
		// The end of a start that was stopped may come after the next one has begun.
		if d.took == 0 && msg.from == d.arrived {
			d.took = max(a.now.Sub(d.started), time.Millisecond)
		}
		return a.reload()
	}
	if !errors.Is(msg.report.Err, context.Canceled) {
		d.results[msg.report.Selector] = msg.report
		for i := range a.list.profiles {
			if a.list.profiles[i].Selector == msg.report.Selector {
				a.reports[a.list.profiles[i].ID] = msg.report
			}
		}
	}
	return d.next()
}

// failed are the profiles that want another look, those not reached included.
func (d *verifyRun) failed() (sels []vault.Selector) {
	for _, s := range d.sels {
		if r, ok := d.results[s]; !ok || r.Verdict != vault.VerdictOK {
			sels = append(sels, s)
		}
	}
	return sels
}

func (d *verifyRun) title() string { return "Verify all" }

func (d *verifyRun) keys(a *app) []dialogKey {
	if d.took == 0 {
		return append([]dialogKey{on("esc q", "esc", "stop", does(func() {
			a.tasks.stop(d.task)
			d.took = max(a.now.Sub(d.started), time.Millisecond)
		}))}, d.pagerKeys(a, d, "")...)
	}
	var keys []dialogKey
	if again := d.failed(); len(again) > 0 {
		keys = append(keys, on("r", "r", fmt.Sprintf("retry %d", len(again)), func() tea.Cmd {
			for _, s := range again {
				delete(d.results, s)
			}
			return d.start(a, again)
		}))
	}
	keys = append(keys, on("c", "c", "copy a report", func() tea.Cmd {
		var reports []vault.Report
		for _, s := range d.sels {
			if r, ok := d.results[s]; ok {
				reports = append(reports, r)
			}
		}
		if len(reports) == 0 {
			return nil
		}
		return a.copyReport(reports)
	}))
	return append(keys, d.pagerKeys(a, d, "")...)
}

// lines: how far it is and what was found, then the profiles, those that did not
// work first.
func (d *verifyRun) lines(a *app, w int) []string {
	tally := map[vault.Verdict]int{}
	for _, r := range d.results {
		tally[r.Verdict]++
	}
	n, whole := len(d.results), len(d.sels)
	state := fmt.Sprintf("%d of %d", n, whole)
	switch {
	case d.took == 0:
	case n < whole:
		state = fmt.Sprintf("stopped at %d of %d", n, whole)
	default:
		state = fmt.Sprintf("all %d in %.1f s", whole, d.took.Seconds())
	}
	barWidth := max(w-a.len(state)-2, 3)
	out := []string{a.st.bar(barWidth, time.Duration(n), time.Duration(whole), a.st.accent, a.st.line) + "  " + state}
	var parts []string
	for _, v := range vault.Verdicts {
		if tally[v] > 0 {
			// No-break blanks keep a number and its words on one line.
			parts = append(parts, strings.ReplaceAll(fmt.Sprintf("%d %s", tally[v], words.Verdict(v, a.o.Vault.StoreName()).Word), " ", "\u00a0"))
		}
	}
	for _, l := range a.wrap(strings.Join(parts, a.st.glyph.sep), w) {
		out = append(out, a.st.dim.Styled(strings.ReplaceAll(l, "\u00a0", " ")))
	}
	out = append(out, "")

	var good, bad, waiting []vault.Selector
	for _, s := range d.sels {
		switch r, ok := d.results[s]; {
		case !ok:
			waiting = append(waiting, s)
		case r.Verdict == vault.VerdictOK:
			good = append(good, s)
		default:
			bad = append(bad, s)
		}
	}
	for _, s := range slices.Concat(bad, good, waiting) {
		line := ""
		if d.near(len(out), a.height) {
			line = d.line(a, s, w)
		}
		out = append(out, line)
	}
	return out
}

// line draws one profile of the run.
func (d *verifyRun) line(a *app, s vault.Selector, w int) string {
	longest := 0
	for _, other := range d.sels {
		longest = max(longest, len(other.Account))
	}
	name := a.fit(s.Account, min(w/2-8, 24, max(longest, 8)), a.st.glyph.more) + " "
	if s.Environment == kite.Live {
		name += a.st.textStyles.live.Styled("LIVE   ")
	} else {
		name += a.st.dim.Styled("sandbox")
	}
	r, ok := d.results[s]
	switch {
	case !ok && d.took == 0:
		return name + " " + a.st.dim.Styled(a.st.glyph.more)
	case !ok:
		return name + " " + a.st.dim.Styled("not reached")
	}
	glyph, word, paint := a.verdictLook(&vault.Profile{Selector: s, Verdict: r.Verdict}, nil, &a.st.textStyles)
	name += " " + paint.Styled(glyph+" "+word)
	if r.Verdict == vault.VerdictOK {
		name += a.st.dim.Styled(latencyWords(r.Latency))
	}
	if words.ClockWarning(r.Skew) != "" {
		name += a.st.warn.Styled(a.st.glyph.sep + words.Clock(r.Skew))
	}
	return name
}
