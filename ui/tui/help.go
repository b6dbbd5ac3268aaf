package tui

import (
	tea "charm.land/bubbletea/v2"

	"kitekey/ui/words"
)

// pager is the scrolling that dialogs with long contents share.
type pager struct{ top, room, have int }

// scrollTo is told how many lines there are and how many fit, and says which
// comes first.
func (p *pager) scrollTo(have, room int) int {
	p.have, p.room = have, room
	p.top = max(min(p.top, have-room), 0)
	return p.top
}

// near reports whether a line is on the screen or less than a screen away: a
// thousand lines need not all be drawn for the forty that are seen.
func (p *pager) near(line, height int) bool {
	return line >= p.top-height && line < p.top+2*height
}

// page handles the keys every pager has; d is the dialog it belongs to.
func (p *pager) page(a *app, d dialog, msg tea.Msg) tea.Cmd {
	k, ok := msg.(tea.KeyPressMsg)
	if !ok {
		return nil
	}
	switch k.String() {
	case "esc", "q", "enter":
		a.drop(d)
	case "up", "k":
		p.top--
	case "down", "j":
		p.top++
	case "pgup", "ctrl+b":
		p.top -= p.room
	case "pgdown", "ctrl+f", "space":
		p.top += p.room
	case "home", "g":
		p.top = 0
	case "end", "G":
		p.top = p.have
	}
	p.top = max(min(p.top, p.have-p.room), 0)
	return nil
}

func (p *pager) pagerHints() []hint {
	if p.have > p.room {
		return []hint{{"↑ ↓", "scroll"}, {"esc", "close"}}
	}
	return []hint{{"esc", "close"}}
}

// helpDialog lists every key, made from the same table as the footer.
type helpDialog struct{ pager }

func (a *app) openHelp() tea.Cmd { return a.push(&helpDialog{}) }

func (d *helpDialog) title() string { return "Keys" }

func (d *helpDialog) update(a *app, msg tea.Msg) tea.Cmd {
	if k, ok := msg.(tea.KeyPressMsg); ok && k.String() == "?" {
		a.drop(d)
		return nil
	}
	return d.page(a, d, msg)
}

// helpColumns is the inner width from which the help has two columns.
const helpColumns = 92

func (d *helpDialog) wide() int { return 116 }

func (d *helpDialog) lines(a *app, w int) []string {
	if w < helpColumns {
		var out []string
		for _, g := range []string{groupMove, groupToken, groupAccount, groupApp} {
			out = append(append(out, a.helpGroup(g, w)...), "")
		}
		return append(out, a.legend(w)...)
	}
	half := (w - 3) / 2
	left := append(append(a.helpGroup(groupMove, half), ""), a.helpGroup(groupApp, half)...)
	right := append(append(a.helpGroup(groupToken, half), ""), a.helpGroup(groupAccount, half)...)
	var out []string
	for i := range max(len(left), len(right)) {
		var l, r string
		if i < len(left) {
			l = left[i]
		}
		if i < len(right) {
			r = right[i]
		}
		out = append(out, a.fit(l, half, "")+"   "+r)
	}
	return append(append(out, ""), a.legend(w)...)
}

// helpGroup lists the keys under one heading; one that does not work now says
// why.
func (a *app) helpGroup(group string, w int) []string {
	out := []string{a.st.strong.Styled(group)}
	for i := range a.keys {
		b := &a.keys[i]
		if b.group != group {
			continue
		}
		text, paint := b.long, a.st.text
		if b.why != nil {
			if why := b.why(a); why != "" {
				text, paint = b.long+" (now: "+why+")", a.st.dim
			}
		}
		for j, l := range a.wrap(text, w-8) {
			shown := blanks(8)
			if j == 0 {
				shown = a.st.accent.Styled(a.fit(a.keyName(b.Help().Key), 8, ""))
			}
			out = append(out, shown+paint.Styled(l))
		}
	}
	return out
}

// legend explains the marks of the countdowns.
func (a *app) legend(w int) []string {
	marks := "Countdowns: "
	for l := words.Fresh; l <= words.Expired; l++ {
		marks += tokenGlyph(l, &a.st) + " " + l.String() + "  "
	}
	var out []string
	for _, l := range a.wrap(marks, w) {
		out = append(out, a.st.dim.Styled(l))
	}
	return out
}

// keyName writes the arrows as words where only ASCII is wanted.
func (a *app) keyName(k string) string {
	if a.st.ascii {
		switch k {
		case "↑ k":
			return "up k"
		case "↓ j":
			return "down j"
		case "← →":
			return "arrows"
		case "↑ ↓":
			return "up down"
		}
	}
	return k
}

func (d *helpDialog) hints(*app) []hint { return d.pagerHints() }

// firstRun greets somebody who has no profile yet.
func (a *app) firstRun(w int) []string {
	var out []string
	for _, text := range []string{
		"No accounts here yet.",
		"Press a to add the first one: its name, the environment, and the api_key and api_secret that Kitegateway showed when the pair was generated.",
		"Just looking? q, then \"kitekey demo\": five make-believe accounts, no network, nothing kept.",
	} {
		out = append(out, "")
		out = append(out, a.wrap(text, w)...)
	}
	return out
}

// welcome fills the details when no profile is chosen.
func (a *app) welcome(w int) []string {
	if !a.loaded || len(a.profiles) > 0 {
		return nil
	}
	var out []string
	for _, text := range []string{
		"kitekey keeps Kitegateway key pairs in " + words.Store(a.o.Vault.StoreName()) + ", mints short-lived tokens with them, counts the tokens down, and puts the ready-made Authorization header on the clipboard.",
		"a  add the first account",
		"?  every key",
	} {
		out = append(out, "")
		for _, l := range a.wrap(text, w) {
			out = append(out, a.st.dim.Styled(l))
		}
	}
	return out
}
