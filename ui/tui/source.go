package tui

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

// syncSources asks the team's sources for their profiles and updates the list. It
// reads no credential.
func (a *app) syncSources() tea.Cmd {
	v, names := a.o.Vault, a.o.Sources
	return a.run(task{kind: taskSync, doing: "asking the sources"}, func(ctx context.Context) func(*app) tea.Cmd {
		all, err := names()
		type synced struct {
			name string
			vault.Sync
			err error
		}
		var found []synced
		for _, name := range all {
			s, err := v.SyncSource(ctx, name)
			found = append(found, synced{name, s, err})
		}
		return func(a *app) tea.Cmd {
			if err != nil {
				a.reportError("", "reading the sources", err)
				return nil
			}
			if len(found) == 0 {
				a.notify(warning, words.NoSources)
			}
			for _, f := range found {
				if f.err != nil {
					a.reportError("", "asking "+f.name, f.err)
					continue
				}
				a.notify(done, f.name+": "+words.Sync(f.Sync))
			}
			return a.reload()
		}
	})
}

// canRefresh says why the sources cannot be asked, "" if they can.
func canRefresh(a *app) string {
	if a.o.Sources == nil {
		return "there are no sources here"
	}
	return ""
}

// sourceLines draws the source of a credential that is not in the store.
func (a *app) sourceLines(p *vault.Profile, w int) []string {
	if p.Source == "" {
		return nil
	}
	return []string{a.fact("source", p.Source+", shared with the team", w)}
}

// openRemoveSourced asks whether to remove a profile in a source from this list or
// for everyone.
func (a *app) openRemoveSourced(p vault.Profile) {
	v := a.o.Vault
	remove := func(text, done string, remove func(context.Context, vault.Selector) error) func(*app) tea.Cmd {
		return func(a *app) tea.Cmd {
			a.askBeforeRemoving(p, text, done, withoutUndo(remove))
			return nil
		}
	}
	a.push(&menu{
		head: "Remove " + selWords(p.Selector), action: "go on", isLive: p.Environment == kite.Live,
		intro: "Its credential is in the source " + p.Source + ", which other people use too.",
		items: []menuItem{
			{"l", "from this list", "the source keeps the credential; R lists it again", remove(
				"This takes "+p.Selector.String()+" off this list and forgets its cached token. The source keeps the credential.", "taken off this list", v.Remove)},
			{"t", "for the team", "remove the credential from the source, for everyone", remove(
				"This removes the credential from the source "+p.Source+", for everyone who uses it.", "removed for the team", v.RemoveForAll)},
		},
	})
}
