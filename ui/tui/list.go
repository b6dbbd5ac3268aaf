package tui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

// list is the pane of profiles: which there are, which the filter leaves, and
// which one is chosen.
type list struct {
	loaded     bool
	profiles   []vault.Profile // as the index lists them
	texts      []string        // what the filter looks at, one per profile
	rows       []row           // what the filter and the order leave
	cursor     int             // chosen row
	top        int             // first row on the screen
	page       int             // rows that fit the screen
	filter     textinput.Model
	typing     bool // the filter has the keys
	byLastUse  bool // the order
	tokensOnly bool // unexpired tokens only, soonest to expire first
}

// set takes over the profiles and stays on the chosen one.
func (l *list) set(profiles []vault.Profile, now time.Time) {
	chosen := ""
	if p := l.chosen(); p != nil {
		chosen = p.ID
	}
	l.loaded, l.profiles = true, profiles
	l.buildSearchText()
	l.refilter(now)
	l.choose(chosen)
}

// chosen is the profile under the cursor, nil when there is none.
func (l *list) chosen() *vault.Profile {
	if l.cursor >= len(l.rows) {
		return nil
	}
	return &l.profiles[l.rows[l.cursor].profile]
}

// byID finds a profile, nil when it is gone.
func (l *list) byID(id string) *vault.Profile {
	for i := range l.profiles {
		if l.profiles[i].ID == id {
			return &l.profiles[i]
		}
	}
	return nil
}

// choose puts the cursor on a profile; false when it is not in the list.
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

// reach is choose, dropping a filter that hides the profile.
func (l *list) reach(id string, now time.Time) {
	if l.choose(id) {
		return
	}
	l.filter.SetValue("")
	l.tokensOnly = false
	l.refilter(now)
	l.choose(id)
}

// keepChosen makes the rows anew and stays on the chosen profile.
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

// environments is how many of an account's two profiles there are.
func (l *list) environments(account string) int {
	n := 0
	for i := range l.profiles {
		if l.profiles[i].Account == account {
			n++
		}
	}
	return n
}

// unexpired counts the tokens that are.
func (l *list) unexpired(now time.Time) int {
	n := 0
	for i := range l.profiles {
		if l.profiles[i].Token.Unexpired(now) {
			n++
		}
	}
	return n
}

func (l *list) toggleTokensOnly(now time.Time) {
	l.tokensOnly = !l.tokensOnly
	l.keepChosen(now)
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
		return append(lines, l.emptyLines(c, w)...)
	}
	cols := layColumns(w)
	for i := l.top; i < len(l.rows) && len(lines) < h; i++ {
		t := ts.about(l.profiles[l.rows[i].profile].ID)
		look := rowLook{textStyles: &c.st.textStyles, mark: "  "}
		if i == l.cursor {
			look = rowLook{textStyles: &c.st.chosen, mark: c.st.glyph.cursor + " ", chosen: true, focused: focused}
		}
		lines = append(lines, l.rowLine(c, l.rows[i], t, look, cols, w))
	}
	return lines
}

func (l *list) filterLine(c *canvas, w int) string {
	if l.typing || l.filtered() {
		count := c.st.dim.Styled(fmt.Sprintf(" %d of %d", len(l.rows), len(l.profiles)))
		mark, room := c.st.accent.Styled("/")+" ", w-2-c.len(count)
		if l.typing {
			return mark + c.fit(c.drawInput(l.filter, room), room, "") + count
		}
		return mark + c.fit(l.filter.Value(), room, c.st.glyph.more) + count
	}
	order := "by name"
	if l.byLastUse {
		order = "by last use"
	}
	if l.tokensOnly {
		order = "soonest to expire first"
	}
	return c.st.dim.Styled(c.spread("/ filter", order, w, ""))
}

func (l *list) emptyLines(c *canvas, w int) []string {
	var text string
	switch {
	case !l.loaded:
		return nil
	case len(l.profiles) == 0:
		return firstRun(c, w)
	case l.filtered():
		text = "Nothing matches. esc clears the filter."
	case l.tokensOnly:
		text = "No unexpired token. t goes back to all profiles; m mints one there."
	}
	return append([]string{""}, c.painted(text, w, c.st.dim)...)
}

