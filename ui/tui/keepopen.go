package tui

import (
	"time"

	"kitekey/ui/words"
	"kitekey/vault"
)

// keepOpenTime is how long unlocking for other commands lasts: the default of
// "kitekey unlock".
const keepOpenTime = 30 * time.Minute

// forAllLine says for which commands the store will be unlocked.
func (a *app) forAllLine(forAll bool) string {
	if forAll {
		return a.st.strong.Styled("for") + "  " + a.st.text.Styled("this screen and all commands, "+words.Duration(keepOpenTime))
	}
	return a.st.strong.Styled("for") + "  " + a.st.dim.Styled("this screen alone")
}

// keepOpen unlocks the store for other commands, and returns what to show.
func keepOpen(v *vault.Vault) func(*app) {
	until, err := v.KeepOpen(keepOpenTime)
	return func(a *app) {
		if err != nil {
			a.reportError("", "unlocking for commands", err)
			return
		}
		a.notify(done, "unlocked for all commands until "+words.Moment(until, a.now)+"; locking ends it")
	}
}
