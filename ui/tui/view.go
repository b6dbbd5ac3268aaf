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
)

func (a *app) bodyHeight() int { return a.height - 2 - len(a.statusLines()) }

func (a *app) listWidth() int { return min(a.width/2, 84) }

// stripHeight is the height of the details below the list, on a terminal that
// is too narrow for two panes side by side but high enough for one above the
// other; 0 when there is no room, or the details have the whole screen.
func (a *app) stripHeight() int {
	if a.wide() || a.detail || len(a.rows) == 0 {
		return 0
	}
	if h := a.bodyHeight(); h >= 18 {
		return min(h-9, 11)
	}
	return 0
}

// draw makes the whole screen: exactly height lines of width cells.
func (a *app) draw() []string {
	if a.width == 0 || a.height == 0 {
		return nil // the first size has not come yet
	}
	if a.tooSmallToUse() {
		return a.tooSmall()
	}
	if a.locked {
		return a.lockScreen()
	}
	status := a.statusLines()
	body := a.bodyLines(a.height - 2 - len(status))
	lines := make([]string, 0, a.height)
	lines = append(lines, a.headerLine())
	lines = append(lines, body...)
	lines = append(lines, status...)
	return append(lines, a.footerLine())
}

func (a *app) tooSmallToUse() bool { return a.width < minWidth || a.height < minHeight }

func (a *app) tooSmall() []string {
	lines := []string{"kitekey needs", fmt.Sprintf("%d x %d;", minWidth, minHeight), fmt.Sprintf("this is %d x %d", a.width, a.height), "ctrl+c quits"}
	out := make([]string, 0, a.height)
	for i := range a.height {
		text := ""
		if i < len(lines) {
			text = lines[i]
		}
		out = append(out, a.fit(text, a.width, ""))
	}
	return out
}

// headerLine says what this is, in which mode, and how much there is.
func (a *app) headerLine() string {
	alive := 0
	for i := range a.profiles {
		if a.profiles[i].Token.Unexpired(a.now) {
			alive++
		}
	}
	store := a.o.Vault.StoreName()
	rights := []string{store}
	if n := len(a.profiles); n > 0 {
		short := fmt.Sprintf("%d alive", alive)
		rights = []string{store + a.st.glyph.sep + words.Count(n, "profile") + a.st.glyph.sep + words.Count(alive, "token") + " alive", words.Count(alive, "token") + " alive", short}
	}
	// What fits, the modes first: they must never be forgotten.
	for _, marks := range []string{a.marks(true), a.marks(false)} {
		for _, right := range rights {
			if len("  kitekey ")+a.len(marks)+a.len(right) <= a.width {
				return a.spread(" "+a.st.strong.Styled("kitekey")+a.st.warn.Styled(marks), a.st.dim.Styled(right)+" ", a.width, a.st.glyph.more)
			}
		}
	}
	return a.fit(" "+a.st.strong.Styled("kitekey")+a.st.warn.Styled(a.marks(false)), a.width, a.st.glyph.more)
}

// marks are the modes in force: at full length, or as short as they can be said.
func (a *app) marks(full bool) string {
	var out string
	if a.o.Demo {
		out += "  DEMO"
	}
	if a.o.SandboxOnly {
		out += "  SANDBOX ONLY"
	}
	for i, o := range a.o.Overrides {
		switch environment, _, _ := strings.Cut(o, " "); {
		case full:
			out += "  OVERRIDE " + o
		case i == 0:
			out += "  OVERRIDE " + environment
		default:
			out += "+" + environment
		}
	}
	return out
}

// bodyLines draws the panes, and the topmost dialog over them.
func (a *app) bodyLines(h int) []string {
	var lines []string
	switch {
	case a.wide():
		lw := a.listWidth()
		left := a.listPane(lw, h)
		right := a.detailPane(a.width-lw, h)
		for i := range left {
			lines = append(lines, left[i]+right[i])
		}
	case a.detail && a.chosen() != nil:
		lines = a.detailPane(a.width, h)
	default:
		strip := a.stripHeight()
		lines = a.listPane(a.width, h-strip)
		if strip > 0 {
			lines = append(lines, a.detailPane(a.width, strip)...)
		}
	}
	if d := a.dialog(); d != nil {
		a.overlay(lines, a.dialogBox(d, h), a.width)
	}
	return lines
}

func (a *app) listPane(w, h int) []string {
	title := "Profiles"
	if a.board {
		title = "Tokens alive"
	}
	if hidden := len(a.rows) - a.page(); hidden > 0 {
		title += fmt.Sprintf(" %d/%d", a.cursor+1, len(a.rows))
	}
	line, head := a.st.line, a.st.strong
	if a.wide() && !a.detail {
		line = a.st.accent
	}
	return a.frame(title, a.listLines(w-4, h-2), w, h, a.st.pane, line, head, a.st.glyph.more)
}

