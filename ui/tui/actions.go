package tui

import (
	"slices"
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"kitekey/ui/words"
)

// actionList lists every action with its key, the command that does the same, and
// why it cannot work now. Typing narrows the list, enter runs an action. The list
// also serves as the help.
type actionList struct {
	basicDialog
	input textinput.Model
	at    int // position among the actions that match
}

func (a *app) openActions() {
	a.push(&actionList{input: focused(newTextInput("type to find an action"))})
}

func (d *actionList) title() string { return "Actions" }
func (d *actionList) width() int    { return 116 }

// found returns the actions that match what was typed, group by group. Those whose
// name matches come before those whose description does.
func (d *actionList) found(a *app) []*binding {
	query := strings.Fields(strings.ToLower(d.input.Value()))
	var named, described []*binding
	for _, group := range []string{groupToken, groupAccount, groupMove, groupApp} {
		for i := range a.keys {
			b := &a.keys[i]
			if b.group != group {
				continue
			}
			name := strings.ToLower(b.Help().Key + " " + b.Help().Desc)
			switch {
			case containsAll(name, query):
				named = append(named, b)
			case containsAll(name+" "+strings.ToLower(b.long+" "+a.commandFor(b)), query):
				described = append(described, b)
			}
		}
	}
	return append(named, described...)
}

func containsAll(text string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}

// commandFor returns the command line that does the same as a key for the chosen
// profile, or for the profiles in the list, "" if there is none.
func (a *app) commandFor(b *binding) string {
	profile, account := "SELECTOR", "ACCOUNT"
	p := a.chosen()
	if p != nil {
		profile, account = p.Selector.String(), p.Account
	}
	command := b.command
	switch {
	case b.Help().Key == "V" && (a.list.filtered() || a.list.tokensOnly || a.o.SandboxOnly):
		return "kitekey verify" + a.selectorsInList()
	case b.Help().Key == "n" && p != nil && p.Token.ExpiresIn != p.ExpiresIn && p.Token.ExpiresIn > 0:
		command += " --expires-in " + p.Token.ExpiresIn.String()
	}
	return strings.NewReplacer("SELECTOR", profile, "ACCOUNT", account).Replace(command)
}

// selectorsInList returns the names of the profiles in the list, each after a space, as
// far as a line can show them.
func (a *app) selectorsInList() string {
	var names strings.Builder
	for _, r := range a.list.rows {
		if names.Len() > a.width {
			return names.String() + " " + a.st.glyph.more
		}
		names.WriteString(" " + a.list.profiles[r.profile].Selector.String())
	}
	return names.String()
}

func (d *actionList) keys(a *app) []dialogKey {
	by := func(n int) func() tea.Cmd {
		return does(func() { d.at = max(min(d.at+n, len(d.found(a))-1), 0) })
	}
	page := max(d.room(a)-1, 1)
	keys := []dialogKey{
		on("enter", "enter", "do it", func() tea.Cmd { return d.run(a) }),
		on("up ctrl+p", "↑ ↓", "choose", by(-1)),
		on("down ctrl+n", "", "", by(1)),
		on("pgup ctrl+b", "", "", by(-page)),
		on("pgdown ctrl+f", "", "", by(page)),
	}
	if d.input.Value() != "" {
		return append(keys, on("esc", "esc", "clear", does(func() {
			d.input.SetValue("")
			d.at = 0
		})))
	}
	return append(keys,
		on("home", "", "", by(-len(a.keys))),
		on("end", "", "", by(len(a.keys))),
		on("esc ? :", "esc", "close", does(func() { a.drop(d) })))
}

// run does what the chosen action's key does.
func (d *actionList) run(a *app) tea.Cmd {
	found := d.found(a)
	if d.at >= len(found) {
		return nil
	}
	b := found[d.at]
	a.drop(d)
	return a.runBinding(b)
}

func (d *actionList) update(_ *app, msg tea.Msg) tea.Cmd {
	before := d.input.Value()
	var cmd tea.Cmd
	d.input, cmd = d.input.Update(msg)
	if d.input.Value() != before {
		d.at = 0
	}
	return cmd
}

// wholeActions is the width from which an action's line says what it does, and not
// only its name.
const wholeActions = 60

// belowActions is the number of lines below the list: a blank one, what the chosen
// action does, its command, and why it cannot work now.
const belowActions = 4

// room returns how many lines the list has.
func (d *actionList) room(a *app) int {
	head := 2
	if d.small(a) {
		head = 1
	}
	return max(a.layout.body-2-head-belowActions, 1)
}

// small reports whether there is no room for blank lines and headings.
func (d *actionList) small(a *app) bool { return a.layout.body < 14 }

