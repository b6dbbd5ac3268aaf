package vault

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"kitekey/kite"
)

// TokenRequest says what kind of token is wanted. The zero value takes any
// cached token that has enough life left, or mints one with the profile's
// default life.
type TokenRequest struct {
	// ExpiresIn is the life to ask the gateway for; 0 means the profile's default. A
	// cached token is used only if it was minted with the same ExpiresIn, or if this
	// is 0.
	ExpiresIn kite.Lifetime
	// MinRemaining is the life that a cached token must have left; 0 means what
	// [kite.Token.MinRemaining] returns.
	MinRemaining time.Duration
	// Fresh asks for a token that was minted after the call began, by this process or
	// another.
	Fresh bool
	// NoCache neither reads nor writes the cache.
	NoCache bool
}

// Token is a token that the vault handed out.
type Token struct {
	kite.Token
	Minted bool // minted by this call; false if it came from the cache or from another caller's mint
	Cached bool // it is in the store now; false if it was not to be stored, or could not be
}

// Info returns what the index has on the token, or would have if it was cached.
func (t Token) Info() TokenInfo { return infoOf(t.Token) }

func infoOf(t kite.Token) TokenInfo {
	return TokenInfo{Minted: t.Minted, Deadline: t.Deadline(), ExpiresIn: t.Requested, Skew: t.Skew}
}

// Token returns a token for the profile: the cached one if it will do, else a
// newly minted one, which is then cached. Callers that need one at the same time
// share one mint, or its failure, across processes too.
func (v *Vault) Token(ctx context.Context, sel Selector, req TokenRequest) (Token, error) {
	began := v.now()
	p, err := v.Lookup(sel)
	if err != nil {
		return Token{}, err
	}
	if !req.Fresh && !req.NoCache && p.State == StateSettled {
		tok, err := v.cached(ctx, p, req)
		if !errors.Is(err, ErrNotFound) {
			return v.handOut(ctx, p, tok, err)
		}
	}
	if req.NoCache {
		if p, err = v.settled(ctx, p); err != nil {
			return Token{}, About(sel, err)
		}
		tok, _, err := v.mint(ctx, p, req)
		return Token{Token: tok, Minted: err == nil}, err
	}
	before := p.Token
	p, unlock, waited, err := v.waitForProfile(ctx, sel)
	if err != nil {
		return Token{}, err
	}
	defer unlock()
	// The previous holder of the lock may have minted a token that will do. It is
	// fresh if it was not there when this call began.
	if !req.Fresh || !p.Token.Minted.Equal(before.Minted) {
		if tok, err := v.cached(ctx, p, req); !errors.Is(err, ErrNotFound) {
			return v.handOut(ctx, p, tok, err)
		}
	}
	request := fmt.Sprintf("%s %d", v.gateway(p.Environment).Way(), cmp.Or(req.ExpiresIn, p.ExpiresIn))
	if err := v.failures.since(p.ID, request, began); waited && err != nil {
		return Token{}, About(sel, err)
	}
	stopPurge := v.startPurge(ctx, p.ID)
	tok, report, err := v.mint(ctx, p, req)
	stopPurge()
	if err != nil {
		v.failures.record(p.ID, request, v.now(), err)
		return Token{}, err
	}
	v.failures.clear(p.ID)
	return Token{Token: tok, Minted: true, Cached: v.cacheToken(ctx, p, tok, report)}, nil
}

// handOut finishes handing out a cached token.
func (v *Vault) handOut(ctx context.Context, p Profile, tok kite.Token, err error) (Token, error) {
	if err != nil {
		return Token{}, err
	}
	v.Record(ActionHandedOut, p.Selector, nil)
	v.touch(ctx, p)
	return Token{Token: tok, Cached: true}, nil
}

// touchAfter is the precision of LastUsed for cached tokens: handing one out again
// within that time writes nothing.
const touchAfter = time.Minute

// touch records that a profile was used.
func (v *Vault) touch(ctx context.Context, p Profile) {
	if now := v.now(); now.Sub(p.LastUsed) >= touchAfter {
		v.updateBestEffort(ctx, p.ID, func(p *Profile) { p.LastUsed = now })
	}
}

// Cached returns the cached token without using the network. The error is
// ErrNotFound if there is none with life left; an expired one is deleted.
func (v *Vault) Cached(ctx context.Context, sel Selector) (kite.Token, error) {
	p, err := v.Lookup(sel)
	if err != nil {
		return kite.Token{}, err
	}
	tok, err := v.cached(ctx, p, TokenRequest{MinRemaining: 1})
	if errors.Is(err, ErrNotFound) && !p.Token.Deadline.IsZero() && !p.Token.Unexpired(v.now()) {
		v.purgeExpired(ctx, []Profile{p})
	}
	return tok, err
}

// cached reads the cached token. It does not ask the store if the index shows that
// the token will not do; the error is then ErrNotFound.
func (v *Vault) cached(ctx context.Context, p Profile, req TokenRequest) (kite.Token, error) {
	if err := v.checkStore(p); err != nil {
		return kite.Token{}, err
	}
	none := aboutf(p.Selector, "no cached token: %w", ErrNotFound)
	now := v.now()
	if !p.Token.Unexpired(now) {
		return kite.Token{}, none
	}
	data, err := v.store.Get(ctx, tokenKey(p.ID))
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrCorrupt) {
		return kite.Token{}, none // an unreadable token is minted again
	}
	if err != nil {
		return kite.Token{}, About(p.Selector, err)
	}
	defer clear(data)
	tok, of, host, err := decodeToken(data)
	if errors.Is(err, ErrNewer) {
		return kite.Token{}, About(p.Selector, err)
	}
	if err != nil || of != p.Selector || host != v.gateway(p.Environment).Host() ||
		req.ExpiresIn != 0 && req.ExpiresIn != tok.Requested {
		return kite.Token{}, none
	}
	// The item's own times count if they differ from the index's.
	info := infoOf(tok)
	if !info.Unexpired(now) || info.Remaining(now) < minRemaining(req, tok) {
		return kite.Token{}, none
	}
	return tok, nil
}

