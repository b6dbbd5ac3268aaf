package tui

import (
	"context"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/ui/handout"
	"kitekey/vault"
)

// revealTime is how long a revealed secret stays on the screen.
const revealTime = 20 * time.Second

// revealed is the one secret on the screen: a credential or a header, of one
// profile. The task that fetches it puts it here rather than into a message, so
// that it passes through no filter, log or debugger of messages. What is drawn are
// its stand-ins.
type revealed struct {
	id     string
	until  time.Time
	holder *secretHolder

	standIns                  *standIns
	apiKey, apiSecret, header string // what stands for them
}

// secretHolder passes a secret from a task to the view.
type secretHolder struct {
	mu         sync.Mutex
	credential kite.Credential
	header     kite.Secret
}

func (b *secretHolder) get() (kite.Credential, kite.Secret) {
	if b == nil {
		return kite.Credential{}, kite.Secret{}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.credential, b.header
}

// put replaces the secrets and erases the old ones.
func (b *secretHolder) put(c kite.Credential, header kite.Secret) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.credential.Erase()
	b.header.Erase()
	b.credential, b.header = c, header
}

// hide removes the secret from the screen and erases it.
func (r *revealed) hide() {
	r.holder.put(kite.Credential{}, kite.Secret{})
	r.standIns.forget()
	*r = revealed{standIns: r.standIns}
}

func (r *revealed) expire(now time.Time) {
	if !r.until.IsZero() && !r.until.After(now) {
		r.hide()
	}
}

// of reports whether a secret of the profile is on the screen.
func (r *revealed) of(id string) bool { return r.id != "" && r.id == id }

// mayReveal says why no secret may be shown, "" if one may. Everything that reveals
// a secret must ask it.
func (a *app) mayReveal() string {
	switch {
	case a.o.NoReveal:
		return "revealing is disabled (--no-reveal)"
	case a.lock.locked:
		return "the screen is locked"
	}
	return ""
}

func (a *app) showCredential() tea.Cmd {
	p := a.chosen()
	if a.reveal.of(p.ID) && a.reveal.apiKey != "" {
		a.reveal.hide()
		return nil
	}
	v, sel := a.o.Vault, p.Selector
	return a.fetchSecret(p, "reading the credential", func(ctx context.Context, b *secretHolder) error {
		c, err := v.Credential(ctx, sel)
		b.put(c, kite.Secret{})
		return err
	})
}

func (a *app) showHeader() tea.Cmd {
	p := a.chosen()
	if a.reveal.of(p.ID) && a.reveal.header != "" {
		a.reveal.hide()
		return nil
	}
	v, sel := a.o.Vault, p.Selector
	return a.fetchSecret(p, "reading the token", func(ctx context.Context, b *secretHolder) error {
		tok, err := v.Cached(ctx, sel)
		if err == nil {
			b.put(kite.Credential{}, tok.Header())
			v.Record(vault.ActionRevealed, sel, nil)
		}
		return err
	})
}

// fetchSecret reads a secret of a profile and shows it for a while.
func (a *app) fetchSecret(p *vault.Profile, doing string, read func(context.Context, *secretHolder) error) tea.Cmd {
	if why := a.mayReveal(); why != "" {
		a.notify(info, why)
		return nil
	}
	id, b := p.ID, &secretHolder{}
	return a.confirm(handout.Reveal, func() tea.Cmd {
		return a.run(task{kind: taskReveal, id: id, doing: doing}, func(ctx context.Context) func(*app) tea.Cmd {
			err := read(ctx, b)
			return func(a *app) tea.Cmd {
				switch {
				case err != nil:
					a.reportError(id, doing, err)
				case a.mayReveal() != "":
					b.put(kite.Credential{}, kite.Secret{})
				default:
					a.show(id, b)
				}
				return nil
			}
		})
	}, p.Selector)
}

// show puts the secret that a task has fetched on the screen.
func (a *app) show(id string, b *secretHolder) {
	a.reveal.hide()
	c, header := b.get()
	r := &a.reveal
	r.id, r.until, r.holder = id, a.now.Add(revealTime), b
	r.apiKey = r.standIns.add(c.APIKey, a.method)
	r.apiSecret = r.standIns.add(c.APISecret, a.method)
	r.header = r.standIns.add(header, a.method)
	if !a.wide() {
		a.detail.open = true // the details show the secret
	}
}