// click chooses the action on a line, and runs it if it is the chosen one.
func (d *actionList) click(a *app, _, line int) tea.Cmd {
	_, actions := d.draw(a, a.dialogWidth(d)-4)
	switch {
	case line >= len(actions) || actions[line] < 0:
		return nil
	case actions[line] == d.at:
		return d.run(a)
	}
	d.at = actions[line]
	return nil
}

func (d *actionList) lines(a *app, w int) []string {
	lines, _ := d.draw(a, w)
	return lines
}

// draw returns the lines, and for each one the number of its action, -1 for none.
func (d *actionList) draw(a *app, w int) (out []string, actions []int) {
	out = []string{a.st.accent.Styled(": ") + a.drawInput(d.input, w-2)}
	if !d.small(a) {
		out = append(out, "")
	}
	head := len(out)
	found := d.found(a)
	var list []string
	var numbers []int
	chosen, group := 0, ""
	for i, b := range found {
		if d.input.Value() == "" && b.group != group && !d.small(a) {
			if group != "" {
				list = append(list, "")
			}
			list = append(list, a.st.strong.Styled(b.group))
			group = b.group
		}
		for len(numbers) < len(list) {
			numbers = append(numbers, -1)
		}
		numbers = append(numbers, i)
		if i == d.at {
			chosen = len(list)
		}
		list = append(list, d.row(a, b, i == d.at, w))
	}
	if len(found) == 0 {
		list = append(list, a.st.dim.Styled("no action has these words"))
	}
	if d.input.Value() == "" && !d.small(a) {
		list = append(list, "")
		list = append(list, a.legend(w)...)
	}
	room := d.room(a)
	top := max(min(chosen-room/2, len(list)-room), 0)
	out = append(out, list[top:min(top+room, len(list))]...)
	actions = append(slices.Repeat([]int{-1}, head), numbers[min(top, len(numbers)):min(top+room, len(numbers))]...)
	if d.at < len(found) {
		out = append(out, "")
		out = append(out, d.about(a, found[d.at], w)...)
	}
	return out, actions
}

// row draws one action: its key, what it does, and, if there is room, the command
// that does the same. An action that cannot work now is dim.
func (d *actionList) row(a *app, b *binding, chosen bool, w int) string {
	mark, paint := "  ", a.st.text
	if chosen {
		mark, paint = a.st.accent.Styled(a.st.glyph.cursor)+" ", a.st.strong
	}
	if b.unavailable(a) != "" {
		paint = a.st.dim
	}
	left := mark + a.st.accent.Styled(a.fit(a.keyName(b.Help().Key), 8, ""))
	room := w - 10
	command := a.commandFor(b)
	if w < wholeActions {
		return left + paint.Styled(a.fit(b.Help().Desc, room, a.st.glyph.more))
	}
	if w < helpColumns || command == "" {
		return left + paint.Styled(a.fit(b.long, room, a.st.glyph.more))
	}
	text := room * 3 / 5
	return left + paint.Styled(a.fit(b.long, text-1, a.st.glyph.more)) + " " + a.st.dim.Styled(a.fit(command, room-text, a.st.glyph.more))
}

// about describes the chosen action in full.
func (d *actionList) about(a *app, b *binding, w int) []string {
	const most = belowActions - 1
	out := a.wrapped(words.Sentence(b.long), w, most)
	if command := a.commandFor(b); command != "" && len(out) < most {
		out = append(out, a.st.dim.Styled(a.cut("from a shell: "+command, w, a.st.glyph.more)))
	}
	if why := b.unavailable(a); why != "" {
		line := a.st.warn.Styled(a.cut("not now: "+why, w, a.st.glyph.more))
		if len(out) < most {
			return append(out, line)
		}
		out[most-1] = line
	}
	return out
}

// dialogHelp lists the keys of the dialog below it.
type dialogHelp struct {
	pager
	about dialog
}

func (d *dialogHelp) title() string           { return "Keys of: " + d.about.title() }
func (d *dialogHelp) keys(a *app) []dialogKey { return d.pagerKeys(a, d, "?") }

func (d *dialogHelp) lines(a *app, w int) []string {
	var out []string
	for _, h := range dialogHints(a, d.about) {
		for i, l := range a.wrap(h.does, w-12) {
			key := h.key
			if i > 0 {
				key = ""
			}
			out = append(out, a.st.accent.Styled(a.fit(a.keyName(key), 12, ""))+l)
		}
	}
	return append(append(out, ""), a.painted("ctrl+c quits, ctrl+l draws the screen again, ctrl+z suspends", w, a.st.dim)...)
}
