package tui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"kitekey/ui/words"
	"kitekey/vault"
)

// verifyRun is a verification of many profiles and the list of its results. The
// user can choose in it, open a result, filter, and come back to it without
// verifying again.
type verifyRun struct {
	basicDialog
	sels    []vault.Selector
	results map[vault.Selector]vault.Report
	started time.Time
	took    time.Duration // 0 while it runs
	task    *task
	arrived chan verifiedMsg
	resting time.Time // when the rest that the gateway asked for ends

	at     int  // chosen row
	moved  bool // the user chose it: it stays on its profile while results arrive
	byName bool // in the list's order; otherwise failures come first
	filter textinput.Model
	typing bool
}

// verifiedMsg is one report of a run, or that the run rests. last means that it is
// the last one.
type verifiedMsg struct {
	run     *verifyRun
	from    chan verifiedMsg // identifies the start of the run that it belongs to
	report  vault.Report
	resting time.Time
	last    bool
}

// verifyAll shows the results of the profiles in the list: the current ones, or new
// ones. Verifying hands nothing out and changes nothing, so the guard does not ask
// for live profiles.
func (a *app) verifyAll() tea.Cmd {
	var sels []vault.Selector
	for _, r := range a.list.rows {
		sels = append(sels, a.list.profiles[r.profile].Selector)
	}
	if run := a.lastRun; run != nil && sameSelectors(run.sels, sels) {
		a.push(run)
		return nil
	}
	run := &verifyRun{sels: sels, results: map[vault.Selector]vault.Report{}, filter: newTextInput("type to filter")}
	a.lastRun = run
	a.push(run)
	return run.start(a, sels)
}

// sameSelectors reports whether x and y have the same profiles in any order.
func sameSelectors(x, y []vault.Selector) bool {
	if len(x) != len(y) {
		return false
	}
	has := make(map[vault.Selector]bool, len(x))
	for _, s := range x {
		has[s] = true
	}
	return !slices.ContainsFunc(y, func(s vault.Selector) bool { return !has[s] })
}

// start verifies some of the run's profiles. Their reports come one by one.
func (d *verifyRun) start(a *app, sels []vault.Selector) tea.Cmd {
	for _, s := range sels {
		delete(d.results, s)
	}
	d.started, d.took, d.resting, d.at, d.moved = a.now, 0, time.Time{}, 0, false
	d.arrived = make(chan verifiedMsg, len(sels)+1)
	v, arrived := a.o.Vault, d.arrived
	t, cmd := a.start(task{kind: taskVerifyAll, doing: "verifying", quiet: true}, func(ctx context.Context) func(*app) tea.Cmd {
		defer close(arrived)
		watched := vault.WithRestNotify(ctx, func(until time.Time) {
			select {
			case arrived <- verifiedMsg{resting: until}:
			default: // newer messages are waiting
			}
		})
		v.VerifyAll(watched, sels, false, func(r vault.Report) {
			select {
			case arrived <- verifiedMsg{report: r}:
			case <-ctx.Done():
			}
		})
		return nil
	})
	d.task = t
	return tea.Batch(cmd, d.next())
}

// next waits for the next message.
func (d *verifyRun) next() tea.Cmd {
	arrived := d.arrived
	return func() tea.Msg {
		msg, ok := <-arrived
		msg.run, msg.from, msg.last = d, arrived, !ok
		return msg
	}
}

func (d *verifyRun) verified(a *app, msg verifiedMsg) tea.Cmd {
	switch {
	case msg.last:
		// The last message of a start that was stopped may come after the next start.
		if d.took == 0 && msg.from == d.arrived {
			d.end(a)
		}
		return a.reload()
	case !msg.resting.IsZero():
		d.resting = msg.resting.Round(0)
	case !errors.Is(msg.report.Err, context.Canceled):
		d.keepChosen(func() { d.results[msg.report.Selector] = msg.report })
		if p := a.list.named(msg.report.Selector); p != nil {
			a.noteReport(p.ID, msg.report)
		}
	}
	return d.next()
}

func (d *verifyRun) end(a *app) { d.took = max(a.now.Sub(d.started), time.Millisecond) }

// failed returns the profiles to look at again: those that failed or were not
// reached.
func (d *verifyRun) failed() (sels []vault.Selector) {
	for _, s := range d.sels {
		if r, ok := d.results[s]; !ok || r.Verdict != vault.VerdictOK {
			sels = append(sels, s)
		}
	}
	return sels
}

// rows returns the profiles that match the filter, in their order.
func (d *verifyRun) rows() []vault.Selector {
	terms := words.Terms(d.filter.Value())
	rows := make([]vault.Selector, 0, len(d.sels))
	for _, s := range d.sels {
		if d.matches(s, terms) {
			rows = append(rows, s)
		}
	}
	if d.byName {
		return rows
	}
	order := words.VerdictsByClass()
	rank := func(s vault.Selector) int {
		if r, ok := d.results[s]; ok {
			return slices.Index(order, r.Verdict)
		}
		return len(order)
	}
	slices.SortStableFunc(rows, func(x, y vault.Selector) int { return rank(x) - rank(y) })
	return rows
}

