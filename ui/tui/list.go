package tui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

// chosen is the profile under the cursor, nil when there is none.
func (a *app) chosen() *vault.Profile {
	if a.cursor >= len(a.rows) {
		return nil
	}
	return &a.profiles[a.rows[a.cursor].profile]
}

func (a *app) lifeOfChosen() words.TokenState {
	if p := a.chosen(); p != nil {
		return words.TokenStateOf(p.Token, a.now)
	}
	return words.NoToken
}

// choose puts the cursor on a profile; false when it is not in the list.
func (a *app) choose(id string) bool {
	for i, r := range a.rows {
		if a.profiles[r.profile].ID == id {
			a.cursor = i
			a.scroll()
			return true
		}
	}
	return false
}

// page is how many rows the list shows.
func (a *app) page() int { return max(a.bodyHeight()-a.stripHeight()-3, 1) }

// move moves the cursor, or scrolls the details while they have the keys.
func (a *app) move(by int) tea.Cmd {
	if a.detail {
		a.detailTop = max(a.detailTop+by, 0) // the view stops at the last line
		return nil
	}
	a.cursor = max(min(a.cursor+by, len(a.rows)-1), 0)
	a.scroll()
	return nil
}

// scroll keeps the cursor on the screen.
func (a *app) scroll() {
	n := a.page()
	a.top = min(a.top, a.cursor)
	a.top = max(a.top, a.cursor-n+1)
	a.top = max(min(a.top, len(a.rows)-n), 0)
}

// columns are the widths of a list row's parts; 0 leaves a part out.
type columns struct{ name, env, verdict, count, bar int }

// layColumns shares w cells among the columns. The name, the environment, the
// countdown and a bar always fit; with room come the verdict's words, a longer
// bar and a longer name, in that order.
func layColumns(w int) columns {
	const mark, env, glyph, gaps = 2, 7, 1, 4
	c := columns{name: 12, env: env, count: 7, bar: 3}
	rest := w - mark - c.name - env - glyph - c.count - c.bar - gaps
	if rest < 0 {
		c.name += rest
		return c
	}
	give := func(to *int, most int) {
		n := min(rest, most)
		*to += n
		rest -= n
	}
	if rest >= 8 { // a blank, and room for "refused"
		rest--
		give(&c.verdict, 17)
	}
	give(&c.bar, 4)
	give(&c.name, 8)
	if c.verdict > 0 {
		give(&c.verdict, 10)
	}
	give(&c.name, 16)
	give(&c.bar, rest)
	return c
}

// listLines draws the filter line and the rows, w cells wide.
func (a *app) listLines(w, h int) []string {
	lines := []string{a.filterLine(w)}
	if len(a.rows) == 0 {
		return append(lines, a.emptyLines(w)...)
	}
	c := layColumns(w)
	for i := a.top; i < len(a.rows) && len(lines) < h; i++ {
		lines = append(lines, a.rowLine(a.rows[i], i == a.cursor, c, w))
	}
	return lines
}

func (a *app) filterLine(w int) string {
	mark := a.st.accent.Styled("/") + " "
	if a.st.ascii || a.typing || a.filter.Value() != "" {
		if !a.typing && a.filter.Value() == "" {
			return a.st.dim.Styled(a.fit("/ filter", w, ""))
		}
		count := a.st.dim.Styled(fmt.Sprintf(" %d of %d", len(a.rows), len(a.profiles)))
		room := w - 2 - a.len(count)
		if a.typing {
			return mark + a.fit(a.drawInput(a.filter, room), room, "") + count
		}
		return mark + a.fit(a.filter.Value(), room, a.st.glyph.more) + count
	}
	order := "by name"
	if a.byUse {
		order = "by last use"
	}
	if a.board {
		order = "soonest to expire first"
	}
	return a.st.dim.Styled(a.spread("/ filter", order, w, ""))
}

func (a *app) emptyLines(w int) []string {
	var text string
	switch {
	case !a.loaded:
		return nil
	case len(a.profiles) == 0:
		return a.firstRun(w)
	case a.filter.Value() != "":
		text = "Nothing matches. esc drops the filter."
	case a.board:
		text = "No token is alive. t goes back to all profiles; m mints one there."
	}
	lines := []string{""}
	for _, l := range a.wrap(text, w) {
		lines = append(lines, a.st.dim.Styled(l))
	}
	return lines
}

