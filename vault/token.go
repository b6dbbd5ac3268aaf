package vault

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kitekey/kite"
)

// Mint says what kind of token is wanted.
type Mint struct {
	// ExpiresIn is the life to ask for; 0 is the profile's default, and then any
	// cached token will do. When it is given, only a cached token that was minted
	// with the same life will.
	ExpiresIn time.Duration
	// Fresh wants a token minted after this call began, by whomever.
	Fresh bool
	// MinRemaining is the life a cached token must have left; 0 is
	// DefaultMinRemaining, or a tenth of a life that is shorter than that.
	MinRemaining time.Duration
	// NoCache neither reads nor writes the cache.
	NoCache bool
}

// Token gives a token for the profile: the cached one when it will do, else a
// newly minted one, which is then cached. Callers that need one at the same time,
// in other processes too, share one mint.
func (v *Vault) Token(ctx context.Context, sel Selector, m Mint) (tok kite.Token, minted bool, err error) {
	profiles, err := v.index.load()
	if err != nil {
		return kite.Token{}, false, err
	}
	p, err := pick(profiles, sel)
	if err != nil {
		return kite.Token{}, false, err
	}
	if m.ExpiresIn != 0 {
		if err := validExpiresIn(m.ExpiresIn); err != nil {
			return kite.Token{}, false, err
		}
	}
	if !m.Fresh && !m.NoCache && p.State == Settled {
		tok, err := v.cached(ctx, p, m)
		if !errors.Is(err, ErrNotFound) {
			return tok, false, err
		}
	}
	if unsettled(profiles) {
		if err := v.settle(ctx, profiles); err != nil {
			return kite.Token{}, false, fmt.Errorf("%s: %w", sel, err)
		}
	}
	if m.NoCache {
		tok, err := v.mint(ctx, p, m)
		return tok, err == nil, err
	}
	before := p.Token
	p, unlock, err := v.lockProfile(ctx, sel)
	if err != nil {
		return kite.Token{}, false, err
	}
	defer unlock()
	// Whoever held the lock may have minted what we need: fresh enough when it was
	// not there as this call began.
	if !m.Fresh || !p.Token.Minted.Equal(before.Minted) {
		if tok, err := v.cached(ctx, p, m); !errors.Is(err, ErrNotFound) {
			return tok, false, err
		}
	}
	tok, err = v.mint(ctx, p, m)
	if err != nil {
		return kite.Token{}, false, err
	}
	v.keep(ctx, p, tok)
	return tok, true, nil
}

// Cached gives the cached token and never asks the network. ErrNotFound when
// there is none with life left; a dead one is dropped.
func (v *Vault) Cached(ctx context.Context, sel Selector) (kite.Token, error) {
	p, err := v.Lookup(sel)
	if err != nil {
		return kite.Token{}, err
	}
	tok, err := v.cached(ctx, p, Mint{MinRemaining: 1})
	if errors.Is(err, ErrNotFound) && !p.Token.Deadline.IsZero() && !p.Token.Alive(v.now()) {
		v.dropDead(ctx, []Profile{p})
	}
	return tok, err
}

// cached reads the cached token, without asking the store when the index knows
// that it will not do. ErrNotFound when it will not.
func (v *Vault) cached(ctx context.Context, p Profile, m Mint) (kite.Token, error) {
	if err := v.ours(p); err != nil {
		return kite.Token{}, err
	}
	none := fmt.Errorf("%s: no cached token: %w", p.Selector, ErrNotFound)
	now := v.now().Round(0)
	if !p.Token.Alive(now) {
		return kite.Token{}, none
	}
	data, err := v.store.Get(ctx, tokenKey(p.ID))
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrCorrupt) {
		return kite.Token{}, none // a cache: what cannot be read is minted again
	}
	if err != nil {
		return kite.Token{}, fmt.Errorf("%s: %w", p.Selector, err)
	}
	tok, host, err := decodeToken(data)
	if err != nil || host != v.gateway(p.Environment).Host() ||
		m.ExpiresIn != 0 && m.ExpiresIn != tok.ExpiresIn {
		return kite.Token{}, none
	}
	remaining := tok.Remaining(now)
	// The item's own times count, should the index say something else.
	if !(TokenInfo{Minted: tok.Minted, Deadline: tok.Deadline()}).Alive(now) || remaining < minRemaining(m, tok) {
		return kite.Token{}, none
	}
	return tok, nil
}

func minRemaining(m Mint, tok kite.Token) time.Duration {
	if m.MinRemaining > 0 {
		return m.MinRemaining
	}
	return min(DefaultMinRemaining, tok.ExpiresIn/10)
}

