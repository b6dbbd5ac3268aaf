package vault

import (
	"cmp"
	"context"
	"errors"
	"time"

	"kitekey/kite"
)

// A rotation replaces a profile's credential so that at every moment one works:
//
//  1. the new credential is staged, beside the one in use, so that it survives
//     whatever happens next;
//  2. a token is minted with it;
//  3. one write makes it the current credential and the old one the previous.
//
// The previous credential stays until [Vault.DropPrevious], or until a verification
// succeeds on a later day. [Vault.Rollback] brings it back.

// Outcome tells how a rotation ended.
type Outcome string

// The outcomes of a rotation.
const (
	OutcomeReplaced Outcome = "replaced" // the new credential is in use
	OutcomeStaged   Outcome = "staged"   // the gateway could not verify the new credential: it is kept, the old one stays in use
	OutcomeRejected Outcome = "rejected" // the gateway refused the new credential: the old one stays in use
)

// Rotation is the result of a rotation.
type Rotation struct {
	Profile Profile
	Outcome Outcome
	Report  Report // on the new credential
}

// Rotate replaces the profile's credential once the gateway has accepted the new
// one. If the gateway refuses the new one, Rotate returns an error, replaces
// nothing, and restores the credential that was staged before, if any. If the
// gateway could not verify it or the caller gave up, the new credential stays
// staged: the error says why, the outcome is OutcomeStaged, and
// [Vault.FinishRotation] continues from there. A profile that has lost its
// credential gets the new one in any case.
func (v *Vault) Rotate(ctx context.Context, sel Selector, cred kite.Credential) (Rotation, error) {
	p, waited, err := v.stage(ctx, sel, cred)
	if err != nil {
		return Rotation{}, err
	}
	if !p.Staged { // there was nothing to replace
		r := v.Verify(ctx, sel, false)
		if q, err := v.Lookup(sel); err == nil {
			p = q
		}
		return Rotation{p, OutcomeReplaced, r}, r.Err
	}
	r, err := v.finishRotation(ctx, sel, cred)
	if r.Outcome == OutcomeRejected {
		if p, undo := v.unstage(context.WithoutCancel(ctx), sel, cred, waited); undo == nil {
			r.Profile = p
		}
	}
	return r, err
}

// stage keeps a new credential beside the current one, or as the current one if the
// profile has lost its own. It returns the credential that was staged before, if
// any, as waited.
func (v *Vault) stage(ctx context.Context, sel Selector, cred kite.Credential) (p Profile, waited kite.Credential, err error) {
	if err := storable(cred); err != nil {
		return Profile{}, waited, err
	}
	p, err = v.rewrite(ctx, sel, true, func(c *credentials) error {
		if err := checkOrigin(sel, c.Origin, v.gateway(sel.Environment)); err != nil {
			return err
		}
		switch {
		case !c.Current.Complete():
			c.Current = cred
		case sameCredential(c.Current, cred):
			return About(sel, BadInput(errors.New("this is the credential in use already")))
		default:
			waited, c.Staged, c.Outdated = c.Staged, cred, false
		}
		return nil
	})
	return p, waited, err
}

// unstage undoes stage: waited is staged again. It does nothing if another
// credential than cred has been staged meanwhile, which may be the only copy.
func (v *Vault) unstage(ctx context.Context, sel Selector, cred, waited kite.Credential) (Profile, error) {
	return v.rewrite(ctx, sel, false, func(c *credentials) error {
		if !sameCredential(c.Staged, cred) {
			return nothingStaged(sel)
		}
		c.Staged = waited
		return nil
	})
}

// FinishRotation mints with the staged credential and makes it the current one if
// the gateway accepts it. Otherwise it stays staged. The error is ErrNoCredential
// if nothing is staged.
func (v *Vault) FinishRotation(ctx context.Context, sel Selector) (Rotation, error) {
	return v.finishRotation(ctx, sel, kite.Credential{})
}

