package tui

import (
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// The size in cells of the smallest terminal on which kitekey draws its screen, and
// the width from which it shows two panes.
const (
	MinWidth, MinHeight = 40, 10
	twoPanes            = 96
	threePlaces         = 150 // room for the activity and for how to use a profile too
)

// metrics tells how wide text is on this terminal: by wcwidth, unless the terminal
// has said that it measures whole grapheme clusters (mode 2027). The renderer uses
// the same rule; if drawing and measuring differed, borders would be broken.
type metrics struct {
	width, height int
	method        ansi.Method
}

// plainASCII reports whether every byte of s is one cell wide.
func plainASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func (sc metrics) len(s string) int {
	if plainASCII(s) {
		return len(s)
	}
	return sc.method.StringWidth(s)
}

// cut shortens s to at most w cells, with more at the end if something is left out.
func (sc metrics) cut(s string, w int, more string) string {
	if w <= 0 {
		return ""
	}
	if sc.len(s) <= w {
		return s
	}
	return sc.method.Truncate(s, w, more)
}

// fit makes s exactly w cells wide: it cuts s or adds spaces.
func (sc metrics) fit(s string, w int, more string) string {
	s = sc.cut(s, w, more)
	return s + spaces(w-sc.len(s))
}

// right is fit, aligned at the right.
func (sc metrics) right(s string, w int, more string) string {
	s = sc.cut(s, w, more)
	return spaces(w-sc.len(s)) + s
}

// center is fit, centred.
func (sc metrics) center(s string, w int) string {
	n := sc.len(s)
	if n >= w {
		return s
	}
	return spaces((w-n)/2) + s
}

// wrap breaks a text at spaces into lines of at most w cells. Unlike the
// library it does not break at hyphens, so that "--store" can be copied in one piece.
func (sc metrics) wrap(s string, w int) []string {
	const hyphen = "\u2011" // of the same width as a hyphen, but not a place to break a line
	s = sc.method.Wrap(strings.ReplaceAll(s, "-", hyphen), max(w, 1), "")
	return strings.Split(strings.ReplaceAll(s, hyphen, "-"), "\n")
}

// spread puts left at the left and right at the right end of w cells. If there is
// no room for both, it cuts left.
func (sc metrics) spread(left, right string, w int, more string) string {
	rw := sc.len(right)
	if rw > w {
		return sc.fit(right, w, more)
	}
	return sc.fit(left, w-rw, more) + right
}

// from returns the part of a line of w cells that begins at cell x. (Method.Cut
// measured by wcwidth cuts at the wrong end: x/ansi 0.11.9.)
func (sc metrics) from(line string, x, w int) string {
	rest := sc.method.TruncateLeft(line, x, "")
	return spaces(w-x-sc.len(rest)) + rest // half of a wide character becomes a space
}

func spaces(n int) string {
	const some = "                                                                                                                                "
	if n <= 0 {
		return ""
	}
	if n <= len(some) {
		return some[:n]
	}
	return strings.Repeat(" ", n)
}

// frame puts a border and a title around lines, which are cut or filled to the
// outer size. If there are fewer lines than rows, the rest is blank.
func (sc metrics) frame(title string, lines []string, w, h int, b lipgloss.Border, line, head ansi.Style, more string) []string {
	inner := w - 4
	out := make([]string, 0, h)
	title = sc.cut(title, w-6, more)
	out = append(out, line.Styled(b.TopLeft+b.Top+" ")+head.Styled(title)+line.Styled(" "+strings.Repeat(b.Top, max(w-5-sc.len(title), 0))+b.TopRight))
	left, right := line.Styled(b.Left)+" ", " "+line.Styled(b.Right)
	for i := range h - 2 {
		text := ""
		if i < len(lines) {
			text = lines[i]
		}
		out = append(out, left+sc.fit(text, inner, more)+right)
	}
	return append(out, line.Styled(b.BottomLeft+strings.Repeat(b.Bottom, w-2)+b.BottomRight))
}

// overlay draws box over the middle of the lines, which are w cells wide.
func (sc metrics) overlay(lines, box []string, w int) {
	if len(box) == 0 {
		return
	}
	bw := sc.len(box[0])
	x, y := max((w-bw)/2, 0), max((len(lines)-len(box))/2, 0)
	for i, line := range box {
		if y+i >= len(lines) {
			return
		}
		under := lines[y+i]
		lines[y+i] = sc.fit(sc.method.Truncate(under, x, ""), x, "") + ansi.ResetStyle + line + sc.from(under, x+bw, w)
	}
}
