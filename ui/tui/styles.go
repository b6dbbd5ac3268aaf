package tui

import (
	"fmt"
	"image/color"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
)

// palette has the colours of the screen. Text colours reach WCAG AA (4.5:1) on the
// usual backgrounds of such terminals and on the chosen row's; lines and bars reach
// the 3:1 that AA asks of graphics. A nil colour is the terminal's own foreground.
type palette struct {
	dim, accent, ok, warn, bad, live, line color.Color
	row                                    color.Color // background of the chosen row
	onRow                                  color.Color // foreground where the others have the terminal's own
}

// The colours come from the 256-colour cube: terminals with more colours show the
// same, and a name costs eight bytes less than a 24-bit colour, in every row, every
// second.
func darkPalette() palette {
	return palette{
		dim: ansi.IndexedColor(249), accent: ansi.IndexedColor(117),
		ok: ansi.IndexedColor(115), warn: ansi.IndexedColor(222), bad: ansi.IndexedColor(217), live: ansi.IndexedColor(219),
		line: ansi.IndexedColor(244), row: ansi.IndexedColor(236), onRow: ansi.IndexedColor(255),
	}
}

func lightPalette() palette {
	return palette{
		dim: ansi.IndexedColor(239), accent: ansi.IndexedColor(25),
		ok: ansi.IndexedColor(22), warn: ansi.IndexedColor(58), bad: ansi.IndexedColor(124), live: ansi.IndexedColor(90),
		line: ansi.IndexedColor(244), row: ansi.IndexedColor(254), onRow: ansi.IndexedColor(16),
	}
}

// unknownPalette is for a terminal whose background is not known. It sets no
// background, leaves text in the terminal's own colour, and uses only colours that
// reach 3:1 on both dark and light; words and shapes say the rest.
func unknownPalette() palette {
	return palette{
		accent: ansi.IndexedColor(32), ok: ansi.IndexedColor(29), warn: ansi.IndexedColor(166), bad: ansi.IndexedColor(167),
		live: ansi.IndexedColor(133), line: ansi.IndexedColor(243),
	}
}

// The basic palettes use the terminal's own sixteen colours, which its user has
// chosen; rounding ours to the nearest of them would be unreadable on one
// background or the other. They use only those that reach 3:1 in all common
// palettes; a state without a colour has its word and its mark.
func basicPalette(bg background) palette {
	switch bg {
	case dark:
		return palette{accent: ansi.Cyan, ok: ansi.Green, warn: ansi.Yellow, bad: ansi.BrightRed, live: ansi.BrightMagenta}
	case light:
		return palette{accent: ansi.Blue, bad: ansi.Red, live: ansi.Magenta}
	}
	return palette{bad: ansi.BrightRed}
}

// background is the terminal's background, as far as it is known.
type background int

const (
	unknown background = iota
	dark
	light
)

// paletteFor returns the colours for a terminal.
func paletteFor(bg background, profile colorprofile.Profile) palette {
	switch {
	case profile <= colorprofile.ANSI:
		return basicPalette(bg)
	case bg == dark:
		return darkPalette()
	case bg == light:
		return lightPalette()
	}
	return unknownPalette()
}

// Theme is the background that the screen is drawn for.
type Theme string

// The themes. Auto asks the terminal.
const (
	ThemeAuto  Theme = "auto"
	ThemeDark  Theme = "dark"
	ThemeLight Theme = "light"
)

// Set reads a theme's name; "" means auto. With String and Type it makes a flag.
func (t *Theme) Set(s string) error {
	switch Theme(s) {
	case "", ThemeAuto, ThemeDark, ThemeLight:
		*t = Theme(s)
		return nil
	}
	return fmt.Errorf("unknown theme %q: use dark, light or auto", s)
}

func (t *Theme) String() string { return string(*t) }

// Type implements [pflag.Value].
func (t *Theme) Type() string { return "theme" }

// backgroundOf returns the background before the terminal has answered: from the
// theme, or from COLORFGBG ("15;0": the last number is the background's colour),
// which rxvt and Konsole set.
func backgroundOf(theme Theme, colorFGBG string) background {
	switch theme {
	case ThemeDark:
		return dark
	case ThemeLight:
		return light
	}
	switch colorFGBG[strings.LastIndexByte(colorFGBG, ';')+1:] {
	case "0", "1", "2", "3", "4", "5", "6", "8":
		return dark
	case "7", "9", "10", "11", "12", "13", "14", "15":
		return light
	}
	return unknown
}

// textStyles are the styles of text. They are [ansi.Style], which Lip Gloss uses,
// and not lipgloss.Style: a list of a thousand profiles draws some three hundred
// pieces of text a frame, at 0.07 µs each instead of 1.8 µs.
type textStyles struct {
	text, dim, strong, accent, ok, warn, bad, line, match, live ansi.Style
}

// styles is the look of the screen on this terminal.
type styles struct {
	textStyles
	palette  palette
	chosen   textStyles // the same on the chosen row
	pane     lipgloss.Border
	live     lipgloss.Border // around a live profile: a shape besides the colour
	liveLine ansi.Style
	glyph    glyphs
	ascii    bool
}

// glyphs are the marks beside words. A mark never stands without its word.
type glyphs struct {
	ok, bad, warn, unknown                string
	fresh, low, ending, expired           string
	cursor, more, dots, full, half, empty string
	sep                                   string // between facts
}

func newStyles(bg background, profile colorprofile.Profile, ascii bool) styles {
	p := paletteFor(bg, profile)
	s := styles{
		palette: p, textStyles: newTextStyles(p, nil), chosen: newTextStyles(p, p.row),
		pane: lipgloss.RoundedBorder(), live: lipgloss.DoubleBorder(), ascii: ascii,
		liveLine: foreground(ansi.Style{}, p.live),
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
		if c == nil && background != nil {
			c = p.onRow // the terminal's own may be the other background's, if it was mistaken
		}
		return foreground(base, c)
	}
	return textStyles{
		text: fg(nil), dim: fg(p.dim), strong: fg(nil).Bold(), accent: fg(p.accent),
		ok: fg(p.ok), warn: fg(p.warn), bad: fg(p.bad), line: fg(p.line),
		match: fg(p.accent).Bold().Underline(true),
		live:  fg(p.live).Bold(),
	}
}

// foreground adds a colour to a style; nil is the terminal's own.
func foreground(base ansi.Style, c color.Color) ansi.Style {
	s := append(ansi.Style{}, base...)
	if c != nil {
		s = s.ForegroundColor(c)
	}
	return s
}
