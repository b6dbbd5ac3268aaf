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

// revealTime is how long a secret that was asked for stays on the screen.
const revealTime = 20 * time.Second

// revealed is the one secret on the screen: a credential or a header, of one
// profile. The task that fetches it puts it here rather than into a message, so
// that it passes through no filter, log or debugger of messages.
type revealed struct {
	id     string
	until  time.Time
	holder *secretHolder
}

// secretHolder hands a secret from a task to the view.
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

// put replaces what is held, and erases it.
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

// hide takes the secret off the screen and forgets it.
func (r *revealed) hide() {
	r.holder.put(kite.Credential{}, kite.Secret{})
	*r = revealed{}
}

func (r *revealed) expire(now time.Time) {
	if !r.until.IsZero() && !r.until.After(now) {
		r.hide()
	}
}

// credential is the profile's revealed credential, zero when there is none.
func (r *revealed) credential(id string) kite.Credential {
	if r.id != id {
		return kite.Credential{}
	}
	c, _ := r.holder.get()
	return c
}

// header is the profile's revealed header, zero when there is none.
func (r *revealed) header(id string) kite.Secret {
	if r.id != id {
		return kite.Secret{}
	}
	_, h := r.holder.get()
	return h
}

func (a *app) showCredential() tea.Cmd {
	p := *a.chosen()
	if !a.reveal.credential(p.ID).IsZero() {
		a.reveal.hide()
		return nil
	}
	v, b := a.o.Vault, &secretHolder{}
	return a.confirm(handout.Reveal, func() tea.Cmd {
		return a.run(task{kind: taskReveal, id: p.ID, doing: "reading the credential"}, func(ctx context.Context) func(*app) tea.Cmd {
			c, err := v.Credential(ctx, p.Selector)
			b.put(c, kite.Secret{})
			return func(a *app) tea.Cmd { return a.show(p.ID, b, "showing the credential", err) }
		})
	}, p.Selector)
}

func (a *app) showHeader() tea.Cmd {
	p := *a.chosen()
	if !a.reveal.header(p.ID).IsZero() {
		a.reveal.hide()
		return nil
	}
	v, b := a.o.Vault, &secretHolder{}
	return a.confirm(handout.Reveal, func() tea.Cmd {
		return a.run(task{kind: taskReveal, id: p.ID, doing: "reading the token"}, func(ctx context.Context) func(*app) tea.Cmd {
			tok, err := v.Cached(ctx, p.Selector)
			if err == nil {
				b.put(kite.Credential{}, tok.Header())
				v.Record(vault.ActionRevealed, p.Selector, nil)
			}
			return func(a *app) tea.Cmd { return a.show(p.ID, b, "showing the header", err) }
		})
	}, p.Selector)
}

// show puts what a task has fetched on the screen.
func (a *app) show(id string, b *secretHolder, doing string, err error) tea.Cmd {
	if err != nil {
		a.reportError(id, doing, err)
		return nil
	}
	a.reveal.hide()
	a.reveal = revealed{id: id, until: a.now.Add(revealTime), holder: b}
	if !a.wide() {
		a.detail.open = true // where it can be seen
	}
	return nil
}