func (a *app) detailPane(w, h int) []string {
	p := a.chosen()
	if p == nil {
		return a.frame("kitekey", a.welcome(w-4), w, h, a.st.pane, a.st.line, a.st.dim, a.st.glyph.more)
	}
	lines := a.detailLines(p, w-4, h-2)
	// The view, not the key, knows how far one can scroll.
	a.detailTop = max(min(a.detailTop, len(lines)-(h-2)), 0)
	below := len(lines) - a.detailTop - (h - 2)
	lines = lines[a.detailTop:]
	title, border, line, head := p.Account+" / sandbox", a.st.pane, a.st.line, a.st.strong
	if a.detail {
		line = a.st.accent
	}
	if p.Environment == kite.Live {
		title, border, line, head = p.Account+" / LIVE", a.st.live, a.st.bad, a.st.paints.live
	}
	out := a.frame(title, lines, w, h, border, line, head, a.st.glyph.more)
	if below > 0 {
		more := "enter for more"
		if a.detail {
			more = fmt.Sprintf("%d more", below)
		}
		a.markMore(out, more, w, border, line)
	}
	return out
}

// dialogBox frames a dialog: as wide as it likes up to the screen, the whole
// body on a narrow one.
func (a *app) dialogBox(d dialog, h int) []string {
	w := min(a.width, 76)
	if s, ok := d.(interface{ wide() int }); ok {
		w = min(a.width, s.wide())
	}
	if a.width-w < 8 {
		w = a.width
	}
	lines := d.lines(a, w-4)
	if s, ok := d.(interface{ scrollTo(have, room int) int }); ok {
		top := s.scrollTo(len(lines), h-2)
		lines = lines[min(top, len(lines)):]
	}
	below := len(lines) - (h - 2)
	bh := min(len(lines)+2, h)
	border, line := a.st.pane, a.st.accent
	if l, ok := d.(interface{ live() bool }); ok && l.live() {
		border, line = a.st.live, a.st.bad
	}
	out := a.frame(d.title(), lines, w, bh, border, line, a.st.strong, a.st.glyph.more)
	if below > 0 {
		a.markMore(out, fmt.Sprintf("%d more", below), w, border, line)
	}
	return out
}

// markMore says in a frame's lower border that there is more below it.
func (a *app) markMore(frame []string, text string, w int, border lipgloss.Border, line ansi.Style) {
	text = " " + a.st.glyph.more + " " + text + " "
	frame[len(frame)-1] = line.Styled(border.BottomLeft+border.Bottom) + a.st.dim.Styled(text) +
		line.Styled(strings.Repeat(border.Bottom, max(w-3-a.len(text), 0))+border.BottomRight)
}

// footerLine shows the keys that work now; those that do not fit are in the help.
func (a *app) footerLine() string {
	hints := a.hints
	switch {
	case a.dialog() != nil:
		hints = func() []hint { return a.dialog().hints(a) }
	case a.typing:
		hints = filterHints
	}
	return a.hintLine(hints())
}

func (a *app) hintLine(hints []hint) string {
	// The last two, help and quit on the main screen, matter most: they keep
	// their place when the room is short.
	keep := min(2, len(hints))
	if a.dialog() != nil {
		keep = 1 // a dialog's own keys come in the order of their weight; the last goes back
	}
	if a.width < 60 && a.dialog() == nil && !a.locked && !a.typing && len(hints) > 2 {
		hints, keep = hints[:len(hints)-1], 1 // everybody finds out how to quit
	}
	for i := range hints {
		hints[i].key = a.keyName(hints[i].key)
	}
	tail, room := "", a.width-2
	for _, h := range hints[len(hints)-keep:] {
		tail += "   " + h.key + " " + h.does
	}
	if len(hints) > 2 {
		room -= a.len(tail)
	}
	var b strings.Builder
	used := 0
	put := func(h hint) {
		if used > 0 {
			b.WriteString("   ")
			used += 3
		}
		b.WriteString(a.st.accent.Styled(h.key) + " " + a.st.dim.Styled(h.does))
		used += a.len(h.key) + 1 + a.len(h.does)
	}
	full := false
	for i, h := range hints {
		need := a.len(h.key) + 1 + a.len(h.does) + 3
		full = full || used+need > room // in order: no later one slips in
		if i < len(hints)-keep && full {
			continue
		}
		put(h)
	}
	return " " + a.fit(b.String(), a.width-2, a.st.glyph.more) + " "
}

// windowTitle puts the chosen countdown into the terminal's own title.
func (a *app) windowTitle() string {
	p := a.chosen()
	if a.locked {
		return "kitekey - locked"
	}
	if p == nil {
		return "kitekey"
	}
	title := "kitekey - " + p.Account + "/" + string(p.Environment)
	if words.TokenStateOf(p.Token, a.now) == words.NoToken {
		return title
	}
	if l := words.TokenStateOf(p.Token, a.now); l == words.Expired {
		return title + " - expired"
	}
	return title + " - " + a.countText(p.Token.Remaining(a.now))
}

// progress puts it into the terminal's progress bar as well, where it has one.
func (a *app) progress() *tea.ProgressBar {
	p := a.chosen()
	if p == nil || a.locked {
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
