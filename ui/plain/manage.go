package plain

import (
	"context"
	"errors"
	"strings"

	"kitekey/kite"
	"kitekey/ui/handout"
	"kitekey/ui/words"
	"kitekey/vault"
)

// add asks for one value after another, and repeats a question whose answer cannot
// be used.
func (c *conversation) add(ctx context.Context) error {
	// Say before a secret is typed that it could not be stored.
	if err := c.o.Vault.CheckStore(); err != nil {
		return err
	}
	if err := c.o.Vault.Reach(ctx); err != nil {
		return err
	}
	sel, err := c.askNewProfile(ctx)
	if err != nil || sel.Account == "" {
		return err
	}
	for {
		cred, err := c.askCredential(ctx, sel)
		if err != nil {
			return err
		}
		c.say("Verifying it.")
		r := c.o.Vault.VerifyCredential(ctx, sel.Environment, cred, false)
		n := vault.NewProfile{Selector: sel, Credential: cred, Report: r}
		if r.Err == nil {
			return c.save(ctx, n)
		}
		r.Selector = sel
		c.reports[sel] = r
		c.say("Not accepted: %s", words.Sentence(words.Line(r.Err.Error())))
		answer, err := c.ask(ctx, "Type save to save it anyway, again to enter it again, or stop: ")
		if err != nil {
			return err
		}
		switch strings.ToLower(strings.TrimSpace(answer)) {
		case "save", "s":
			return c.save(ctx, n)
		case "again", "a", "r":
		default:
			c.say("Nothing was saved.")
			return nil
		}
	}
}

// askNewProfile asks for the name of a profile that does not exist yet. The result
// is zero if the user stops.
func (c *conversation) askNewProfile(ctx context.Context) (vault.Selector, error) {
	for {
		name, err := c.ask(ctx, "Account, such as acme or acme/live; empty stops: ")
		if name = strings.TrimSpace(name); err != nil || name == "" {
			return vault.Selector{}, err
		}
		sel, err := vault.ParseSelector(name)
		if err == nil {
			err = vault.ValidAccount(sel.Account)
		}
		switch {
		case err != nil:
		case c.o.SandboxOnly && sel.Environment == kite.Live:
			err = errors.New("kitekey was started for the sandbox only")
		case len(c.named(sel)) > 0:
			err = errors.New(speak(sel) + " is there already; choose it and type rotate to replace its credential")
		default:
			return sel, nil
		}
		c.say("No: %s.", words.Line(err.Error()))
	}
}

// save stores a new profile. It holds the credential until that is stored or the
// user gives up: it may exist nowhere else.
func (c *conversation) save(ctx context.Context, n vault.NewProfile) error {
	for {
		p, err := c.o.Vault.Add(ctx, n)
		if err == nil {
			c.chosen = p.Selector
			c.say("%s added.", speak(p.Selector))
			return nil
		}
		c.say("Not saved: %s", words.Sentence(words.Line(err.Error())))
		again, err := c.ask(ctx, "What you typed is still here. Type the word again to try once more, anything else to discard it: ")
		if err != nil {
			return err
		}
		if answer := strings.ToLower(strings.TrimSpace(again)); answer != "again" && answer != "r" {
			c.say("Nothing was saved.")
			return nil
		}
	}
}

// edit asks for each setting. An empty answer leaves it unchanged.
func (c *conversation) edit(ctx context.Context, p vault.Profile, _ string) error {
	label, err := c.askLabel(ctx, p)
	if err != nil {
		return err
	}
	life, err := c.askLife(ctx, p)
	if err != nil {
		return err
	}
	account, err := c.askAccount(ctx, p)
	if err != nil {
		return err
	}
	if label == nil && life == nil && account == "" {
		c.say("Nothing was changed.")
		return nil
	}
	if label != nil || life != nil {
		if _, err := c.o.Vault.Edit(ctx, p.Selector, vault.ProfileUpdate{Label: label, ExpiresIn: life}); err != nil {
			return err
		}
	}
	if account != "" {
		err := c.o.Vault.Rename(ctx, p.Account, account)
		var renamed *vault.RenamedError // the new name holds
		if err == nil || errors.As(err, &renamed) {
			c.chosen.Account = account
		}
		if err != nil {
			return err
		}
	}
	c.say("%s saved.", speak(c.chosen))
	return nil
}

