package cli

import (
	"context"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/vault"
)

type editOptions struct {
	profile   string
	label     *string // nil: as it is
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
		Short: "Change a profile's label or default token life",
		Long: `Change a profile's label, or the life that its tokens get when no --expires-in is
given. The credential is changed with "kitekey rotate". No secret is touched.`,
		Example: `  kitekey edit acme --label "Acme Stores Ltd"
  kitekey edit acme/live --expires-in 90s`,
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
	cmd.MarkFlagsOneRequired("label", "expires-in")
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
	p, err := v.Edit(ctx, sel, update)
	if err != nil {
		return about(sel, err)
	}
	a.noteLongLife(o.expiresIn)
	if o.json {
		return a.printJSON(a.profileJSON(p))
	}
	a.note("%s: changed", sel)
	return nil
}
