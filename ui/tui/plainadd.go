package tui

import (
	"context"
	"errors"

	"kitekey/kite"
	"kitekey/vault"
)

// add asks for one thing after the other, and again for what makes no sense.
func (p *plain) add(ctx context.Context) error {
	askFor := func(text string, secret bool, check func(string) error) (string, error) {
		for {
			value, err := p.prompt(ctx, text+": ", secret)
			if err != nil {
				return "", err
			}
			if err = check(value); err == nil {
				return value, nil
			}
			p.say("No: %s.", err)
		}
	}
	var n vault.NewProfile
	name, err := askFor("Account, such as acme or acme/live; empty stops", false, func(s string) error {
		if s == "" {
			return nil
		}
		sel, err := vault.ParseSelector(s)
		if err == nil && p.o.SandboxOnly && sel.Environment == kite.Live {
			err = errors.New("kitekey was started for the sandbox only")
		}
		return err
	})
	if err != nil || name == "" {
		return err
	}
	n.Selector, _ = vault.ParseSelector(name)
	key, err := askFor("api_key, not shown", true, func(s string) error { _, _, err := kite.ParseCredential(s, "x"); return err })
	if err != nil {
		return err
	}
	for {
		secret, err := askFor("api_secret, not shown", true, func(s string) error { _, _, err := kite.ParseCredential("x", s); return err })
		if err != nil {
			return err
		}
		n.Credential, _, _ = kite.ParseCredential(key, secret)
		p.say("Trying it.")
		r := p.o.Vault.VerifyCredential(vault.WithPrompt(ctx, promptWait), n.Environment, n.Credential, false)
		n.Verdict = r.Verdict
		if r.Err == nil {
			break
		}
		p.say("Not accepted: %s.", sentence(r.Err))
		next, err := p.prompt(ctx, "Type s to save it all the same, r to type the api_secret again, anything else to stop: ", false)
		if err != nil {
			return err
		}
		if next == "s" {
			break
		}
		if next != "r" {
			p.say("Nothing was saved.")
			return nil
		}
	}
	var profile vault.Profile
	for {
		if profile, err = p.o.Vault.Add(vault.WithPrompt(ctx, promptWait), n); err == nil {
			break
		}
		p.say("Not saved: %s.", sentence(err))
		again, err := p.prompt(ctx, "What you typed is still here. Type r to try again, anything else to give it up: ", false)
		if err != nil || again != "r" {
			return err
		}
	}
	p.say("%s added.", speak(profile.Selector))
	p.chosen = profile.Selector
	return p.load()
}
