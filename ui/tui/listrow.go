package tui

import (
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

// columns are the widths of a row's parts in cells; 0 leaves a part out.
type columns struct{ name, env, verdict, label, count, bar, used int }

// roomyList is the inner width of a list, in cells, from which it has headings and
// columns for the label and the last use.
const roomyList = 76

// labelledList is the inner width from which the label has room beside any name.
const labelledList = 100

// lengths are how long the names or the labels of a list are, in cells.
type lengths struct{ usual, longest int }

// fewLong is the length up to which a name has its room even if few are that long.
const fewLong = 24

// lengthsOf measures texts. Three quarters of them are no longer than the usual length.
func lengthsOf(n int, text func(i int) string) lengths {
	if n == 0 {
		return lengths{}
	}
	all := make([]int, n)
	for i := range all {
		all[i] = ansi.StringWidth(text(i))
	}
	slices.Sort(all)
	longest := all[n-1]
	return lengths{max(all[(n-1)*3/4], min(longest, fewLong)), longest}
}

// layColumns divides w cells among the columns, by the lengths of the names and of the
// longest label. The environment is never cut. A short name, the countdown and a bar
// always fit; if there is more room, the verdict's words, a name of usual length, a longer
// bar, and then the label, the reason, the longest name and the last use follow.
func layColumns(w int, names lengths, label int) columns {
	const mark, env, glyph, gaps = 2, 7, 1, 4
	c := columns{name: 12, env: env, count: 7, bar: 3}
	rest := w - mark - c.name - env - glyph - c.count - c.bar - gaps
	if rest < 0 {
		c.name += rest
		return c
	}
	give := func(to *int, most int) {
		n := max(min(rest, most), 0)
		*to += n
		rest -= n
	}
	if rest >= 1+9 { // a space and room for every short word
		rest--
		give(&c.verdict, 10)
	}
	if w >= roomyList {
		rest -= 1 + 8
		c.used = 8
	}
	first := names.usual
	if w >= labelledList { // a long name leaves room for the labels and the reasons
		first = min(first, 28)
	}
	give(&c.name, first-c.name)
	give(&c.bar, 4)
	if c.verdict > 0 {
		give(&c.verdict, 12)
	}
	if w >= roomyList && rest >= 12 {
		rest--
		give(&c.label, min(22, rest/2+4))
	}
	give(&c.name, names.usual-c.name)
	if c.verdict > 0 {
		give(&c.verdict, 18)
	}
	give(&c.name, names.longest-c.name)
	if c.label > 0 {
		give(&c.label, max(min(label, 60)-c.label, 0))
	}
	if c.verdict > 0 {
		give(&c.verdict, 30)
	}
	give(&c.bar, rest)
	return c
}

// rowLook has the differences in how a row looks.
type rowLook struct {
	*textStyles
	mark            string
	chosen, focused bool
}

// rowLine draws one profile in exactly w cells; t is its task under way, if any.
func (l *list) rowLine(c *canvas, r row, t *task, s rowLook, cols columns, w int) string {
	p := &l.profiles[r.profile]
	var b strings.Builder
	gap := func() { b.WriteString(s.text.Styled(" ")) }
	l.nameAndEnvironment(c, &b, r, s, cols.name)
	gap()
	free := 0 // cells to the right of the verdict in which the row has nothing
	if words.TokenStateOf(p.Token, c.now) == words.NoToken && p.LastUsed.IsZero() && (cols.label == 0 || p.Label == "") {
		free = w - c.len(b.String()) - 2 - cols.verdict
	}
	l.verdict(c, &b, p, t, s, cols.verdict+free)
	if free > 0 {
		return b.String()
	}
	gap()
	if cols.label > 0 {
		label := c.cut(p.Label, cols.label, c.st.glyph.more)
		b.WriteString(c.marked(label, l.found(label), cols.label, s.dim, s.match))
		gap()
	}
	c.drawCount(&b, p.Token, s.textStyles, cols)
	if cols.used > 0 {
		used := ""
		if !p.LastUsed.IsZero() {
			used = words.ShortAge(p.LastUsed, c.now)
		}
		b.WriteString(s.dim.Styled(" " + c.fit(used, cols.used, "")))
	}
	line := b.String()
	if n := c.len(line); n < w {
		line += s.text.Styled(spaces(w - n))
	}
	return line
}

// verdict draws the mark of a profile's last verdict, and its word and reason in w
// cells after it.
func (l *list) verdict(c *canvas, b *strings.Builder, p *vault.Profile, t *task, s rowLook, w int) {
	glyph, word, paint := c.verdictLook(p, t, s.textStyles)
	if w <= 0 {
		b.WriteString(paint.Styled(glyph))
		return
	}
	if wv := words.Verdict(p.Verdict, p.Store); word == wv.Word {
		if c.len(word) > w {
			word = wv.Short
		}
		if reason := l.reasons[p.ID]; reason != "" && w-c.len(word)-3 >= 14 {
			word += c.st.glyph.sep + reason
		}
	}
	b.WriteString(paint.Styled(glyph + " "))
	b.WriteString(c.marked(c.cut(word, w, c.st.glyph.more), l.found(word), w, paint, s.match))
}

// nameAndEnvironment draws the beginning of a row: the cursor, the account's name
// in w cells, cut if it is longer, and the environment.
func (l *list) nameAndEnvironment(c *canvas, b *strings.Builder, r row, s rowLook, w int) {
	p := &l.profiles[r.profile]
	if s.focused {
		b.WriteString(s.accent.Styled(s.mark))
	} else {
		b.WriteString(s.dim.Styled(s.mark))
	}
	paint := s.text
	if s.chosen {
		paint = s.strong
	}
	name := c.account(p.Account, w)
	found := l.found(name)
	if name == p.Account {
		found = append(found, r.fuzzy...)
	}
	b.WriteString(c.marked(name, found, w, paint, s.match) + s.text.Styled(" "))
	env, paint := words.Environment(p.Environment), s.dim
	if p.Environment == kite.Live {
		paint = s.live
	}
	b.WriteString(c.marked(env, l.found(env), 7, paint, s.match))
}

// drawCount draws a row's countdown and its bar. Low and ending have marks of their
// own, which need no colour.
func (c *canvas) drawCount(b *strings.Builder, t vault.TokenInfo, s *textStyles, cols columns) {
	state, left := words.TokenStateOf(t, c.now), t.Remaining(c.now)
	text, bar := "", s.text.Styled(spaces(cols.bar))
	switch state {
	case words.NoToken:
	case words.Expired:
		text = "expired"
	default:
		text = c.countText(left)
		if c.len(text) > cols.count {
			unit := time.Hour
			if left >= 24*time.Hour {
				unit *= 24
			}
			text = words.About(left.Truncate(unit)) // to the second it has no room
		}
		if state.NearlyOver() && c.len(text)+2 <= cols.count {
			text = tokenGlyph(state, &c.st) + " " + text
		}
		bar = c.st.bar(cols.bar, c.barLeft(left), t.ExpiresIn.Duration(), tokenPaint(state, s), s.line)
	}
	b.WriteString(tokenPaint(state, s).Styled(c.right(text, cols.count, "")+" ") + bar)
}

// verdictLook returns how a profile's last verdict looks in a list. A task under
// way takes its place.
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
