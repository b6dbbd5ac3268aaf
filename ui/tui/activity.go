package tui

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

// activityShown is how many entries of the log the screen shows.
const activityShown = 500

// activity is the part of the log that the details show.
type activity struct {
	entries []vault.Activity
	stale   bool // something may have been done since it was read
}

// load reads the log again if the details show it and something was done.
func (v *activity) load(a *app) tea.Cmd {
	if !v.stale || !a.wide() || a.lock.locked {
		return nil
	}
	v.stale = false
	vlt := a.o.Vault
	return a.run(task{kind: taskActivity, id: "details", quiet: true}, func(context.Context) func(*app) tea.Cmd {
		entries, err := vlt.Activities(nil, activityShown)
		return func(a *app) tea.Cmd {
			if err == nil { // the activity log dialog reports the error
				a.activity.entries = entries
			}
			return nil
		}
	})
}

// lines draws the latest activity of a profile, newest first.
func (v *activity) lines(c *canvas, sel vault.Selector, w, h int) []string {
	var out []string
	for _, m := range momentsOf(vault.NewestFirst(v.entries, &sel)) {
		if len(out) == h {
			break
		}
		what, paint := m.words(c)
		right := " " + by(m.command)
		for i, l := range c.wrap(what, w-16-c.len(right)) {
			switch {
			case i == 0:
				out = append(out, c.spread(c.st.dim.Styled(c.fit(words.Moment(m.at, c.now), 16, ""))+paint.Styled(l), c.st.dim.Styled(right), w, c.st.glyph.more))
			case len(out) < h:
				out = append(out, spaces(16)+paint.Styled(l))
			}
		}
	}
	return out
}

// moment is what one command did at one time: a mint and its copy, or one action on
// many profiles.
type moment struct {
	at       time.Time
	command  string
	profiles []vault.Selector
	deeds    []deed
	results  map[string]int
}

// deed is one thing that was done. Of a renaming or a move it has one entry of the
// log for each change, from what to what.
type deed struct {
	action  vault.Action
	changes []*vault.Activity
}

func deedOf(e *vault.Activity) deed {
	d := deed{action: e.Action}
	if e.From != "" {
		d.changes = []*vault.Activity{e}
	}
	return d
}

// words says what was done. Several changes are too many to name.
func (d *deed) words(c *canvas) string {
	text, change := kite.CleanText(string(d.action)), ""
	for i, e := range d.changes {
		now := words.Change(e, c.arrow())
		if i > 0 && now != change {
			return text
		}
		change = now
	}
	return strings.TrimSpace(text + " " + change)
}

// oneMoment is how far apart two entries of a moment are at most.
const oneMoment = 3 * time.Second

// momentsOf groups entries, the newest moment first.
func momentsOf(newestFirst iter.Seq[*vault.Activity]) []moment {
	var out []moment
	last := time.Time{}
	for e := range newestFirst {
		m := moment{at: e.At, command: e.Command, profiles: []vault.Selector{e.Selector}, deeds: []deed{deedOf(e)}, results: map[string]int{e.Result: 1}}
		if n := len(out) - 1; n >= 0 && last.Sub(e.At) <= oneMoment && out[n].takes(&m) {
			last = e.At
			continue
		}
		out, last = append(out, m), e.At
	}
	return out
}

// takes adds an earlier entry to the moment if they belong together: several
// actions on one profile, or one action on several.
func (m *moment) takes(e *moment) bool {
	sel, did := e.profiles[0], e.deeds[0]
	oneProfile := len(m.profiles) == 1 && m.profiles[0] == sel && !slices.ContainsFunc(m.deeds, func(d deed) bool { return d.action == did.action })
	oneAction := len(m.deeds) == 1 && m.deeds[0].action == did.action && !slices.Contains(m.profiles, sel)
	if m.command != e.command || !oneProfile && !oneAction {
		return false
	}
	if oneProfile {
		m.deeds = append([]deed{did}, m.deeds...) // in the order in which they were done
	} else {
		m.profiles = append(m.profiles, sel)
		m.deeds[0].changes = append(m.deeds[0].changes, did.changes...)
	}
	for result := range e.results {
		m.results[result]++
	}
	return true
}