// finishRotation is FinishRotation; if certain is not zero, only for that
// credential. If another process has made it the current one already, the rotation
// succeeds. If another credential has been staged in its place, the outcome is
// empty.
func (v *Vault) finishRotation(ctx context.Context, sel Selector, certain kite.Credential) (r Rotation, err error) {
	defer func() { v.Record(ActionRotated, sel, err) }()
	if err := v.Settle(ctx); err != nil {
		return Rotation{}, About(sel, err)
	}
	p, err := v.Lookup(sel)
	if err != nil {
		return Rotation{}, err
	}
	c, err := v.read(ctx, p)
	if err != nil {
		return Rotation{}, err
	}
	staged := c.Staged
	if certain.Complete() {
		staged = certain
	}
	if !staged.Complete() {
		return Rotation{Profile: p}, nothingStaged(sel)
	}
	// Nothing is locked while the gateway answers, so that tokens of the current
	// credential can be minted meanwhile.
	r = Rotation{Profile: p, Report: v.verifyOwn(ctx, sel, staged, c.originOf(p), false)}
	if errors.Is(r.Report.Err, ErrOrigin) {
		return r, r.Report.Err
	}
	if r.Report.Verdict != VerdictOK {
		r.Outcome, err = v.notReplaced(ctx, p, staged, r.Report)
		return r, err
	}
	p, lost, err := v.promote(ctx, sel, staged)
	switch {
	case err != nil && (lost || errors.Is(err, ErrNoProfile)):
		return r, err
	case err != nil:
		r.Outcome = OutcomeStaged
		return r, err
	}
	r.Outcome, r.Profile = OutcomeReplaced, p
	if p, err := v.change(context.WithoutCancel(ctx), p.ID, func(p *Profile) {
		p.setReport(r.Report)
	}); err == nil {
		r.Profile = p
	}
	return r, nil
}

// notReplaced returns the outcome for a staged credential that the gateway has not
// accepted, and the error that says so.
func (v *Vault) notReplaced(ctx context.Context, p Profile, staged kite.Credential, report Report) (Outcome, error) {
	if report.Verdict.Refused() {
		return OutcomeRejected, aboutf(p.Selector, "nothing was replaced: %w", report.Err)
	}
	if now, err := v.read(context.WithoutCancel(ctx), p); err == nil && !sameCredential(now.Staged, staged) {
		return "", aboutf(p.Selector, "nothing was replaced, and another kitekey has changed what is staged: %w", report.Err)
	}
	return OutcomeStaged, aboutf(p.Selector, "nothing was replaced, and the new credential is kept as staged: %w", report.Err)
}

// promote makes the staged credential the current one. It succeeds if another process
// has done so; lost reports that another credential has been staged in its place.
func (v *Vault) promote(ctx context.Context, sel Selector, staged kite.Credential) (p Profile, lost bool, err error) {
	done := false
	p, err = v.rewriteAgain(ctx, sel, func(c *credentials) error {
		done, lost = sameCredential(c.Current, staged), !sameCredential(c.Staged, staged)
		if done || lost {
			return aboutf(sel, "another kitekey staged another credential meanwhile: %w", ErrBusy)
		}
		c.Previous, c.Current, c.Staged, c.ReplacedAt = c.Current, c.Staged, kite.Credential{}, v.now()
		return nil
	})
	if done {
		p, err = v.Lookup(sel)
	}
	return p, lost, err
}

// DiscardStaged forgets the staged credential.
func (v *Vault) DiscardStaged(ctx context.Context, sel Selector) (Profile, error) {
	return v.rewrite(ctx, sel, false, func(c *credentials) error {
		if !c.Staged.Complete() {
			return nothingStaged(sel)
		}
		c.Staged = kite.Credential{}
		return nil
	})
}

// Rollback makes the previous credential the current one. The one that it replaces
// becomes the previous, so a rollback can be rolled back.
func (v *Vault) Rollback(ctx context.Context, sel Selector) (_ Profile, err error) {
	defer func() { v.Record(ActionRolledBack, sel, err) }()
	return v.rewrite(ctx, sel, false, func(c *credentials) error {
		if !c.Previous.Complete() {
			return nothingPrevious(sel)
		}
		c.Current, c.Previous, c.ReplacedAt = c.Previous, c.Current, v.now()
		return nil
	})
}

// DropPrevious removes the previous credential, which cannot be undone.
func (v *Vault) DropPrevious(ctx context.Context, sel Selector) (_ Profile, err error) {
	defer func() { v.Record(ActionConfirmed, sel, err) }()
	return v.rewrite(ctx, sel, false, func(c *credentials) error {
		if !c.Previous.Complete() {
			return nothingPrevious(sel)
		}
		c.Previous = kite.Credential{}
		return nil
	})
}

// Replace makes a credential the current one at once, without asking the gateway,
// and keeps the old one as the previous. Imports use it.
func (v *Vault) Replace(ctx context.Context, sel Selector, cred kite.Credential) (_ Profile, err error) {
	return v.replace(ctx, sel, cred, "")
}

// replace is Replace; unless origin is "", it also sets the origin.
func (v *Vault) replace(ctx context.Context, sel Selector, cred kite.Credential, origin kite.Origin) (_ Profile, err error) {
	defer func() { v.Record(ActionReplaced, sel, err) }()
	if err := storable(cred); err != nil {
		return Profile{}, err
	}
	return v.rewrite(ctx, sel, true, func(c *credentials) error {
		if sameCredential(c.Current, cred) {
			return About(sel, BadInput(errors.New("this is the credential in use already")))
		}
		c.Previous, c.Current, c.ReplacedAt = c.Current, cred, v.now()
		c.Origin = cmp.Or(origin, c.Origin)
		c.Outdated = true // Staged is older: a verification must not make it the current one
		return nil
	})
}

