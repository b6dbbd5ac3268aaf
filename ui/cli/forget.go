package cli

import "github.com/spf13/cobra"

func newForget(a *app) *cobra.Command {
	var all, asJSON bool
	cmd := &cobra.Command{
		Use:   "forget [SELECTOR…] | --all",
		Short: "Drop kept tokens",
		Long: `Drop the tokens kept for profiles; the key pairs stay. A token that has already
been handed out lives on at the gateway until it expires: Kitegateway documents no
way to revoke one.`,
		Example: `  kitekey forget acme
  kitekey forget --all`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeSelectors(true),
	}
	cmd.Flags().BoolVar(&all, "all", false, "every profile's token")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per profile")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		sels, v, err := a.chosen(args, all)
		if err != nil {
			return err
		}
		for _, sel := range sels {
			p, err := v.Lookup(sel)
			if err == nil {
				err = v.Forget(cmd.Context(), sel)
			}
			if err != nil {
				return about(sel, err)
			}
			if asJSON {
				err := a.printJSON(struct {
					Profile   string `json:"profile"`
					Forgotten bool   `json:"forgotten"`
				}{sel.String(), true})
				if err != nil {
					return err
				}
			} else if p.Token.Deadline.IsZero() {
				a.note("%s: no token was kept", sel)
			} else {
				a.note("%s: token dropped", sel)
			}
		}
		return nil
	}
	return cmd
}
