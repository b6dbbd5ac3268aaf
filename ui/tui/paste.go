package tui

import (
	"bytes"
	"strings"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/ui/prompt"
	"kitekey/ui/words"
	"kitekey/vault"
	"kitekey/vault/dotenv"
)

// pasted reads a text that was pasted into a form with a credential, whichever
// field has the focus. It returns false for a single value, which goes into the
// field.
func (d *formDialog) pasted(a *app, content string) bool {
	text := kite.NewSecret(content)
	p, named, err := prompt.ReadPaste(text, d.pasteTarget())
	if d.fields[d.at].kind != hidden && ofName(p, err, content) {
		named, err = false, nil
	}
	switch {
	case err != nil:
		d.unreadable(a, text, err)
		return true
	case !named:
		p.Erase()
		text.Erase()
		return false
	}
	text.Erase()
	d.fillUnlessConflict(a, p)
	return true
}

// ofName reports whether a text in a field that is not hidden may be a name or a label.
func ofName(p prompt.Paste, err error, content string) bool {
	return err == prompt.ErrUnclear || !p.Alone.IsZero() || p.From == dotenv.TwoValues && !strings.ContainsAny(content, "\r\n")
}

// readTyped reads what was typed into the focused field in the way that a paste is
// read: a terminal without bracketed paste types what is pasted. It returns true if
// the text was more than a value. Then the focus is on the next empty field, or a
// question is open.
func (d *formDialog) readTyped(a *app) bool {
	f := d.fields[d.at]
	switch {
	case d.field(fieldAPIKey) == nil || f.kind == choice || f.kind == hidden && !f.secret.typed:
		return false
	case f.kind == text:
		content := f.value()
		p, named, err := prompt.ReadPaste(kite.NewSecret(content), d.pasteTarget())
		if err != nil || !named || ofName(p, err, content) {
			p.Erase()
			return false
		}
		f.input.SetValue("")
		d.fillUnlessConflict(a, p)
		return true
	}
	content := f.secret.secret()
	p, named, err := prompt.ReadPaste(content, d.pasteTarget())
	if err != nil {
		d.unreadable(a, content, err)
		return true
	}
	content.Erase()
	f.secret.typed = false
	if !named {
		return false
	}
	alone := !p.Alone.IsZero()
	f.secret.clear()
	d.fillUnlessConflict(a, p)
	return !alone
}

// goesOn reports whether a JSON text that is being typed into the focused field has not
// ended. Then the line break or the tab that was typed belongs to the text, and the
// focus stays. A line break after another ends the text.
func (d *formDialog) goesOn(typed string) bool {
	f := d.fields[d.at]
	before, lineBreak := f.secret.value, "\n"
	if f.kind == text { // it has no line breaks: a space stands for one
		before, lineBreak = []byte(f.value()), " "
	}
	ended := typed == "\n" && bytes.HasSuffix(before, []byte(lineBreak))
	switch {
	case d.field(fieldAPIKey) == nil || ended || !prompt.Unfinished(bytes.TrimRight(before, "\n")):
		return false
	case f.kind == text:
		f.input.SetValue(f.value() + " ")
		f.input.CursorEnd()
	case f.kind == hidden && f.secret.typed:
		f.secret.append(typed)
	default:
		return false
	}
	d.said = "the text goes on: its other lines, or another enter to end it"
	return true
}

// unreadable asks whether a text that holds no credential that can be told apart is
// the value of the focused field.
func (d *formDialog) unreadable(a *app, content kite.Secret, err error) {
	f := d.fields[d.at]
	if f.kind != hidden {
		d.said = ""
		d.fail("not pasted: "+err.Error(), "Paste the api_key and the api_secret into their fields.")
		content.Erase()
		return
	}
	a.push(&question{
		head: "Take it as the " + f.id.String() + "?", yes: "go back", isLive: d.live(),
		text:     words.Sentence(err.Error()) + " It can be taken as the " + f.id.String() + ", as it is.",
		then:     func(*app) tea.Cmd { content.Erase(); return nil },
		otherKey: "t", other: "take it as it is",
		otherThen: func(*app) tea.Cmd {
			f.secret.set(content)
			content.Erase()
			return nil
		},
	})
}