// words says what was done, and its result if that is not "ok".
func (m *moment) words(c *canvas) (string, ansi.Style) {
	var did []string
	for _, d := range m.deeds {
		did = append(did, d.words(c))
	}
	text, paint := strings.Join(did, ", "), c.st.text
	var rest, others []string
	count := map[vault.Verdict]int{}
	for _, result := range slices.Sorted(maps.Keys(m.results)) {
		word := words.Verdict(vault.Verdict(result), "").Word
		switch {
		case result == string(vault.VerdictOK):
		case len(m.profiles) == 1:
			rest = append(rest, word)
		case slices.Contains(vault.Verdicts, vault.Verdict(result)):
			count[vault.Verdict(result)] = m.results[result]
		default: // such as cancelled
			others = append(others, fmt.Sprintf("%d %s", m.results[result], word))
		}
	}
	rest = append(append(rest, words.Tally(count)...), others...)
	if len(rest) > 0 {
		text, paint = text+": "+strings.Join(rest, ", "), c.st.warn
	}
	return text, paint
}

// name returns the names of the moment's profiles.
func (m *moment) name() string {
	if len(m.profiles) > 1 {
		return words.Count(len(m.profiles), "profile")
	}
	return kite.CleanText(m.profiles[0].Account)
}

// by returns the words for the command that did something.
func by(command string) string {
	if command == "screen" || command == "" {
		return "in the app"
	}
	return kite.CleanText(command)
}

// activityDialog shows the activity log, newest first.
type activityDialog struct {
	pager
	entries []vault.Activity
	only    *vault.Selector // the profile to show, nil for all
	offered *vault.Selector // the profile that was chosen when the dialog was opened
	off     bool            // the log is switched off
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
		only := "only " + d.offered.String()
		if a.len(only) > a.width-18 {
			only = "only the chosen one"
		}
		keys = append(keys, on("p", "p", only, func() tea.Cmd {
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
	moments := momentsOf(vault.NewestFirst(d.entries, nil))
	name := len("ACCOUNT")
	for i := range moments {
		name = max(name, len(moments[i].name()))
	}
	clock, withBy := 16, w >= 70
	if w < 60 {
		clock = 6
	}
	name = min(name, max(w-clock-34, 10), 28)
	did := "WHAT WAS DONE"
	if w < clock+name+1+8+len(did) {
		did = "DONE"
	}
	head := a.fit("TIME", clock, "") + a.fit("ACCOUNT", name, "") + " " + a.fit("ENV", 8, "") + did
	if withBy {
		head = a.spread(head, "BY ", w, "")
	}
	out := []string{a.st.dim.Styled(a.fit(head, w, ""))}
	for i := range moments {
		m := &moments[i]
		right := ""
		if withBy {
			right = " " + by(m.command) + " "
		}
		left := clock + name + 1 + 8
		what, paint := m.words(&a.canvas)
		text := a.wrap(what, w-left-a.len(right))
		if len(text) > 1 && !withBy { // a narrow column: below the name there is more room
			left = clock
			text = append([]string{""}, a.wrap(what, w-left)...)
		}
		if !d.near(len(out), a.height) {
			out = append(out, make([]string, len(text))...)
			continue
		}
		out = append(out, a.spread(d.left(a, m, clock, name)+paint.Styled(text[0]), a.st.dim.Styled(right), w, a.st.glyph.more))
		for _, l := range text[1:] {
			out = append(out, spaces(left)+paint.Styled(l))
		}
	}
	return out
}

// left draws when and for whom something was done.
func (d *activityDialog) left(a *app, m *moment, clock, name int) string {
	at := words.Moment(m.at, a.now)
	if clock < 16 {
		at = m.at.Local().Format("15:04")
	}
	var env string
	switch {
	case len(m.profiles) > 1: // the name has the room of the environment too
		return a.st.dim.Styled(a.fit(at, clock, "")) + a.fit(m.name(), name+1+8, "")
	default:
		env = a.environmentCell(m.profiles[0].Environment, 8)
	}
	return a.st.dim.Styled(a.fit(at, clock, "")) + a.fit(a.account(m.name(), name), name, "") + " " + env
}
