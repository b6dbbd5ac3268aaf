package main

import (
	"fmt"
	"html"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gdamore/tcell/v3/color"
	"github.com/gdamore/tcell/v3/vt"
)

// The look of the terminal in the picture. Rows are as high as box-drawing
// characters, so that lines join.
const (
	cellWidth  = 8.43 // DejaVu Sans Mono's at this size
	cellHeight = 17
	fontSize   = 14
	margin     = 14
	foreground = "#d0d4dc"
	background = "#14161b"
)

// frame is what the terminal shows at one time, with a drawing for each row.
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

// row draws one row: a rectangle for each run of a background, a text for each run
// of one style, and lines for the box-drawing characters, because fonts leave gaps
// between these.
func (r *recorder) row(y int) string {
	var back, front strings.Builder
	lines := map[string]*strings.Builder{} // by colour and width
	for x := 0; x < cols; {
		start, style := x, r.cell(x, y).S
		var word string // with its place, because not every renderer knows textLength
		flush := func() {
			if n := len([]rune(word)); n > 0 {
				fmt.Fprintf(&front, `<text x="%s" y="13" textLength="%s"%s>%s</text>`,
					number(float64(x-n)*cellWidth), number(float64(n)*cellWidth), css(style), html.EscapeString(word))
			}
			word = ""
		}
		for x < cols {
			cell := r.cell(x, y)
			if cell.S != style && (css(cell.S) != css(style) || under(cell.S) != under(style)) {
				break
			}
			if cell.C == " " || strokes(cell.C, float64(x)*cellWidth, css(style), lines) {
				flush()
			} else {
				word += cell.C
			}
			x += max(cell.W, 1)
		}
		flush()
		if bg := under(style); bg != "" {
			fmt.Fprintf(&back, `<rect x="%s" width="%s" height="%d" fill="%s"/>`, number(float64(start)*cellWidth), number(float64(x-start)*cellWidth), cellHeight, bg)
		}
	}
	for _, look := range slices.Sorted(maps.Keys(lines)) {
		fmt.Fprintf(&back, `<path d="%s"%s/>`, lines[look], look)
	}
	return back.String() + front.String()
}

func (r *recorder) cell(x, y int) vt.Cell {
	cell := r.vt.GetCell(vt.Coord{X: vt.Col(x), Y: vt.Row(y)})
	if cell.C == "" {
		cell.C = " "
	}
	return cell
}

// number writes a length with as many digits as can be seen.
func number(f float64) string { return strconv.FormatFloat(math.Round(f*10)/10, 'f', -1, 64) }

// boxes are the box-drawing characters: whether they have a line to the left, to
// the right, up and down, which is light (1), heavy (2) or double (3).
var boxes = map[string]string{
	"─": "1100", "│": "0011", "╭": "0101", "╮": "1001", "╰": "0110", "╯": "1010",
	"━": "2200", "┃": "0022", "┏": "0202", "┓": "2002", "┗": "0220", "┛": "2020",
	"┣": "0222", "┫": "2022", "┳": "2202", "┻": "2220", "╋": "2222",
	"╸": "2000", "╹": "0020", "╺": "0200", "╻": "0002",
	"═": "3300", "║": "0033", "╔": "0303", "╗": "3003", "╚": "0330", "╝": "3030",
	"╌": "1100", "├": "0111", "┤": "1011",
}

// strokes adds the lines of a box-drawing character, and reports whether c is one.
func strokes(c string, left float64, look string, lines map[string]*strings.Builder) bool {
	arms, is := boxes[c]
	if !is {
		return false
	}
	color := ` stroke="` + foreground + `"`
	if look != "" {
		color = strings.Replace(look, ` fill=`, ` stroke=`, 1)
		if !strings.Contains(color, "stroke") {
			color = ` stroke="` + foreground + `"` + color
		}
	}
	const middle = float64(cellHeight) / 2
	center := left + cellWidth/2
	for i, to := range [][2]float64{{left, middle}, {left + cellWidth, middle}, {center, 0}, {center, cellHeight}} {
		weight := arms[i] - '0'
		if weight == 0 {
			continue
		}
		width, apart := 1.2, []float64{0}
		switch weight {
		case 2:
			width = 2.4
		case 3:
			width, apart = 1, []float64{-1.5, 1.5}
		}
		key := fmt.Sprintf(`%s stroke-width="%s"`, color, number(width))
		if c == "╌" {
			key += ` stroke-dasharray="2.4 1.8"`
		}
		if lines[key] == nil {
			lines[key] = new(strings.Builder)
		}
		for _, d := range apart {
			if i < 2 {
				fmt.Fprintf(lines[key], "M%s %sH%s", number(center), number(middle+d), number(to[0]))
			} else {
				fmt.Fprintf(lines[key], "M%s %sV%s", number(center+d), number(middle), number(to[1]))
			}
		}
	}
	return true
}

// colors returns the foreground, and the background if it is not the terminal's.
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

// under returns the background, "" for the terminal's.
func under(s vt.Style) string {
	_, bg := colors(s)
	return bg
}

// css returns the style as attributes of a text.
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

// picture draws frames, one after another in a loop if there are several. It draws
// a row that several frames share once.
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
