package tui

import (
	"context"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/vault"
)

// revealTime is how long a secret that was asked for stays on the screen.
const revealTime = 20 * time.Second

// shown is the one secret on the screen: a credential or a header, of one
// profile. The task that fetches it puts it here rather than into a message, so
// that it passes through no filter, log or debugger of messages.
type shown struct {
	id    string
	until time.Time
	box   *box
}

// box hands a secret from a task to the view.
type box struct {
	mu         sync.Mutex
	credential kite.Credential
	header     kite.Secret
}

func (b *box) get() (kite.Credential, kite.Secret) {
	if b == nil {
		return kite.Credential{}, kite.Secret{}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.credential, b.header
}

func (b *box) put(c kite.Credential, header kite.Secret) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.credential, b.header = c, header
}

func (a *app) hide() {
	a.shown.box.put(kite.Credential{}, kite.Secret{})
	a.shown = shown{}
}

// forgetSecrets drops every secret that the screen holds.
func (a *app) forgetSecrets() { a.hide() }

func (a *app) shownCredential(id string) kite.Credential {
	if a.shown.id != id {
		return kite.Credential{}
	}
	c, _ := a.shown.box.get()
	return c
}

func (a *app) shownHeader(id string) kite.Secret {
	if a.shown.id != id {
		return kite.Secret{}
	}
	_, h := a.shown.box.get()
	return h
}

func (a *app) showCredential() tea.Cmd {
	p := *a.chosen()
	if !a.shownCredential(p.ID).IsZero() {
		a.hide()
		return nil
	}
	v, b := a.o.Vault, &box{}
	return a.guarded(&p, "show its credential", func() tea.Cmd {
		return a.start(task{id: p.ID, verb: "show", doing: "reading the credential"}, func(ctx context.Context) func(*app) tea.Cmd {
			c, err := v.Credential(ctx, p.Selector)
			b.put(c, kite.Secret{})
			return func(a *app) tea.Cmd { return a.reveal(p.ID, b, "showing the credential", err) }
		})
	})
}

func (a *app) showHeader() tea.Cmd {
	p := *a.chosen()
	if !a.shownHeader(p.ID).IsZero() {
		a.hide()
		return nil
	}
	v, b := a.o.Vault, &box{}
	return a.guarded(&p, "show its token", func() tea.Cmd {
		return a.start(task{id: p.ID, verb: "show", doing: "reading the token"}, func(ctx context.Context) func(*app) tea.Cmd {
			tok, err := v.Cached(ctx, p.Selector)
			if err == nil {
				b.put(kite.Credential{}, tok.Header())
				v.Record(vault.ActionRevealed, p.Selector, nil)
			}
			return func(a *app) tea.Cmd { return a.reveal(p.ID, b, "showing the header", err) }
		})
	})
}

func (a *app) reveal(id string, b *box, doing string, err error) tea.Cmd {
	if err != nil {
		return a.fail(id, doing, err)
	}
	a.hide()
	a.shown = shown{id: id, until: a.now.Add(revealTime), box: b}
	if !a.wide() {
		a.detail = true // where it can be seen
	}
	return nil
}
