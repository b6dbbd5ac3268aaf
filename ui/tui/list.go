package tui

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"kitekey/ui/words"
	"kitekey/vault"
)

// list is the pane of profiles: all profiles, those that the filter leaves, and the
// chosen one.
type list struct {
	loaded       bool
	early        []tea.Msg         // input that waits for the profiles
	names        lengths           // of the accounts' names
	longestLabel int               // in cells
	profiles     []vault.Profile   // as the index lists them
	unreached    []string          // what is wrong with the store of an empty list, nil if nothing is
	reasons      map[string]string // why the last verdict is not "works", by profile
	texts        []string          // search texts, one per profile
	rows         []row             // the profiles that match the filter, in order
	cursor       int               // index of the chosen row
	top          int               // index of the first row on the screen
	page         int               // number of rows on the screen
	filter       textinput.Model
	terms        []words.Term // of the filter
	typing       bool         // the filter has the keys
	sortBy       order
	tokensOnly   bool   // show only unexpired tokens, soonest to expire first
	kept         string // the profile whose token is kept alive, "" for none
}

// order is the order of the list.
type order int

const (
	byName order = iota
	byLastUse
	byState // failing first
	orders
)

func (o order) String() string { return [...]string{"by name", "by last use", "failing first"}[o] }

// set replaces the profiles and keeps the chosen one.
func (l *list) set(profiles []vault.Profile, reasons map[string]string, now time.Time) {
	chosen := ""
	if p := l.chosen(); p != nil {
		chosen = p.ID
	}
	l.loaded, l.profiles, l.reasons = true, profiles, reasons
	l.texts = l.texts[:0]
	l.names = lengthsOf(len(profiles), func(i int) string { return profiles[i].Account })
	l.longestLabel = 0
	for i := range profiles {
		l.longestLabel = max(l.longestLabel, ansi.StringWidth(profiles[i].Label))
	}
	l.refilter(now)
	l.choose(chosen)
}

// refilter makes the rows from the filter and the order.
func (l *list) refilter(now time.Time) {
	l.match(now)
	at := func(r row) *vault.Profile { return &l.profiles[r.profile] }
	switch {
	case l.tokensOnly:
		l.rows = slices.DeleteFunc(l.rows, func(r row) bool { return !at(r).Token.Unexpired(now) })
		slices.SortStableFunc(l.rows, func(x, y row) int { return at(x).Token.Deadline.Compare(at(y).Token.Deadline) })
	case l.sortBy == byLastUse:
		slices.SortStableFunc(l.rows, func(x, y row) int { return at(y).LastUsed.Compare(at(x).LastUsed) })
	case l.sortBy == byState:
		slices.SortStableFunc(l.rows, func(x, y row) int { return cmp.Compare(l.rank(y), l.rank(x)) })
	}
	l.moveBy(0)
}

// rank returns a number that orders rows by urgency.
func (l *list) rank(r row) int {
	p := &l.profiles[r.profile]
	switch w := words.Verdict(p.Verdict, p.Store); {
	case w.Class == words.Bad:
		return 3
	case w.Class == words.Doubtful || p.State != "":
		return 2
	case w.Class == words.Unknown:
		return 1
	}
	return 0
}

// chosen returns the profile under the cursor, nil if there is none.
func (l *list) chosen() *vault.Profile {
	if l.cursor >= len(l.rows) {
		return nil
	}
	return &l.profiles[l.rows[l.cursor].profile]
}

// byID returns a profile, nil if it no longer exists.
func (l *list) byID(id string) *vault.Profile {
	for i := range l.profiles {
		if l.profiles[i].ID == id {
			return &l.profiles[i]
		}
	}
	return nil
}

// named returns the profile that a selector names, nil if there is none.
func (l *list) named(sel vault.Selector) *vault.Profile {
	i := slices.IndexFunc(l.profiles, func(p vault.Profile) bool { return p.Selector == sel })
	if i < 0 {
		return nil
	}
	return &l.profiles[i]
}

// choose puts the cursor on a profile, and returns false if it is not in the list.
func (l *list) choose(id string) bool {
	for i, r := range l.rows {
		if l.profiles[r.profile].ID == id {
			l.cursor = i
			l.scroll()
			return true
		}
	}
	return false
}

// reach is choose, but clears a filter that hides the profile.
func (l *list) reach(id string, now time.Time) {
	if l.choose(id) {
		return
	}
	l.filter.SetValue("")
	l.tokensOnly = false
	l.refilter(now)
	l.choose(id)
}

// keepChosen makes the rows again and keeps the chosen profile.
func (l *list) keepChosen(now time.Time) {
	id := ""
	if p := l.chosen(); p != nil {
		id = p.ID
	}
	l.refilter(now)
	l.choose(id)
}

func (l *list) moveBy(n int) {
	l.cursor = max(min(l.cursor+n, len(l.rows)-1), 0)
	l.scroll()
}

