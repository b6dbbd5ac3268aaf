package cli

import (
	"context"

	"kitekey/ui/handout"
	"kitekey/ui/words"
	"kitekey/vault"
)

// moveOptions are the options of "store migrate" to or from a source.
type moveOptions struct {
	from, to     string // a source, and "" or the store in use, or the other way round
	profiles     []string
	confirm      string
	dryRun, json bool
}

// runMoveSourced moves credentials between the store and a source, one profile
// after another.
func (a *app) runMoveSourced(ctx context.Context, o moveOptions) error {
	v, err := a.open()
	if err != nil {
		return err
	}
	toSource := o.from == ""
	name := o.from
	if toSource {
		name = o.to
	} else if o.to != "" && o.to != v.StoreName() {
		return usagef("--from %s moves to the store in use, which is %s", o.from, words.Store(v.StoreName()))
	}
	if _, err := a.findSource([]string{name}); err != nil {
		return err
	}
	sels, err := a.movable(v, o, name, toSource)
	if err != nil {
		return err
	}
	m := vault.Migration{From: v.StoreName(), To: name}
	does := "gives the LIVE credentials to everyone who may read the source " + name
	move := func(sel vault.Selector) error { _, err := v.MoveToSource(ctx, sel, name); return err }
	if !toSource {
		m.From, m.To = name, v.StoreName()
		does = "copies the LIVE credentials of the source " + name + " to this machine"
		move = func(sel vault.Selector) error { _, err := v.MoveFromSource(ctx, sel); return err }
	}
	if !o.dryRun {
		if anyLive(sels) {
			a.note("this %s", does)
		}
		if err := a.confirmLive(ctx, handout.Move, o.confirm, sels...); err != nil {
			return err
		}
	}
	progress := a.progress("moved")
	for i, sel := range sels {
		if !o.dryRun {
			if err := move(sel); err != nil {
				progress.clear()
				if i > 0 {
					a.note("%d of %d moved before that", i, len(sels))
				}
				return vault.About(sel, err)
			}
		}
		m.Moved = append(m.Moved, sel)
		progress.show(i+1, len(sels))
	}
	progress.clear()
	if o.json {
		return a.tellMigration(m, o.dryRun, true)
	}
	verb := "moved"
	if o.dryRun {
		verb = "would be moved"
		for _, sel := range m.Moved {
			if err := a.print("%s\n", sel); err != nil {
				return err
			}
		}
	}
	place, other := words.Store(v.StoreName()), "the source "+name
	if toSource {
		place, other = other, place
	}
	a.note("%s %s from %s to %s", words.Count(len(m.Moved), "credential"), verb, other, place)
	if !toSource && !o.dryRun {
		a.note("the source %s keeps them, for everyone else", name)
	}
	return nil
}

// movable returns the profiles to move: those that were named, or all.
func (a *app) movable(v *vault.Vault, o moveOptions, name string, toSource bool) ([]vault.Selector, error) {
	profiles, err := v.List()
	if err != nil {
		return nil, err
	}
	from := name
	if toSource {
		from = ""
	}
	var sels []vault.Selector
	if len(o.profiles) == 0 {
		sels = keptIn(profiles, from)
		if len(sels) == 0 {
			return nil, usagef("there is nothing to move")
		}
		return sels, nil
	}
	if sels, err = a.selectors(o.profiles); err != nil {
		return nil, err
	}
	for _, sel := range sels {
		p, err := v.Lookup(sel)
		if err != nil {
			return nil, vault.About(sel, err)
		}
		if p.Source != from {
			return nil, usagef("%s: its credential is in %s", sel, kept(p))
		}
	}
	return sels, nil
}
