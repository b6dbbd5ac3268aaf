package tui

import (
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"kitekey/ui/words"
)

// tokenGlyph and tokenPaint give each state of a token its own shape and colour
// beside its word, so that none of the three has to be seen.
func tokenGlyph(state words.TokenState, s *styles) string {
	return [...]string{" ", s.glyph.fresh, s.glyph.low, s.glyph.ending, s.glyph.expired}[state]
}

func tokenPaint(state words.TokenState, p *paints) ansi.Style {
	return [...]ansi.Style{p.dim, p.ok, p.warn, p.bad, p.dim}[state]
}

// bar draws the share of life left, width cells wide. As long as anything is
// left at least half a cell is drawn.
func (s *styles) bar(width int, left, whole time.Duration, on, off ansi.Style) string {
	if width <= 0 {
		return ""
	}
	halves := 0
	if whole > 0 && left > 0 {
		// By fractions: nobody knows how long a life a gateway may give.
		halves = max(int(min(float64(left)/float64(whole), 1)*float64(width*2)), 1)
	}
	full := strings.Repeat(s.glyph.full, halves/2)
	if halves%2 == 1 {
		full += s.glyph.half
	}
	return on.Styled(full) + off.Styled(strings.Repeat(s.glyph.empty, width-(halves+1)/2))
}

// bigClock draws digits and colons three rows high, for the one number the eye
// should land on.
func bigClock(text string) [3]string {
	var rows [3]string
	for i, r := range text {
		var d [3]string
		switch {
		case r >= '0' && r <= '9':
			d = digits()[r-'0']
		case r == ':':
			d = [3]string{" ", ":", " "}
		}
		for j := range rows {
			if i > 0 {
				rows[j] += " "
			}
			rows[j] += d[j]
		}
	}
	return rows
}

func digits() [10][3]string {
	return [10][3]string{
		{"┏━┓", "┃ ┃", "┗━┛"},
		{"╺┓ ", " ┃ ", "╺┻╸"},
		{"╺━┓", "┏━┛", "┗━╸"},
		{"╺━┓", " ━┫", "╺━┛"},
		{"╻ ╻", "┗━┫", "  ╹"},
		{"┏━╸", "┗━┓", "╺━┛"},
		{"┏━╸", "┣━┓", "┗━┛"},
		{"╺━┓", "  ┃", "  ╹"},
		{"┏━┓", "┣━┫", "┗━┛"},
		{"┏━┓", "┗━┫", "╺━┛"},
	}
}

// tickMsg is the one heartbeat. There is a single chain of them, re-armed in
// [app.heartbeat] only while something on the screen counts.
type tickMsg struct{}

// heartbeat asks for the next tick, on the second by the wall clock, unless one
// is on its way or nothing counts.
func (a *app) heartbeat() tea.Cmd {
	if a.ticking || !a.counts() {
		return nil
	}
	a.ticking = true
	now := a.o.Now()
	wait := now.Truncate(time.Second).Add(time.Second).Sub(now)
	return a.after(wait, tickMsg{})
}

// counts reports whether anything changes by the second.
func (a *app) counts() bool {
	if a.locked {
		return a.keep.id != ""
	}
	if a.taskShown() || a.clip.until.After(a.now) || a.shown.until.After(a.now) || a.keep.id != "" || a.notice.until.After(a.now) {
		return true
	}
	for i := range a.profiles {
		if a.profiles[i].Token.Unexpired(a.now) {
			return true
		}
	}
	return false
}
