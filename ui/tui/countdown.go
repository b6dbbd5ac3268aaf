package tui

import (
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"kitekey/ui/words"
)

// tokenGlyph and tokenPaint return the shape and the colour of a token's state,
// beside its word, so that a user who cannot see one of the three can tell the
// states apart.
func tokenGlyph(state words.TokenState, s *styles) string {
	return [...]string{" ", s.glyph.fresh, s.glyph.low, s.glyph.ending, s.glyph.expired}[state]
}

func tokenPaint(state words.TokenState, ts *textStyles) ansi.Style {
	return [...]ansi.Style{ts.dim, ts.ok, ts.warn, ts.bad, ts.dim}[state]
}

// bar draws the share of life that is left, width cells wide. While anything is
// left it draws at least half a cell.
func (s *styles) bar(width int, left, whole time.Duration, on, off ansi.Style) string {
	if width <= 0 {
		return ""
	}
	halves := 0
	if whole > 0 && left > 0 {
		// By fractions: a gateway may give a life of any length.
		halves = max(int(min(float64(left)/float64(whole), 1)*float64(width*2)), 1)
	}
	full := strings.Repeat(s.glyph.full, halves/2)
	if halves%2 == 1 {
		full += s.glyph.half
	}
	return on.Styled(full) + off.Styled(strings.Repeat(s.glyph.empty, width-(halves+1)/2))
}

// bigClock draws digits and colons three rows high.
func bigClock(text string) []string {
	rows := make([]string, 3)
	for i, r := range text {
		d := [3]string{" ", ":", " "}
		if r >= '0' && r <= '9' {
			d = digits()[r-'0']
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

// blockClock draws them five rows high.
func blockClock(text string) []string {
	rows := make([]string, 5)
	for i, r := range text {
		for j := range rows {
			if i > 0 {
				rows[j] += "  "
			}
			switch {
			case r < '0' || r > '9':
				rows[j] += [5]string{"  ", "██", "  ", "██", "  "}[j]
			default:
				// Three bits a row, the left one first.
				bits := blockDigits[r-'0'][j]
				for bit := 4; bit > 0; bit >>= 1 {
					if bits&bit != 0 {
						rows[j] += "██"
					} else {
						rows[j] += "  "
					}
				}
			}
		}
	}
	return rows
}

var blockDigits = [10][5]int{
	{7, 5, 5, 5, 7}, {2, 6, 2, 2, 7}, {7, 1, 7, 4, 7}, {7, 1, 7, 1, 7}, {5, 5, 7, 1, 1},
	{7, 4, 7, 1, 7}, {7, 4, 7, 5, 7}, {7, 1, 1, 1, 1}, {7, 5, 7, 5, 7}, {7, 5, 7, 1, 7},
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

// tickMsg is the tick of the only heartbeat. [app.heartbeat] schedules the next one
// only while something on the screen counts.
type tickMsg struct{}
