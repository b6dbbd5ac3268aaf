package tui

import (
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"kitekey/ui/handout"
	"kitekey/ui/words"
	"kitekey/vault"
)

// confirm runs an action on profiles. Where the guard asks for a live one's name,
// it runs once that was typed.
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

// question asks before something happens: by enter alone, or by typing a word.
type question struct {
	basicDialog
	head, text string
	want       string // what must be typed; "" asks for nothing
	input      textinput.Model
	yes        string // what is done
	yesKey     string // the key that does it when nothing is typed; "" is enter, otherwise enter leaves it
	then       func(*app) tea.Cmd
	otherKey   string // a second way out, with what it does
	other      string
	otherThen  func(*app) tea.Cmd
	isLive     bool
	wrong      bool
}

// newNameQuestion is a question answered by typing a word.
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
	// On a small screen the text gives way, not what is typed.
	out := a.wrapped(q.text, w, max(a.layout.body-2-3, 1))
	out = append(out, "", "  "+a.st.accent.Styled("> ")+a.drawInput(q.input, w-6))
	if q.wrong {
		out = append(out, a.st.bad.Styled(a.cut("  "+a.st.glyph.bad+" that is not \""+q.want+"\"", w, a.st.glyph.more)))
	}
	return out
}
