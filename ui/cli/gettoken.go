package cli

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"kitekey/kite"
	"kitekey/ui/handout"
	"kitekey/ui/words"
	"kitekey/vault"
)

// token gets a token and tells the user what is unusual about it. It returns an
// error if the token has less than req.MinRemaining left.
func (a *app) token(ctx context.Context, v *vault.Vault, sel vault.Selector, req vault.TokenRequest) (vault.Token, error) {
	if req.MinRemaining > 0 {
		p, err := v.Lookup(sel)
		if err != nil {
			return vault.Token{}, vault.About(sel, err)
		}
		if life := cmp.Or(req.ExpiresIn, p.ExpiresIn); life.Duration() <= req.MinRemaining {
			return vault.Token{}, usagef("%s: a token that lives %s cannot have %s left; ask for a longer life with --expires-in",
				sel, words.About(life.Duration()), words.About(req.MinRemaining))
		}
	}
	tok, err := a.handOut(v, handout.Mint, sel).Token(ctx, handout.Mint, sel, req)
	if err != nil {
		return vault.Token{}, vault.About(sel, err)
	}
	a.reportMint(sel, tok, req)
	if left := tok.Remaining(a.Now()); left < req.MinRemaining {
		return vault.Token{}, &codeError{code: exitUnreachable, text: fmt.Sprintf("%s: the gateway gave a token that lives %s, less than --min-remaining %s",
			sel, words.About(left), words.About(req.MinRemaining))}
	}
	return tok, nil
}

// lastingToken is [app.token] for a token that is used after this command ends: by
// the user's own program, or by a proxy. Unless --min-remaining says otherwise, it
// has at least nine tenths of the life that --expires-in asks for, or half of the
// profile's default.
//
// If the gateway gives less than --expires-in asks for, a command gets no token. A
// proxy, which renews its token, and a command with the default get it with a warning.
func (a *app) lastingToken(ctx context.Context, v *vault.Vault, do handout.Action, sel vault.Selector, req vault.TokenRequest) (vault.Token, error) {
	if req.MinRemaining > 0 {
		return a.token(ctx, v, sel, req)
	}
	p, err := v.Lookup(sel)
	if err != nil {
		return vault.Token{}, vault.About(sel, err)
	}
	req.MinRemaining = leastLife(req.ExpiresIn, p.ExpiresIn)
	tok, err := a.handOut(v, do, sel).Token(ctx, do, sel, req)
	if err != nil {
		return vault.Token{}, vault.About(sel, err)
	}
	if given := tok.ExpiresIn(); do == handout.Run && req.ExpiresIn != 0 && tok.Minted && given.Duration() < req.MinRemaining {
		return vault.Token{}, &codeError{code: exitUnreachable, text: fmt.Sprintf("%s: the gateway gave a token that lives %s; %s were asked for; ask for less with --expires-in, or accept less with --min-remaining",
			sel, words.About(given.Duration()), words.About(req.ExpiresIn.Duration()))}
	}
	a.reportMint(sel, tok, req)
	return tok, nil
}

// programToken is [app.lastingToken] for a command that the user runs.
func (a *app) programToken(ctx context.Context, sel vault.Selector, flags tokenFlags) (vault.Token, error) {
	v, err := a.open()
	if err != nil {
		return vault.Token{}, err
	}
	return a.lastingToken(ctx, v, handout.Run, sel, flags.request())
}

// leastLife returns how much life a cached token must have left to be given to a
// program that continues to use it.
func leastLife(asked, byDefault kite.Lifetime) time.Duration {
	if asked != 0 {
		return asked.Duration() * 9 / 10
	}
	return byDefault.Duration() / 2
}

// reportMint tells the user what is unusual about a token that was just minted.
func (a *app) reportMint(sel vault.Selector, tok vault.Token, req vault.TokenRequest) {
	if !tok.Minted {
		return
	}
	if !tok.Cached && !req.NoCache {
		a.note("%s: the token could not be cached: the next call mints another; \"kitekey doctor\" says more", sel)
	}
	a.tellSkew(tok.Skew)
	// Seconds are whole, and a little more does no harm.
	asked := tok.Requested.Duration()
	if given := tok.ExpiresIn(); given < tok.Requested || given.Duration() > asked+max(asked/10, 2*time.Second) {
		a.note("%s: the gateway gave the token a life of %s; %s were asked for", sel, words.About(given.Duration()), words.About(asked))
	}
	a.noteLongLife(tok.Requested)
}

// noteLongLife warns of a long life.
func (a *app) noteLongLife(life kite.Lifetime) {
	if risk := words.LongLife(life); risk != "" {
		a.note("%s", risk)
	}
}

// tellSkew warns of a wrong clock.
func (a *app) tellSkew(skew time.Duration) {
	if warning := words.ClockWarning(skew); warning != "" {
		a.note("%s", warning)
	}
}
