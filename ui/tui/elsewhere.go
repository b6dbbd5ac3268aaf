package tui

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/ui/handout"
	"kitekey/ui/words"
	"kitekey/vault"
)

// askElsewhere offers to try a refused credential in the other environment: one
// request, which sends the credential there.
func (a *app) askElsewhere(p vault.Profile, to vault.Selector) {
	v := a.o.Vault
	a.push(&question{
		head: "Try it as " + selWords(to) + "?", isLive: to.Environment == kite.Live, yes: "try it",
		text: "The credential was refused in " + words.Environment(p.Environment) + ". This sends it once to the gateway of " + words.Environment(to.Environment) + ", to find out whether it belongs there.",
		then: func(a *app) tea.Cmd {
			return a.run(task{kind: taskVerify, id: p.ID, doing: "trying it as " + selWords(to)}, func(ctx context.Context) func(*app) tea.Cmd {
				r := v.VerifyElsewhere(ctx, p.Selector)
				return func(a *app) tea.Cmd {
					a.triedElsewhere(p, to, r)
					return nil
				}
			})
		},
	})
}

// triedElsewhere says what the other environment answered, and offers to move a
// credential that belongs there.
func (a *app) triedElsewhere(p vault.Profile, to vault.Selector, r vault.Report) {
	if r.Verdict != vault.VerdictOK {
		a.notify(warning, "as "+selWords(to)+" it does not work either: "+words.Verdict(r.Verdict, p.Store).Word)
		return
	}
	text := "This is a credential of " + words.Environment(to.Environment) + ", stored as one of " + words.Environment(p.Environment) + "."
	for i := range a.list.profiles {
		if a.list.profiles[i].Selector == to {
			a.push(&question{head: "It belongs to " + selWords(to), yes: "close", isLive: to.Environment == kite.Live,
				text: text + " " + to.String() + " has a credential already; remove the wrong one with d.",
				then: func(*app) tea.Cmd { return nil }})
			return
		}
	}
	v := a.o.Vault
	a.push(&question{
		head: "It belongs to " + selWords(to), yes: "move it", isLive: to.Environment == kite.Live,
		text: text + " Moving it there renames the profile; from a shell: kitekey rename " + p.Selector.String() + " " + to.String(),
		then: func(a *app) tea.Cmd {
			return a.confirm(handout.Rename, func() tea.Cmd {
				return a.run(task{kind: taskEdit, id: p.ID, doing: "moving it"}, func(ctx context.Context) func(*app) tea.Cmd {
					moved, err := v.Move(ctx, p.Selector, to)
					return func(a *app) tea.Cmd {
						if err != nil {
							a.reportError(p.ID, "moving", err)
							return a.reloadAndChoose(moved.ID)
						}
						for _, d := range a.open { // the result from which it was moved
							if d, ok := d.(*verdictDialog); ok && d.id == p.ID {
								d.id = moved.ID
							}
						}
						a.notify(done, p.Selector.String()+" is now "+to.String())
						return a.reloadAndChoose(moved.ID)
					}
				})
			}, p.Selector, to)
		},
	})
}