// matches reports whether a row has every term. A profile without a result has no
// verdict yet.
func (d *verifyRun) matches(s vault.Selector, terms []words.Term) bool {
	p := vault.Profile{Selector: s}
	var reason string
	if r, ok := d.results[s]; ok {
		p.Verdict, p.Store, reason = r.Verdict, r.Store, reasonOf(r)
	}
	return words.Matches(terms, &p, words.FilterText(&p, reason), time.Time{})
}

func (d *verifyRun) title() string   { return "Verify all" }
func (d *verifyRun) width() int      { return 116 }
func (d *verifyRun) takesText() bool { return d.typing }

func (d *verifyRun) keys(a *app) []dialogKey {
	if d.typing {
		stop := does(func() { d.typing = false })
		return []dialogKey{on("enter down tab", "enter", "done", stop), on("esc", "esc", "clear", does(func() {
			d.typing = false
			d.filter.SetValue("")
		}))}
	}
	page := max(a.layout.body-8, 1)
	by := func(n int) func() tea.Cmd {
		return does(func() { d.choose(max(min(d.at+n, len(d.rows())-1), 0)) })
	}
	keys := []dialogKey{on("enter w", "enter", "why", does(func() { d.open(a) }))}
	again := d.failed()
	if d.took != 0 && len(again) > 0 {
		keys = append(keys, on("r", "r", fmt.Sprintf("retry %d", len(again)), func() tea.Cmd { return d.start(a, again) }))
	}
	if d.took != 0 {
		keys = append(keys, on("V", "V", "verify again", func() tea.Cmd { return d.start(a, d.sels) }))
	}
	order := "by name"
	if d.byName {
		order = "failing first"
	}
	keys = append(keys,
		on("c", "c", "copy report", func() tea.Cmd { return d.report(a, false) }),
		on("C", "C", "of all", func() tea.Cmd { return d.report(a, true) }),
		on("o", "o", order, does(func() { d.byName, d.at, d.moved = !d.byName, 0, false })),
		on("/", "/", "filter", does(func() {
			d.typing = true
			d.filter.Focus()
		})),
		on("up k", "", "", by(-1)), on("down j", "", "", by(1)),
		on("pgup ctrl+b", "", "", by(-page)), on("pgdown ctrl+f space", "", "", by(page)),
		on("ctrl+u", "", "", by(-page/2)), on("ctrl+d", "", "", by(page/2)),
		on("home g", "", "", by(-len(d.sels))), on("end G", "", "", by(len(d.sels))))
	back := "close"
	switch {
	case d.took == 0:
		back = "stop"
	case d.filter.Value() != "":
		back = "clear filter"
	}
	return append(keys, on("esc q", "esc", back, does(func() { d.back(a) })))
}

// back stops the run, clears the filter, or leaves the list, which V opens again.
func (d *verifyRun) back(a *app) {
	switch {
	case d.took == 0:
		a.tasks.stop(d.task)
		d.end(a)
	case d.filter.Value() != "":
		d.filter.SetValue("")
		d.at, d.moved = 0, false
	default:
		a.drop(d)
	}
}

func (d *verifyRun) update(_ *app, msg tea.Msg) tea.Cmd {
	if !d.typing {
		return nil
	}
	var cmd tea.Cmd
	d.filter, cmd = d.filter.Update(msg)
	d.at, d.moved = 0, false
	return cmd
}

// open shows the chosen result in full.
func (d *verifyRun) open(a *app) {
	rows := d.rows()
	if d.at >= len(rows) {
		return
	}
	if _, ok := d.results[rows[d.at]]; !ok {
		a.notify(info, rows[d.at].String()+" has no result yet")
		return
	}
	d.moved = true
	if p := a.list.named(rows[d.at]); p != nil {
		a.push(&verdictDialog{id: p.ID})
	}
}

// report copies a summary, and the reports of the failing profiles or of all, of those
// that match the filter.
func (d *verifyRun) report(a *app, all bool) tea.Cmd {
	var reports []vault.Report
	terms := words.Terms(d.filter.Value())
	for _, s := range d.sels {
		if r, ok := d.results[s]; ok && (all || r.Verdict != vault.VerdictOK) && d.matches(s, terms) {
			reports = append(reports, r)
		}
	}
	summary := "kitekey verified " + d.state(a) + ": " + strings.Join(d.tally(), ", ") + "\n"
	if filter := d.filter.Value(); filter != "" {
		summary += fmt.Sprintf("only what matches the filter %q follows: %s\n", filter, words.Count(len(reports), "profile"))
	}
	return a.copyReport(summary+"\n", reports)
}