// rowLook is how one row differs from the others.
type rowLook struct {
	*textStyles
	mark            string
	chosen, focused bool
}

// rowLine draws one profile in exactly w cells; t is what is under way for it.
func (l *list) rowLine(c *canvas, r row, t *task, s rowLook, cols columns, w int) string {
	p := &l.profiles[r.profile]
	var b strings.Builder
	if s.focused {
		b.WriteString(s.accent.Styled(s.mark))
	} else {
		b.WriteString(s.dim.Styled(s.mark))
	}
	name := s.text
	if s.chosen {
		name = s.strong
	}
	b.WriteString(c.marked(p.Account, r.matches, 0, cols.name, name, s.match))
	b.WriteString(s.text.Styled(" "))

	env, paint := string(p.Environment), s.dim
	if p.Environment == kite.Live {
		env, paint = "LIVE", s.live
	}
	b.WriteString(c.marked(env, r.matches, len(p.Account)+1, cols.env, paint, s.match))
	b.WriteString(s.text.Styled(" "))

	glyph, word, vp := c.verdictLook(p, t, s.textStyles)
	at := len(p.Account) + 1 + len(p.Environment) + 1
	if cols.verdict > 0 {
		b.WriteString(vp.Styled(glyph + " "))
		if w := words.Verdict(p.Verdict, p.Store); c.len(word) > cols.verdict && word == w.Word {
			b.WriteString(vp.Styled(c.fit(w.Short, cols.verdict, c.st.glyph.more)))
		} else {
			b.WriteString(c.marked(word, r.matches, at, cols.verdict, vp, s.match))
		}
	} else {
		b.WriteString(vp.Styled(glyph))
	}
	b.WriteString(s.text.Styled(" "))
	c.drawCount(&b, p.Token, s.textStyles, cols)
	line := b.String()
	if n := c.len(line); n < w {
		line += s.text.Styled(blanks(w - n))
	}
	return line
}

// drawCount draws a row's countdown and its bar.
func (c *canvas) drawCount(b *strings.Builder, t vault.TokenInfo, s *textStyles, cols columns) {
	state, left := words.TokenStateOf(t, c.now), t.Remaining(c.now)
	text, bar := "", s.text.Styled(blanks(cols.bar))
	switch state {
	case words.NoToken:
	case words.Expired:
		text = "expired"
	default:
		text = c.countText(left)
		bar = c.st.bar(cols.bar, c.barLeft(left), t.ExpiresIn.Duration(), tokenPaint(state, s), s.line)
	}
	b.WriteString(tokenPaint(state, s).Styled(c.right(text, cols.count, "")+" ") + bar)
}

// verdictLook is how a profile's last verdict looks in a list: what is under way
// takes its place.
func (c *canvas) verdictLook(p *vault.Profile, t *task, s *textStyles) (glyph, word string, paint ansi.Style) {
	g := &c.st.glyph
	switch {
	case t != nil:
		return g.more, t.doing, s.accent
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

// click handles the mouse, which is off unless asked for.
func (a *app) click(msg tea.MouseMsg) tea.Cmd {
	if a.lock.locked || a.dialog() != nil {
		return nil
	}
	m := msg.Mouse()
	onList := !a.detail.open && !a.wide() || a.wide() && m.X < a.layout.listW
	switch msg.(type) {
	case tea.MouseWheelMsg:
		by := 3
		if m.Button == tea.MouseWheelUp {
			by = -3
		}
		if !onList {
			a.detail.top = max(a.detail.top+by, 0)
			return nil
		}
		a.detail = detail{}
		a.list.moveBy(by)
	case tea.MouseClickMsg:
		if row := a.list.top + m.Y - 3; onList && m.Y >= 3 && row >= a.list.top && row < len(a.list.rows) {
			a.detail = detail{}
			a.list.cursor = row
			a.list.scroll()
		}
	}
	return nil
}

// otherEnvironment finds the same account's other profile, nil when there is none.
func (l *list) otherEnvironment(p *vault.Profile) *vault.Profile {
	i := slices.IndexFunc(l.profiles, func(other vault.Profile) bool {
		return other.Account == p.Account && other.Environment != p.Environment
	})
	if i < 0 {
		return nil
	}
	return &l.profiles[i]
}
