package tui

import (
	"slices"
	"strings"
	"time"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	"kitekey/ui/words"
)

// canvas has what drawing needs: the terminal's size, its way to measure text, the
// styles, and the time to draw.
type canvas struct {
	metrics
	st      styles
	now     time.Time // the wall clock when the current message came
	bg      background
	profile colorprofile.Profile
	ascii   bool
	still   bool // reduced motion
	names   words.Names
}

func (c *canvas) restyle() { c.st = newStyles(c.bg, c.profile, c.ascii) }

func newTextInput(placeholder string) textinput.Model {
	t := textinput.New()
	t.Prompt = ""
	t.Placeholder = placeholder
	// ctrl+v in the widget reads the system clipboard by itself; a terminal's own
	// paste arrives as a message anyway.
	t.KeyMap.Paste.Unbind()
	// A cursor that does not blink needs no timer and keeps the screen calm.
	t.SetStyles(textinput.Styles{Cursor: textinput.CursorStyle{Shape: tea.CursorBlock}})
	return t
}

func focused(t textinput.Model) textinput.Model {
	t.Focus() // the command it returns only makes the cursor blink
	return t
}

// drawInput draws a text input w cells wide.
func (c *canvas) drawInput(t textinput.Model, w int) string {
	look := textinput.StyleState{Placeholder: lipgloss.NewStyle().Foreground(c.st.palette.dim)}
	t.SetStyles(textinput.Styles{Focused: look, Blurred: look, Cursor: textinput.CursorStyle{Shape: tea.CursorBlock}})
	t.Placeholder = c.brief(t.Placeholder, w)
	t.SetWidth(max(w-1, 1))
	t.SetCursor(t.Position())
	return t.View()
}

// brief shortens a hint such as "optional: Acme Stores Ltd" to its first part if the
// whole has no room.
func (c *canvas) brief(text string, w int) string {
	if at := strings.IndexAny(text, ":;"); at > 0 && c.len(text) > w {
		return text[:at]
	}
	return text
}

// stillStep is how often a screen with reduced motion changes.
const stillStep = 10 * time.Second

// countText writes a remaining time.
func (c *canvas) countText(left time.Duration) string { return words.Countdown(c.barLeft(left)) }

// barLeft returns the remaining time as it is shown: in whole seconds, or in steps
// of ten on a still screen.
func (c *canvas) barLeft(left time.Duration) time.Duration {
	if c.still && left > 0 && left < 1000*time.Hour {
		return (left + stillStep - 1).Truncate(stillStep)
	}
	return left
}

// wrapped wraps text into at most limit lines, with an ellipsis if something is
// left out.
func (c *canvas) wrapped(text string, w, limit int) []string {
	lines := c.wrap(text, w)
	if len(lines) > limit {
		rest := strings.Join(lines[limit-1:], " ")
		lines = append(lines[:limit-1], c.cut(rest, w, c.st.glyph.more))
	}
	return lines
}

// paintedUpTo is wrapped, with every line drawn in a style.
func (c *canvas) paintedUpTo(text string, w, limit int, paint ansi.Style) []string {
	lines := c.wrapped(text, w, limit)
	for i, l := range lines {
		lines[i] = paint.Styled(l)
	}
	return lines
}

// painted wraps text and draws every line in a style.
func (c *canvas) painted(text string, w int, paint ansi.Style) []string {
	lines := c.wrap(text, w)
	for i, l := range lines {
		lines[i] = paint.Styled(l)
	}
	return lines
}

// option draws one of several choices. The chosen one is in brackets, which need no
// colour.
func (c *canvas) option(text string, chosen bool, paint ansi.Style) string {
	if chosen {
		return paint.Bold().Styled("[" + text + "]")
	}
	return paint.Styled(" " + text + " ")
}

// labelWidth is the width of the names at the left of the details, in cells.
const labelWidth = 14

// fact draws a name and its value on one line.
func (c *canvas) fact(name, value string, w int) string {
	return c.st.dim.Styled(c.fit(name, labelWidth, "")) + c.cut(value, w-labelWidth, c.st.glyph.more)
}

// secretFact shows a revealed value over as many lines as it needs. It draws what
// stands for the value.
func (c *canvas) secretFact(name, standIns string, w int) []string {
	var out []string
	for i, l := range strings.Split(c.method.Hardwrap(standIns, w-labelWidth, true), "\n") {
		if i > 0 {
			name = ""
		}
		out = append(out, c.st.dim.Styled(c.fit(name, labelWidth, ""))+c.st.warn.Styled(l))
	}
	return out
}