// rowLine draws one profile in exactly w cells.
func (a *app) rowLine(r row, chosen bool, c columns, w int) string {
	p := &a.profiles[r.profile]
	s, mark := &a.st.paints, "  "
	if chosen {
		s = &a.st.chosen
		mark = a.st.glyph.cursor + " "
	}
	var b strings.Builder
	if chosen && !a.detail {
		b.WriteString(s.accent.Styled(mark))
	} else {
		b.WriteString(s.dim.Styled(mark))
	}

	name := s.text
	if chosen {
		name = s.strong
	}
	b.WriteString(a.marked(p.Account, r.marks, 0, c.name, name, s.match))
	b.WriteString(s.text.Styled(" "))

	env, paint := string(p.Environment), s.dim
	if p.Environment == kite.Live {
		env, paint = "LIVE", s.live
	}
	b.WriteString(a.marked(env, r.marks, len(p.Account)+1, c.env, paint, s.match))
	b.WriteString(s.text.Styled(" "))

	glyph, word, vp := a.verdictLook(p, s)
	at := len(p.Account) + 1 + len(p.Environment) + 1
	if c.verdict > 0 {
		b.WriteString(vp.Styled(glyph + " "))
		if w := words.Verdict(p.Verdict, p.Store); a.len(word) > c.verdict && word == w.Word {
			b.WriteString(vp.Styled(a.fit(w.Short, c.verdict, a.st.glyph.more)))
		} else {
			b.WriteString(a.marked(word, r.marks, at, c.verdict, vp, s.match))
		}
	} else {
		b.WriteString(vp.Styled(glyph))
	}
	b.WriteString(s.text.Styled(" "))

	l := words.TokenStateOf(p.Token, a.now)
	count, left := "", p.Token.Remaining(a.now)
	switch {
	case l == words.Expired:
		count = "expired"
	case l != words.NoToken:
		count = a.countText(left)
	}
	b.WriteString(tokenPaint(l, s).Styled(a.right(count, c.count, "") + " "))
	if l == words.NoToken || l == words.Expired {
		b.WriteString(s.text.Styled(blanks(c.bar)))
	} else {
		b.WriteString(a.st.bar(c.bar, a.barLeft(left), p.Token.ExpiresIn.Duration(), tokenPaint(l, s), s.line))
	}
	line := b.String()
	if n := a.len(line); n < w {
		line += s.text.Styled(blanks(w - n))
	}
	return line
}

func (a *app) countText(left time.Duration) string {
	if a.o.ReducedMotion {
		return words.CountdownByMinute(left)
	}
	return words.Countdown(left)
}

// barLeft is what a bar shows: by the second, or by the minute on a still screen.
func (a *app) barLeft(left time.Duration) time.Duration {
	if a.o.ReducedMotion {
		return left.Truncate(time.Minute) + time.Minute
	}
	return left
}

// verdictLook is how a profile's last verdict looks in a list: what is under way
// takes its place.
func (a *app) verdictLook(p *vault.Profile, s *paints) (glyph, word string, paint ansi.Style) {
	g := &a.st.glyph
	if t := a.taskFor(p.ID); t != nil {
		return g.more, t.doing, s.accent
	}
	switch {
	case p.State != "":
		return g.warn, string(p.State), s.warn
	}
	w := words.Verdict(p.Verdict, p.Store)
	switch w.Class {
	case words.Unknown:
		return g.unknown, w.Word, s.dim
	case words.Good:
		return g.ok, w.Word, s.ok
	case words.Bad:
		return g.bad, w.Word, s.bad
	}
	return g.warn, w.Word, s.warn
}

// marked fits text into w cells with the bytes that the filter matched set off;
// at is where text begins in the profile's search text.
func (a *app) marked(text string, marks []int, at, w int, plain, match ansi.Style) string {
	if !slices.ContainsFunc(marks, func(m int) bool { return m >= at && m < at+len(text) }) {
		return plain.Styled(a.fit(text, w, a.st.glyph.more))
	}
	text = a.cut(text, w, a.st.glyph.more)
	var b strings.Builder
	start, on := 0, false
	flush := func(end int) {
		if on {
			b.WriteString(match.Styled(text[start:end]))
		} else if end > start {
			b.WriteString(plain.Styled(text[start:end]))
		}
		start = end
	}
	for i := range text {
		if hit := slices.Contains(marks, at+i); hit != on {
			flush(i)
			on = hit
		}
	}
	flush(len(text))
	b.WriteString(plain.Styled(blanks(w - a.len(text))))
	return b.String()
}

// click handles the mouse, which is off unless asked for.
func (a *app) click(msg tea.MouseMsg) tea.Cmd {
	if a.locked || a.dialog() != nil {
		return nil
	}
	m := msg.Mouse()
	onList := !a.detail && !a.wide() || a.wide() && m.X < a.listWidth()
	switch msg.(type) {
	case tea.MouseWheelMsg:
		by := 3
		if m.Button == tea.MouseWheelUp {
			by = -3
		}
		if !onList {
			a.detailTop = max(a.detailTop+by, 0)
			return nil
		}
		a.detail = false
		return a.move(by)
	case tea.MouseClickMsg:
		if row := a.top + m.Y - 3; onList && m.Y >= 3 && row >= a.top && row < len(a.rows) {
			a.detail = false
			a.cursor = row
			a.scroll()
		}
	}
	return nil
}