// askLabel returns the new label, nil to keep the current one.
func (c *conversation) askLabel(ctx context.Context, p vault.Profile) (*string, error) {
	label, err := c.ask(ctx, "Label, now "+orNone(p.Label)+"; empty leaves it, a dash removes it: ")
	switch label = strings.TrimSpace(label); {
	case err != nil || label == "":
		return nil, err
	case label == "-":
		label = ""
	}
	return &label, nil
}

// askLife returns the new default life of tokens, nil to keep the current one.
func (c *conversation) askLife(ctx context.Context, p vault.Profile) (*kite.Lifetime, error) {
	for {
		text, err := c.ask(ctx, "Default life of tokens, now "+words.Duration(p.ExpiresIn.Duration())+"; empty leaves it: ")
		if text = strings.TrimSpace(text); err != nil || text == "" {
			return nil, err
		}
		life, err := kite.ParseLifetime(text)
		if err != nil {
			c.say("No: %s.", words.Line(err.Error()))
			continue
		}
		if yes, err := c.agreeToLife(ctx, life); err != nil || yes {
			return &life, err
		}
	}
}

// askAccount returns the account's new name, "" to keep the current one. A change
// is confirmed if the account has a live profile.
func (c *conversation) askAccount(ctx context.Context, p vault.Profile) (string, error) {
	account, err := c.ask(ctx, "Account's name, now "+p.Account+"; a new one renames both its environments; empty leaves it: ")
	if account = strings.TrimSpace(account); err != nil || account == "" || account == p.Account {
		return "", err
	}
	if err := vault.ValidAccount(account); err != nil {
		return "", err
	}
	var both []vault.Selector
	for _, q := range c.profiles {
		if q.Account == p.Account {
			both = append(both, q.Selector)
		}
	}
	return account, c.confirm(ctx, handout.Rename, both...)
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// rotate replaces the credential once the new one is verified.
func (c *conversation) rotate(ctx context.Context, p vault.Profile, _ string) error {
	if err := c.confirm(ctx, handout.Rotate, p.Selector); err != nil {
		return err
	}
	if err := c.o.Vault.Reach(ctx); err != nil {
		return err
	}
	cred, err := c.askCredential(ctx, p.Selector)
	if err != nil {
		return err
	}
	for {
		c.say("Verifying it.")
		r, err := c.o.Vault.Rotate(ctx, p.Selector, cred)
		if err == nil || r.Outcome == vault.OutcomeStaged || ctx.Err() != nil {
			return c.rotated(p, r, err)
		}
		c.say("Not replaced: %s", words.Sentence(words.Line(err.Error())))
		answer, err := c.ask(ctx, "What you typed is still here. Type the word again to try once more, new to enter another, or stop: ")
		if err != nil {
			return err
		}
		switch strings.ToLower(strings.TrimSpace(answer)) {
		case "again":
		case "new":
			if cred, err = c.askCredential(ctx, p.Selector); err != nil {
				return err
			}
		default:
			c.say("Nothing was replaced.")
			return nil
		}
	}
}

// rotated says how a rotation ended.
func (c *conversation) rotated(p vault.Profile, r vault.Rotation, err error) error {
	if r.Report.Verdict != vault.VerdictNone {
		r.Report.Selector = p.Selector
		c.reports[p.Selector] = r.Report
	}
	switch r.Outcome {
	case vault.OutcomeReplaced:
		c.say("The new credential of %s is in use. The previous one is kept: rollback puts it back, drop deletes it.", speak(p.Selector))
		return err
	case vault.OutcomeStaged:
		c.say("Not replaced yet: the gateway could not verify the new credential. It is staged: finish tries it again, discard deletes it.")
	}
	return err
}

func (c *conversation) finish(ctx context.Context, p vault.Profile, _ string) error {
	if !p.Staged {
		c.say("%s has no staged credential.", speak(p.Selector))
		return nil
	}
	if err := c.confirm(ctx, handout.Rotate, p.Selector); err != nil {
		return err
	}
	c.say("Verifying it.")
	r, err := c.o.Vault.FinishRotation(ctx, p.Selector)
	return c.rotated(p, r, err)
}

func (c *conversation) discard(ctx context.Context, p vault.Profile, _ string) error {
	if !p.Staged {
		c.say("%s has no staged credential.", speak(p.Selector))
		return nil
	}
	if err := c.sure(ctx, handout.Drop, p.Selector, "Kitegateway does not show its api_secret again. Discard the staged credential?"); err != nil {
		return err
	}
	if _, err := c.o.Vault.DiscardStaged(ctx, p.Selector); err != nil {
		return err
	}
	c.say("The staged credential is discarded. The one in use stays.")
	return nil
}

func (c *conversation) rollback(ctx context.Context, p vault.Profile, _ string) error {
	if !p.Previous {
		c.say("%s has no previous credential.", speak(p.Selector))
		return nil
	}
	if err := c.confirm(ctx, handout.Rollback, p.Selector); err != nil {
		return err
	}
	if _, err := c.o.Vault.Rollback(ctx, p.Selector); err != nil {
		return err
	}
	delete(c.reports, p.Selector)
	c.say("The previous credential of %s is in use again. Type verify to try it.", speak(p.Selector))
	return nil
}

func (c *conversation) dropPrevious(ctx context.Context, p vault.Profile, _ string) error {
	if !p.Previous {
		c.say("%s has no previous credential.", speak(p.Selector))
		return nil
	}
	if err := c.sure(ctx, handout.Drop, p.Selector, "No rollback is possible after that. Delete the previous credential?"); err != nil {
		return err
	}
	if _, err := c.o.Vault.DropPrevious(ctx, p.Selector); err != nil {
		return err
	}
	c.say("The previous credential is deleted. Delete it at Kitegateway too.")
	return nil
}

func (c *conversation) remove(ctx context.Context, p vault.Profile, _ string) error {
	if err := c.sure(ctx, handout.Remove, p.Selector, "Kitegateway does not show its api_secret again. Remove "+speak(p.Selector)+"?"); err != nil {
		return err
	}
	removed, err := c.o.Vault.RemoveWithUndo(ctx, p.Selector)
	if err != nil {
		removed.Erase()
		return err
	}
	c.removed.Add(removed, c.now())
	delete(c.handed, p.Selector)
	delete(c.reports, p.Selector)
	c.chosen = vault.Selector{}
	c.say("%s removed. Undo puts it back for ten minutes, unless you quit. At the gateway its credential works until you delete it there.", speak(p.Selector))
	return nil
}

// putBack adds the profile that was removed last again, and chooses it.
func (c *conversation) putBack(ctx context.Context) error {
	last := c.removed.Last()
	if last == nil {
		c.say("Nothing was removed in the last ten minutes.")
		return nil
	}
	p, err := c.o.Vault.PutBack(ctx, last)
	if err != nil {
		return err // it can be tried again
	}
	c.removed.Drop(last)
	c.chosen = p.Selector
	c.say("%s is back.", speak(p.Selector))
	return nil
}

// errNo means that the user answered a question with no.
var errNo = errors.New("nothing was done")

// sure asks before an action that cannot be undone: for the name on live, and for
// yes or no on the sandbox.
func (c *conversation) sure(ctx context.Context, do handout.Action, sel vault.Selector, question string) error {
	if !c.tokens.Guard.Allows(do, sel) {
		return c.confirm(ctx, do, sel)
	}
	yes, err := c.yes(ctx, question)
	if err == nil && !yes {
		err = errNo
	}
	return err
}
