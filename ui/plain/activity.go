package plain

import (
	"context"
	"strings"

	"kitekey/ui/words"
	"kitekey/vault"
)

// activityShown is how many entries are read out.
const activityShown = 20

// activity says what was done with the chosen profile, with the one that rest names,
// or with all, the latest first.
func (c *conversation) activity(_ context.Context, rest string) error {
	var only *vault.Selector
	if rest != "" && !strings.EqualFold(rest, "all") && !c.reach(rest) {
		return nil
	}
	if p, ok := c.current(); ok && !strings.EqualFold(rest, "all") {
		only = &p.Selector
	}
	list, err := c.o.Vault.Activities(only, activityShown)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		c.say("Nothing is logged.")
		return nil
	}
	for i := len(list) - 1; i >= 0; i-- {
		e := list[i]
		name := ""
		if only == nil {
			name = speak(vault.Selector{Account: words.Line(e.Account), Environment: e.Environment}) + " "
		}
		result := words.Line(e.Result)
		if result == string(vault.VerdictOK) {
			result = "done"
		}
		what := words.Line(string(e.Action))
		if change := words.Change(&e, "to"); change != "" {
			what += " from " + change
		}
		c.say("%s, %s%s, %s.", words.Age(e.At, c.now()), name, what, result)
	}
	return nil
}
