package tui

import (
	"image/color"
	"math"
	"testing"

	"charm.land/lipgloss/v2"

	"kitekey/ui/words"
)

// luminance and contrast are WCAG 2's.
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

// Text reaches 4.5:1 and lines 3:1 on the backgrounds that people use, and on the
// chosen row's own.
func TestContrast(t *testing.T) {
	for _, tt := range []struct {
		name        string
		p           palette
		text        string   // the terminal's own foreground, at its faintest
		backgrounds []string // black, VS Code, One Dark, Dracula; white, GitHub, Solarized
	}{
		{"dark", darkPalette(), "#d0d0d0", []string{"#000000", "#1e1e1e", "#282c34", "#282a36"}},
		{"light", lightPalette(), "#383a42", []string{"#ffffff", "#f6f8fa", "#fdf6e3"}},
	} {
		least, leastLine := 21.0, 21.0
		check := func(what string, fg, bg color.Color, want float64, least *float64) {
			c := contrast(fg, bg)
			*least = min(*least, c)
			if c < want {
				t.Errorf("%s: %s on %v is %.2f:1, not %.1f:1", tt.name, what, bg, c, want)
			}
		}
		var grounds []color.Color
		for _, b := range tt.backgrounds {
			grounds = append(grounds, lipgloss.Color(b))
		}
		for _, bg := range append(grounds, tt.p.row) {
			for what, fg := range map[string]color.Color{"dim": tt.p.dim, "accent": tt.p.accent, "ok": tt.p.ok, "warn": tt.p.warn, "bad": tt.p.bad, "text": lipgloss.Color(tt.text)} {
				check(what, fg, bg, 4.5, &least)
			}
			check("line", tt.p.line, bg, 3, &leastLine)
		}
		t.Logf("%s theme: text at least %.1f:1, lines at least %.1f:1", tt.name, least, leastLine)
	}
}

// Every life and every verdict can be told from the others without colour.
func TestShapesDiffer(t *testing.T) {
	for _, ascii := range []bool{false, true} {
		s := newStyles(true, 0, ascii)
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
