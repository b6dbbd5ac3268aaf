package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

// keepAlive mints another token for one profile shortly before the last one
// ends, until it is switched off or kitekey quits. A locked screen goes on with
// it, since an hour of work elsewhere is what it is for; only live stops there,
// with its gate.
type keepAlive struct {
	id        string // "" is off
	expiresIn kite.Lifetime
	next      time.Time // not before this: the pause after a failure
}

// keepAlivePause is how long to wait after a renewal that failed.
const keepAlivePause = 15 * time.Second

func (a *app) toggleKeepAlive() tea.Cmd {
	p := *a.chosen()
	if a.keep.id == p.ID {
		a.keep = keepAlive{}
		return a.say(info, "keep-alive off: "+p.Selector.String()+" keeps its token until it expires")
	}
	return a.guarded(&p, "keep a token alive", func() tea.Cmd {
		text := "keep-alive on for " + p.Selector.String() + " until K or quit"
		if other := a.profileByID(a.keep.id); other != nil {
			text += " (off for " + other.Selector.String() + ")"
		}
		life := p.ExpiresIn
		if p.Token.Unexpired(a.now) {
			life = p.Token.ExpiresIn
		}
		a.keep = keepAlive{id: p.ID, expiresIn: life}
		a.say(done, text)
		return a.keepAliveTick()
	})
}

// keepAliveTick renews the token when it is time.
func (a *app) keepAliveTick() tea.Cmd {
	p := a.profileByID(a.keep.id)
	switch {
	case a.keep.id == "":
		return nil
	case p == nil:
		a.keep = keepAlive{}
		return nil
	case a.keep.next.After(a.now) || a.taskFor(p.ID) != nil:
		return nil
	case p.Token.Unexpired(a.now) && p.Token.Remaining(a.now) > words.RenewAt(a.keep.expiresIn.Duration()):
		return nil
	}
	id, sel, v, life := p.ID, p.Selector, a.o.Vault, a.keep.expiresIn
	first := !p.Token.Unexpired(a.now)      // what was said when it was switched on will do
	a.keep.next = a.now.Add(keepAlivePause) // also the least time between two renewals that work
	if pause := life.Duration() - words.RenewAt(life.Duration()); pause < keepAlivePause {
		a.keep.next = a.now.Add(pause)
	}
	return a.start(task{id: id, verb: "token", doing: "renewing"}, func(ctx context.Context) func(*app) tea.Cmd {
		_, err := v.Token(ctx, sel, vault.TokenRequest{Fresh: true, ExpiresIn: life})
		return func(a *app) tea.Cmd {
			if err == nil {
				if !first {
					a.mention(info, "keep-alive: "+sel.String()+" has a new token for "+words.Duration(life.Duration()))
				}
				return a.reload()
			}
			if v := vault.VerdictOf(err); v == vault.VerdictRejected || v == vault.VerdictInvalid || v == vault.VerdictNoCredential {
				a.keep = keepAlive{} // asking again will not change the answer
				a.fail(id, "keep-alive stopped", err)
			} else {
				a.fail(id, "keep-alive, trying again in "+words.Duration(keepAlivePause), err)
			}
			return a.reload()
		}
	})
}

// warn gives one notice per token that is used here and runs low.
func (a *app) warn() tea.Cmd {
	if a.o.NoNotices {
		return nil
	}
	for i := range a.profiles {
		p := &a.profiles[i]
		if l := words.TokenStateOf(p.Token, a.now); l != words.Low && l != words.Ending || !a.watched[p.ID] || a.keep.id == p.ID ||
			a.warned[p.ID].Equal(p.Token.Deadline) {
			continue
		}
		if a.warned == nil {
			a.warned = map[string]time.Time{}
		}
		a.warned[p.ID] = p.Token.Deadline
		a.mention(warning, p.Selector.String()+" expires at "+a.moment(p.Token.Deadline)+a.st.glyph.sep+"n mints another")
		if !a.o.NoBell {
			return tea.Raw("\a")
		}
	}
	return nil
}
