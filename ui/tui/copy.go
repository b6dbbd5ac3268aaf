package tui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"kitekey/ui/handout"
	"kitekey/vault"
)

// clipStatus is kitekey's copy in the clipboard.
type clipStatus struct {
	what      string // "header of acme/sandbox"
	until     time.Time
	willClear bool   // it is cleared at until; otherwise until is when the message about it ends
	caveat    string // what the clipboard cannot promise, as last shown
	copies    int    // number of the copy
}

func (s *clipStatus) expire(now time.Time) {
	if !s.until.IsZero() && !s.until.After(now) {
		s.clear()
	}
}

// clear forgets the copy, but remembers its number and that the caveat was shown.
func (s *clipStatus) clear() { *s = clipStatus{caveat: s.caveat, copies: s.copies} }

// text says when kitekey's copy leaves the clipboard, "" if there is none.
func (s *clipStatus) text(c *canvas) string {
	switch {
	case !s.until.After(c.now):
		return ""
	case !s.willClear:
		return "in the clipboard"
	}
	return "leaves the clipboard in " + c.countText(s.until.Sub(c.now))
}

func (a *app) copyHeader() tea.Cmd {
	return a.give(a.chosen(), handout.Header, vault.TokenRequest{})
}

// mintAgain mints with the expires_in of the last token and copies the header.
func (a *app) mintAgain() tea.Cmd {
	p := a.chosen()
	return a.give(p, handout.Header, vault.TokenRequest{Fresh: true, ExpiresIn: p.Token.ExpiresIn})
}

// give copies the profile's token in a form, or only mints it if as is "". The
// token goes from the vault to the clipboard without passing through the screen.
func (a *app) give(p *vault.Profile, as handout.Form, r vault.TokenRequest) tea.Cmd {
	do, doing := handout.Copy, "reading the token"
	if r.Fresh || !p.Token.Unexpired(a.now) {
		doing = "minting"
	}
	if as == "" {
		do = handout.Mint
	}
	id, tokens := p.ID, a.tokens
	request := handout.Request{Profile: p.Selector, Token: r, As: as, ClearAfter: a.o.ClearAfter}
	return a.confirm(do, func() tea.Cmd {
		return a.run(task{kind: taskToken, id: id, doing: doing}, func(ctx context.Context) func(*app) tea.Cmd {
			given, err := tokens.Give(ctx, request)
			return func(a *app) tea.Cmd {
				a.given(id, given, err)
				if as == "" {
					return a.reload()
				}
				return tea.Batch(a.reload(), a.awaitClearing())
			}
		})
	}, p.Selector)
}

// given shows the result of give. The countdown begins at once, even if the store
// has not kept the token.
func (a *app) given(id string, g handout.Given, err error) {
	var notCopied *handout.CopyError
	if err != nil && !errors.As(err, &notCopied) {
		a.mintFailed(id, err)
		return
	}
	a.expiry.watch(id)
	a.used(id)
	a.noteToken(id, g.Token, g.Cached)
	switch {
	case err != nil && g.Minted:
		a.reportError(id, "a token was minted, copying it", notCopied.Err)
	case err != nil:
		a.reportError(id, "copying", notCopied.Err)
	case g.As == "":
		a.notices.show(notice{kind: done, id: id, text: "minted a token for " + g.Profile.String() + ", valid for " + g.Life(), small: notKept(g)}, a.now)
	default:
		a.copied(g)
	}
}

// notKept says what follows if the store has not cached a token.
func notKept(g handout.Given) string {
	if g.Cached {
		return ""
	}
	return "it could not be cached: the next copy mints another"
}

// noteToken sets a profile's token, and remembers it if it is not in the index.
func (a *app) noteToken(id string, t vault.TokenInfo, cached bool) {
	delete(a.uncached, id)
	if !cached {
		a.uncached[id] = t
	}
	if p := a.profileByID(id); p != nil {
		p.Token = t
	}
}

// copied says what was copied, in which way, when it will be cleared, and what
// cannot be promised.
func (a *app) copied(g handout.Given) {
	caveat, r := a.clip.caveat, g.Receipt
	a.clip = clipStatus{what: g.Copied(), until: r.ClearsAt, willClear: true, caveat: r.Caveat, copies: a.clip.copies + 1}
	if r.ClearsAt.IsZero() {
		a.clip.until, a.clip.willClear = a.now.Add(noticeTime), false
	}
	n := notice{kind: done, text: fmt.Sprintf("%s copied (%s)", g.Copied(), r.Way), copy: g.Copied(), small: notKept(g)}
	if g.Minted {
		n.text += a.st.glyph.sep + "minted for " + g.Life()
	}
	if r.Caveat != caveat {
		n.small = r.Caveat // show it once; the messages keep it
	}
	a.notices.show(n, a.now)
}

// clipboardEndedMsg says that a copy need not be cleared any more, or why it could
// not be cleared.
type clipboardEndedMsg struct {
	copy int // its number
	err  error
}

// awaitClearing waits until the last copy is cleared.
func (a *app) awaitClearing() tea.Cmd {
	ctx, c, number := a.ctx, a.o.Clipboard, a.clip.copies
	return func() tea.Msg {
		if err := c.Wait(ctx); ctx.Err() == nil {
			return clipboardEndedMsg{number, err}
		}
		return nil
	}
}

// clipboardEnded shows how a copy ended. One that ends before its time has gone with
// its clipboard, or another copy of kitekey's has replaced it. A task under way that
// copies or clears says so itself.
func (a *app) clipboardEnded(msg clipboardEndedMsg) {
	switch {
	case msg.err != nil:
		a.reportError("", "clearing the clipboard", msg.err)
	case a.clip.willClear && a.clip.copies == msg.copy && a.clip.until.After(a.now.Add(time.Second)):
		if !slices.ContainsFunc(a.tasks.running, func(t *task) bool {
			return t.kind == taskToken || t.kind == taskReport || t.kind == taskClear
		}) {
			a.notify(info, a.clip.what+" is no longer in the clipboard")
		}
		a.clip.clear()
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
			delete(a.uncached, p.ID)
			text := "token of " + p.Selector.String() + " forgotten; the gateway honours it until it expires"
			if a.keep.ID == p.ID {
				text += a.st.glyph.sep + "keep-alive mints another (K stops)"
			}
			a.notify(done, text)
			return a.reload()
		}
	})
}

// copyAs asks in which form to copy.
func (a *app) copyAs() {
	id := a.chosen().ID
	copyIn := func(as handout.Form) func(*app) tea.Cmd {
		return func(a *app) tea.Cmd {
			if p := a.profileByID(id); p != nil {
				return a.give(p, as, vault.TokenRequest{})
			}
			return nil
		}
	}
	a.push(&menu{head: "Copy as", action: "copy", items: []menuItem{
		{"h", "header", "the whole line, Authorization: JWT and so on", copyIn(handout.Header)},
		{"t", "token", "the value alone, its JWT prefix included", copyIn(handout.Token)},
		{"u", "curl command", "a call that keeps the token out of ps", copyIn(handout.Curl)},
	}})
}
