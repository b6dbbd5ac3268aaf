package tui

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/ui/clipboard"
	"kitekey/ui/words"
	"kitekey/vault"
)

// copyFormat is what a token can be copied as.
type copyFormat string

const (
	asHeader copyFormat = "header"
	asToken  copyFormat = "token"
	asCurl   copyFormat = "curl command"
)

// render writes the token in the format. The curl line asks for the balances: a
// call that works for every merchant and changes nothing.
func (f copyFormat) render(tok kite.Token, baseURL string) kite.Secret {
	switch f {
	case asToken:
		return tok.Value
	case asCurl:
		return tok.Curl(baseURL + "/data/wallets/balances")
	}
	return tok.Header()
}

// clipStatus is what of kitekey's is in the clipboard.
type clipStatus struct {
	what      string // "header of acme/sandbox"
	until     time.Time
	willClear bool   // it is cleared at until; otherwise that is only when it stops being news
	caveat    string // what the clipboard cannot promise, as last said
}

func (s *clipStatus) expire(now time.Time) {
	if !s.until.IsZero() && !s.until.After(now) {
		s.clear()
	}
}

// clear forgets what was copied; the caveat has been said all the same.
func (s *clipStatus) clear() { *s = clipStatus{caveat: s.caveat} }

// text says when kitekey's copy leaves the clipboard, "" when there is none.
func (s *clipStatus) text(c *canvas) string {
	switch {
	case !s.until.After(c.now):
		return ""
	case !s.willClear:
		return "in the clipboard"
	}
	return "leaves the clipboard in " + c.countText(s.until.Sub(c.now))
}

func (a *app) copyHeader() tea.Cmd { return a.copyToken(a.chosen(), asHeader, vault.TokenRequest{}) }

// mintAgain mints with the expires_in of the last token and copies the header.
func (a *app) mintAgain() tea.Cmd {
	p := a.chosen()
	return a.copyToken(p, asHeader, vault.TokenRequest{Fresh: true, ExpiresIn: p.Token.ExpiresIn})
}

// copyToken copies the profile's token, minting one first when none is alive or
// a fresh one is asked for. The token goes from the vault to the clipboard
// without passing through the screen.
func (a *app) copyToken(p *vault.Profile, as copyFormat, m vault.TokenRequest) tea.Cmd {
	id, sel := p.ID, p.Selector
	doing := "reading the token"
	if m.Fresh || !p.Token.Unexpired(a.now) {
		doing = "minting"
	}
	purpose := "copy its " + string(as)
	if doing == "minting" {
		purpose = "mint a token"
	}
	v, clipboard, baseURL, now, clearAfter := a.o.Vault, a.o.Clipboard, a.o.BaseURL(sel.Environment), a.o.Now, a.o.ClearAfter
	return a.confirmLive(p, purpose, func() tea.Cmd {
		return a.run(task{id: id, kind: taskToken, doing: doing}, func(ctx context.Context) func(*app) tea.Cmd {
			tok, err := v.Token(ctx, sel, m)
			if err != nil {
				return func(a *app) tea.Cmd { return a.mintFailed(id, err) }
			}
			clearAt := now().Round(0).Add(clearAfter)
			if tok.Deadline().Before(clearAt) {
				clearAt = tok.Deadline() // a dead token helps nobody
			}
			receipt, err := clipboard.Copy(ctx, []byte(as.render(tok.Token, baseURL).Reveal()), clearAt)
			v.Record(vault.ActionCopied, sel, err)
			life := words.Lifetime(tok.Remaining(now()), tok.ExpiresIn().Duration())
			return func(a *app) tea.Cmd {
				a.expiry.watch(id)
				reload := a.reload()
				if err != nil {
					if tok.Minted {
						a.reportError(id, "a token was minted, copying it", err)
					} else {
						a.reportError(id, "copying", err)
					}
					return reload
				}
				a.copied(string(as)+" of "+sel.String(), receipt, tok.Minted, life)
				return tea.Batch(reload, a.awaitClearing())
			}
		})
	})
}

// copied says what was copied, by which way, when it will be gone, and what
// cannot be promised.
func (a *app) copied(what string, r clipboard.Receipt, minted bool, life string) {
	caveat := a.clip.caveat
	a.clip = clipStatus{what: what, until: r.ClearsAt, willClear: true, caveat: r.Caveat}
	if r.ClearsAt.IsZero() {
		a.clip.until, a.clip.willClear = a.now.Add(noticeTime), false
	}
	text := fmt.Sprintf("%s copied (%s)", what, r.Way)
	if minted {
		text += a.st.glyph.sep + "minted for " + life
	}
	n := notice{kind: done, text: text}
	if r.Caveat != caveat {
		n.small = r.Caveat // once is enough; the messages keep it
	}
	a.notices.show(n, a.now)
}

// clipboardStaysMsg is that the clipboard could not be cleared when its time came.
type clipboardStaysMsg struct{ err error }

// awaitClearing waits until the last copy is gone.
func (a *app) awaitClearing() tea.Cmd {
	ctx, c := a.ctx, a.o.Clipboard
	return func() tea.Msg {
		if err := c.Wait(ctx); err != nil && ctx.Err() == nil {
			return clipboardStaysMsg{err}
		}
		return nil
	}
}

func (a *app) clearClipboard() tea.Cmd {
	c := a.o.Clipboard
	return a.run(task{kind: taskClear, doing: "clearing the clipboard"}, func(ctx context.Context) func(*app) tea.Cmd {
		err := c.Clear(ctx)
		return func(a *app) tea.Cmd {
			if err != nil {
				a.reportError("", "clearing the clipboard", err)
				return nil
			}
			a.clip.clear()
			a.notify(done, "cleared from the clipboard")
			return nil
		}
	})
}

func (a *app) forget() tea.Cmd {
	p := *a.chosen()
	v := a.o.Vault
	return a.run(task{id: p.ID, kind: taskForget, doing: "forgetting the token"}, func(ctx context.Context) func(*app) tea.Cmd {
		err := v.Forget(ctx, p.Selector)
		return func(a *app) tea.Cmd {
			if err != nil {
				a.reportError(p.ID, "forgetting the token", err)
				return nil
			}
			a.notify(done, "token of "+p.Selector.String()+" forgotten; the gateway honours it until it expires")
			return a.reload()
		}
	})
}

// copyAs asks in which form to copy.
func (a *app) copyAs() {
	id := a.chosen().ID
	copyIn := func(as copyFormat) func(*app) tea.Cmd {
		return func(a *app) tea.Cmd {
			if p := a.profileByID(id); p != nil {
				return a.copyToken(p, as, vault.TokenRequest{})
			}
			return nil
		}
	}
	a.push(&menu{head: "Copy as", action: "copy", items: []menuItem{
		{"h", "header", "the whole line, Authorization: JWT and so on", copyIn(asHeader)},
		{"t", "token", "the value alone, its JWT prefix included", copyIn(asToken)},
		{"u", "curl command", "a call that keeps the token out of ps", copyIn(asCurl)},
	}})
}
