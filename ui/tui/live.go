package tui

import (
	"time"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/vault"
)

// liveConfirmFor is how long live stays open for an account once its name was
// typed.
const liveConfirmFor = 10 * time.Minute

// liveConfirmed says until when live is open, by account.
type liveConfirmed map[string]time.Time

func (l liveConfirmed) until(account string) time.Time { return l[account] }

// confirmLive runs an action on a profile. On a live one it first asks for the
// account's name, unless that was given in the last ten minutes, so that being
// one row off does not touch live.
func (a *app) confirmLive(p *vault.Profile, doing string, action func() tea.Cmd) tea.Cmd {
	if p.Environment != kite.Live || a.live.until(p.Account).After(a.now) {
		return action()
	}
	account := p.Account
	a.push(newNameQuestion(account, question{
		head: "LIVE" + a.st.glyph.sep + account, isLive: true,
		text: "This is a live account: real keys, real money. To " + doing + ", type the account's name.",
		yes:  "go on",
		then: func(a *app) tea.Cmd {
			a.live[account] = a.now.Add(liveConfirmFor)
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
	yes        string // what enter does
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

func (q *question) keys(a *app) []dialogKey {
	keys := []dialogKey{on("enter", "enter", q.yes, func() tea.Cmd {
		if q.want != "" && q.input.Value() != q.want {
			q.wrong = true
			return nil
		}
		a.drop(q)
		return q.then(a)
	})}
	if q.otherKey != "" {
		keys = append(keys, on(q.otherKey, q.otherKey, q.other, func() tea.Cmd {
			a.drop(q)
			return q.otherThen(a)
		}))
	}
	return append(keys, on("esc", "esc", "back", does(func() { a.drop(q) })))
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
	out := a.wrapped(q.text, w, max(a.height-2-len(a.layout.status)-2-3, 1))
	out = append(out, "", "  "+a.st.accent.Styled("> ")+a.drawInput(q.input, w-6))
	if q.wrong {
		out = append(out, a.st.bad.Styled(a.cut("  "+a.st.glyph.bad+" that is not \""+q.want+"\"", w, a.st.glyph.more)))
	}
	return out
}
