package cli

import (
	"context"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/ui/handout"
	"kitekey/vault"
)

type editOptions struct {
	profile   string
	label     *string // nil leaves it unchanged
	origin    string  // "" leaves it unchanged
	confirm   string
	expiresIn kite.Lifetime
	json      bool
}

func newEdit(a *app, run func(context.Context, editOptions) error) *cobra.Command {
	var (
		o     editOptions
		label string
	)
	cmd := &cobra.Command{
		Use:   "edit SELECTOR",
		Short: "Change a profile's label, default token life or origin",
		Long: `Change a profile's label, or the life that its tokens get when no --expires-in is
given. The credential is changed with "kitekey rotate".

--origin says which gateway the credential belongs to: kitegateway, or an override on
this machine such as the simulator. It is sent to no other. The gateway that first
accepts a credential becomes its origin. Changing it asks for a live profile's name.`,
		Example: `  kitekey edit acme --label "Acme Stores Ltd"
  kitekey edit acme/live --expires-in 90s
  kitekey edit acme --origin kitegateway    added while an override was in force`,
		Args:              argCount(1, 1, "one profile"),
		ValidArgsFunction: a.completeSelectors(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.profile = args[0]; cmd.Flags().Changed("label") {
				o.label = &label
			}
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&label, "label", "", "free `text` shown beside the account; \"\" removes it")
	lifetimeFlag(cmd, &o.expiresIn, "the default token `life`: 300, 90s, 1h30m, 2d")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the changed profile as JSON")
	choiceFlag(cmd, &o.origin, "origin", "`where` the credential belongs: kitegateway or override", string(kite.OriginKitegateway), string(kite.OriginOverride))
	a.confirmFlag(cmd, &o.confirm)
	cmd.MarkFlagsOneRequired("label", "expires-in", "origin")
	return cmd
}

func (a *app) runEdit(ctx context.Context, o editOptions) error {
	sel, err := parseSelector(o.profile)
	if err != nil {
		return err
	}
	update := vault.ProfileUpdate{Label: o.label}
	if o.expiresIn != 0 {
		update.ExpiresIn = &o.expiresIn
	}
	v, err := a.open()
	if err != nil {
		return err
	}
	if o.origin != "" {
		origin := kite.Origin(o.origin)
		update.Origin = &origin
		if _, err := v.Lookup(sel); err != nil {
			return vault.About(sel, err)
		}
		if err := a.confirmLive(ctx, handout.Redirect, o.confirm, sel); err != nil {
			return err
		}
	}
	p, err := v.Edit(ctx, sel, update)
	if err != nil {
		return vault.About(sel, err)
	}
	a.noteLongLife(o.expiresIn)
	if o.json {
		return a.printJSON(a.profileJSON(p))
	}
	a.note("%s: changed", sel)
	return nil
}
