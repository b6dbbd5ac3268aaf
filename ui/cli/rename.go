package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/ui/handout"
	"kitekey/vault"
)

type renameOptions struct {
	from, to string
	confirm  string
	json     bool
}

func newRename(a *app, run func(context.Context, renameOptions) error) *cobra.Command {
	var o renameOptions
	cmd := &cobra.Command{
		Use:   "rename OLD NEW",
		Short: "Rename an account, or move a profile",
		Long: `Rename an account: its sandbox and its live profile are renamed together. The
credentials, cached tokens and verdicts stay as they are.

With two full profile names it moves one profile, for example acme/sandbox to
acme/live if a live credential was stored as sandbox. Its verdict is cleared and its
cached token forgotten.

A profile in a source is renamed there for the whole team.

When the account has a live profile it asks for that profile's name; without a
terminal --confirm gives it.`,
		Example: `  kitekey rename acme acme-stores
  kitekey rename acme acme-stores --confirm acme/live
  kitekey rename acme/sandbox acme/live    this live credential was stored as sandbox`,
		Args:              argCount(2, 2, "the old and the new name"),
		ValidArgsFunction: a.completeRename,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.from, o.to = args[0], args[1]
			return run(cmd.Context(), o)
		},
	}
	a.confirmFlag(cmd, &o.confirm)
	cmd.Flags().BoolVar(&o.json, "json", false, "print the renamed profiles, one JSON object per line")
	return cmd
}

func (a *app) runRename(ctx context.Context, o renameOptions) error {
	switch whole := strings.Contains(o.from, "/"); {
	case whole != strings.Contains(o.to, "/"):
		return usagef("rename takes two account names (acme coral) or two profiles (acme/sandbox acme/live)")
	case whole:
		return a.moveProfile(ctx, o)
	}
	for _, name := range []string{o.from, o.to} {
		if err := vault.ValidAccount(name); err != nil {
			return usagef("%w", err)
		}
	}
	v, err := a.open()
	if err != nil {
		return err
	}
	profiles, err := v.List()
	if err != nil {
		return err
	}
	if err := v.CheckRename(o.from, o.to); err != nil {
		return taken(err)
	}
	if err := a.confirmLive(ctx, handout.Rename, o.confirm, ofAccount(profiles, o.from)...); err != nil {
		return err
	}
	if err := v.Rename(ctx, o.from, o.to); err != nil {
		return taken(err)
	}
	if !o.json {
		a.note("%s is now %s", o.from, o.to)
		return nil
	}
	if profiles, err = v.List(); err != nil {
		return err
	}
	for _, p := range profiles {
		if p.Account == o.to {
			if err := a.printJSON(a.profileJSON(p)); err != nil {
				return err
			}
		}
	}
	return nil
}

// taken adds the next step to an error that says that the new name is taken.
func taken(err error) error {
	if errors.Is(err, vault.ErrExists) {
		return &codeError{exitUsage, err.Error() + "; choose another name", err}
	}
	return err
}

// ofAccount returns the profiles of one account.
func ofAccount(profiles []vault.Profile, account string) []vault.Selector {
	var sels []vault.Selector
	for _, p := range profiles {
		if p.Account == account {
			sels = append(sels, p.Selector)
		}
	}
	return sels
}

// moveProfile gives one profile another account or environment.
func (a *app) moveProfile(ctx context.Context, o renameOptions) error {
	from, err := parseSelector(o.from)
	if err != nil {
		return err
	}
	to, err := parseSelector(o.to)
	if err != nil {
		return err
	}
	v, _, err := a.openProfile(from)
	if err != nil {
		return err
	}
	if err := v.CheckMove(from, to); err != nil {
		return taken(vault.About(from, err))
	}
	if err := a.confirmLive(ctx, handout.Rename, o.confirm, liveOf(from, to)); err != nil {
		return err
	}
	p, err := v.Move(ctx, from, to)
	if err != nil {
		return taken(vault.About(from, err))
	}
	if o.json {
		return a.printJSON(a.profileJSON(p))
	}
	a.note(`%s is now %s; "kitekey verify %s" tries it`, from, to, to)
	return nil
}

// liveOf returns the profile whose name must be typed for a move: the one that is
// live already, or else the one that becomes live.
func liveOf(from, to vault.Selector) vault.Selector {
	if from.Environment == kite.Live {
		return from
	}
	return to
}
