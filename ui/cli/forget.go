package cli

import (
	"context"

	"github.com/spf13/cobra"

	"kitekey/vault"
)

type forgetOptions struct {
	profiles []string
	all      bool
	json     bool
}

func newForget(a *app, run func(context.Context, forgetOptions) error) *cobra.Command {
	var o forgetOptions
	cmd := &cobra.Command{
		Use:   "forget [SELECTOR…] | --all",
		Short: "Forget cached tokens",
		Long: `Forget the cached tokens of profiles; the credentials stay. A token that has been
handed out works until it expires: Kitegateway documents no way to revoke one.`,
		Example: `  kitekey forget acme
  kitekey forget --all`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeSelectors(true),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.profiles = args
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.all, "all", false, "every profile's token")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object per profile")
	return cmd
}

// forgottenJSON is the result for one profile.
type forgottenJSON struct {
	profileRef
	Forgotten bool `json:"forgotten"` // it had a cached token
}

func (a *app) runForget(ctx context.Context, o forgetOptions) error {
	sels, v, err := a.chosen(o.profiles, o.all)
	if err != nil {
		return err
	}
	for _, sel := range sels {
		p, err := v.Lookup(sel)
		if err == nil {
			err = v.Forget(ctx, sel)
		}
		if err != nil {
			return vault.About(sel, err)
		}
		had := !p.Token.Deadline.IsZero()
		switch {
		case o.json:
			if err := a.printJSON(forgottenJSON{refTo(sel), had}); err != nil {
				return err
			}
		case had:
			a.note("%s: cached token forgotten", sel)
		default:
			a.note("%s: no token was cached", sel)
		}
	}
	return nil
}
