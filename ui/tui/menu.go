package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
)

// menu asks which of a few things to do: by its key, or with the arrows and
// enter.
type menu struct {
	head   string
	intro  string
	verb   string // what enter does
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

func (d *menu) update(a *app, msg tea.Msg) tea.Cmd {
	k, ok := msg.(tea.KeyPressMsg)
	if !ok {
		return nil
	}
	pick := -1
	switch k.String() {
	case "esc", "q":
		a.drop(d)
		return nil
	case "up", "k":
		d.at = max(d.at-1, 0)
	case "down", "j", "tab":
		d.at = min(d.at+1, len(d.items)-1)
	case "enter":
		pick = d.at
	default:
		for i, item := range d.items {
			if k.String() == item.key {
				pick = i
			}
		}
	}
	if pick < 0 {
		return nil
	}
	a.drop(d)
	return d.items[pick].run(a)
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

func (d *menu) hints(*app) []hint {
	var keys []string
	for _, item := range d.items {
		keys = append(keys, item.key)
	}
	return []hint{{"enter", d.verb}, {strings.Join(keys, " "), "at once"}, {"esc", "back"}}
}
