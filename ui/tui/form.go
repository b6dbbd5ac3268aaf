package tui

import (
	"context"
	"errors"
	"slices"
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

// field is one line of a form: text, a choice, or a secret.
type field struct {
	name    string
	input   textinput.Model
	secret  *secretInput // for a secret
	choices []string     // for a choice
	at      int          // the chosen one
	check   func(*formDialog) error
	help    func(*formDialog) string // said below when there is nothing wrong
	visited bool                     // complaints wait until it was left once, or typed into
}

func (f *field) value() string {
	if len(f.choices) > 0 {
		return f.choices[f.at]
	}
	return f.input.Value()
}

// formDialog asks for several things at once. What was typed stays typed until
// it is saved or thrown away on purpose: a failed save changes nothing in it.
type formDialog struct {
	head     string
	intro    string
	fields   []*field
	at       int
	isLive   func(*formDialog) bool
	verb     string // what saving is called
	save     func(*app, *formDialog) tea.Cmd
	task     *task  // saving is under way
	stopping bool   // and has been told to stop
	problem  string // why the last save failed
	next     string // what to do about it
	// anyway saves in spite of the problem, nil when that makes no sense.
	anyway     func(*app, *formDialog) tea.Cmd
	anywayText string
}

func textField(name, value, placeholder string, check func(string) error) *field {
	f := &field{name: name, input: newTextInput(placeholder)}
	f.input.SetValue(value)
	f.input.CursorEnd()
	f.input.Focus()
	if check != nil {
		f.check = func(*formDialog) error { return check(f.input.Value()) }
	}
	return f
}

func secretField(name string) *field { return &field{name: name, secret: &secretInput{}} }

func choiceField(name string, choices []string, at int) *field {
	return &field{name: name, choices: choices, at: at}
}

// field finds a field by name.
func (d *formDialog) field(name string) *field {
	i := slices.IndexFunc(d.fields, func(f *field) bool { return f.name == name })
	return d.fields[i]
}

// dirty reports whether a secret was typed that would be lost.
func (d *formDialog) dirty() bool {
	return slices.ContainsFunc(d.fields, func(f *field) bool { return f.secret != nil && !f.secret.empty() })
}

// wipe clears the secrets once they are saved or thrown away.
func (d *formDialog) wipe() {
	for _, f := range d.fields {
		if f.secret != nil {
			f.secret.clear()
		}
	}
}

// unsaved is the open form with a typed secret, nil when there is none.
func (a *app) unsaved() *formDialog {
	for _, d := range a.dialogs {
		if f, ok := d.(*formDialog); ok && f.dirty() {
			return f
		}
	}
	return nil
}

// discardQuestion asks before a typed secret is thrown away.
func discardQuestion(f *formDialog, andQuit bool) *question {
	then := "discard it"
	if andQuit {
		then = "discard it and quit"
	}
	return &question{
		head: "Discard what you typed?", yes: then,
		text: "A secret was typed or pasted that is not saved. Kitegateway does not show it again.",
		then: func(a *app) tea.Cmd {
			f.wipe()
			a.drop(f)
			if andQuit {
				return a.quit()
			}
			return nil
		},
	}
}

func (d *formDialog) title() string { return d.head }
func (d *formDialog) live() bool    { return d.isLive != nil && d.isLive(d) }

func (d *formDialog) update(a *app, msg tea.Msg) tea.Cmd {
	f := d.fields[d.at]
	if k, ok := msg.(tea.KeyPressMsg); ok {
		switch k.String() {
		case "esc":
			switch {
			case d.busy(a):
				if d.stopping {
					a.stop(d.task) // it does not even stop: never mind its answer
				}
				// What has been saved by now, the reply will tell.
				d.stopping = true
				d.task.cancel()
			case d.dirty():
				return a.push(discardQuestion(d, false))
			default:
				a.drop(d)
			}
			return nil
		case "enter":
			if d.at < len(d.fields)-1 {
				d.step(1)
				return nil
			}
			return d.submit(a, d.save)
		case "ctrl+s":
			return d.submit(a, d.save)
		case "ctrl+k":
			if d.anyway != nil {
				return d.submit(a, d.anyway)
			}
			return nil
		case "tab", "down":
			d.step(1)
			return nil
		case "shift+tab", "up":
			d.step(-1)
			return nil
		}
		if len(f.choices) > 0 && !d.busy(a) {
			switch k.String() {
			case "left", "h":
				f.at = max(f.at-1, 0)
			case "right", "l", "space":
				f.at = (f.at + 1) % len(f.choices)
			}
			d.problem, d.anyway = "", nil
			return nil
		}
	}
	if d.busy(a) {
		return nil // what is being saved must not change under way
	}
	switch {
	case f.secret != nil:
		f.secret.update(msg)
	case len(f.choices) == 0:
		var cmd tea.Cmd
		before := f.input.Value()
		f.input, cmd = f.input.Update(msg)
		if f.input.Value() == before {
			return cmd
		}
		f.visited = true
	}
	d.problem, d.next, d.anyway = "", "", nil
	return nil
}

// leave is what moving on from a field or saving the form does to it.
func (f *field) leave() {
	f.visited = true
	if f.secret != nil {
		f.secret.left = true
	}
}

func (d *formDialog) busy(a *app) bool { return d.task != nil && a.tasks[d.task.seq] != nil }

func (d *formDialog) step(by int) {
	d.fields[d.at].leave()
	d.at = (d.at + by + len(d.fields)) % len(d.fields)
}

// submit goes to the first field with something wrong in it, or saves.
func (d *formDialog) submit(a *app, save func(*app, *formDialog) tea.Cmd) tea.Cmd {
	if d.busy(a) {
		return nil
	}
	for i, f := range d.fields {
		f.leave()
		if f.check != nil && f.check(d) != nil {
			d.at = i
			return nil
		}
	}
	d.problem, d.next, d.stopping = "", "", false
	return save(a, d)
}

// failWith is fail for an error.
func (d *formDialog) failWith(what string, err error) {
	if errors.Is(err, context.Canceled) {
		d.fail("stopped; "+what, "")
		return
	}
	next := words.Sentence(words.NextStep(err, words.Keys()))
	if errors.Is(err, kite.ErrRefused) {
		next = "Check both halves and the environment, then ctrl+s again. If the api_secret is lost, generate a new pair in the Kitegateway dashboard."
	}
	if next == "" && !errors.Is(err, vault.ErrExists) && !errors.Is(err, vault.ErrBadInput) {
		next = "What you typed is still here: ctrl+s tries again."
	}
	d.fail(what+": "+sentence(err), next)
}

// fail keeps the form as it is and says why it was not saved.
func (d *formDialog) fail(problem, next string) {
	d.problem, d.next = problem, next
}

func (d *formDialog) lines(a *app, w int) []string {
	room := a.bodyHeight() - 2
	var out []string
	if d.intro != "" {
		for _, l := range a.wrap(d.intro, w) {
			out = append(out, a.st.dim.Styled(l))
		}
		out = append(out, "")
	}
	from, to := 0, 0 // the lines of the field one is in
	for i, f := range d.fields {
		if i == d.at {
			from = len(out)
		}
		out = append(out, d.fieldLines(a, f, i == d.at, w)...)
		if i == d.at {
			to = len(out)
		}
	}
	below := d.below(a, w)
	if len(out)+len(below) <= room {
		return append(out, below...)
	}
	// On a small screen: what went wrong, and as many of the fields as there is
	// room for, the one that one is in among them.
	below = below[:min(len(below), max(room-(to-from), 0))]
	room -= len(below)
	top := max(min(from, to-room), 0)
	top = min(top, len(out)-min(room, len(out)))
	return append(out[top:min(top+room, len(out)):len(out)], below...)
}

// below is what is under way or went wrong.
func (d *formDialog) below(a *app, w int) []string {
	var out []string
	switch {
	case d.busy(a):
		text := d.task.doing + a.st.glyph.more + " esc stops it"
		if d.stopping {
			text = "stopping" + a.st.glyph.more
		}
		out = append(out, "", a.st.accent.Styled(a.cut(text, w, a.st.glyph.more)))
	case d.problem != "":
		out = append(out, "")
		n := notice{kind: failure, text: d.problem, next: d.next}
		out = append(out, a.noticeLines(&n, w, 8)...)
		if d.anyway != nil {
			out = append(out, a.st.dim.Styled("  "+a.arrow()+" "+a.cut("ctrl+k "+d.anywayText, w-4, a.st.glyph.more)))
		}
	}
	return out
}

func (d *formDialog) fieldLines(a *app, f *field, here bool, w int) []string {
	mark := "  "
	name := a.st.dim
	if here {
		mark = a.st.accent.Styled(a.st.glyph.cursor) + " "
		name = a.st.strong
	}
	room := w - labelWidth - 2
	var value string
	switch {
	case len(f.choices) > 0:
		for i, c := range f.choices {
			paint := a.st.text
			if c == "LIVE" {
				paint = a.st.paints.live
			}
			value += a.option(c, i == f.at, paint) + " "
		}
	case f.secret != nil && !f.secret.empty():
		value = a.st.text.Styled("received, hidden")
		if here && f.secret.left {
			value += a.st.dim.Styled(a.st.glyph.sep + "a paste replaces it")
		}
	case f.secret != nil && here:
		value = a.st.dim.Styled("paste or type; nothing is shown")
	case f.secret != nil:
		value = a.st.dim.Styled("empty")
	case here:
		value = a.drawInput(f.input, room)
	default:
		value = f.input.Value()
		if value == "" {
			value = a.st.dim.Styled(f.input.Placeholder)
		}
	}
	out := []string{mark + name.Styled(a.fit(f.name, labelWidth, "")) + a.cut(value, room, a.st.glyph.more)}
	say := func(text string, paint func(string) string) {
		for _, l := range a.wrap(text, room) {
			out = append(out, blanks(labelWidth+2)+paint(l))
		}
	}
	if f.check != nil && f.visited {
		if err := f.check(d); err != nil {
			say(a.st.glyph.warn+" "+strings.TrimSpace(err.Error()), a.st.warn.Styled)
			return out
		}
	}
	if f.help != nil {
		if text := f.help(d); text != "" {
			say(text, a.st.dim.Styled)
		}
	}
	return out
}

// option draws one of several choices; the chosen one in brackets, which need no
// colour.
func (a *app) option(text string, chosen bool, paint ansi.Style) string {
	if chosen {
		return paint.Bold().Styled("[" + text + "]")
	}
	return paint.Styled(" " + text + " ")
}

func (d *formDialog) hints(a *app) []hint {
	if d.busy(a) {
		return []hint{{"esc", "stop"}}
	}
	h := []hint{{"enter", "next"}}
	if d.at == len(d.fields)-1 {
		h[0].does = d.verb
	}
	if d.anyway != nil {
		h = append(h, hint{"ctrl+k", "keep it"})
	}
	if d.at < len(d.fields)-1 {
		h = append(h, hint{"ctrl+s", d.verb})
	}
	if len(d.fields[d.at].choices) > 0 {
		h = append(h, hint{"← →", "choose"})
	}
	return append(h, hint{"tab", "next field"}, hint{"esc", "back"})
}
