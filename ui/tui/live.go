package tui

import (
	"time"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/vault"
)

// gateTime is how long an account's live gate stays open once its name was
// typed.
const gateTime = 10 * time.Minute

// guarded runs an action on a profile. On a live one it first asks for the
// account's name, unless that was given in the last ten minutes: nobody touches
// live by being one row off.
func (a *app) guarded(p *vault.Profile, doing string, action func() tea.Cmd) tea.Cmd {
	if p.Environment != kite.Live || a.gates[p.Account].After(a.now) {
		return action()
	}
	account := p.Account
	return a.push(&question{
		head: "LIVE" + a.st.glyph.sep + account, isLive: true,
		text:  "This is a live account: real keys, real money. To " + doing + ", type the account's name.",
		want:  account,
		input: focused(newTextInput("")),
		yes:   "go on",
		then: func(a *app) tea.Cmd {
			a.gates[account] = a.now.Add(gateTime)
			return action()
		},
	})
}

// question asks before something happens: by enter alone, or by typing a word.
type question struct {
	head, text string
	want       string // what must be typed; "" asks for nothing
	input      textinput.Model
	yes        string // what enter does
	then       func(*app) tea.Cmd
	otherKey   string // a second way out, with what it does
	other      string
	otherThen  func(*app) tea.Cmd
	isLive     bool
	wrong      bool
}

func focused(t textinput.Model) textinput.Model {
	t.Focus() // without a blinking cursor there is no command to run
	return t
}

func (q *question) title() string { return q.head }
func (q *question) live() bool    { return q.isLive }

func (q *question) update(a *app, msg tea.Msg) tea.Cmd {
	if k, ok := msg.(tea.KeyPressMsg); ok {
		switch {
		case k.String() == "esc":
			a.drop(q)
			return nil
		case q.otherKey != "" && k.String() == q.otherKey:
			a.drop(q)
			return q.otherThen(a)
		case k.String() == "enter":
			if q.want != "" && q.input.Value() != q.want {
				q.wrong = true
				return nil
			}
			a.drop(q)
			return q.then(a)
		}
	}
	if q.want == "" {
		return nil
	}
	q.wrong = false
	var cmd tea.Cmd
	q.input, cmd = q.input.Update(msg)
	return cmd
}

func (q *question) lines(a *app, w int) []string {
	if q.want == "" {
		return a.wrap(q.text, w)
	}
	// On a small screen the text gives way, not what is typed.
	out := a.wrapped(q.text, w, max(a.bodyHeight()-2-3, 1))
	q.input.Placeholder = "type " + q.want
	out = append(out, "", "  "+a.st.accent.Styled("> ")+a.drawInput(q.input, w-6))
	if q.wrong {
		out = append(out, a.st.bad.Styled(a.cut("  "+a.st.glyph.bad+" that is not \""+q.want+"\"", w, a.st.glyph.more)))
	}
	return out
}

func (q *question) hints(*app) []hint {
	h := []hint{{"enter", q.yes}}
	if q.otherKey != "" {
		h = append(h, hint{q.otherKey, q.other})
	}
	return append(h, hint{"esc", "back"})
}
