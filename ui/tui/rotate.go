package tui

import (
	"context"
	"errors"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/ui/handout"
	"kitekey/ui/words"
	"kitekey/vault"
)

// openRotate replaces a credential, or offers to finish or undo a replacement that
// is not complete.
func (a *app) openRotate() tea.Cmd {
	p := *a.chosen()
	enter := func(a *app) tea.Cmd {
		return a.confirm(handout.Rotate, func() tea.Cmd {
			a.push(rotateForm(p))
			return nil
		}, p.Selector)
	}
	if !p.Staged && !p.Previous {
		return enter(a)
	}
	m := &menu{head: "Rotate " + selWords(p.Selector), action: "do it", isLive: p.Environment == kite.Live}
	if p.Staged {
		m.intro = "A credential is staged: the gateway has not verified it yet."
		m.items = append(m.items,
			menuItem{"f", "finish", "verify the staged credential and put it in use", func(a *app) tea.Cmd { return a.finishRotation(p) }},
			menuItem{"x", "discard", "discard the staged credential", func(a *app) tea.Cmd { return a.discardStaged(p) }},
		)
	}
	if p.Previous {
		if m.intro == "" {
			m.intro = "The previous credential is kept."
		}
		m.items = append(m.items,
			menuItem{"b", "go back", "put the previous credential in use again", func(a *app) tea.Cmd {
				return a.settleRotation(p, handout.Rollback, "rolling back", "the previous credential is in use again", (*vault.Vault).Rollback)
			}},
			menuItem{"y", "delete previous", "the new one works; no rollback after that", func(a *app) tea.Cmd {
				return a.settleRotation(p, handout.Drop, "deleting the previous credential", "the previous credential is deleted", (*vault.Vault).DropPrevious)
			}},
		)
	}
	m.items = append(m.items, menuItem{"n", "new credential", "enter another credential", enter})
	a.push(m)
	return nil
}

// rotateForm asks for the new credential. If another kitekey has removed the profile
// by now, the credential can be added.
func rotateForm(p vault.Profile) *formDialog {
	key, secret := credentialFields()
	d := &formDialog{
		head: "Rotate " + selWords(p.Selector), action: "verify and replace",
		intro:  "Generate a second credential in the Kitegateway dashboard and enter it here. It is verified before anything is replaced, and the current one is kept as the previous.",
		isLive: p.Environment == kite.Live,
		fields: []*field{key, secret}, replaces: p.Selector,
		save: func(a *app, d *formDialog) tea.Cmd { return rotate(a, d, p) },
	}
	d.other = func(a *app) (string, func() tea.Cmd) {
		if a.list.named(p.Selector) != nil {
			return "", nil
		}
		return "add it", does(func() { d.passTo(a, a.addForm(p.Selector, p.Label)) })
	}
	return d
}

func rotate(a *app, d *formDialog, p vault.Profile) tea.Cmd {
	c, err := d.credential()
	if err != nil {
		d.fail(err.Error(), "")
		return nil
	}
	v := a.o.Vault
	t, cmd := a.start(task{kind: taskRotate, doing: "verifying the new credential", quiet: true, form: true}, func(ctx context.Context) func(*app) tea.Cmd {
		r, err := v.Rotate(ctx, p.Selector, c)
		c.Erase()
		return func(a *app) tea.Cmd {
			switch {
			case r.Outcome == vault.OutcomeStaged:
				d.wipe()
				a.drop(d)
				return a.rotated(p, r, err)
			case err != nil && r.Outcome != vault.OutcomeReplaced:
				if r.Report.Err != nil {
					err = r.Report.Err // without "nothing was replaced", which the form says
				}
				d.failWith("not replaced", err)
				return a.reload()
			}
			d.wipe()
			a.drop(d)
			return a.rotated(p, r, err)
		}
	})
	d.task = t
	return cmd
}

// rotated shows the result of a rotation.
func (a *app) rotated(p vault.Profile, r vault.Rotation, err error) tea.Cmd {
	if r.Report.Verdict != vault.VerdictNone && r.Outcome == vault.OutcomeReplaced {
		a.reports[p.ID] = r.Report
	}
	switch {
	case r.Outcome == vault.OutcomeReplaced && err == nil:
		a.notices.show(notice{kind: done, id: p.ID, keys: "r", text: p.Selector.String() + ": the new credential is in use; the previous one is kept (r goes back)"}, a.now)
	case r.Outcome == vault.OutcomeStaged:
		why := "the gateway could not verify it"
		if errors.Is(err, context.Canceled) {
			why = "it was stopped"
		} else if err != nil {
			why = words.Verdict(r.Report.Verdict, r.Profile.Store).Word
		}
		a.notices.show(notice{kind: warning, id: p.ID, keys: "r", text: p.Selector.String() + ": not replaced yet (" + why + "); the new credential is kept: r finishes"}, a.now)
	default:
		a.reportError(p.ID, "rotating", err)
	}
	return a.reload()
}

func (a *app) finishRotation(p vault.Profile) tea.Cmd {
	v := a.o.Vault
	return a.confirm(handout.Rotate, func() tea.Cmd {
		return a.run(task{kind: taskRotate, id: p.ID, doing: "verifying the new credential"}, func(ctx context.Context) func(*app) tea.Cmd {
			r, err := v.FinishRotation(ctx, p.Selector)
			return func(a *app) tea.Cmd { return a.rotated(p, r, err) }
		})
	}, p.Selector)
}

// discardStaged asks first, because the staged credential may be the only copy of
// its secret.
func (a *app) discardStaged(p vault.Profile) tea.Cmd {
	discard := func(a *app) tea.Cmd {
		return a.settleRotation(p, handout.Drop, "discarding", "the staged credential is discarded", (*vault.Vault).DiscardStaged)
	}
	if p.Environment == kite.Live {
		return discard(a) // the guard asks for its name
	}
	a.push(&question{
		head: "Discard the staged credential?", yes: "discard it", yesKey: "y",
		text: "Kitegateway does not show its api_secret again. The credential in use stays as it is.",
		then: discard,
	})
	return nil
}

// settleRotation does one of the steps that only change the store.
func (a *app) settleRotation(p vault.Profile, do handout.Action, doing, said string, step func(*vault.Vault, context.Context, vault.Selector) (vault.Profile, error)) tea.Cmd {
	v := a.o.Vault
	return a.confirm(do, func() tea.Cmd {
		return a.run(task{kind: taskRotate, id: p.ID, doing: doing}, func(ctx context.Context) func(*app) tea.Cmd {
			_, err := step(v, ctx, p.Selector)
			return func(a *app) tea.Cmd {
				if err != nil {
					a.reportError(p.ID, doing, err)
				} else {
					delete(a.reports, p.ID) // it may be about a credential that is no longer in use
					a.notify(done, p.Selector.String()+": "+said)
				}
				return a.reload()
			}
		})
	}, p.Selector)
}
