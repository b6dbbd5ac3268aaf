package tui

import (
	"context"
	"errors"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

// openRemove asks before a credential is removed, for the name if it is live.
func (a *app) openRemove() {
	p := *a.chosen()
	if p.Source != "" {
		a.openRemoveSourced(p)
		return
	}
	v := a.o.Vault
	a.askBeforeRemoving(p, "This takes the credential out of "+words.Store(v.StoreName())+". u puts it back for ten minutes, unless kitekey quits or locks. At the gateway it goes on working until you revoke it there.",
		"removed; u puts it back", v.RemoveWithUndo)
}

// askBeforeRemoving asks before a profile is removed. If it is live, its name must
// be typed; otherwise enter keeps it.
func (a *app) askBeforeRemoving(p vault.Profile, text, said string, remove func(context.Context, vault.Selector) (*vault.Removed, error)) {
	q := question{
		head: "Remove " + selWords(p.Selector), isLive: p.Environment == kite.Live, yes: "remove", yesKey: "y", text: text,
		then: func(a *app) tea.Cmd {
			return a.run(task{id: p.ID, kind: taskRemove, doing: "removing"}, func(ctx context.Context) func(*app) tea.Cmd {
				removed, err := remove(ctx, p.Selector)
				return func(a *app) tea.Cmd {
					if err != nil {
						if removed != nil {
							removed.Erase()
						}
						a.reportError(p.ID, "removing", err)
						return a.reload()
					}
					if removed != nil {
						a.removed.Add(removed, a.now)
					}
					delete(a.reports, p.ID)
					a.notify(done, p.Selector.String()+" "+said)
					return a.reload()
				}
			})
		},
	}
	if !q.isLive {
		a.push(&q)
		return
	}
	q.text += " To go on, type " + p.Selector.String() + "."
	a.push(newNameQuestion(p.Selector.String(), q))
}

// withoutUndo adapts a removal that cannot be put back.
func withoutUndo(remove func(context.Context, vault.Selector) error) func(context.Context, vault.Selector) (*vault.Removed, error) {
	return func(ctx context.Context, sel vault.Selector) (*vault.Removed, error) { return nil, remove(ctx, sel) }
}

// canPutBack says why nothing can be put back, "" if something can.
func canPutBack(a *app) string {
	if a.removed.Last() == nil {
		return "nothing was removed in the last ten minutes"
	}
	return ""
}

// putBack adds the profile that was removed last again.
func (a *app) putBack() tea.Cmd {
	last := a.removed.Last()
	v, sel := a.o.Vault, last.Profile.Selector
	return a.run(task{kind: taskAdd, doing: "putting " + sel.String() + " back"}, func(ctx context.Context) func(*app) tea.Cmd {
		p, err := v.PutBack(ctx, last)
		var there string // the profile that has the name
		if errors.Is(err, vault.ErrExists) {
			profiles, _ := v.List()
			for _, p := range profiles {
				if p.Selector == sel {
					there = p.ID
				}
			}
		}
		return func(a *app) tea.Cmd {
			switch {
			case there != "":
				a.notices.show(notice{
					kind: failure, text: sel.String() + " cannot be put back: another profile has its name now",
					next: "Rename that one with e, or remove it with d; then press u.",
				}, a.now)
				return a.reloadAndChoose(there)
			case err != nil:
				a.reportError("", "putting "+sel.String()+" back", err) // it can be tried again
				return a.reload()
			}
			a.removed.Drop(last)
			a.notify(done, sel.String()+" is back")
			return a.reloadAndChoose(p.ID)
		}
	})
}
