package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
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
	if d.intro != "" {
		line -= len(a.wrap(d.intro, a.dialogWidth(d)-4)) + 1
	}
	if line < 0 || line >= len(d.items) {
		return nil
	}
	a.drop(d)
	return d.items[line].run(a)
}

func (d *menu) lines(a *app, w int) []string {
	var out []string
	if d.intro != "" {
		for _, l := range a.wrap(d.intro, w) {
			out = append(out, a.st.dim.Styled(l))
		}
		out = append(out, "")
	}
	names := 0
	for _, item := range d.items {
		names = max(names, a.len(item.name)+2)
	}
	for i, item := range d.items {
		mark, name := "  ", a.st.text
		if i == d.at {
			mark, name = a.st.accent.Styled(a.st.glyph.cursor)+" ", a.st.strong
		}
		out = append(out, a.cut(mark+a.st.accent.Styled(item.key)+"  "+name.Styled(a.fit(item.name, names, ""))+a.st.dim.Styled(item.is), w, a.st.glyph.more))
	}
	return out
}
