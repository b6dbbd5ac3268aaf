package tui

import (
	"context"
	"errors"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

// formDialog asks for several values at once. The values stay until they are saved
// or discarded on purpose: a save that fails changes nothing.
type formDialog struct {
	basicDialog
	head     string
	intro    string
	fields   []*field
	at       int
	isLive   bool
	lifeWas  kite.Lifetime  // the default life before
	replaces vault.Selector // the profile whose credential the form replaces, zero for a new one
	action   string         // the name of saving
	save     func(*app, *formDialog) tea.Cmd
	task     *task  // the save under way
	stopping bool   // the save has been told to stop
	said     string // what a paste was recognised as
	filled   bool   // the account or the environment is not what the person typed and chose
	problem  string // why the last save failed
	next     string // what to do about it
	// anyway saves in spite of the problem, nil if that makes no sense.
	anyway     func(*app, *formDialog) tea.Cmd
	anywayText string
	// other is the form that what was typed belongs into, "" and nil if it is this one.
	other func(*app) (does string, open func() tea.Cmd)
}

// field returns a field, nil if the form does not have it.
func (d *formDialog) field(id fieldID) *field {
	for _, f := range d.fields {
		if f.id == id {
			return f
		}
	}
	return nil
}

// liveChosen reports whether the form's environment is live.
func (d *formDialog) liveChosen() bool {
	f := d.field(fieldEnvironment)
	return f != nil && f.at == f.liveAt
}

// holdsSecret reports whether a secret was typed.
func (d *formDialog) holdsSecret() bool {
	return slices.ContainsFunc(d.fields, func(f *field) bool { return f.kind == hidden && !f.secret.empty() })
}

// retyped returns the names of the fields whose text is not what is stored or suggested.
func (d *formDialog) retyped() (names []string) {
	for _, f := range d.fields {
		if f.kind == text && f.value() != f.was {
			names = append(names, f.id.String())
		}
	}
	return names
}

// dirty reports whether leaving would lose what was typed.
func (d *formDialog) dirty() bool { return d.holdsSecret() || len(d.retyped()) > 0 }

// wipe clears the secrets once they are saved or discarded.
func (d *formDialog) wipe() {
	for _, f := range d.fields {
		f.secret.clear()
	}
}

// discardQuestion asks before what was typed is discarded.
func discardQuestion(f *formDialog, andQuit bool) *question {
	then := "discard it"
	if andQuit {
		then = "discard it and quit"
	}
	var lost []string
	if f.holdsSecret() {
		lost = append(lost, "A secret was typed or pasted that is not saved. Kitegateway does not show it again.")
	}
	if names := f.retyped(); len(names) > 0 {
		lost = append(lost, "Typed and not saved: "+strings.Join(names, ", ")+".")
	}
	return &question{
		head: "Discard what you typed?", yes: then, yesKey: "y",
		text: strings.Join(lost, " "),
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
func (d *formDialog) live() bool    { return d.isLive || d.liveChosen() }
func (d *formDialog) takesText() bool {
	return d.fields[d.at].kind != choice
}

func (d *formDialog) keys(a *app) []dialogKey {
	if d.busy(a) {
		return []dialogKey{on("esc", "esc", "stop", does(func() { d.stop(a) }))}
	}
	last := d.at == len(d.fields)-1
	submit := func() tea.Cmd { return d.submit(a, d.save) }
	step := func(n int) func() tea.Cmd { return does(func() { d.step(a, n) }) }
	// unlessTyped is for keys that a text in several lines has within it.
	unlessTyped := func(typed string, then func() tea.Cmd) func() tea.Cmd {
		return func() tea.Cmd {
			if d.goesOn(typed) {
				return nil
			}
			return then()
		}
	}
	var keys []dialogKey
	if last {
		keys = append(keys, on("enter ctrl+j", "enter", d.action, unlessTyped("\n", submit)), on("ctrl+s", "", "", submit))
	} else {
		keys = append(keys, on("enter ctrl+j", "enter", "next", unlessTyped("\n", step(1))))
	}
	if d.anyway != nil {
		keys = append(keys, on("ctrl+k", "ctrl+k", "save it anyway", func() tea.Cmd { return d.submit(a, d.anyway) }))
	}
	if does, open := d.elsewhere(a); open != nil {
		keys = append(keys, on("ctrl+r", "ctrl+r", does, open))
	}
	if !last {
		keys = append(keys, on("ctrl+s", "ctrl+s", d.action, submit))
	}
	if f := d.fields[d.at]; f.kind == choice {
		keys = append(keys,
			on("left h", "← →", "choose", does(func() { d.choose(max(f.at-1, 0)) })),
			on("right l space", "", "", does(func() { d.choose((f.at + 1) % len(f.choices)) })))
	}
	return append(keys,
		on("tab", "tab", "next field", unlessTyped("\t", step(1))), on("down", "", "", step(1)),
		on("shift+tab up", "", "", step(-1)),
		on("esc", "esc", "back", does(func() { d.leave(a) })))
}

// elsewhere returns what d.other does, nil if it is not offered.
func (d *formDialog) elsewhere(a *app) (does string, open func() tea.Cmd) {
	if d.other == nil {
		return "", nil
	}
	return d.other(a)
}

// passTo closes the form and gives the credential that was typed to another one.
func (d *formDialog) passTo(a *app, to *formDialog) {
	for _, id := range []fieldID{fieldAPIKey, fieldAPISecret} {
		from, value := d.field(id), d.field(id).secret.secret()
		to.field(id).secret.set(value)
		to.field(id).secret.typed, to.field(id).visited = from.secret.typed, !from.secret.empty()
		value.Erase()
	}
	d.wipe()
	a.drop(d)
	to.goToEmpty()
	a.push(to)
}

// stop cancels the save; its reply says what was saved. The second call abandons
// the task.
func (d *formDialog) stop(a *app) {
	if d.stopping {
		a.tasks.stop(d.task)
	}
	d.stopping = true
	d.task.cancel()
}

// leave closes the form. It asks first if what was typed would be lost.
func (d *formDialog) leave(a *app) {
	if d.dirty() {
		a.push(discardQuestion(d, false))
		return
	}
	a.drop(d)
}

func (d *formDialog) choose(i int) {
	d.fields[d.at].at = i
	d.problem, d.next, d.anyway = "", "", nil
}

func (d *formDialog) update(a *app, msg tea.Msg) tea.Cmd {
	if d.busy(a) {
		return nil // the values must not change while they are being saved
	}
	if paste, ok := msg.(tea.PasteMsg); ok && d.field(fieldAPIKey) != nil && d.pasted(a, paste.Content) {
		return nil
	}
	f := d.fields[d.at]
	d.said = ""
	switch f.kind {
	case hidden:
		_, pasted := msg.(tea.PasteMsg)
		f.secret.update(msg)
		f.visited = f.visited || pasted // a paste is complete: say at once what is wrong with it
	case text:
		before := f.input.Value()
		var cmd tea.Cmd
		f.input, cmd = f.input.Update(msg)
		if f.input.Value() == before {
			return cmd
		}
		f.visited = true
	}
	d.problem, d.next, d.anyway = "", "", nil
	return nil
}

func (d *formDialog) busy(a *app) bool { return a.tasks.has(d.task) }

// step moves the focus, unless the field held more than a value: see readTyped.
func (d *formDialog) step(a *app, by int) {
	if d.readTyped(a) {
		return
	}
	d.fields[d.at].leave()
	d.at = (d.at + by + len(d.fields)) % len(d.fields)
}

// submit saves, or goes to the first field with a problem.
func (d *formDialog) submit(a *app, save func(*app, *formDialog) tea.Cmd) tea.Cmd {
	if d.busy(a) || d.readTyped(a) {
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
	return a.agreeToLife(d.changedLife(), d.live(), d.action, func() tea.Cmd { return save(a, d) })
}

// failWith is fail for an error.
func (d *formDialog) failWith(what string, err error) {
	if errors.Is(err, context.Canceled) {
		d.fail("stopped; "+what, "")
		return
	}
	next := words.Sentence(words.NextStep(err, words.FormKeys()))
	switch {
	case d.other != nil && errors.Is(err, vault.ErrNoProfile):
		next = "To add it as a new profile, press ctrl+r."
	case d.other != nil && errors.Is(err, vault.ErrExists):
		next = "To replace its credential, press ctrl+r."
	case errors.Is(err, kite.ErrRefused):
		next = "Check both halves and the environment, then ctrl+s again. If the api_secret is lost, generate a new credential in the Kitegateway dashboard."
	}
	if next == "" && !errors.Is(err, vault.ErrExists) && !errors.Is(err, vault.ErrBadInput) {
		next = "What you typed is still here: ctrl+s tries again."
	}
	d.fail(what+": "+errorText(err), next)
}

// fail keeps the form open and says why it was not saved.
func (d *formDialog) fail(problem, next string) {
	d.problem, d.next = problem, next
}

// click goes to the field on a line. Of a choice it takes the value at cell x, or the
// next one for a click on the name.
func (d *formDialog) click(a *app, x, line int) tea.Cmd {
	_, fields := d.draw(a, a.dialogWidth(d)-4)
	if d.busy(a) || line >= len(fields) || fields[line] < 0 {
		return nil
	}
	i := fields[line]
	f, here := d.fields[i], i == d.at
	if !here {
		d.step(a, i-d.at)
	}
	if i != d.at || f.kind != choice { // it stays in a field that held more than a value
		return nil
	}
	if x -= labelWidth + 2; x < 0 && here {
		d.choose((f.at + 1) % len(f.choices))
	} else {
		for at, text := range f.choices {
			w := a.len(a.option(text, false, a.st.text)) + 1
			if x >= 0 && x < w {
				d.choose(at)
			}
			x -= w
		}
	}
	return nil
}

func (d *formDialog) lines(a *app, w int) []string {
	lines, _ := d.draw(a, w)
	return lines
}

// draw returns the lines, and for each one the field that it belongs to, -1 for none.
func (d *formDialog) draw(a *app, w int) (out []string, fields []int) {
	room := a.layout.body - 2
	belong := func(field int) {
		for len(fields) < len(out) {
			fields = append(fields, field)
		}
	}
	intro := a.painted(d.intro, w, a.st.dim)
	if d.intro != "" {
		out = append(intro, "")
		belong(-1)
	}
	from, to := 0, 0 // lines of the focused field
	for i, f := range d.fields {
		if i == d.at {
			from = len(out)
		}
		out = append(out, d.fieldLines(a, f, i == d.at, w)...)
		belong(i)
		if i == d.at {
			to = len(out)
		}
	}
	below := d.below(a, w)
	if len(out)+len(below) <= room {
		return append(out, below...), fields
	}
	if n := len(intro) + 1; d.intro != "" { // the fields come before the explanation
		out, fields, from, to = out[n:], fields[n:], from-n, to-n
		if len(below) == 0 && len(out)+3 <= room {
			below = append([]string{""}, a.paintedUpTo(d.intro, w, room-len(out)-1, a.st.dim)...)
		}
		if len(out)+len(below) <= room {
			return append(out, below...), fields
		}
	}
	// On a small screen, show the problem and as many fields as fit, always including
	// the focused one.
	below = below[:min(len(below), max(room-(to-from), 0))]
	room -= len(below)
	top := max(min(from, to-room), 0)
	top = min(top, len(out)-min(room, len(out)))
	end := min(top+room, len(out))
	return append(out[top:end:end], below...), fields[top:end]
}

// below draws what is under way or went wrong.
func (d *formDialog) below(a *app, w int) []string {
	var out []string
	if d.said != "" && !d.busy(a) {
		out = append(out, "")
		for _, l := range a.wrap(a.st.glyph.ok+" "+d.said, w) {
			out = append(out, a.st.ok.Styled(l))
		}
	}
	switch {
	case d.busy(a):
		text := a.taskText(d.task)
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
	out := []string{mark + name.Styled(a.fit(f.id.String(), labelWidth, "")) + a.cut(f.draw(&a.canvas, here, room), room, a.st.glyph.more)}
	say := func(text string, paint func(string) string) {
		for _, l := range a.wrap(text, room) {
			out = append(out, spaces(labelWidth+2)+paint(l))
		}
	}
	if f.check != nil && f.visited && !d.busy(a) { // what is being saved may be in the index already
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
