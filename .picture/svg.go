package main

import (
	"fmt"
	"html"
	"strings"
	"time"

	"github.com/gdamore/tcell/v3/color"
	"github.com/gdamore/tcell/v3/vt"
)

// What the terminal of the picture looks like. A row is as high as box-drawing
// characters are, so that lines join.
const (
	cellWidth  = 8.4
	cellHeight = 17
	fontSize   = 14
	margin     = 14
	foreground = "#d0d4dc"
	background = "#14161b"
)

// frame is what can be seen at a time, a drawing for each row.
type frame struct {
	at   time.Duration
	rows [rows]string
}

// look draws what the terminal shows.
func (r *recorder) look() (f frame) {
	for y := range rows {
		f.rows[y] = r.row(y)
	}
	return f
}

// row draws one row: a rectangle for each run of a background, a text for each run of
// one look.
func (r *recorder) row(y int) string {
	var back, front strings.Builder
	for x := 0; x < cols; {
		start, style := x, r.vt.GetCell(vt.Coord{X: vt.Col(x), Y: vt.Row(y)}).S
		var text strings.Builder
		for x < cols {
			cell := r.vt.GetCell(vt.Coord{X: vt.Col(x), Y: vt.Row(y)})
			if cell.S != style && (css(cell.S) != css(style) || under(cell.S) != under(style)) {
				break
			}
			if cell.C == "" {
				cell.C = " "
			}
			text.WriteString(cell.C)
			x += max(cell.W, 1)
		}
		bg := under(style)
		left, width := float64(start)*cellWidth, float64(x-start)*cellWidth
		if bg != "" {
			fmt.Fprintf(&back, `<rect x="%.1f" width="%.1f" height="%d" fill="%s"/>`, left, width, cellHeight, bg)
		}
		trimmed := strings.TrimRight(text.String(), " ")
		if trimmed == "" {
			continue
		}
		// textLength keeps the columns where they belong, whatever the font.
		length := float64(len([]rune(trimmed))) * cellWidth
		fmt.Fprintf(&front, `<text x="%.1f" y="13" textLength="%.1f"%s>%s</text>`, left, length, css(style), html.EscapeString(strings.ReplaceAll(trimmed, " ", "\u00a0")))
	}
	return back.String() + front.String()
}

// colors are the look's foreground, and its background if it is not the terminal's.
func colors(s vt.Style) (fg, bg string) {
	fg, bg = foreground, ""
	if s == nil {
		return fg, bg
	}
	// The emulated terminal's own colours are silver on black.
	if c := s.Fg(); c.Valid() && c != color.Silver {
		fg = fmt.Sprintf("#%06x", c.Hex())
	}
	if c := s.Bg(); c.Valid() && c != color.Black {
		bg = fmt.Sprintf("#%06x", c.Hex())
	}
	if s.Attr()&vt.Reverse != 0 {
		if bg == "" {
			bg = background
		}
		fg, bg = bg, fg
	}
	return fg, bg
}

// under is the background, "" for the terminal's.
func under(s vt.Style) string {
	_, bg := colors(s)
	return bg
}

// css is the look as attributes of a text.
func css(s vt.Style) string {
	fg, _ := colors(s)
	var b strings.Builder
	if fg != foreground {
		fmt.Fprintf(&b, ` fill="%s"`, fg)
	}
	if s == nil {
		return b.String()
	}
	for _, a := range []struct {
		attr vt.Attr
		text string
	}{
		{vt.Bold, ` font-weight="bold"`}, {vt.Italic, ` font-style="italic"`}, {vt.Dim, ` opacity=".6"`},
		{vt.Underline, ` text-decoration="underline"`},
	} {
		if s.Attr()&a.attr != 0 {
			b.WriteString(a.text)
		}
	}
	return b.String()
}

// picture draws frames, one after the other if there are several, over and over. A
// row that several frames have is drawn once.
func picture(frames []frame, end time.Duration) string {
	var b, defs, body strings.Builder
	width, height := cols*cellWidth+2*margin, float64(rows*cellHeight+2*margin)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" font-family="ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace" font-size="%d" fill="%s">`+"\n",
		width, height, width, height, fontSize, foreground)
	b.WriteString("<title>kitekey demo</title>\n<style>")
	if len(frames) > 1 {
		b.WriteString(".f{visibility:hidden}")
	}
	ids := map[string]int{}
	for i, f := range frames {
		class := ""
		if len(frames) > 1 {
			until := end
			if i+1 < len(frames) {
				until = frames[i+1].at
			}
			from, to := 100*f.at.Seconds()/end.Seconds(), 100*until.Seconds()/end.Seconds()
			fmt.Fprintf(&b, "\n@keyframes k%d{%.3f%%{visibility:visible}%.3f%%,to{visibility:hidden}}.k%d{animation:k%d %.2fs step-end infinite}", i, from, to, i, i, end.Seconds())
			class = fmt.Sprintf(` class="f k%d"`, i)
		}
		fmt.Fprintf(&body, "<g%s>", class)
		for y, row := range f.rows {
			if row == "" {
				continue
			}
			id, known := ids[row]
			if !known {
				id = len(ids)
				ids[row] = id
				fmt.Fprintf(&defs, "<g id=\"r%d\">%s</g>\n", id, row)
			}
			fmt.Fprintf(&body, `<use href="#r%d" x="%d" y="%d"/>`, id, margin, margin+y*cellHeight)
		}
		body.WriteString("</g>\n")
	}
	fmt.Fprintf(&b, "</style>\n<rect width=\"100%%\" height=\"100%%\" rx=\"8\" fill=\"%s\"/>\n<defs>\n%s</defs>\n%s</svg>\n", background, defs.String(), body.String())
	return b.String()
}
