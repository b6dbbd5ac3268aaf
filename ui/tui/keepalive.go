package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/ui/handout"
	"kitekey/ui/words"
	"kitekey/vault"
)

// keepAlive mints a new token for one profile shortly before the current one
// expires, until it is switched off or kitekey quits. It continues on a locked
// screen, since its purpose is an hour of work elsewhere. For a live profile
// locking ends it, because locking ends the confirmation.
type keepAlive struct{ handout.Renewals }

func (a *app) toggleKeepAlive() tea.Cmd {
	p := *a.chosen()
	if a.keep.ID == p.ID {
		a.keep = keepAlive{}
		a.notify(info, "keep-alive off: "+p.Selector.String()+" keeps its token until it expires")
		return nil
	}
	return a.confirm(handout.KeepAlive, func() tea.Cmd {
		text := "keep-alive on for " + p.Selector.String() + " until K or quit"
		if other := a.profileByID(a.keep.ID); other != nil {
			text += " (off for " + other.Selector.String() + ")"
		}
		a.keep = keepAlive{handout.Renew(p, a.now)}
		a.notices.show(notice{kind: done, id: p.ID, keys: "K", text: text}, a.now)
		return a.keep.tick(a)
	}, p.Selector)
}

// tick renews the token when it is time.
func (k *keepAlive) tick(a *app) tea.Cmd {
	p := a.profileByID(k.ID)
	switch {
	case k.ID == "":
		return nil
	case p == nil:
		*k = keepAlive{}
		return nil
	case k.Wait(p.Token, a.now) > 0 || a.tasks.about(p.ID) != nil:
		return nil
	}
	id, sel, tokens, life := p.ID, p.Selector, a.tokens, k.ExpiresIn
	first := !p.Token.Unexpired(a.now) // the first token needs no message
	k.Begin(a.now)
	return a.run(task{kind: taskToken, id: id, doing: "renewing"}, func(ctx context.Context) func(*app) tea.Cmd {
		tok, err := tokens.Vault.Token(ctx, sel, vault.TokenRequest{Fresh: true, ExpiresIn: life}) // the guard was asked when keep-alive was switched on
		return func(a *app) tea.Cmd {
			if err == nil {
				a.noteToken(id, tok.Info(), tok.Cached)
			}
			a.keep.renewed(a, id, sel, life, first, err)
			return a.reload()
		}
	})
}

// renewed shows the result of a renewal.
func (k *keepAlive) renewed(a *app, id string, sel vault.Selector, life kite.Lifetime, first bool, err error) {
	if err == nil {
		if !first {
			a.showQuietly(notice{kind: info, text: "keep-alive: " + sel.String() + " has a new token for " + words.Duration(life.Duration())})
		}
		return
	}
	if v := vault.VerdictOf(err); v.Refused() || v == vault.VerdictNoCredential {
		*k = keepAlive{} // another request would be refused too
		a.reportError(id, "keep-alive stopped", err)
		return
	}
	a.reportError(id, "keep-alive, trying again in "+words.Duration(handout.RenewalPause), err)
}

// expiryWatch gives one notice for each token that is used here and runs low.
type expiryWatch struct {
	watched map[string]bool      // profiles whose tokens this session minted or copied
	warned  map[string]time.Time // deadlines of the tokens for which a notice was given, by profile
}

// watch marks a profile whose token is in use here.
func (e *expiryWatch) watch(id string) { e.watched[id] = true }

func (e *expiryWatch) warn(a *app) tea.Cmd {
	if a.o.NoNotices {
		return nil
	}
	for i := range a.list.profiles {
		p := &a.list.profiles[i]
		if s := words.TokenStateOf(p.Token, a.now); s != words.Low && s != words.Ending || !e.watched[p.ID] || a.keep.ID == p.ID ||
			e.warned[p.ID].Equal(p.Token.Deadline) {
			continue
		}
		e.warned[p.ID] = p.Token.Deadline
		a.showQuietly(notice{kind: warning, id: p.ID, keys: "n", holds: p.Token.Deadline,
			text: p.Selector.String() + " expires at " + words.Moment(p.Token.Deadline, a.now) + a.st.glyph.sep + "n mints another"})
		if !a.o.NoBell {
			return tea.Raw("\a")
		}
	}
	return nil
}
