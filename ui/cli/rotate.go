package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/ui/handout"
	"kitekey/vault"
)

type rotateOptions struct {
	profile string
	stdin   bool

	// At most one of these. Without any, a new credential is read.
	finish, discard, dropPrevious, rollback bool

	yes     bool
	confirm string
	json    bool
}

func newRotate(a *app, run func(context.Context, rotateOptions) error) *cobra.Command {
	var o rotateOptions
	cmd := &cobra.Command{
		Use:   "rotate SELECTOR",
		Short: "Replace a credential once the new one is verified",
		Long: `Replace a profile's credential with a new one, which is typed at hidden prompts or
comes as JSON on stdin with --stdin.

The new credential is verified by minting a token, and put in use only when the
gateway accepts it. The credential that was in use becomes the previous one and is
kept until --drop-previous, or until "kitekey verify" succeeds on a later day;
--rollback puts it back. If the gateway cannot be reached the new credential stays
staged: --finish, or the next "kitekey verify", tries it again. At every moment the
credential in use is one that has worked.

A business account has two credentials at Kitegateway: make the new one there, rotate
here, and delete the old one there after --drop-previous.

On live it asks for the profile's name; without a terminal --confirm gives it.`,
		Example: `  kitekey rotate acme/live
  kitekey rotate acme --stdin < new.json
  kitekey rotate acme --rollback`,
		Args:              argCount(1, 1, "one profile"),
		ValidArgsFunction: a.completeSelectors(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.profile = args[0]
			return run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.stdin, "stdin", false, "read "+stdinForm+" from stdin")
	f.BoolVar(&o.finish, "finish", false, "verify the staged credential again and put it in use")
	f.BoolVar(&o.discard, "discard", false, "delete the staged credential")
	f.BoolVar(&o.dropPrevious, "drop-previous", false, "delete the previous credential: no rollback after that")
	f.BoolVar(&o.rollback, "rollback", false, "put the previous credential back in use")
	f.BoolVarP(&o.yes, "yes", "y", false, "with --drop-previous: do not ask (live needs --confirm)")
	a.confirmFlag(cmd, &o.confirm)
	f.BoolVar(&o.json, "json", false, "print the outcome as JSON")
	cmd.MarkFlagsMutuallyExclusive("stdin", "finish", "discard", "drop-previous", "rollback")
	return cmd
}

func (a *app) runRotate(ctx context.Context, o rotateOptions) error {
	sel, err := parseSelector(o.profile)
	if err != nil {
		return err
	}
	v, _, err := a.openProfile(sel)
	if err != nil {
		return err
	}
	if err := a.confirmRotation(ctx, sel, o); err != nil {
		return err
	}
	var r vault.Rotation
	switch {
	case o.discard:
		r.Profile, err = v.DiscardStaged(ctx, sel)
		err = a.noteOnSuccess(err, "%s: the staged credential is deleted; the current one stays", sel)
	case o.dropPrevious:
		r.Profile, err = v.DropPrevious(ctx, sel)
		err = a.noteOnSuccess(err, "%s: the previous credential is deleted; delete it at Kitegateway too", sel)
	case o.rollback:
		r.Profile, err = v.Rollback(ctx, sel)
		err = a.noteOnSuccess(err, `%s: the previous credential (%s) is in use again; "kitekey verify %s" tries it`, sel, hint(r.Profile.KeyHint), sel)
	case o.finish:
		r, err = v.FinishRotation(ctx, sel)
		err = a.reportRotation(sel, r, err)
	default:
		r, err = a.rotate(ctx, v, sel, o.stdin)
	}
	if o.json && r.Profile.ID != "" {
		if err := a.printJSON(newRotationJSON(r)); err != nil {
			return err
		}
	}
	return vault.About(sel, err)
}

// confirmRotation asks for a live profile's name, and before a previous credential
// is deleted.
func (a *app) confirmRotation(ctx context.Context, sel vault.Selector, o rotateOptions) error {
	do := handout.Rotate
	switch {
	case o.discard || o.dropPrevious:
		do = handout.Drop
	case o.rollback:
		do = handout.Rollback
	}
	if err := a.confirmLive(ctx, do, o.confirm, sel); err != nil {
		return err
	}
	if !o.dropPrevious || o.yes || anyLive([]vault.Selector{sel}) {
		return nil
	}
	return vault.About(sel, a.confirmYes(ctx, fmt.Sprintf("Delete the previous credential of %s? There is no rollback after that.", sel),
		"deleting the previous credential cannot be undone"))
}

// rotate reads a new credential and makes it the current one. At a terminal the
// user can enter another one if it is refused.
func (a *app) rotate(ctx context.Context, v *vault.Vault, sel vault.Selector, stdin bool) (vault.Rotation, error) {
	if !stdin && !a.canAsk() {
		return vault.Rotation{}, noTerminal("the credential", credentialOnStdin)
	}
	// A locked keyring is reported before a secret is typed.
	if err := v.Reach(ctx); err != nil {
		return vault.Rotation{}, err
	}
	read := func() (kite.Credential, error) { return a.credentialFromStdin(ctx) }
	if !stdin {
		read = func() (kite.Credential, error) {
			a.note("%s: enter the new credential", sel)
			return a.askCredential(ctx, sel)
		}
	}
	cred, err := read()
	if err != nil {
		return vault.Rotation{}, err
	}
	for {
		r, err := v.Rotate(ctx, sel, cred)
		if err == nil || stdin || ctx.Err() != nil || r.Outcome == vault.OutcomeStaged {
			return r, a.reportRotation(sel, r, err)
		}
		a.note("%v", vault.About(sel, err))
		// The credential is held until it is stored or the user gives up: it may exist
		// nowhere else.
		choice, askErr := a.choose(ctx, "Retry, enter another, or cancel? [r/e/c] ", "rec")
		if askErr != nil || choice == 'c' {
			return r, errors.Join(err, askErr)
		}
		if choice == 'e' {
			if cred, err = read(); err != nil {
				return r, err
			}
		}
	}
}

// reportRotation says what a rotation did, and how to continue one that did not
// succeed.
func (a *app) reportRotation(sel vault.Selector, r vault.Rotation, err error) error {
	a.tellSkew(r.Report.Skew)
	switch {
	case err == nil && r.Profile.Previous:
		a.note(`%s: the new credential (%s) works and is in use; the previous one is kept: --rollback puts it back, "kitekey rotate %s --drop-previous" deletes it`,
			sel, hint(r.Profile.KeyHint), sel)
	case err == nil:
		a.note("%s: the new credential (%s) works and is in use", sel, hint(r.Profile.KeyHint))
	case r.Outcome == vault.OutcomeStaged:
		err = fmt.Errorf(`%w; "kitekey rotate %s --finish" tries it again, --discard deletes it`, err, sel)
	case r.Outcome == vault.OutcomeRejected && r.Profile.Staged:
		err = &codeError{exitRefused, fmt.Sprintf(`%v; "kitekey rotate %s --discard" deletes the staged credential`, err, sel), err}
	case r.Outcome == vault.OutcomeRejected:
		err = &codeError{exitRefused, fmt.Sprintf("%v; the new credential was not stored", err), err}
	}
	return err
}

// rotationJSON is a rotation in --json.
type rotationJSON struct {
	profileRef
	Outcome  *string `json:"outcome"` // of a new credential: replaced, staged, rejected
	Verdict  *string `json:"verdict"` // on the new credential
	KeyHint  *string `json:"key_hint"`
	Staged   bool    `json:"staged"`
	Previous bool    `json:"previous"`
}

func newRotationJSON(r vault.Rotation) rotationJSON {
	return rotationJSON{
		profileRef: refTo(r.Profile.Selector), Outcome: orNull(string(r.Outcome)), Verdict: orNull(string(r.Report.Verdict)),
		KeyHint: orNull(r.Profile.KeyHint), Staged: r.Profile.Staged, Previous: r.Profile.Previous,
	}
}
