package tui

import (
	"context"
	"slices"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

// activityShown is how many entries of the log the screen shows.
const activityShown = 500

// activity is what the details show of the log.
type activity struct {
	entries []vault.Activity
	stale   bool // something may have been done since it was read
}

// load reads the log again where the details show it and something was done.
func (v *activity) load(a *app) tea.Cmd {
	if !v.stale || !a.wide() || a.lock.locked {
		return nil
	}
	v.stale = false
	vlt := a.o.Vault
	return a.run(task{kind: taskActivity, id: "details", quiet: true}, func(context.Context) func(*app) tea.Cmd {
		entries, err := vlt.Activities(nil, activityShown)
		return func(a *app) tea.Cmd {
			if err == nil { // L says what is wrong with it
				a.activity.entries = entries
			}
			return nil
		}
	})
}

// lines draws the last of what was done with a profile, the newest first.
func (v *activity) lines(c *canvas, sel vault.Selector, w, h int) []string {
	var out []string
	for _, e := range slices.Backward(v.entries) {
		if e.Selector != sel || len(out) >= h {
			continue
		}
		out = append(out, c.activityLine(&e, w))
	}
	return out
}

// activityLine draws one entry without its profile.
func (c *canvas) activityLine(e *vault.Activity, w int) string {
	what := kite.CleanText(string(e.Action))
	paint := c.st.text
	if e.Result != string(vault.VerdictOK) {
		what += ": " + resultWords(e.Result)
		paint = c.st.warn
	}
	return c.spread(c.st.dim.Styled(c.fit(c.moment(e.At), 10, ""))+paint.Styled(what), c.st.dim.Styled(" "+by(e.Command)), w, c.st.glyph.more)
}

// by names the command that did something.
func by(command string) string {
	if command == "screen" || command == "" {
		return "in the app"
	}
	return kite.CleanText(command)
}

// activityDialog is the activity log: what was done, with what, when, and by
// which command. Newest first.
type activityDialog struct {
	pager
	entries []vault.Activity
	only    *vault.Selector // nil is all
	offered *vault.Selector // the profile that was chosen when it was opened
	off     bool            // no log is kept
}

func (a *app) openActivity() tea.Cmd {
	d := &activityDialog{}
	if p := a.chosen(); p != nil {
		sel := p.Selector
		d.offered = &sel
	}
	return d.load(a)
}

// load reads the log and opens the dialog, or shows the new entries in it.
func (d *activityDialog) load(a *app) tea.Cmd {
	v, only := a.o.Vault, d.only
	return a.run(task{kind: taskActivity, quiet: true}, func(context.Context) func(*app) tea.Cmd {
		entries, err := v.Activities(only, activityShown)
		off := false
		if v.Dir() != "" {
			s, serr := vault.LoadSettings(v.Dir())
			off = serr == nil && !s.ActivityLog
		}
		return func(a *app) tea.Cmd {
			if err != nil {
				a.reportError("", "reading the activity log", err)
				return nil
			}
			kept := entries[:0]
			for _, e := range entries {
				if !a.o.SandboxOnly || e.Environment != kite.Live {
					kept = append(kept, e)
				}
			}
			a.drop(d)
			d.entries, d.off, d.top = kept, off, 0
			a.push(d)
			return nil
		}
	})
}

func (d *activityDialog) title() string {
	if d.only != nil {
		return "Activity of " + selWords(*d.only)
	}
	return "Activity"
}

func (d *activityDialog) width() int { return 96 }

func (d *activityDialog) keys(a *app) []dialogKey {
	var keys []dialogKey
	switch {
	case d.only != nil:
		keys = append(keys, on("p", "p", "all profiles", func() tea.Cmd {
			d.only = nil
			return d.load(a)
		}))
	case d.offered != nil:
		keys = append(keys, on("p", "p", "only "+d.offered.String(), func() tea.Cmd {
			d.only = d.offered
			return d.load(a)
		}))
	}
	return append(keys, d.pagerKeys(a, d, "L")...)
}

func (d *activityDialog) lines(a *app, w int) []string {
	if len(d.entries) == 0 {
		text := "Nothing has been done yet."
		if d.off {
			text = "No activity log is kept: \"kitekey log --on\" starts one."
		}
		return a.wrap(text, w)
	}
	name := 8
	for i := range d.entries {
		name = max(name, len(d.entries[i].Account))
	}
	name = min(name, max(w-68, 12), 24)
	var out []string
	for i := len(d.entries) - 1; i >= 0; i-- {
		if !d.near(len(out), a.height) {
			out = append(out, "")
			continue
		}
		e := &d.entries[i]
		result, paint := resultWords(e.Result), a.st.ok
		if e.Result != string(vault.VerdictOK) {
			paint = a.st.warn
		}
		env := a.st.dim.Styled("sandbox ")
		if e.Environment == kite.Live {
			env = a.st.textStyles.live.Styled("LIVE    ")
		}
		line := a.st.dim.Styled(a.fit(a.moment(e.At), 16, "")) + a.fit(kite.CleanText(e.Account), name, a.st.glyph.more) + " " + env +
			a.fit(kite.CleanText(string(e.Action)), 12, a.st.glyph.more) + paint.Styled(result)
		if w >= 70 && e.Command != "" {
			line += a.st.dim.Styled(a.st.glyph.sep + "by " + kite.CleanText(e.Command))
		}
		if w < 60 { // the day and the words give way
			line = a.st.dim.Styled(e.At.Local().Format("15:04 ")) + a.fit(kite.CleanText(e.Account), max(w-30, 8), a.st.glyph.more) + " " + env +
				a.fit(string(e.Action), 9, a.st.glyph.more) + " " + paint.Styled(result)
		}
		out = append(out, a.cut(line, w, a.st.glyph.more))
	}
	return out
}

// resultWords is what came of an action as a person says it.
func resultWords(result string) string {
	if result == string(vault.VerdictOK) {
		return "ok"
	}
	return words.Verdict(vault.Verdict(result), "").Word
}
