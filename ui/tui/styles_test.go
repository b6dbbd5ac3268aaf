package tui

import (
	"image/color"
	"math"
	"strings"
	"testing"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	"kitekey/ui/words"
)

// luminance and contrast are defined by WCAG 2.
func luminance(c color.Color) float64 {
	r, g, b, _ := c.RGBA()
	f := func(v uint32) float64 {
		x := float64(v) / 0xffff
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*f(r) + 0.7152*f(g) + 0.0722*f(b)
}

func contrast(a, b color.Color) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// terminals are common backgrounds, with the faintest colour of the terminal's own
// text on each.
var terminals = map[background]struct {
	text    string
	grounds []string
}{
	dark:  {"#d0d0d0", []string{"#000000", "#1e1e1e", "#282c34", "#282a36"}}, // black, VS Code, One Dark, Dracula
	light: {"#383a42", []string{"#ffffff", "#f6f8fa", "#fdf6e3"}},            // white, GitHub, Solarized
}

// colours returns the palette's colours, without the terminal's own.
func (p palette) colours() map[string]color.Color {
	all := map[string]color.Color{"dim": p.dim, "accent": p.accent, "ok": p.ok, "warn": p.warn, "bad": p.bad, "live": p.live, "line": p.line}
	for name, c := range all {
		if c == nil {
			delete(all, name)
		}
	}
	return all
}

func checkContrast(t *testing.T, what string, fg, bg color.Color, want float64) {
	t.Helper()
	if c := contrast(fg, bg); c < want {
		t.Errorf("%s on %v is %.2f:1, not %.1f:1", what, bg, c, want)
	}
}

// Text reaches 4.5:1 and lines 3:1 on common backgrounds and on the chosen row's.
func TestContrast_OnAKnownBackground(t *testing.T) {
	for bg, terminal := range terminals {
		p := paletteFor(bg, colorprofile.ANSI256)
		grounds := []color.Color{p.row}
		for _, g := range terminal.grounds {
			grounds = append(grounds, lipgloss.Color(g))
		}
		for _, ground := range grounds {
			checkContrast(t, "text", lipgloss.Color(terminal.text), ground, 4.5)
			for name, c := range p.colours() {
				want := 4.5
				if name == "line" {
					want = 3
				}
				checkContrast(t, name, c, ground, want)
			}
		}
	}
}

// A theme or COLORFGBG may be wrong for the terminal. The chosen row paints its
// background, so it must not take the terminal's own foreground.
func TestChosenRow_IsReadableOnAMistakenBackground(t *testing.T) {
	for _, bg := range []background{dark, light} {
		p := paletteFor(bg, colorprofile.ANSI256)
		checkContrast(t, "text on the chosen row", p.onRow, p.row, 7)
		for _, profile := range []colorprofile.Profile{colorprofile.ANSI256, colorprofile.ANSI, colorprofile.Ascii} {
			s := newStyles(bg, profile, false)
			painted := strings.Contains(s.chosen.dim.Styled("x"), "48;5")
			for name, style := range map[string]ansi.Style{"text": s.chosen.text, "strong": s.chosen.strong} {
				if got := strings.Contains(style.Styled("x"), "38;5"); got != painted {
					t.Errorf("%s on the chosen row, profile %v: a background %v, a foreground %v", name, profile, painted, got)
				}
			}
		}
	}
}

// If the terminal does not tell its background, no background is painted, and every
// colour reaches 3:1 on all of them.
func TestContrast_OnAnUnknownBackground(t *testing.T) {
	p := paletteFor(unknown, colorprofile.TrueColor)
	if p.row != nil || p.dim != nil {
		t.Error("an unknown background is painted over, or text is dimmed on it")
	}
	for _, terminal := range terminals {
		for _, g := range terminal.grounds {
			for name, c := range p.colours() {
				checkContrast(t, name, c, lipgloss.Color(g), 3)
			}
		}
	}
}

// The sixteen colours of common terminals: black, red, green, yellow, blue,
// magenta, cyan, white, and the same in bright.
var sixteen = map[string]struct {
	colours     string
	dark, light string // their usual backgrounds
}{
	"xterm":        {"#000000 #cd0000 #00cd00 #cdcd00 #0000ee #cd00cd #00cdcd #e5e5e5 #7f7f7f #ff0000 #00ff00 #ffff00 #5c5cff #ff00ff #00ffff #ffffff", "#000000", "#ffffff"},
	"VGA":          {"#000000 #aa0000 #00aa00 #aa5500 #0000aa #aa00aa #00aaaa #aaaaaa #555555 #ff5555 #55ff55 #ffff55 #5555ff #ff55ff #55ffff #ffffff", "#000000", "#ffffff"},
	"Terminal.app": {"#000000 #990000 #00a600 #999900 #0000b2 #b200b2 #00a6b2 #bfbfbf #666666 #e50000 #00d900 #e5e500 #0000ff #e500e5 #00e5e5 #e5e5e5", "#000000", "#ffffff"},
	"Windows":      {"#0c0c0c #c50f1f #13a10e #c19c00 #0037da #881798 #3a96dd #cccccc #767676 #e74856 #16c60c #f9f1a5 #3b78ff #b4009e #61d6d6 #f2f2f2", "#0c0c0c", "#ffffff"},
	"conhost":      {"#000000 #800000 #008000 #808000 #000080 #800080 #008080 #c0c0c0 #808080 #ff0000 #00ff00 #ffff00 #0000ff #ff00ff #00ffff #ffffff", "#000000", "#ffffff"},
	"Solarized":    {"#073642 #dc322f #859900 #b58900 #268bd2 #d33682 #2aa198 #eee8d5 #002b36 #cb4b16 #586e75 #657b83 #839496 #6c71c4 #93a1a1 #fdf6e3", "#002b36", "#fdf6e3"},
}

func TestContrast_InSixteenColours(t *testing.T) {
	for name, terminal := range sixteen {
		shades := strings.Fields(terminal.colours)
		for bg, grounds := range map[background][]string{dark: {terminal.dark}, light: {terminal.light}, unknown: {terminal.dark, terminal.light}} {
			p := paletteFor(bg, colorprofile.ANSI)
			if p.row != nil {
				t.Error("sixteen colours are used as a background")
			}
			for what, c := range p.colours() {
				shade := lipgloss.Color(shades[c.(ansi.BasicColor)])
				for _, ground := range grounds {
					checkContrast(t, name+": "+what, shade, lipgloss.Color(ground), 3)
				}
			}
		}
	}
}

func TestBackgroundOf_AsksThemeThenCOLORFGBG(t *testing.T) {
	for _, tt := range []struct {
		theme Theme
		says  string
		want  background
	}{
		{ThemeAuto, "", unknown}, {ThemeAuto, "15;0", dark}, {ThemeAuto, "0;default;15", light}, {ThemeAuto, "0;7", light}, {ThemeAuto, "0;default", unknown},
		{ThemeDark, "0;15", dark}, {ThemeLight, "15;0", light},
	} {
		if got := backgroundOf(tt.theme, tt.says); got != tt.want {
			t.Errorf("theme %s, COLORFGBG=%s: %v, want %v", tt.theme, tt.says, got, tt.want)
		}
	}
}

func TestPlainLocale_FindsLocalesWithoutUTF8(t *testing.T) {
	for environ, want := range map[string]bool{
		"": false, "LANG=C": true, "LANG=POSIX": true, "LANG=C.UTF-8": false, "LANG=de_DE.UTF-8 LC_ALL=C": true, "LANG=C LC_CTYPE=en_US.UTF-8": false,
		"LANG=de_DE.ISO-8859-1": true, "LC_ALL=zh_CN.GBK": true, "LANG=ru_RU.KOI8-R": true, "LANG=xx_XX": false, "LANG=de_DE.utf8@euro": false, "LANG=de_DE.ISO-8859-15@euro": true,
	} {
		if got := plainLocale(strings.Fields(environ)); got != want {
			t.Errorf("%q: %v", environ, got)
		}
	}
}

// The shapes and words of token states and verdicts differ from each other.
func TestShapes_DifferWithoutColour(t *testing.T) {
	for _, ascii := range []bool{false, true} {
		s := newStyles(dark, 0, ascii)
		seen := map[string]bool{}
		for l := words.Fresh; l <= words.Expired; l++ {
			if seen[tokenGlyph(l, &s)] || seen[l.String()] {
				t.Errorf("ascii %v: %s looks like another", ascii, l.String())
			}
			seen[tokenGlyph(l, &s)], seen[l.String()] = true, true
		}
		if ascii {
			for g := range seen {
				if !plainASCII(g) {
					t.Errorf("%q is not ASCII", g)
				}
			}
		}
	}
}
