package vault

import (
	"context"
	"errors"
	"net/http"
	"time"

	"kitekey/kite"
)

// VerifyExpiresIn is the life in seconds of the token that verifying mints and
// discards: short, but long enough for a deep check with a slow gateway.
const VerifyExpiresIn kite.Lifetime = 60

// Report is the result of a verification. It holds no secret, so that it can be
// shown and sent.
type Report struct {
	Selector
	Store   string // where the credential is kept
	Source  string // the source that it comes from, "" if the store has it
	Host    string
	Verdict Verdict
	At      time.Time
	Status  int    // HTTP status, 0 if there was no reply
	Message string // the gateway's own words, cleaned
	Cause   string // why no gateway answered, in a few words
	Skew    time.Duration
	Latency time.Duration // of the mint
	KeyHint string
	Deep    bool  // the token was tried on a read-only call too
	Err     error // what went wrong, nil if the verdict is ok

	item *SourceItem // the source's item, nil if the store has the credential
}

// Verify tries the profile's credential against the gateway and records the
// verdict. Deep also checks that the gateway accepts the token. Verify first
// finishes a rotation whose credential is staged, and success confirms a rotation
// of an earlier day.
func (v *Vault) Verify(ctx context.Context, sel Selector, deep bool) Report {
	r, id := v.verify(ctx, sel, Profile{}, deep)
	v.noteVerdicts(ctx, map[string]Report{id: r})
	return r
}

// noteVerdicts writes the reports into the index, by the profiles' ids.
func (v *Vault) noteVerdicts(ctx context.Context, found map[string]Report) {
	delete(found, "") // reports that are not to be recorded
	if len(found) == 0 {
		return
	}
	changes := make(map[string]func(*Profile), len(found))
	for id, r := range found {
		changes[id] = func(p *Profile) {
			if r.item != nil {
				p.KeyHint = r.KeyHint
				p.adopt(*r.item)
			}
			p.setReport(r)
		}
	}
	v.index.changeMany(context.WithoutCancel(ctx), changes)
}

// verify is Verify without recording the verdict. id is the profile to record it
// for, "" if it is not to be recorded.
//
// known is the profile as listed a moment ago, so that verifying many profiles does
// not read the whole list once for each. It is zero if the list was not read.
func (v *Vault) verify(ctx context.Context, sel Selector, known Profile, deep bool) (r Report, id string) {
	r = Report{Selector: sel, Store: v.store.Name(), At: v.now(), Deep: deep, Host: v.gateway(sel.Environment).Host()}
	defer func() { v.Record(ActionVerified, sel, r.Err) }()
	p, c, err := v.readToVerify(ctx, sel, known)
	r.KeyHint, r.Source = p.KeyHint, p.Source
	defer func() { c.erase() }()
	if err == nil && c.Staged.Complete() && !c.Outdated && p.Source == "" { // verifying changes nothing in a team's source
		if done, _ := v.FinishRotation(ctx, sel); done.Outcome == OutcomeReplaced {
			c, err = v.read(ctx, p)
		}
	}
	if err != nil {
		r.Err, r.Verdict = err, VerdictOf(err)
	} else {
		r = v.verifyOwn(ctx, sel, c.Current, c.originOf(p), deep)
		if r.Verdict == VerdictRejected {
			if again, ok := v.replacedSince(ctx, p, c); ok {
				c.erase()
				c = again
				r = v.verifyOwn(ctx, sel, c.Current, c.originOf(p), deep)
			}
		}
		r.Selector, r.Source, r.item = sel, p.Source, c.item
	}
	if r.Verdict == VerdictOK {
		v.confirmLater(ctx, sel, c)
	}
	if r.Verdict != VerdictNone && p.ID != "" && v.stillInUse(ctx, p, c.Current) {
		id = p.ID
	}
	return r, id
}

// readToVerify returns a profile and its item. If the item does not fit the listed
// profile, it looks the profile up again, which may have been removed, replaced or
// moved.
func (v *Vault) readToVerify(ctx context.Context, sel Selector, known Profile) (p Profile, c credentials, err error) {
	if known.ID != "" && known.State == StateSettled {
		if c, err = v.read(ctx, known); err == nil || !errors.Is(err, ErrNoCredential) {
			return known, c, err
		}
	}
	if err = v.Settle(ctx); err != nil {
		return p, c, err
	}
	if p, err = v.Lookup(sel); err != nil {
		return p, c, err
	}
	c, err = v.read(ctx, p)
	return p, c, err
}

// stillInUse reports whether a credential that was tried is still the profile's. A
// rotation while the gateway answers records its own verdict. A
// credential that could not be read counts as still in use.
func (v *Vault) stillInUse(ctx context.Context, p Profile, tried kite.Credential) bool {
	if !tried.Complete() || p.Source != "" {
		return true // a source is read again only if the gateway refuses, see replacedSince
	}
	now, err := v.read(context.WithoutCancel(ctx), p)
	defer now.erase()
	return err != nil || sameCredential(now.Current, tried)
}

// VerifyCredential tries a credential that need not be stored. It stores nothing.
func (v *Vault) VerifyCredential(ctx context.Context, env kite.Environment, cred kite.Credential, deep bool) Report {
	return v.verifyOwn(ctx, Selector{Environment: env}, cred, v.gateway(env).Origin(), deep)
}

// verifyOwn is VerifyCredential for a stored credential, which is sent only to its
// own gateway.
func (v *Vault) verifyOwn(ctx context.Context, sel Selector, cred kite.Credential, origin kite.Origin, deep bool) Report {
	g := v.gateway(sel.Environment)
	r := Report{Selector: sel, Store: v.store.Name(), Host: g.Host(), Deep: deep, KeyHint: cred.Hint(), At: v.now()}
	if r.Err = checkOrigin(sel, origin, g); r.Err != nil {
		return r
	}
	began := time.Now()
	tok, err := g.Mint(ctx, cred, VerifyExpiresIn)
	r.Latency = time.Since(began)
	if err == nil && deep {
		_, err = g.Balances(ctx, tok)
	}
	r.outcome(v.now(), tok, err)
	return r
}

// outcome completes a report with the result of a mint.
func (r *Report) outcome(at time.Time, tok kite.Token, err error) {
	r.At, r.Err, r.Verdict = at, err, VerdictOf(err)
	var failure *kite.Error
	switch {
	case errors.As(err, &failure):
		r.Status, r.Message, r.Cause, r.Skew = failure.Status, failure.Message, failure.Cause(), failure.Skew
	case err == nil:
		r.Status, r.Skew = http.StatusOK, tok.Skew
	}
}
