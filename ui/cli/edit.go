package cli

import (
	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/vault"
)

func newEdit(a *app) *cobra.Command {
	var (
		label     string
		expiresIn kite.Lifetime
		asJSON    bool
	)
	cmd := &cobra.Command{
		Use:   "edit SELECTOR",
		Short: "Change a profile's label or default token life",
		Long: `Change a profile's label or the life its tokens get when nothing else is asked for.
The key pair is changed with "kitekey rotate". No secret is touched.`,
		Example: `  kitekey edit acme --label "Acme Stores Ltd"
  kitekey edit acme/live --expires-in 90s`,
		Args:              argCount(1, 1, "one profile"),
		ValidArgsFunction: a.completeSelectors(false),
	}
	cmd.Flags().StringVar(&label, "label", "", "free `text` shown beside the account; \"\" takes it away")
	cmd.Flags().Var(&expiresIn, "expires-in", "the default token `life`: 300, 90s, 1h30m, 2d")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the changed profile as JSON")
	cmd.MarkFlagsOneRequired("label", "expires-in")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		sel, err := parseSelector(args[0])
		if err != nil {
			return err
		}
		var change vault.ProfileUpdate
		if cmd.Flags().Changed("label") {
			change.Label = &label
		}
		if cmd.Flags().Changed("expires-in") {
			change.ExpiresIn = &expiresIn
		}
		v, err := a.open()
		if err != nil {
			return err
		}
		p, err := v.Edit(cmd.Context(), sel, change)
		if err != nil {
			return about(sel, err)
		}
		if asJSON {
			return a.printJSON(a.profileJSON(p))
		}
		a.note("%s: changed", sel)
		return nil
	}
	return cmd
}