// marked draws text in w cells, with the bytes at found highlighted.
func (c *canvas) marked(text string, found []int, w int, plain, match ansi.Style) string {
	if len(found) == 0 {
		return plain.Styled(c.fit(text, w, c.st.glyph.more))
	}
	var b strings.Builder
	start, on := 0, false
	flush := func(end int) {
		switch {
		case end == start:
		case on:
			b.WriteString(match.Styled(text[start:end]))
		default:
			b.WriteString(plain.Styled(text[start:end]))
		}
		start = end
	}
	for i := range text {
		if hit := slices.Contains(found, i); hit != on {
			flush(i)
			on = hit
		}
	}
	flush(len(text))
	b.WriteString(plain.Styled(spaces(w - c.len(text))))
	return b.String()
}

// account shortens an account's name to at most w cells, so that different ones stay
// different.
func (c *canvas) account(s string, w int) string {
	if plainASCII(s) && len(s) <= w {
		return s // measuring all of a long list would take too long
	}
	return c.names.Short(c.method, s, w, c.st.glyph.more)
}

// cutTitle shortens a title that ends with a profile's name: it keeps the
// environment, and cuts the account before anything else.
func (c *canvas) cutTitle(title string, w int) string {
	at := strings.LastIndex(title, " / ")
	switch {
	case c.len(title) <= w:
		return title
	case at < 0:
		return c.account(title, w)
	}
	head, account, environment := title[:at], title[:at], title[at:]
	if i := strings.LastIndexByte(head, ' '); i >= 0 {
		head, account = head[:i+1], head[i+1:]
	} else {
		head = ""
	}
	const enough = 12 // cells in which two accounts can be told apart
	room := w - c.len(environment)
	account = c.account(account, max(room-c.len(head), min(enough, room)))
	return c.cut(head, room-c.len(account), c.st.glyph.more) + account + environment
}

// markMore marks a frame's lower border to show that more follows below.
func (c *canvas) markMore(frame []string, text string, w int, border lipgloss.Border, line ansi.Style) {
	text = " " + c.st.glyph.more + " " + text + " "
	frame[len(frame)-1] = line.Styled(border.BottomLeft+border.Bottom) + c.st.dim.Styled(text) +
		line.Styled(strings.Repeat(border.Bottom, max(w-3-c.len(text), 0))+border.BottomRight)
}

// keyName returns a key's name, with words for the arrows on an ASCII screen.
func (c *canvas) keyName(k string) string {
	if !c.ascii {
		return k
	}
	return strings.NewReplacer("← →", "arrows", "↑", "up", "↓", "down").Replace(k)
}

func (c *canvas) arrow() string {
	if c.ascii {
		return "->"
	}
	return "→"
}

// hintLine draws a footer: as many keys as fit, in their order, and always the last
// keep ones.
func (c *canvas) hintLine(hints []hint, keep int) string {
	return " " + c.fit(c.hintText(hints, c.width-2, keep), c.width-2, c.st.glyph.more) + " "
}

// hintText returns hintLine's text, at most w cells wide.
func (c *canvas) hintText(hints []hint, w, keep int) string {
	var b strings.Builder
	used := 0
	for _, h := range c.layHints(hints, w, keep) {
		b.WriteString(spaces(h.x-used) + c.st.accent.Styled(c.keyName(h.key)) + " " + c.st.dim.Styled(h.does))
		used = h.x + h.w
	}
	return b.String()
}

// layHints returns the hints that fit a line of w cells, and their positions:
// always the last keep ones, the others in their order.
func (c *canvas) layHints(hints []hint, w, keep int) []placed {
	keep = min(keep, len(hints))
	size := func(h hint) int { return c.len(c.keyName(h.key)) + 1 + c.len(h.does) }
	room := w
	if len(hints) > 2 {
		for _, h := range hints[len(hints)-keep:] {
			room -= 3 + size(h)
		}
	}
	var out []placed
	used, full := 0, false
	for i, h := range hints {
		need := size(h)
		full = full || used+need+3 > room // do not let a later, shorter one in
		if i < len(hints)-keep && full {
			continue
		}
		if used > 0 {
			used += 3
		}
		out = append(out, placed{h, used, need})
		used += need
	}
	return out
}
