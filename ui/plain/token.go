package plain

import (
	"context"
	"strings"

	"kitekey/kite"
	"kitekey/ui/handout"
	"kitekey/ui/words"
	"kitekey/vault"
)

// isForm reports whether text is a form in which copy copies a token.
func isForm(text string) bool {
	f := handout.Form(strings.ToLower(text))
	return f == handout.Header || f == handout.Token || f == handout.Curl
}

func (c *conversation) copyToken(ctx context.Context, p vault.Profile, form string) error {
	as := handout.Header
	if form != "" {
		as = handout.Form(strings.ToLower(form))
	}
	return c.handOut(ctx, p, as, vault.TokenRequest{})
}

// isLife reports whether text is the life of a token, or is meant as one.
func isLife(text string) bool {
	_, err := kite.ParseLifetime(text)
	return err == nil || text[0] >= '0' && text[0] <= '9' && !strings.Contains(text, " ")
}

func (c *conversation) mint(ctx context.Context, p vault.Profile, life string) error {
	request := vault.TokenRequest{Fresh: true}
	if life != "" {
		life, err := kite.ParseLifetime(life)
		if err != nil {
			return err
		}
		if yes, err := c.agreeToLife(ctx, life); err != nil || !yes {
			return err
		}
		request.ExpiresIn = life
	}
	return c.handOut(ctx, p, handout.Header, request)
}

// agreeToLife says what a long life risks, and asks about an unusual one.
func (c *conversation) agreeToLife(ctx context.Context, life kite.Lifetime) (bool, error) {
	risk := words.Sentence(words.LongLife(life))
	if life.IsUnusual() {
		return c.yes(ctx, risk+" Go on?")
	}
	if risk != "" {
		c.say("Note: %s", risk)
	}
	return true, nil
}

func (c *conversation) handOut(ctx context.Context, p vault.Profile, as handout.Form, request vault.TokenRequest) error {
	do := handout.Copy
	if request.Fresh || !p.Token.Unexpired(c.now()) {
		do = handout.Mint
	}
	if err := c.confirm(ctx, do, p.Selector); err != nil {
		return err
	}
	if do == handout.Mint {
		c.say("Minting.")
	}
	given, err := c.tokens.Give(ctx, handout.Request{Profile: p.Selector, Token: request, As: as, ClearAfter: c.o.ClearAfter})
	if given.Token.Deadline.IsZero() {
		return err
	}
	c.watch(p.Selector, given.Token)
	if given.Minted {
		c.say("New token of %s, valid for %s.", speak(p.Selector), given.Life())
	} else {
		c.say("Token of %s, valid for another %s.", speak(p.Selector), given.Life())
	}
	if warning := words.ClockWarning(given.Token.Skew); warning != "" {
		c.say("Note: %s.", warning)
	}
	if !given.Cached {
		c.say("Note: the token could not be cached; the next copy mints another.")
	}
	if err != nil {
		return err
	}
	c.say("Its %s is in the clipboard (%s) until %s.", as, given.Receipt.Way, words.TimeOfDay(given.Receipt.ClearsAt))
	if given.Receipt.Caveat != "" {
		c.say("Note: %s.", given.Receipt.Caveat)
	}
	return nil
}

func (c *conversation) sayTime(_ context.Context, p vault.Profile, _ string) error {
	if text := c.life(p); text != "" {
		if c.keep.ID == p.ID {
			text += ", kept alive"
		}
		c.say("%s, %s.", speak(p.Selector), text)
		return nil
	}
	c.say("%s has no token. Type copy or mint.", speak(p.Selector))
	return nil
}

// reveal writes the credential out in full, as the user has asked.
func (c *conversation) reveal(ctx context.Context, p vault.Profile, _ string) error {
	if c.o.NoReveal {
		c.say("Revealing is disabled (--no-reveal).")
		return nil
	}
	if err := c.confirm(ctx, handout.Reveal, p.Selector); err != nil {
		return err
	}
	if yes, err := c.yes(ctx, "The api_key and the api_secret will be read out, and stay in the terminal's scrollback."); err != nil || !yes {
		return err
	}
	cred, err := c.o.Vault.Credential(ctx, p.Selector)
	if err != nil {
		return err
	}
	defer cred.Erase()
	for _, half := range []struct {
		name   string
		secret kite.Secret
	}{{"api_key", cred.APIKey}, {"api_secret", cred.APISecret}} {
		half.secret.RevealTo(func(value []byte) {
			_, _ = c.o.Output.Write([]byte(half.name + ": "))
			_, _ = c.o.Output.Write(value)
			_, _ = c.o.Output.Write([]byte("\n"))
		})
	}
	return nil
}

func (c *conversation) forget(ctx context.Context, p vault.Profile, _ string) error {
	if err := c.o.Vault.Forget(ctx, p.Selector); err != nil {
		return err
	}
	delete(c.handed, p.Selector)
	c.say("The cached token of %s is forgotten. The gateway honours it until it expires.", speak(p.Selector))
	if c.keep.ID == p.ID {
		c.say("Keep-alive mints another; type keep-alive to stop it.")
	}
	return nil
}

func (c *conversation) clear(ctx context.Context, _ string) error {
	if err := c.o.Clipboard.Clear(ctx); err != nil {
		return err
	}
	c.say("Cleared from the clipboard.")
	return nil
}