// scroll keeps the cursor on the screen.
func (l *list) scroll() {
	n := max(l.page, 1)
	l.top = min(l.top, l.cursor)
	l.top = max(l.top, l.cursor-n+1)
	l.top = max(min(l.top, len(l.rows)-n), 0)
}

// environments returns how many profiles an account has: one or two.
func (l *list) environments(account string) int {
	n := 0
	for i := range l.profiles {
		if l.profiles[i].Account == account {
			n++
		}
	}
	return n
}

// unexpired returns the number of unexpired tokens.
func (l *list) unexpired(now time.Time) int {
	n := 0
	for i := range l.profiles {
		if l.profiles[i].Token.Unexpired(now) {
			n++
		}
	}
	return n
}

// failing returns how many profiles the filter's word "failing" finds.
func (l *list) failing(now time.Time) int {
	n, terms := 0, words.Terms("failing")
	for i := range l.profiles {
		if words.Matches(terms, &l.profiles[i], "", now) {
			n++
		}
	}
	return n
}

func (l *list) toggleTokensOnly(now time.Time) {
	l.tokensOnly = !l.tokensOnly
	l.keepChosen(now)
}

func (l *list) title() string {
	title := "Profiles"
	if l.tokensOnly {
		title = "Unexpired tokens"
	}
	if len(l.rows) > l.page {
		title += fmt.Sprintf(" %d/%d", l.cursor+1, len(l.rows))
	}
	return title
}

// lines draws the filter line and the rows, w cells wide; focused says whether
// the list has the keys.
func (l *list) lines(c *canvas, ts *tasks, w, h int, focused bool) []string {
	lines := []string{l.filterLine(c, w)}
	if len(l.rows) == 0 {
		return append(lines, l.emptyLines(c, w, h-1)...)
	}
	cols := layColumns(w, l.names, l.longestLabel)
	draw := func(r row, t *task, look rowLook) string { return l.rowLine(c, r, t, look, cols, w) }
	switch {
	case l.tokensOnly && w >= axisMin:
		axis := l.newAxis(c, w)
		lines = append(lines, axis.scale(c))
		draw = func(r row, _ *task, look rowLook) string { return axis.line(c, r, look) }
	case w >= roomyList:
		lines = append(lines, l.headings(c, cols, w))
	}
	for i := l.top; i < len(l.rows) && len(lines) < h; i++ {
		t := ts.about(l.profiles[l.rows[i].profile].ID)
		look := rowLook{textStyles: &c.st.textStyles, mark: "  "}
		if i == l.cursor {
			look = rowLook{textStyles: &c.st.chosen, mark: c.st.glyph.cursor + " ", chosen: true, focused: focused}
		}
		lines = append(lines, draw(l.rows[i], t, look))
	}
	return lines
}

// headingLines returns the number of lines above the rows.
func (l *list) headingLines(w int) int {
	if len(l.rows) > 0 && (w >= roomyList || l.tokensOnly && w >= axisMin) {
		return 2
	}
	return 1
}

// headings draws the names of the columns.
func (l *list) headings(c *canvas, cols columns, w int) string {
	line := "  " + c.fit("ACCOUNT", cols.name, "") + " " + c.fit("ENV", cols.env, "") + " " + c.fit("STATE", cols.verdict+2, "") + " "
	if cols.label > 0 {
		line += c.fit("LABEL", cols.label, "") + " "
	}
	line += c.right("TOKEN", cols.count, "") + " " + spaces(cols.bar) + " " + c.fit("USED", cols.used, "")
	return c.st.dim.Styled(c.fit(line, w, ""))
}

func (l *list) filterLine(c *canvas, w int) string {
	order := l.order()
	if !l.typing && !l.filtered() {
		return c.st.dim.Styled(c.spread("/ filter", order, w, ""))
	}
	count := fmt.Sprintf(" %d of %d", len(l.rows), len(l.profiles))
	if long := count + c.st.glyph.sep + order; w-2-c.len(long) >= 12 {
		count = long
	}
	mark, room := c.st.accent.Styled("/")+" ", w-2-c.len(count)
	if l.typing {
		return mark + c.fit(c.drawInput(l.filter, room), room, "") + c.st.dim.Styled(count)
	}
	return mark + c.fit(l.filter.Value(), room, c.st.glyph.more) + c.st.dim.Styled(count)
}

// order returns the name of the list's order.
func (l *list) order() string {
	if l.tokensOnly {
		return "soonest to expire first"
	}
	return l.sortBy.String()
}

func (l *list) emptyLines(c *canvas, w, h int) []string {
	var text string
	switch {
	case !l.loaded:
		return nil
	case len(l.profiles) == 0:
		return firstRun(c, w, h, l.unreached)
	case l.filtered():
		text = "Nothing matches. esc clears the filter."
	case l.tokensOnly:
		text = "No unexpired token. t goes back to all profiles; m mints one there."
	}
	return append([]string{""}, c.painted(text, w, c.st.dim)...)
}
