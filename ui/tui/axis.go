package tui

import (
	"slices"
	"strings"
	"time"

	"kitekey/ui/words"
)

// axisMin is the inner width of a list, in cells, from which unexpired tokens are
// drawn on one time axis.
const axisMin = 50

// axis is a scale of remaining time on which tokens are drawn as bars.
type axis struct {
	list  *list
	name  int           // width of the names
	bars  int           // width of the scale
	whole time.Duration // the time at its end
	step  time.Duration // the time between two marks
	text  int           // width of the text after a bar
}

// newAxis returns the scale for the tokens of the list. A token that lives much
// longer than most does not squeeze them: its bar runs off the end.
func (l *list) newAxis(c *canvas, w int) axis {
	x := axis{list: l, name: 8, text: 10}
	if l.kept != "" && w >= roomyList {
		x.text += len(" kept alive")
	}
	var left []time.Duration
	for _, r := range l.rows {
		p := &l.profiles[r.profile]
		x.name = max(x.name, c.len(p.Account))
		left = append(left, p.Token.Remaining(c.now))
	}
	x.name = min(x.name, 20)
	x.bars = w - 2 - x.name - 1 - 8 - x.text
	slices.Sort(left)
	const much = 8 // times as long as the median
	last, bound := time.Minute, min(much*left[(len(left)-1)/2], 24*time.Hour)
	for _, t := range left {
		if t <= bound {
			last = max(last, t)
		}
	}
	steps := [...]time.Duration{15 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour}
	for _, x.step = range steps {
		if last <= 4*x.step {
			break
		}
	}
	x.whole = max((last+x.step-1)/x.step, 1) * x.step
	return x
}

// scale draws the marks above the bars.
func (x axis) scale(c *canvas) string {
	line := spaces(2+x.name+1+8) + "now"
	for at := x.step; at <= x.whole; at += x.step {
		cell := 2 + x.name + 1 + 8 + int(float64(x.bars)*float64(at)/float64(x.whole))
		text := words.Duration(at)
		if from := cell - c.len(text); from > c.len(line)+1 {
			line += spaces(from-c.len(line)) + text
		}
	}
	return c.st.dim.Styled(line)
}

// line draws one token.
func (x axis) line(c *canvas, r row, s rowLook) string {
	p := &x.list.profiles[r.profile]
	t := p.Token
	var b strings.Builder
	x.list.nameAndEnvironment(c, &b, r, s, x.name)
	b.WriteString(s.text.Styled(" "))
	state, left := words.TokenStateOf(t, c.now), t.Remaining(c.now)
	paint := tokenPaint(state, s.textStyles)
	cells := min(max(int(float64(x.bars)*float64(c.barLeft(left))/float64(x.whole)), 1), x.bars)
	end := c.st.glyph.half
	if left > x.whole {
		end = c.st.glyph.more
	}
	text := " " + c.countText(left)
	if state.NearlyOver() {
		text += " " + tokenGlyph(state, &c.st)
	}
	if p.ID == x.list.kept && x.text > 10 {
		text += " kept alive"
	}
	b.WriteString(paint.Styled(strings.Repeat(c.st.glyph.full, cells-1)+end) + paint.Bold().Styled(text))
	b.WriteString(s.text.Styled(spaces(x.bars - cells + x.text - c.len(text))))
	return b.String()
}