func nothingStaged(sel Selector) error {
	return About(sel, BadInput(errors.New("there is no staged credential")))
}

func nothingPrevious(sel Selector) error {
	return About(sel, BadInput(errors.New("there is no previous credential")))
}

func sameCredential(a, b kite.Credential) bool {
	return a.APIKey.Equal(b.APIKey) && a.APISecret.Equal(b.APISecret)
}

// sameCredentials reports whether two items hold the same.
func sameCredentials(a, b credentials) bool {
	return sameCredential(a.Current, b.Current) && sameCredential(a.Previous, b.Previous) && sameCredential(a.Staged, b.Staged)
}

// rewrite changes a profile's item in one write. It records in the index beforehand
// that the change begins, and afterwards that it is done. If change fails, nothing
// happens. With orNew, change gets empty credentials if the item is lost, and its
// result is stored. change may be called more than once.
func (v *Vault) rewrite(ctx context.Context, sel Selector, orNew bool, change func(c *credentials) error) (Profile, error) {
	if err := v.Settle(ctx); err != nil {
		return Profile{}, About(sel, err)
	}
	p, unlock, err := v.lockProfile(ctx, sel)
	if err != nil {
		return Profile{}, err
	}
	defer unlock()
	was, err := v.read(ctx, p)
	if err != nil && !(orNew && errors.Is(err, ErrNoCredential)) {
		return Profile{}, err
	}
	if err := v.checkWritable(p); err != nil {
		return Profile{}, err
	}
	c := was
	c.Selector, c.Origin = sel, c.originOf(p)
	if err := change(&c); err != nil {
		return Profile{}, err
	}
	if _, err := v.change(ctx, p.ID, func(p *Profile) { p.State = StateChanging }); err != nil {
		return Profile{}, err
	}
	// From here on, cancellation must not interrupt the change.
	ctx = context.WithoutCancel(ctx)
	err = v.write(ctx, p, c)
	for tries := 0; errors.Is(err, ErrConflict) && tries < 3; tries++ {
		now, same := v.unchanged(ctx, p, was)
		if !same {
			break
		}
		c = now
		c.Selector, c.Origin = sel, c.originOf(p)
		if err = change(&c); err == nil {
			err = v.write(ctx, p, c)
		}
	}
	if err != nil {
		if !unknownOutcome(err) {
			v.updateBestEffort(ctx, p.ID, func(p *Profile) { p.State = StateSettled })
		}
		return Profile{}, About(sel, err)
	}
	return v.rewritten(ctx, p, was, c)
}

// unchanged reads a source again whose version is not that of was: a colleague may
// have changed the label, which need not stop a rotation. same is false if one of
// its credentials differs.
func (v *Vault) unchanged(ctx context.Context, p Profile, was credentials) (now credentials, same bool) {
	now, err := v.read(ctx, p)
	if err != nil && !errors.Is(err, ErrNoCredential) || now.item == nil {
		return credentials{}, false
	}
	return now, sameCredentials(now, was)
}

// rewritten updates the index from an item that was written, and deletes the token
// of a credential that is not in use any more.
func (v *Vault) rewritten(ctx context.Context, p Profile, was, c credentials) (Profile, error) {
	v.failures.clear(p.ID)
	place := v.placeOf(p)
	var stale error // the error of deleting the token
	replaced := !sameCredential(was.Current, c.Current)
	if replaced {
		stale = v.deleteItem(ctx, tokenKey(p.ID))
	}
	p, err := v.change(ctx, p.ID, func(p *Profile) {
		p.syncFrom(c)
		if stale == nil {
			p.State = StateSettled
		}
		if replaced {
			p.Token = TokenInfo{}
			p.clearVerdict()
		}
	})
	if err != nil {
		return Profile{}, aboutf(c.Selector, "%s has the new state, but the index could not be updated: %w", place, err)
	}
	return p, nil
}

// confirmLater deletes the previous credential on a later day than that of the
// rotation: the current one has then proved that it lasts.
func (v *Vault) confirmLater(ctx context.Context, sel Selector, proven credentials) {
	if proven.item != nil {
		return // verifying changes nothing in a team's source
	}
	day := func(t time.Time) string { return t.Local().Format(time.DateOnly) }
	if !proven.Previous.Complete() || day(proven.ReplacedAt) >= day(v.now()) {
		return
	}
	_, _ = v.rewrite(ctx, sel, false, func(c *credentials) error {
		// Another rotation has put in use a credential that is not verified yet.
		if !sameCredential(c.Current, proven.Current) || !sameCredential(c.Previous, proven.Previous) {
			return nothingPrevious(sel)
		}
		c.Previous = kite.Credential{}
		return nil
	})
}