// mint asks the gateway and notes what it learned about the credential.
func (v *Vault) mint(ctx context.Context, p Profile, m Mint) (kite.Token, error) {
	c, err := v.read(ctx, p)
	if err != nil {
		return kite.Token{}, err
	}
	life := m.ExpiresIn
	if life == 0 {
		life = p.ExpiresIn
	}
	g := v.gateway(p.Environment)
	tok, err := g.Mint(ctx, c.Current, life)
	v.Record(ActionMinted, p.Selector, err)
	if err != nil {
		if errors.Is(err, kite.ErrRefused) && v.stillInUse(ctx, p, c.Current) {
			v.note(ctx, p.ID, func(p *Profile) { p.judge(g.Host(), VerdictRejected, v.now()) })
		}
		return kite.Token{}, fmt.Errorf("%s: %w", p.Selector, err)
	}
	if m.NoCache && v.stillInUse(ctx, p, c.Current) {
		v.note(ctx, p.ID, func(p *Profile) {
			p.judge(g.Host(), VerdictOK, v.now())
			p.LastUsed = v.now()
		})
	}
	return tok, nil
}

// note records something that the caller's success does not hang on.
func (v *Vault) note(ctx context.Context, id string, change func(*Profile)) {
	_, _ = v.change(context.WithoutCancel(ctx), id, change)
}

// keep caches a token. A token that cannot be cached is good all the same, so
// nothing here fails; the index then knows of none. The caller holds the
// profile's lock.
func (v *Vault) keep(ctx context.Context, p Profile, tok kite.Token) {
	ctx = context.WithoutCancel(ctx)
	var info TokenInfo
	host := v.gateway(p.Environment).Host()
	data, err := encodeToken(p.Selector, host, tok)
	if err == nil && len(data) <= MaxPayload && v.store.Set(ctx, tokenKey(p.ID), data) == nil {
		info = TokenInfo{tok.Minted, tok.Deadline(), tok.ExpiresIn, tok.Skew}
	}
	v.note(ctx, p.ID, func(p *Profile) {
		p.judge(host, VerdictOK, v.now())
		p.Token, p.LastUsed = info, v.now()
	})
	if profiles, err := v.index.load(); err == nil {
		v.dropDead(ctx, profiles)
	}
}

// dropDeadAtOnce bounds how long one caller sweeps up after others.
const dropDeadAtOnce = 8

// dropDead deletes expired tokens from the store, of the profiles nobody is at
// work on.
func (v *Vault) dropDead(ctx context.Context, profiles []Profile) {
	left := dropDeadAtOnce
	for _, p := range profiles {
		if left == 0 || v.ours(p) != nil || p.State != Settled || p.Token.Deadline.IsZero() || p.Token.Alive(v.now()) {
			continue
		}
		left--
		unlock, ok, err := v.locks.TryLock(p.ID)
		if err != nil || !ok {
			continue
		}
		if again, err := v.Lookup(p.Selector); err == nil && again.ID == p.ID && !again.Token.Alive(v.now()) && storeDown(v.forget(ctx, p)) {
			left = 0 // nor will it delete the others
		}
		unlock()
	}
}

// Forget drops the profile's cached token, if there is one.
func (v *Vault) Forget(ctx context.Context, sel Selector) error {
	p, unlock, err := v.lockProfile(ctx, sel)
	if err != nil {
		return err
	}
	defer unlock()
	if err := v.forget(ctx, p); err != nil {
		return fmt.Errorf("%s: %w", sel, err)
	}
	return nil
}

func (v *Vault) forget(ctx context.Context, p Profile) error {
	if err := v.ours(p); err != nil {
		return err
	}
	if err := v.deleteItem(ctx, tokenKey(p.ID)); err != nil {
		return err
	}
	_, err := v.change(ctx, p.ID, func(p *Profile) { p.Token = TokenInfo{} })
	return err
}

// Credential gives the credential in the clear's reach, for the few who must see
// it.
func (v *Vault) Credential(ctx context.Context, sel Selector) (_ kite.Credential, err error) {
	defer func() { v.Record(ActionRevealed, sel, err) }()
	if err := v.Settle(ctx); err != nil {
		return kite.Credential{}, fmt.Errorf("%s: %w", sel, err)
	}
	p, err := v.Lookup(sel)
	if err != nil {
		return kite.Credential{}, err
	}
	c, err := v.read(ctx, p)
	if err != nil {
		return kite.Credential{}, err
	}
	v.note(ctx, p.ID, func(p *Profile) { p.LastUsed = v.now() })
	return c.Current, nil
}
