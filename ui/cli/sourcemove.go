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
	if o.from != "" && o.to != "" && o.to != v.StoreName() {
		return usagef("--from %s moves to the store in use, which is %s", o.from, words.Store(v.StoreName()))
	}
	name, direction := o.to, moveToSource
	if o.from != "" {
		name, direction = o.from, moveFromSource
	}
	if _, err := a.findSource([]string{name}); err != nil {
		return err
	}
	sels, err := a.movable(v, o)
	if err != nil {
		return err
	}
	m := direction(v, name)
	if o.dryRun {
		m.Moved = sels
		return a.tellMoved(m, o)
	}
	if anyLive(sels) {
		a.note("this %s", m.live)
	}
	if err := a.confirmLive(ctx, handout.Move, o.confirm, sels...); err != nil {
		return err
	}
	if err := a.moveEach(ctx, &m, sels); err != nil {
		return err
	}
	return a.tellMoved(m, o)
}

// sourcedMove is a move between the store and a source.
type sourcedMove struct {
	vault.Migration
	from, to string // what the two places are called
	live     string // what it does to live credentials
	keeps    string // who keeps the credentials too, "" for no one
	move     func(context.Context, vault.Selector) error
}

func moveToSource(v *vault.Vault, name string) sourcedMove {
	return sourcedMove{
		Migration: vault.Migration{From: v.StoreName(), To: name},
		from:      words.Store(v.StoreName()),
		to:        "the source " + name,
		live:      "gives the LIVE credentials to everyone who may read the source " + name,
		move: func(ctx context.Context, sel vault.Selector) error {
			_, err := v.MoveToSource(ctx, sel, name)
			return err
		},
	}
}

func moveFromSource(v *vault.Vault, name string) sourcedMove {
	return sourcedMove{
		Migration: vault.Migration{From: name, To: v.StoreName()},
		from:      "the source " + name,
		to:        words.Store(v.StoreName()),
		live:      "copies the LIVE credentials of the source " + name + " to this machine",
		keeps:     "the source " + name + " keeps them, for everyone else",
		move: func(ctx context.Context, sel vault.Selector) error {
			_, err := v.MoveFromSource(ctx, sel)
			return err
		},
	}
}

// moveEach moves one profile after another, up to the first failure.
func (a *app) moveEach(ctx context.Context, m *sourcedMove, sels []vault.Selector) error {
	progress := a.progress("moved")
	for i, sel := range sels {
		if err := m.move(ctx, sel); err != nil {
			progress.clear()
			if i > 0 {
				a.note("%d of %d moved before that", i, len(sels))
			}
			return vault.About(sel, err)
		}
		m.Moved = append(m.Moved, sel)
		progress.show(i+1, len(sels))
	}
	progress.clear()
	return nil
}

// tellMoved says what was moved, or would be.
func (a *app) tellMoved(m sourcedMove, o moveOptions) error {
	if o.json {
		return a.tellMigration(m.Migration, o.dryRun, true)
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
	a.note("%s %s from %s to %s", words.Count(len(m.Moved), "credential"), verb, m.from, m.to)
	if m.keeps != "" && !o.dryRun {
		a.note("%s", m.keeps)
	}
	return nil
}

// movable returns the profiles to move: those that were named, or all.
func (a *app) movable(v *vault.Vault, o moveOptions) ([]vault.Selector, error) {
	profiles, err := v.List()
	if err != nil {
		return nil, err
	}
	if len(o.profiles) == 0 {
		sels := keptIn(profiles, o.from)
		if len(sels) == 0 {
			return nil, usagef("there is nothing to move")
		}
		return sels, nil
	}
	sels, err := a.selectors(o.profiles)
	if err != nil {
		return nil, err
	}
	for _, sel := range sels {
		p, err := v.Lookup(sel)
		if err != nil {
			return nil, vault.About(sel, err)
		}
		if p.Source != o.from {
			return nil, usagef("%s: its credential is in %s", sel, kept(p))
		}
	}
	return sels, nil
}
