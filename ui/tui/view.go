package tui

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

// layout has the positions on the screen, and the contents whose length determines
// them. Update computes it once per message; View only draws.
type layout struct {
	body   int      // height between the header and the messages
	listW  int      // width of the list
	strip  int      // height of the details below the list, 0 if they are not there
	status []string // messages and the clipboard's countdown; what does not fit lies over the body
	detail []string // of the chosen profile
	dialog []string // inside of the topmost dialog
}

// messageRows is the number of lines that are reserved for messages, so that the
// panes do not move when one comes or goes.
func (c *canvas) messageRows() int {
	if c.height >= 20 {
		return 2
	}
	return 1
}

// arrange lays out the screen, and keeps scrolling within its bounds.
func (a *app) arrange() {
	a.layout = layout{listW: a.width, body: a.height - 2 - a.messageRows()}
	if a.width == 0 || a.tooSmall() || a.lock.locked {
		return
	}
	l := &a.layout
	a.list.kept = a.keep.ID
	l.status = a.statusLines()
	switch {
	case a.width >= threePlaces:
		l.listW = a.width - min(max(a.width*2/5, 64), 92)
	case a.wide():
		l.listW = a.width / 2
	case !a.detail.open && len(a.list.rows) > 0 && l.body >= 18:
		// Too narrow for two panes side by side, and high enough for one above the
		// other.
		l.strip = min(l.body-9, 10)
	}
	a.list.page = max(l.body-l.strip-2-a.list.headingLines(l.listW-4), 1)
	a.list.scroll()
	if p := a.chosen(); p != nil && (a.wide() || a.detail.open || l.strip > 0) {
		w, h := l.detailSize(&a.canvas)
		l.detail = a.detail.lines(a, p, w-4, h-2)
		a.detail.top = max(min(a.detail.top, len(l.detail)-(h-2)), 0)
	}
	if d := a.dialog(); d != nil {
		l.dialog = d.lines(a, a.dialogWidth(d)-4)
		if p := d.scrolled(); p != nil {
			p.have, p.room = len(l.dialog), l.body-2
			p.top = max(min(p.top, p.have-p.room), 0)
		}
	}
}

// detailSize returns the outer size of the details.
func (l *layout) detailSize(c *canvas) (w, h int) {
	switch {
	case l.listW < c.width:
		return c.width - l.listW, l.body
	case l.strip > 0:
		return c.width, l.strip
	}
	return c.width, l.body
}

func (c *canvas) wide() bool     { return c.width >= twoPanes }
func (c *canvas) tooSmall() bool { return c.width < MinWidth || c.height < MinHeight }

// draw draws the whole screen: exactly height lines of width cells.
func (a *app) draw() []string {
	switch {
	case a.width == 0 || a.height == 0:
		return nil // the terminal's size is not known yet
	case a.tooSmall():
		return a.drawTooSmall()
	case a.lock.locked:
		return a.lock.draw(a)
	}
	lines := make([]string, 0, a.height)
	lines = append(lines, a.headerLine())
	lines = append(lines, a.bodyLines()...)
	// A message that is longer than its rows covers the end of the body.
	lines = lines[:max(min(len(lines), a.height-1-max(len(a.layout.status), a.messageRows())), 1)]
	lines = append(lines, a.layout.status...)
	for len(lines) < a.height-1 {
		lines = append(lines, spaces(a.width))
	}
	return append(lines, a.footerLine())
}

func (c *canvas) drawTooSmall() []string {
	lines := []string{"kitekey needs", fmt.Sprintf("%d x %d;", MinWidth, MinHeight), fmt.Sprintf("this is %d x %d", c.width, c.height), "ctrl+c quits"}
	out := make([]string, 0, c.height)
	for i := range c.height {
		text := ""
		if i < len(lines) {
			text = lines[i]
		}
		out = append(out, c.fit(text, c.width, ""))
	}
	return out
}

// headerLine draws the name, the modes, and the number of profiles.
func (a *app) headerLine() string {
	tokens := a.list.unexpired(a.now)
	store := a.o.Vault.StoreName()
	rights := []string{store}
	if n := len(a.list.profiles); n > 0 {
		short := words.Count(tokens, "token")
		whole := store + a.st.glyph.sep + words.Count(n, "profile")
		if failing := a.list.failing(a.now); failing > 0 && a.width >= threePlaces {
			whole += fmt.Sprintf("%s%d failing", a.st.glyph.sep, failing)
		}
		rights = []string{whole + a.st.glyph.sep + short, short}
	}
	// Use the version that fits. The modes always stay, abbreviated before a number goes.
	for _, right := range rights {
		for _, badges := range []string{a.modeBadges(true), a.modeBadges(false)} {
			if len("  kitekey ")+a.len(badges)+a.len(right) <= a.width {
				return a.spread(" "+a.st.strong.Styled("kitekey")+a.st.warn.Styled(badges), a.st.dim.Styled(right)+" ", a.width, a.st.glyph.more)
			}
		}
	}
	return a.fit(" "+a.st.strong.Styled("kitekey")+a.st.warn.Styled(a.modeBadges(false)), a.width, a.st.glyph.more)
}

// modeBadges draws the modes in force, in full or abbreviated.
func (a *app) modeBadges(full bool) string {
	var out string
	switch {
	case a.o.Demo && full:
		out += "  demo" + a.st.glyph.sep + "nothing is stored"
	case a.o.Demo:
		out += "  demo"
	}
	if a.o.SandboxOnly {
		out += "  SANDBOX ONLY"
	}
	for i, o := range a.o.Overrides {
		switch {
		case full:
			out += "  OVERRIDE " + o.String()
		case i == 0:
			out += "  OVERRIDE " + string(o.Environment)
		default:
			out += "+" + string(o.Environment)
		}
	}
	return out
}

