package tui

import "kitekey/ui/words"

// helpDialog lists every key, made from the same table as the footer.
type helpDialog struct{ pager }

func (a *app) openHelp() { a.push(&helpDialog{}) }

func (d *helpDialog) title() string           { return "Keys" }
func (d *helpDialog) keys(a *app) []dialogKey { return d.pagerKeys(a, d, "?") }

// helpColumns is the inner width from which the help has two columns.
const helpColumns = 92

func (d *helpDialog) width() int { return 116 }

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

// firstRun greets somebody who has no profile yet.
func firstRun(c *canvas, w int) []string {
	var out []string
	for _, text := range []string{
		"No accounts here yet.",
		"Press a to add the first one: its name, the environment, and the api_key and api_secret that Kitegateway showed when the credential was generated.",
		"Just looking? q, then \"kitekey demo\": five make-believe accounts, no network, nothing kept.",
	} {
		out = append(out, "")
		out = append(out, c.wrap(text, w)...)
	}
	return out
}

// welcome fills the details when no profile is chosen.
func (a *app) welcome(w int) []string {
	if !a.list.loaded || len(a.list.profiles) > 0 {
		return nil
	}
	var out []string
	for _, text := range []string{
		"kitekey keeps Kitegateway credentials in " + words.Store(a.o.Vault.StoreName()) + ", mints short-lived tokens with them, counts the tokens down, and puts the ready-made Authorization header on the clipboard.",
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
