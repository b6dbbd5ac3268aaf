package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/vault"
)

func newRotate(a *app) *cobra.Command {
	var stdin, finish, discard, confirm, rollback, asJSON bool
	cmd := &cobra.Command{
		Use:   "rotate SELECTOR",
		Short: "Replace a key pair after the new one has been proven",
		Long: `Replace a profile's key pair by a new one, which is typed at hidden prompts or comes
as JSON on stdin with --stdin.

The new pair is kept beside the one in use, tried by minting a token with it, and
put in use only when the gateway accepts it. The former pair is kept until
--confirm, or until "kitekey verify" succeeds on a later day; --rollback puts it
back. If the gateway cannot be reached the new pair stays staged: --finish, or the
next "kitekey verify", tries it again. At every moment one pair is in use that
worked before.

A business account holds two key pairs at Kitegateway: make the new one there,
rotate here, and delete the old one there after --confirm.`,
		Example: `  kitekey rotate acme/live
  kitekey rotate acme --stdin < pair.json
  kitekey rotate acme --rollback`,
		Args:              argCount(1, 1, "one profile"),
		ValidArgsFunction: a.completeSelectors(false),
	}
	f := cmd.Flags()
	f.BoolVar(&stdin, "stdin", false, `read {"api_key": "…", "api_secret": "…"} from stdin`)
	f.BoolVar(&finish, "finish", false, "try the staged pair again and put it in use")
	f.BoolVar(&discard, "discard", false, "drop the staged pair")
	f.BoolVar(&confirm, "confirm", false, "drop the former pair: there is no way back then")
	f.BoolVar(&rollback, "rollback", false, "put the former pair back in use")
	f.BoolVar(&asJSON, "json", false, "print what became of it as JSON")
	cmd.MarkFlagsMutuallyExclusive("stdin", "finish", "discard", "confirm", "rollback")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		sel, err := parseSelector(args[0])
		if err != nil {
			return err
		}
		v, err := a.open()
		if err != nil {
			return err
		}
		if _, err := v.Lookup(sel); err != nil {
			return about(sel, err)
		}
		var r vault.Rotation
		switch {
		case discard:
			r.Profile, err = v.DiscardStaged(ctx, sel)
			err = a.noteOnSuccess(err, "%s: the staged pair is dropped; the pair in use stays", sel)
		case confirm:
			r.Profile, err = v.Confirm(ctx, sel)
			err = a.noteOnSuccess(err, "%s: the former pair is dropped; delete it at Kitegateway too", sel)
		case rollback:
			r.Profile, err = v.Rollback(ctx, sel)
			err = a.noteOnSuccess(err, `%s: the former pair (…%s) is in use again; "kitekey verify %s" tries it`, sel, r.Profile.KeyHint, sel)
		case finish:
			r, err = v.FinishRotation(ctx, sel)
			err = a.rotated(sel, r, err)
		default:
			r, err = a.rotate(ctx, v, sel, stdin)
		}
		if asJSON && r.Profile.ID != "" {
			if err := a.printJSON(newRotationJSON(r)); err != nil {
				return err
			}
		}
		return about(sel, err)
	}
	return cmd
}

// rotate takes a new pair and puts it in use. At a terminal a refused one can be
// typed again.
func (a *app) rotate(ctx context.Context, v *vault.Vault, sel vault.Selector, stdin bool) (vault.Rotation, error) {
	if !stdin && !a.canAsk() {
		return vault.Rotation{}, usagef("no terminal to ask for the key pair on; give it as JSON with --stdin")
	}
	// A locked keyring is told before anybody types a secret.
	if err := v.Reach(ctx); err != nil {
		return vault.Rotation{}, err
	}
	read := a.credentialFromStdin
	if !stdin {
		read = func() (kite.Credential, error) {
			a.note("%s: the new key pair", sel)
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
			return r, a.rotated(sel, r, err)
		}
		a.note("%v", about(sel, err))
		// What was typed is kept until it is stored or given up: it may exist nowhere else.
		choice, askErr := a.choose(ctx, "Try the same pair once more, type another, or leave the pair in use as it is? [s/t/l] ", "stl")
		if askErr != nil || choice == 'l' {
			return r, errors.Join(err, askErr)
		}
		if choice == 't' {
			if cred, err = read(); err != nil {
				return r, err
			}
		}
	}
}

// rotated tells a rotation that went through, and how one goes on that did not.
func (a *app) rotated(sel vault.Selector, r vault.Rotation, err error) error {
	a.tellSkew(r.Report.Skew)
	switch {
	case err == nil && r.Profile.Previous:
		a.note(`%s: the new pair (…%s) works and is in use; the former is kept until "kitekey rotate %s --confirm", --rollback puts it back`, sel, r.Profile.KeyHint, sel)
	case err == nil:
		a.note("%s: the new pair (…%s) works and is in use", sel, r.Profile.KeyHint)
	case r.Outcome == vault.OutcomeStaged:
		err = fmt.Errorf(`%w; "kitekey rotate %s --finish" tries it again, --discard drops it`, err, sel)
	case r.Outcome == vault.OutcomeRejected && r.Profile.Staged:
		err = &codeError{exitRefused, fmt.Sprintf(`%v; "kitekey rotate %s --discard" drops the staged pair`, err, sel), err}
	case r.Outcome == vault.OutcomeRejected:
		err = &codeError{exitRefused, fmt.Sprintf("%v; the new pair was not kept", err), err}
	}
	return err
}

// noteOnSuccess says what was done when it was.
func (a *app) noteOnSuccess(err error, format string, args ...any) error {
	if err == nil {
		a.note(format, args...)
	}
	return err
}

// rotationJSON is a rotation as --json shows it.
type rotationJSON struct {
	Profile  string  `json:"profile"`
	Outcome  *string `json:"outcome"` // of a new pair: replaced, staged, refused
	Verdict  *string `json:"verdict"` // on the new pair
	KeyHint  string  `json:"key_hint"`
	Staged   bool    `json:"staged"`
	Previous bool    `json:"previous"`
}

func newRotationJSON(r vault.Rotation) rotationJSON {
	return rotationJSON{
		Profile: r.Profile.Selector.String(), Outcome: orNull(string(r.Outcome)), Verdict: orNull(string(r.Report.Verdict)),
		KeyHint: r.Profile.KeyHint, Staged: r.Profile.Staged, Previous: r.Profile.Previous,
	}
}