// bodyLines draws the panes, and the topmost dialog over them.
func (a *app) bodyLines() []string {
	var lines []string
	h := a.layout.body
	switch {
	case a.wide():
		right := a.detailPane()
		for i, left := range a.listPane(h) {
			lines = append(lines, left+right[i])
		}
	case a.detail.open && a.chosen() != nil:
		lines = a.detailPane()
	default:
		lines = a.listPane(h - a.layout.strip)
		if a.layout.strip > 0 {
			lines = append(lines, a.detailPane()...)
		}
	}
	if d := a.dialog(); d != nil {
		a.overlay(lines, a.dialogBox(d), a.width)
	}
	return lines
}

func (a *app) listPane(h int) []string {
	w, line := a.layout.listW, a.st.line
	if a.wide() && !a.detail.open {
		line = a.st.accent
	}
	return a.frame(a.list.title(), a.list.lines(&a.canvas, &a.tasks, w-4, h-2, !a.detail.open), w, h, a.st.pane, line, a.st.strong, a.st.glyph.more)
}

func (a *app) detailPane() []string {
	w, h := a.layout.detailSize(&a.canvas)
	p := a.chosen()
	if p == nil {
		return a.frame("kitekey", a.welcome(w-4), w, h, a.st.pane, a.st.line, a.st.dim, a.st.glyph.more)
	}
	lines := a.layout.detail[min(a.detail.top, len(a.layout.detail)):]
	title, border, line, head := a.profileTitle(p, w-6), a.st.pane, a.st.line, a.st.strong
	if a.detail.open {
		line = a.st.accent
	}
	if p.Environment == kite.Live {
		border, line, head = a.st.live, a.st.liveLine, a.st.textStyles.live
	}
	out := a.frame(title, lines, w, h, border, line, head, a.st.glyph.more)
	for i, text := range lines[:min(len(lines), h-2)] {
		if heading, ok := strings.CutPrefix(text, sectionMark); ok {
			out[i+1] = a.divider(heading, w, border, line)
		}
	}
	if below := len(lines) - (h - 2); below > 0 {
		more := "enter for more"
		if a.detail.open {
			more = fmt.Sprintf("%d more", below)
		}
		a.markMore(out, more, w, border, line)
	}
	return out
}

// profileTitle returns a profile's name in at most w cells. It never cuts the
// environment.
func (c *canvas) profileTitle(p *vault.Profile, w int) string {
	env := " / " + words.Environment(p.Environment)
	return c.account(p.Account, w-len(env)) + env
}

// environmentCell draws an environment's name in w cells.
func (c *canvas) environmentCell(e kite.Environment, w int) string {
	paint := c.st.dim
	if e == kite.Live {
		paint = c.st.textStyles.live
	}
	return paint.Styled(c.fit(words.Environment(e), w, ""))
}

// sectionMark marks a line that becomes a divider with a heading.
const sectionMark = "\x00"

// divider draws a horizontal line that divides a frame.
func (c *canvas) divider(heading string, w int, b lipgloss.Border, line ansi.Style) string {
	return line.Styled(b.MiddleLeft+b.Top+" ") + c.st.dim.Styled(heading) +
		line.Styled(" "+strings.Repeat(b.Top, max(w-5-c.len(heading), 0))+b.MiddleRight)
}

// footerLine draws the keys that work now. Those that do not fit are in the help.
func (a *app) footerLine() string {
	hints, keep := a.footerHints()
	return a.hintLine(hints, keep)
}

// footerHints returns the footer's keys, and how many at its end are always shown.
func (a *app) footerHints() ([]hint, int) {
	switch d := a.dialog(); {
	case d != nil && len(a.keysInside(d, a.width)) == 0:
		// A dialog's keys are in the order of importance; the last one goes back.
		return dialogHints(a, d), 1
	case d != nil && d.takesText():
		return []hint{{"f1", "keys"}}, 1
	case d != nil:
		return []hint{{"?", "keys"}}, 1
	case a.list.typing:
		return filterHints(), 1
	}
	hints := a.hints()
	// Help and quit, the last two, are always shown.
	if a.width < 60 && len(hints) > 2 {
		return hints[:len(hints)-1], 1 // without quit, which is easy to find
	}
	return hints, 2
}

// windowTitle returns the terminal's title: the chosen profile's countdown.
func (a *app) windowTitle() string {
	if a.lock.locked {
		return "kitekey - locked"
	}
	p := a.chosen()
	if p == nil {
		return "kitekey"
	}
	title := "kitekey - " + p.Selector.String()
	switch words.TokenStateOf(p.Token, a.now) {
	case words.NoToken:
		return title
	case words.Expired:
		return title + " - expired"
	}
	return title + " - " + a.countText(p.Token.Remaining(a.now))
}

// progress returns the terminal's progress bar for the same countdown.
func (a *app) progress() *tea.ProgressBar {
	p := a.chosen()
	if p == nil || a.lock.locked {
		return nil
	}
	state := tea.ProgressBarDefault
	switch words.TokenStateOf(p.Token, a.now) {
	case words.NoToken, words.Expired:
		return nil
	case words.Low:
		state = tea.ProgressBarWarning
	case words.Ending:
		state = tea.ProgressBarError
	}
	whole := max(p.Token.ExpiresIn.Duration(), time.Second)
	return tea.NewProgressBar(state, int(min(float64(p.Token.Remaining(a.now))/float64(whole), 1)*100))
}
