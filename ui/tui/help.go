package tui

import (
	"slices"

	"kitekey/ui/words"
)

// helpColumns is the inner width, in cells, from which the list of actions shows
// their commands.
const helpColumns = 92

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

// firstRun draws the greeting for a user without profiles. unreached says what is
// wrong with the store, if it cannot be reached.
func firstRun(c *canvas, w, h int, unreached []string) []string {
	var out []string
	for i, text := range unreached {
		if i == 0 {
			text = c.st.glyph.bad + " " + text
		}
		out = append(append(out, ""), c.painted(text, w, c.st.warn)...)
	}
	for _, text := range []string{
		"No accounts here yet.",
		"Press a to add the first one: its name, the environment, and the api_key and api_secret that Kitegateway showed when the credential was generated. Or paste the text that has them: a .env file, JSON, a curl command, a mail.",
		"Just looking? q, then \"kitekey demo\": made-up accounts in every state, no network, nothing stored.",
	} {
		out = append(out, "")
		out = append(out, c.wrap(text, w)...)
	}
	if dense := slices.DeleteFunc(slices.Clone(out), func(l string) bool { return l == "" }); len(out) > h && len(dense) <= h {
		return dense // so that all of it fits
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
		"a  add the first account; or paste what you have",
		"?  every key",
	} {
		out = append(out, "")
		for _, l := range a.wrap(text, w) {
			out = append(out, a.st.dim.Styled(l))
		}
	}
	return out
}
