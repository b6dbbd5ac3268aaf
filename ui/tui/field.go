package tui

import (
	"strings"

	"charm.land/bubbles/v2/textinput"
)

// fieldID identifies a field.
type fieldID int

const (
	fieldAccount fieldID = iota
	fieldEnvironment
	fieldLabel
	fieldAPIKey
	fieldAPISecret
	fieldExpiresIn
)

func (id fieldID) String() string {
	return [...]string{"account", "environment", "label", "api_key", "api_secret", "expires_in"}[id]
}

// fieldKind is the kind of a field's value.
type fieldKind int

const (
	text   fieldKind = iota
	choice           // one of a few values
	hidden           // a secret
)

// field is one line of a form.
type field struct {
	id      fieldID
	kind    fieldKind
	input   textinput.Model
	was     string      // the text that is stored or suggested
	secret  secretInput // value of a hidden field
	choices []string    // values of a choice
	at      int         // index of the chosen one
	liveAt  int         // index of the choice that is live, -1 for none
	check   func(*formDialog) error
	help    func(*formDialog) string // text below the field if nothing is wrong
	visited bool                     // the user has left it once or typed into it: only then is it checked
}

func (f *field) value() string {
	if f.kind == choice {
		return f.choices[f.at]
	}
	return f.input.Value()
}

func textField(id fieldID, value, placeholder string, check func(string) error) *field {
	f := &field{id: id, kind: text, was: value, input: newTextInput(placeholder), liveAt: -1}
	f.input.SetValue(value)
	f.input.CursorEnd()
	f.input.Focus()
	if check != nil {
		f.check = func(*formDialog) error { return check(f.input.Value()) }
	}
	return f
}

func secretField(id fieldID) *field { return &field{id: id, kind: hidden, liveAt: -1} }

func choiceField(id fieldID, choices []string, at, liveAt int) *field {
	return &field{id: id, kind: choice, choices: choices, at: at, liveAt: liveAt}
}

// leave finishes a field when the user moves on or saves the form.
func (f *field) leave() {
	f.visited = true
	f.secret.left = true
}

// draw draws the field's value, w cells wide; here says whether the field has the
// keys.
func (f *field) draw(c *canvas, here bool, w int) string {
	switch {
	case f.kind == choice:
		var b strings.Builder
		for i, text := range f.choices {
			paint := c.st.text
			if i == f.liveAt {
				paint = c.st.textStyles.live
			}
			b.WriteString(c.option(text, i == f.at, paint) + " ")
		}
		return b.String()
	case f.id == fieldAccount && strings.ContainsAny(f.value(), "{\"'=:"): // a terminal types what was pasted
		return c.st.text.Styled("hidden, for it may hold a secret")
	case f.kind == hidden && !f.secret.empty():
		value := c.st.text.Styled("received, hidden")
		if here && f.secret.left {
			value += c.st.dim.Styled(c.st.glyph.sep + "a paste replaces it")
		}
		return value
	case f.kind == hidden && here:
		return c.st.dim.Styled(c.brief("paste or type; nothing is shown", w))
	case f.kind == hidden:
		return c.st.dim.Styled("empty")
	case here:
		return c.drawInput(f.input, w)
	case f.input.Value() == "":
		return c.st.dim.Styled(c.brief(f.input.Placeholder, w))
	}
	return f.input.Value()
}