func minRemaining(req TokenRequest, tok kite.Token) time.Duration {
	if req.MinRemaining > 0 {
		return req.MinRemaining
	}
	return tok.MinRemaining()
}

// mint asks the gateway for a token and records what the answer says about the
// credential. It returns a report only if it succeeds.
func (v *Vault) mint(ctx context.Context, p Profile, req TokenRequest) (kite.Token, Report, error) {
	c, err := v.read(ctx, p)
	if err != nil {
		return kite.Token{}, Report{}, err
	}
	defer func() { c.erase() }()
	life := cmp.Or(req.ExpiresIn, p.ExpiresIn)
	tok, report := v.try(ctx, p, c, life)
	if report.Verdict == VerdictRejected {
		if again, ok := v.replacedSince(ctx, p, c); ok {
			c.erase()
			c = again
			tok, report = v.try(ctx, p, c, life)
		}
	}
	v.Record(ActionMinted, p.Selector, report.Err)
	v.learn(ctx, p, c)
	// A failure that says nothing about the credential leaves its verdict alone.
	switch {
	case report.Verdict == VerdictRejected && v.stillInUse(ctx, p, c.Current):
		v.updateBestEffort(ctx, p.ID, func(p *Profile) { p.setReport(report) })
	case report.Err == nil && req.NoCache && v.stillInUse(ctx, p, c.Current):
		v.updateBestEffort(ctx, p.ID, func(p *Profile) {
			p.setReport(report)
			p.LastUsed = v.now()
		})
	}
	return tok, report, About(p.Selector, report.Err)
}

// try mints one token, unless the credential belongs to another gateway.
func (v *Vault) try(ctx context.Context, p Profile, c credentials, life kite.Lifetime) (kite.Token, Report) {
	g := v.gateway(p.Environment)
	r := Report{Selector: p.Selector, Store: p.Store, Host: g.Host(), KeyHint: c.Current.Hint()}
	if r.Err = checkOrigin(p.Selector, c.originOf(p), g); r.Err != nil {
		r.At = v.now()
		return kite.Token{}, r
	}
	began := time.Now()
	tok, err := g.Mint(ctx, c.Current, life)
	r.Latency = time.Since(began)
	r.outcome(v.now(), tok, err)
	return tok, r
}

// updateBestEffort changes an index entry and ignores a failure to do so.
func (v *Vault) updateBestEffort(ctx context.Context, id string, change func(*Profile)) {
	_, _ = v.change(context.WithoutCancel(ctx), id, change)
}

// cacheToken stores a minted token and records it in the index. A failure to do so
// (a token that is too big, a store that does not answer) does not make the token
// invalid: cacheToken then returns false and the index lists no token. The caller
// holds the profile's lock.
func (v *Vault) cacheToken(ctx context.Context, p Profile, tok kite.Token, report Report) (cached bool) {
	ctx = context.WithoutCancel(ctx)
	var info TokenInfo
	if v.storeToken(ctx, tokenKey(p.ID), p.Selector, report.Host, tok) == nil {
		info, cached = infoOf(tok), true
	}
	_, err := v.change(ctx, p.ID, func(p *Profile) {
		p.setReport(report)
		p.Token, p.LastUsed = info, v.now()
	})
	return cached && err == nil
}

// storeToken writes the item of a token that a host has minted for a profile.
func (v *Vault) storeToken(ctx context.Context, key string, of Selector, host string, tok kite.Token) error {
	data, err := encodeToken(of, host, tok)
	defer clear(data)
	if err == nil && len(data) > MaxPayload {
		err = failed(v.store, OpWrite, ErrTooBig, nil)
	}
	if err != nil {
		return err
	}
	return v.store.Set(ctx, key, data)
}

// Forget deletes the cached token of a profile, if there is one.
func (v *Vault) Forget(ctx context.Context, sel Selector) error {
	p, unlock, err := v.lockProfile(ctx, sel)
	if err != nil {
		return err
	}
	defer unlock()
	if err := v.forget(ctx, p); err != nil {
		return About(sel, err)
	}
	return nil
}

func (v *Vault) forget(ctx context.Context, p Profile) error {
	if err := v.checkStore(p); err != nil {
		return err
	}
	if err := v.deleteItem(ctx, tokenKey(p.ID)); err != nil {
		return err
	}
	_, err := v.change(ctx, p.ID, func(p *Profile) { p.Token = TokenInfo{} })
	return err
}

// Credential reads the current credential from the store and records
// ActionRevealed.
func (v *Vault) Credential(ctx context.Context, sel Selector) (_ kite.Credential, err error) {
	defer func() { v.Record(ActionRevealed, sel, err) }()
	if err := v.Settle(ctx); err != nil {
		return kite.Credential{}, About(sel, err)
	}
	p, err := v.Lookup(sel)
	if err != nil {
		return kite.Credential{}, err
	}
	c, err := v.read(ctx, p)
	if err != nil {
		return kite.Credential{}, err
	}
	v.updateBestEffort(ctx, p.ID, func(p *Profile) { p.LastUsed = v.now() })
	return c.Current, nil
}