// fillUnlessConflict fills the form. It asks first if the text names another account
// or environment.
func (d *formDialog) fillUnlessConflict(a *app, p prompt.Paste) {
	conflict := p.Conflict(d.replaces)
	if conflict == "" {
		d.fill(p)
		return
	}
	a.push(&question{
		head: "Use it anyway?", yes: "go back", isLive: d.live(),
		text:     words.Sentence(conflict),
		then:     func(*app) tea.Cmd { p.Erase(); return nil },
		otherKey: "u", other: "use it",
		otherThen: func(*app) tea.Cmd { d.fill(p); return nil },
	})
}

// pasteTarget returns the profile whose credential is meant if there are several.
func (d *formDialog) pasteTarget() vault.Selector {
	if d.replaces.Account != "" {
		return d.replaces
	}
	s := vault.Selector{Account: strings.TrimSpace(d.field(fieldAccount).value())}
	if d.field(fieldEnvironment).visited || d.liveChosen() {
		s.Environment = d.selector().Environment
	}
	return s
}

// fill puts a paste's values into the fields, and says what was read.
func (d *formDialog) fill(p prompt.Paste) {
	defer p.Erase()
	d.problem, d.next, d.anyway = "", "", nil
	d.said = p.Found()
	if f := d.fields[d.at]; !p.Alone.IsZero() {
		f.secret.set(p.Alone)
		f.visited = true
		return
	}
	for id, half := range map[fieldID]kite.Secret{fieldAPIKey: p.APIKey, fieldAPISecret: p.APISecret} {
		if !half.IsZero() {
			d.field(id).secret.set(half)
			d.field(id).visited = true
		}
	}
	if f := d.field(fieldAccount); f != nil && p.Account != "" {
		if f.value() == "" {
			d.filled = true
			f.input.SetValue(p.Account)
			f.input.CursorEnd()
			f.visited = true
			d.said += ", account " + p.Account
		} else if f.value() != p.Account {
			d.said += "; the text names the account " + p.Account
		}
	}
	if f := d.field(fieldEnvironment); f != nil && p.Environment != "" {
		switch at := environmentIndex(f, p.Environment); {
		case at >= 0:
			d.filled = d.filled || f.at != at
			f.at = at
			d.said += ", environment " + words.Environment(p.Environment)
		default:
			d.said += "; it is one of " + words.Environment(p.Environment) + ", which --sandbox-only leaves out"
		}
	}
	d.goToEmpty()
}

// goToEmpty goes to the first field that needs a value, or to the last one.
func (d *formDialog) goToEmpty() {
	for i, f := range d.fields {
		empty := f.kind == hidden && f.secret.empty() || f.id == fieldAccount && f.value() == ""
		if empty || i == len(d.fields)-1 {
			d.at = i
			return
		}
	}
}

// environmentIndex returns the index of the environment among the field's choices,
// -1 for none.
func environmentIndex(f *field, e kite.Environment) int {
	for i := range f.choices {
		if (i == f.liveAt) == (e == kite.Live) {
			return i
		}
	}
	return -1
}

// holdsCredential reports whether a text has a credential, or half of one, with its name.
func holdsCredential(text string) bool {
	found, err := dotenv.Read(text)
	for _, e := range found.Entries {
		e.Erase()
	}
	return err == nil && found.Form != dotenv.TwoValues
}

// pastedIntoDialog gives a paste to the dialog that has the keys. One that would show a
// credential does not get it.
func (a *app) pastedIntoDialog(msg tea.PasteMsg) tea.Cmd {
	d := a.dialog()
	if form, ok := d.(*formDialog); (!ok || form.field(fieldAPIKey) == nil) && holdsCredential(msg.Content) {
		a.notify(warning, "not pasted: the text holds a credential; esc, then paste it onto the list or into a form for it")
		return nil
	}
	return d.update(a, msg)
}

// pastedOntoList opens the filled form for a credential, or half of one, that was
// pasted while no field had the focus, and says why one could not be read. It returns
// false for any other text.
func (a *app) pastedOntoList(content string) bool {
	text := kite.NewSecret(content)
	p, named, err := prompt.ReadPaste(text, vault.Selector{})
	text.Erase()
	switch {
	case err != nil && err != prompt.ErrUnclear:
		a.notices.show(notice{kind: warning, text: "not pasted: " + err.Error()}, a.now)
		return true
	case err != nil || !named || !p.Alone.IsZero() || p.From == dotenv.TwoValues && !strings.ContainsAny(content, "\r\n"):
		p.Erase()
		return false
	}
	a.list.typing = false
	a.openAdd()
	d, ok := a.dialog().(*formDialog)
	if !ok {
		p.Erase()
		return false
	}
	d.field(fieldAccount).input.SetValue("")
	d.fill(p)
	return true
}
