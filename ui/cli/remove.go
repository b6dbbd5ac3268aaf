package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/ui/handout"
	"kitekey/ui/words"
	"kitekey/vault"
)

type removeOptions struct {
	profile string
	yes     bool
	forTeam bool
	confirm string
	json    bool
}

func newRemove(a *app, run func(context.Context, removeOptions) error) *cobra.Command {
	var o removeOptions
	cmd := &cobra.Command{
		Use:     "remove SELECTOR",
		Aliases: []string{"rm"},
		Short:   "Remove a profile with its credential and cached token",
		Long: `Remove a profile with everything stored for it. Kitegateway shows an api_secret
once: what is deleted here cannot be fetched again.

If the profile is in a source, its entry in the list and its cached token are removed
and the source keeps the credential. --for-team deletes it there too, for everyone who
uses it; the engine can bring it back.

It asks first. Without a terminal the sandbox needs --yes, and live needs --confirm
with the profile's name.`,
		Example: `  kitekey remove acme
  kitekey remove acme --yes
  kitekey remove acme/live --confirm acme/live`,
		Args:              argCount(1, 1, "one profile"),
		ValidArgsFunction: a.completeSelectors(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.profile = args[0]
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask (live needs --confirm)")
	a.confirmFlag(cmd, &o.confirm)
	cmd.Flags().BoolVar(&o.forTeam, "for-team", false, "delete the credential in its source, too")
	cmd.Flags().BoolVar(&o.json, "json", false, "print what was removed as JSON")
	return cmd
}

func (a *app) runRemove(ctx context.Context, o removeOptions) error {
	sel, err := parseSelector(o.profile)
	if err != nil {
		return err
	}
	v, p, err := a.openProfile(sel)
	if err != nil {
		return err
	}
	if p.Source != "" {
		return a.removeSourced(ctx, v, p, o)
	}
	if o.forTeam {
		return usagef("%s: its credential is in %s, not in a source", sel, kept(p))
	}
	if err := a.confirmLive(ctx, handout.Remove, o.confirm, sel); err != nil {
		return err
	}
	if sel.Environment != kite.Live && !o.yes {
		if err := a.confirmYes(ctx, fmt.Sprintf("Delete %s and its credential for good?", sel), "deleting the credential cannot be undone"); err != nil {
			return vault.About(sel, err)
		}
	}
	if err := v.Remove(ctx, sel); err != nil {
		return vault.About(sel, err)
	}
	if o.json {
		return a.printJSON(a.profileJSON(p))
	}
	a.note("%s: removed%s", sel, a.keptByProvider(ctx, v))
	return nil
}

// keptByProvider says what the store's program may still have of what is removed, ""
// if it keeps nothing or does not say.
func (a *app) keptByProvider(ctx context.Context, v *vault.Vault) string {
	facts, err := v.StoreFacts(ctx)
	if err != nil {
		return ""
	}
	return words.Remains(facts)
}

// removeSourced removes a profile whose credential is in a source, from this list
// or for everyone.
func (a *app) removeSourced(ctx context.Context, v *vault.Vault, p vault.Profile, o removeOptions) error {
	sel := p.Selector
	if !o.forTeam && !o.yes && o.confirm == "" && a.canAsk() {
		answer, err := a.choose(ctx, fmt.Sprintf("%s is in the source %s. Take it off this list, or delete it for the whole team? [l/t] ", sel, p.Source), "lt")
		if err != nil {
			return err
		}
		o.forTeam = answer == 't'
	}
	does, remove, done := "takes "+sel.String()+" off this list; the source "+p.Source+" keeps its credential", v.Remove, "taken off this list; the source "+p.Source+" keeps its credential"
	if o.forTeam {
		does, remove, done = "deletes the credential of "+sel.String()+" in the source "+p.Source+" for everyone who uses it", v.RemoveForAll, "removed, in the source "+p.Source+" too"
	}
	if sel.Environment == kite.Live {
		a.note("%s: this %s", sel, does)
	}
	if err := a.confirmLive(ctx, handout.Remove, o.confirm, sel); err != nil {
		return err
	}
	if sel.Environment != kite.Live && !o.yes {
		if err := a.confirmYes(ctx, "This "+does+". Go on?", "this "+does); err != nil {
			return vault.About(sel, err)
		}
	}
	if err := remove(ctx, sel); err != nil {
		return vault.About(sel, err)
	}
	if o.json {
		return a.printJSON(a.profileJSON(p))
	}
	a.note("%s: %s", sel, done)
	return nil
}
