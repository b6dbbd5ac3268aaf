package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// placed is a hint and its position on its line.
type placed struct {
	hint
	x, w int
}

// pressHint runs the key of the hint at cell x, if there is one.
func (a *app) pressHint(hints []placed, x int) tea.Cmd {
	for _, h := range hints {
		if x < h.x || x >= h.x+h.w {
			continue
		}
		if name, _, several := strings.Cut(h.key, " "); !several {
			return a.keyPress(keyNamed(name))
		}
	}
	return nil
}

// mouseEvent handles the mouse, which is off by default.
func (a *app) mouseEvent(msg tea.MouseMsg) tea.Cmd {
	m := msg.Mouse()
	_, clicked := msg.(tea.MouseClickMsg)
	_, wheel := msg.(tea.MouseWheelMsg)
	switch {
	case a.lock.locked || a.tooSmall():
		return nil
	case clicked && m.Y == a.height-1:
		hints, keep := a.footerHints()
		return a.pressHint(a.layHints(hints, a.width-2, keep), m.X-1)
	case a.dialog() != nil:
		return a.mouseOnDialog(m, clicked, wheel)
	case m.Y < 1 || m.Y > a.layout.body:
		return nil
	}
	onList := m.X < a.layout.listW
	if !a.wide() {
		onList = !a.detail.open && m.Y <= a.layout.body-a.layout.strip
	}
	switch {
	case wheel:
		a.scrollPane(onList, m.Button == tea.MouseWheelUp)
	case clicked && onList:
		return a.clickList(m.X-2, m.Y-2)
	case clicked && a.chosen() != nil:
		a.detail.open = true
	}
	return nil
}

// scrollPane handles the wheel over the list or the details.
func (a *app) scrollPane(list, up bool) {
	by := 3
	if up {
		by = -3
	}
	if !list {
		a.detail.top = max(a.detail.top+by, 0)
		return
	}
	a.detail = detail{}
	a.list.moveBy(by)
}

// clickList handles a click in the list: on the filter line, on a column's heading,
// or on a row. x and y are relative to the pane's inside.
func (a *app) clickList(x, y int) tea.Cmd {
	l := &a.list
	head := l.headingLines(a.layout.listW - 4)
	switch {
	case y == 0 && len(l.profiles) > 0 && !l.tokensOnly && l.onOrder(&a.canvas, x, a.layout.listW-4):
		a.changeOrder()
	case y == 0 && len(l.profiles) > 0:
		return a.startFilter()
	case y == 1 && head == 2 && !l.tokensOnly:
		a.clickHeading(x)
	case y >= head && y-head < l.page && l.top+y-head < len(l.rows):
		a.detail = detail{}
		l.cursor = l.top + y - head
		l.scroll()
	}
	return nil
}

// onOrder reports whether the name of the order is at cell x of the filter line.
func (l *list) onOrder(c *canvas, x, w int) bool {
	return strings.HasSuffix(ansi.Strip(l.filterLine(c, w)), l.order()) && x >= w-c.len(l.order())
}

// clickHeading orders the list by the column at cell x.
func (a *app) clickHeading(x int) {
	w := a.layout.listW - 4
	c := layColumns(w, a.list.names, a.list.longestLabel)
	state := 2 + c.name + 1 + c.env + 1
	token := w - c.used - 1 - c.bar - 1 - c.count
	switch {
	case x < state:
		a.list.sortBy = byName
	case x >= w-c.used:
		a.list.sortBy = byLastUse
	case x >= token:
		a.list.tokensOnly = true
	default:
		a.list.sortBy = byState
	}
	a.list.keepChosen(a.now)
}

// mouseOnDialog handles the mouse over the topmost dialog: its keys, its lines, and
// the wheel.
func (a *app) mouseOnDialog(m tea.Mouse, clicked, wheel bool) tea.Cmd {
	d := a.dialog()
	if wheel {
		key := "down"
		if m.Button == tea.MouseWheelUp {
			key = "up"
		}
		return a.updateDialog(keyNamed(key))
	}
	if !clicked {
		return nil
	}
	box := a.dialogBox(d)
	w := a.dialogWidth(d)
	x, y := m.X-max((a.width-w)/2, 0)-2, m.Y-1-max((a.layout.body-len(box))/2, 0)-1
	if x < 0 || x >= w-4 || y < 0 || y >= len(box)-2 {
		return nil
	}
	if inside := a.keysInside(d, w-4); len(inside) > 0 && y == len(box)-3 {
		return a.pressHint(a.layHints(dialogHints(a, d), w-4, 1), x)
	}
	if p := d.scrolled(); p != nil {
		y += p.top
	}
	return d.click(a, x, y)
}
