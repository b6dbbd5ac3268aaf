package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"kitekey/ui/words"
)

// menu offers a few actions, chosen by their keys or with the arrows and enter.
type menu struct {
	basicDialog
	head   string
	intro  string
	action string // name of enter's action
	items  []menuItem
	at     int
	isLive bool
}

type menuItem struct {
	key, name, is string
	run           func(*app) tea.Cmd
}

func (d *menu) title() string { return d.head }
func (d *menu) live() bool    { return d.isLive }

func (d *menu) keys(a *app) []dialogKey {
	pick := func(i int) func() tea.Cmd {
		return func() tea.Cmd {
			a.drop(d)
			return d.items[i].run(a)
		}
	}
	var names []string
	var direct []dialogKey
	for i, item := range d.items {
		names = append(names, item.key)
		direct = append(direct, on(item.key, "", "", pick(i)))
	}
	return append(append([]dialogKey{on("enter", "enter", d.action, pick(d.at)),
		{bind(names[0], strings.Join(names, " "), "at once"), pick(0)}}, direct...),
		on("up k", "", "", does(func() { d.at = max(d.at-1, 0) })),
		on("down j tab", "", "", does(func() { d.at = min(d.at+1, len(d.items)-1) })),
		on("esc q", "esc", "back", does(func() { a.drop(d) })))
}

// click runs the item on a line: the items follow the intro.
func (d *menu) click(a *app, _, line int) tea.Cmd {
	line -= len(d.introLines(a, a.dialogWidth(d)-4))
	if line < 0 || line >= len(d.items) {
		return nil
	}
	a.drop(d)
	return d.items[line].run(a)
}

// introLines draws the intro, with a blank line below it if there is room.
func (d *menu) introLines(a *app, w int) []string {
	if d.intro == "" {
		return nil
	}
	out := a.painted(d.intro, w, a.st.dim)
	if a.layout.body < 12 {
		return out
	}
	return append(out, "")
}

func (d *menu) lines(a *app, w int) []string {
	out := d.introLines(a, w)
	names, whole := 0, true
	for _, item := range d.items {
		names = max(names, a.len(item.name)+2)
	}
	for _, item := range d.items {
		whole = whole && menuIndent+names+a.len(item.is) <= w
	}
	for i, item := range d.items {
		mark, name := "  ", a.st.text
		if i == d.at {
			mark, name = a.st.accent.Styled(a.st.glyph.cursor)+" ", a.st.strong
		}
		line := mark + a.st.accent.Styled(item.key) + "  " + name.Styled(a.fit(item.name, names, ""))
		if whole {
			line += a.st.dim.Styled(item.is)
		}
		out = append(out, a.cut(line, w, a.st.glyph.more))
	}
	if whole {
		return out
	}
	return append(out, d.below(a, w)...)
}

// menuIndent is the width of what precedes an item's name.
const menuIndent = 5

// below says under the items what the chosen one is, where that has no room beside
// the names. It has as many lines for each item as for the longest.
func (d *menu) below(a *app, w int) []string {
	most := 0
	for _, item := range d.items {
		most = max(most, len(a.wrap(words.Sentence(item.is), w)))
	}
	out := append([]string{""}, a.painted(words.Sentence(d.items[d.at].is), w, a.st.dim)...)
	for len(out) < most+1 {
		out = append(out, "")
	}
	return out
}
