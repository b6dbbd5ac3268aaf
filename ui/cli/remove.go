package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"kitekey/kite"
)

func newRemove(a *app) *cobra.Command {
	var yes, asJSON bool
	cmd := &cobra.Command{
		Use:     "remove SELECTOR",
		Aliases: []string{"rm"},
		Short:   "Delete a profile, its key pair and its kept token",
		Long: `Delete a profile with everything kept for it. Kitegateway shows an api_secret once:
what is deleted here cannot be had again. At a terminal it asks; a live profile's
name has to be typed. Elsewhere it wants --yes.`,
		Example: `  kitekey remove acme
  kitekey remove acme/live --yes`,
		Args:              argCount(1, 1, "one profile"),
		ValidArgsFunction: a.completeSelectors(false),
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was removed as JSON")
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
		p, err := v.Lookup(sel)
		if err != nil {
			return about(sel, err)
		}
		if !yes {
			if !a.canAsk() {
				return unconfirmedf("%s: removing deletes the key pair for good; confirm with --yes", sel)
			}
			ok, err := false, error(nil)
			if sel.Environment == kite.Live {
				ok, err = a.confirmName(ctx, fmt.Sprintf("Delete the LIVE key pair of %s for good? Type %s to confirm: ", sel.Account, sel), sel.String())
			} else {
				ok, err = a.confirm(ctx, fmt.Sprintf("Delete %s and its key pair for good?", sel))
			}
			if err != nil {
				return err
			}
			if !ok {
				return unconfirmedf("%s: not removed", sel)
			}
		}
		if err := v.Remove(ctx, sel); err != nil {
			return about(sel, err)
		}
		if asJSON {
			return a.printJSON(a.profileJSON(p))
		}
		a.note("%s: removed", sel)
		return nil
	}
	return cmd
}