// state says how far the run is.
func (d *verifyRun) state(a *app) string {
	n, whole := len(d.results), len(d.sels)
	switch {
	case d.took == 0 && d.resting.After(a.now):
		return fmt.Sprintf("%d of %d, waiting for %s because the gateway asked", n, whole, words.About(d.resting.Sub(a.now)))
	case d.took == 0:
		return fmt.Sprintf("%d of %d", n, whole)
	case n < whole:
		return fmt.Sprintf("stopped at %d of %d", n, whole)
	}
	return fmt.Sprintf("all %d in %.1f s", whole, d.took.Seconds())
}

func (d *verifyRun) tally() []string {
	count := map[vault.Verdict]int{}
	for _, r := range d.results {
		count[r.Verdict]++
	}
	return words.Tally(count)
}

// click chooses the row on a line, and opens it if it is the chosen one; a click on the
// line above the rows filters.
func (d *verifyRun) click(a *app, _, line int) tea.Cmd {
	head := len(d.head(a, a.dialogWidth(d)-4))
	rows := len(d.rows())
	top, room := d.window(a, head, rows)
	switch i := top + line - head; {
	case line == head-1:
		d.typing = true
		d.filter.Focus()
	case line < head || line >= head+room || i >= rows:
	case i == d.at:
		d.open(a)
	default:
		d.choose(i)
	}
	return nil
}

func (d *verifyRun) choose(row int) { d.at, d.moved = row, true }

// keepChosen runs a change that may move the rows. The row that the user chose stays
// chosen.
func (d *verifyRun) keepChosen(change func()) {
	rows := d.rows()
	change()
	if d.moved && d.at < len(rows) {
		d.at = max(slices.Index(d.rows(), rows[d.at]), 0)
	}
}

// window returns the first row shown and how many lines there are for rows, below a
// head of so many lines.
func (d *verifyRun) window(a *app, head, rows int) (top, room int) {
	room = max(a.layout.body-2-2-head, 1)
	return max(min(d.at-room/2, rows-room), 0), room
}

// head is what is above the rows; its last line is the filter's.
func (d *verifyRun) head(a *app, w int) []string {
	state := d.state(a)
	barWidth := max(w-a.len(state)-2, 3)
	out := []string{a.cut(a.st.bar(barWidth, time.Duration(len(d.results)), time.Duration(len(d.sels)), a.st.accent, a.st.line)+"  "+state, w, a.st.glyph.more)}
	parts := d.tally()
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(p, " ", "\u00a0") // keeps a number and its words on one line
	}
	for _, l := range a.wrap(strings.Join(parts, a.st.glyph.sep), w) {
		out = append(out, a.st.dim.Styled(strings.ReplaceAll(l, "\u00a0", " ")))
	}
	if d.typing || d.filter.Value() != "" {
		out = append(out, a.st.accent.Styled("/ ")+a.drawInput(d.filter, w-2))
	} else {
		out = append(out, "")
	}
	return out
}

func (d *verifyRun) lines(a *app, w int) []string {
	out := d.head(a, w)
	rows := d.rows()
	longest := 8
	for _, s := range d.sels {
		longest = max(longest, a.len(s.Account))
	}
	name := min(longest, max(w/3, 8))
	top, room := d.window(a, len(out), len(rows))
	for i, s := range rows[top:min(top+room, len(rows))] {
		out = append(out, d.line(a, s, top+i == d.at, name, w))
	}
	if len(rows) == 0 {
		out = append(out, a.st.dim.Styled("nothing matches the filter"))
	}
	return out
}

// line draws one profile of the run: its name in so many cells, what was found, and why.
func (d *verifyRun) line(a *app, s vault.Selector, chosen bool, name, w int) string {
	line := "  "
	if chosen {
		line = a.st.accent.Styled(a.st.glyph.cursor) + " "
	}
	line += a.fit(a.account(s.Account, name), name, "")
	line += " " + a.environmentCell(s.Environment, 7)
	r, ok := d.results[s]
	switch {
	case !ok && d.took == 0:
		return line + " " + a.st.dim.Styled(a.st.glyph.more)
	case !ok:
		return line + " " + a.st.dim.Styled("not tried")
	}
	glyph, word, paint := a.verdictLook(&vault.Profile{Selector: s, Verdict: r.Verdict, Store: r.Store}, nil, &a.st.textStyles)
	line += " " + paint.Styled(glyph+" "+word)
	if reason := reasonOf(r); reason != "" {
		line += a.st.dim.Styled(a.st.glyph.sep + reason)
	} else if r.Verdict == vault.VerdictOK {
		line += a.st.dim.Styled(latencyWords(r.Latency))
	}
	if words.ClockWarning(r.Skew) != "" {
		line += a.st.warn.Styled(a.st.glyph.sep + words.Clock(r.Skew))
	}
	return a.cut(line, w, a.st.glyph.more)
}
