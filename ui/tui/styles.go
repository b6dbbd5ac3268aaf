package tui

import (
	"image/color"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
)

// palette is the few colours the screen uses. Text colours reach WCAG AA (4.5:1)
// on the backgrounds that terminals of that kind commonly have, and on the
// chosen row's own; lines and bars reach the 3:1 that AA asks of graphics. A nil
// colour is the terminal's own foreground.
type palette struct {
	dim, accent, ok, warn, bad, live, line color.Color
	row                                    color.Color // background of the chosen row
}

// The colours come from the 256-colour cube: terminals with more show the same,
// and a name costs eight bytes less than a 24-bit colour, in every row, every
// second.
func darkPalette() palette {
	return palette{
		dim: ansi.IndexedColor(249), accent: ansi.IndexedColor(117),
		ok: ansi.IndexedColor(115), warn: ansi.IndexedColor(222), bad: ansi.IndexedColor(217), live: ansi.IndexedColor(219),
		line: ansi.IndexedColor(244), row: ansi.IndexedColor(236),
	}
}

func lightPalette() palette {
	return palette{
		dim: ansi.IndexedColor(239), accent: ansi.IndexedColor(25),
		ok: ansi.IndexedColor(22), warn: ansi.IndexedColor(58), bad: ansi.IndexedColor(124), live: ansi.IndexedColor(90),
		line: ansi.IndexedColor(244), row: ansi.IndexedColor(254),
	}
}

// basicPalette leaves the shades to the terminal's own sixteen colours, which
// its owner has tuned; rounding ours to the nearest of them would be unreadable
// on one background or the other.
func basicPalette() palette {
	return palette{
		accent: ansi.Cyan, ok: ansi.Green, warn: ansi.Yellow, bad: ansi.Red, live: ansi.Magenta,
	}
}

// textStyles are the styles text can have. They are [ansi.Style], the engine below
// Lip Gloss, and not lipgloss.Style: a list of a thousand profiles repaints some
// three hundred pieces of text a frame, at 0.07 µs each instead of 1.8 µs.
type textStyles struct {
	text, dim, strong, accent, ok, warn, bad, line, match, live ansi.Style
}

// styles is how the screen looks on this terminal.
type styles struct {
	textStyles
	palette  palette
	chosen   textStyles // the same on the chosen row
	pane     lipgloss.Border
	live     lipgloss.Border // around a live profile: a second shape besides the colour
	liveLine ansi.Style
	glyph    glyphs
	ascii    bool
}

// glyphs are the marks beside words; a word always goes with them.
type glyphs struct {
	ok, bad, warn, unknown                string
	fresh, low, ending, expired           string
	cursor, more, dots, full, half, empty string
	sep                                   string // between facts
}

func newStyles(dark bool, profile colorprofile.Profile, ascii bool) styles {
	p := lightPalette()
	if dark {
		p = darkPalette()
	}
	if profile <= colorprofile.ANSI {
		p = basicPalette()
	}
	s := styles{
		palette: p, textStyles: newTextStyles(p, nil), chosen: newTextStyles(p, p.row),
		pane: lipgloss.RoundedBorder(), live: lipgloss.DoubleBorder(), ascii: ascii,
		liveLine: ansi.Style{}.ForegroundColor(p.live),
		glyph: glyphs{
			ok: "✓", bad: "✗", warn: "!", unknown: "?",
			fresh: "●", low: "◐", ending: "○", expired: "×",
			cursor: "▌", more: "…", dots: "·", full: "━", half: "╸", empty: "╌", sep: " · ",
		},
	}
	if ascii {
		s.pane = lipgloss.ASCIIBorder()
		s.live = lipgloss.Border{Top: "=", Bottom: "=", Left: "#", Right: "#", TopLeft: "#", TopRight: "#", BottomLeft: "#", BottomRight: "#", MiddleLeft: "#", MiddleRight: "#"}
		s.glyph = glyphs{
			ok: "+", bad: "x", warn: "!", unknown: "?",
			fresh: "*", low: "~", ending: "!", expired: "x",
			cursor: ">", more: "~", dots: ".", full: "=", half: "-", empty: ".", sep: " - ",
		}
	}
	return s
}

func newTextStyles(p palette, background color.Color) textStyles {
	base := ansi.Style{}
	if background != nil {
		base = base.BackgroundColor(background)
	}
	fg := func(c color.Color) ansi.Style {
		s := append(ansi.Style{}, base...)
		if c != nil {
			s = s.ForegroundColor(c)
		}
		return s
	}
	return textStyles{
		text: fg(nil), dim: fg(p.dim), strong: fg(nil).Bold(), accent: fg(p.accent),
		ok: fg(p.ok), warn: fg(p.warn), bad: fg(p.bad), line: fg(p.line),
		match: fg(p.accent).Bold().Underline(true),
		live:  fg(p.live).Bold(),
	}
}
