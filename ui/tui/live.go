package tui

import (
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"kitekey/ui/handout"
	"kitekey/ui/words"
	"kitekey/vault"
)

// confirm runs an action on profiles. If the guard asks for a live profile's name,
// it runs the action once the name was typed.
func (a *app) confirm(do handout.Action, action func() tea.Cmd, profiles ...vault.Selector) tea.Cmd {
	q, asks := a.guard.Question(do, profiles...)
	if !asks {
		return action()
	}
	a.push(newNameQuestion(q.Name, question{
		head: "LIVE" + a.st.glyph.sep + q.Profiles[0].Account, isLive: true,
		text: words.Sentence(q.Text()), yes: "go on",
		then: func(a *app) tea.Cmd {
			a.guard.Answer(q, q.Name)
			return action()
		},
	}))
	return nil
}

// question asks before an action: for enter alone, or for a word to be typed.
type question struct {
	basicDialog
	head, text string
	want       string // the word to type; "" for none
	input      textinput.Model
	yes        string // the name of the action
	yesKey     string // the key that runs the action if there is no word to type; "" means enter, otherwise enter cancels
	then       func(*app) tea.Cmd
	otherKey   string // key of a second action, and its name
	other      string
	otherThen  func(*app) tea.Cmd
	isLive     bool
	wrong      bool
}

// newNameQuestion returns a question that is answered by typing want.
func newNameQuestion(want string, q question) *question {
	q.want, q.input = want, focused(newTextInput("type "+want))
	return &q
}

func (q *question) title() string { return q.head }
func (q *question) live() bool    { return q.isLive }
func (q *question) takesText() bool {
	return q.want != ""
}

func (q *question) keys(a *app) []dialogKey {
	yes := func() tea.Cmd {
		if q.want != "" && strings.TrimSpace(q.input.Value()) != q.want {
			q.wrong = true
			return nil
		}
		a.drop(q)
		return q.then(a)
	}
	leave := does(func() { a.drop(q) })
	keys := []dialogKey{on("enter", "enter", q.yes, yes)}
	if q.yesKey != "" && q.want == "" {
		keys = []dialogKey{on("enter", "enter", "cancel", leave), on(q.yesKey, q.yesKey, q.yes, yes)}
	}
	if q.otherKey != "" {
		keys = append(keys, on(q.otherKey, q.otherKey, q.other, func() tea.Cmd {
			a.drop(q)
			return q.otherThen(a)
		}))
	}
	return append(keys, on("esc", "esc", "back", leave))
}

func (q *question) update(_ *app, msg tea.Msg) tea.Cmd {
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
	// On a small screen the text is cut, not the typed word.
	out := a.wrapped(q.text, w, max(a.layout.body-2-3, 1))
	out = append(out, "", "  "+a.st.accent.Styled("> ")+a.drawInput(q.input, w-6))
	if q.wrong {
		out = append(out, a.st.bad.Styled(a.cut("  "+a.st.glyph.bad+" that is not \""+q.want+"\"", w, a.st.glyph.more)))
	}
	return out
}
