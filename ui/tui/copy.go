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

// form is what a token can be copied as.
type form string

const (
	asHeader form = "header"
	asToken  form = "token"
	asCurl   form = "curl command"
)

// render writes the token in the form. The curl line asks for the balances: a
// call that works for every merchant and changes nothing.
func (f form) render(tok kite.Token, baseURL string) kite.Secret {
	switch f {
	case asToken:
		return tok.Value
	case asCurl:
		return tok.Curl(baseURL + "/data/wallets/balances")
	}
	return tok.Header()
}

// clip is what of kitekey's is in the clipboard.
type clip struct {
	what    string // "header of acme/sandbox"
	until   time.Time
	cleared bool // it will be taken back at until; otherwise that is only when it stops being news
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
func (a *app) copyToken(p *vault.Profile, as form, m vault.TokenRequest) tea.Cmd {
	id, sel := p.ID, p.Selector
	doing := "reading the token"
	if m.Fresh || !p.Token.Unexpired(a.now) {
		doing = "minting"
	}
	verb := "copy its " + string(as)
	if doing == "minting" {
		verb = "mint a token"
	}
	v, clipboard, baseURL, now, clearAfter := a.o.Vault, a.o.Clipboard, a.o.BaseURL(sel.Environment), a.o.Now, a.o.ClearAfter
	return a.guarded(p, verb, func() tea.Cmd {
		return a.start(task{id: id, verb: "token", doing: doing}, func(ctx context.Context) func(*app) tea.Cmd {
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
				a.watch(id)
				reload := a.reload()
				if err != nil {
					if tok.Minted {
						a.fail(id, "a token was minted, copying it", err)
					} else {
						a.fail(id, "copying", err)
					}
					return reload
				}
				a.copied(string(as)+" of "+sel.String(), receipt, tok.Minted, life)
				return reload
			}
		})
	})
}

// copied says what was copied, by which way, when it will be gone, and what
// cannot be promised.
func (a *app) copied(what string, r clipboard.Receipt, minted bool, life string) {
	a.clip = clip{what: what, until: r.ClearsAt, cleared: true}
	if r.ClearsAt.IsZero() {
		a.clip = clip{what: what, until: a.now.Add(noticeTime)}
	}
	text := fmt.Sprintf("%s copied (%s)", what, r.Way)
	if minted {
		text += a.st.glyph.sep + "minted for " + life
	}
	n := notice{kind: done, text: text}
	if r.Caveat != a.caveat {
		n.small, a.caveat = r.Caveat, r.Caveat // once is enough; the messages keep it
	}
	a.note(n)
}

func (a *app) clearClipboard() tea.Cmd {
	c := a.o.Clipboard
	return a.start(task{verb: "clear", doing: "clearing the clipboard"}, func(ctx context.Context) func(*app) tea.Cmd {
		err := c.Clear(ctx)
		return func(a *app) tea.Cmd {
			if err != nil {
				return a.fail("", "clearing the clipboard", err)
			}
			a.clip = clip{}
			return a.say(done, "taken back out of the clipboard")
		}
	})
}

func (a *app) forget() tea.Cmd {
	p := *a.chosen()
	v := a.o.Vault
	return a.start(task{id: p.ID, verb: "forget", doing: "forgetting the token"}, func(ctx context.Context) func(*app) tea.Cmd {
		err := v.Forget(ctx, p.Selector)
		return func(a *app) tea.Cmd {
			if err != nil {
				return a.fail(p.ID, "forgetting the token", err)
			}
			a.say(done, "token of "+p.Selector.String()+" forgotten; the gateway honours it until it expires")
			return a.reload()
		}
	})
}

// copyAs asks in which form to copy.
func (a *app) copyAs() tea.Cmd {
	id := a.chosen().ID
	copyIn := func(as form) func(*app) tea.Cmd {
		return func(a *app) tea.Cmd {
			if p := a.profileByID(id); p != nil {
				return a.copyToken(p, as, vault.TokenRequest{})
			}
			return nil
		}
	}
	return a.push(&menu{head: "Copy as", verb: "copy", items: []menuItem{
		{"h", "header", "the whole line, Authorization: JWT and so on", copyIn(asHeader)},
		{"t", "token", "the value alone, its JWT prefix included", copyIn(asToken)},
		{"u", "curl command", "a call that keeps the token out of ps", copyIn(asCurl)},
	}})
}
