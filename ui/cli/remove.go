package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/vault"
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
		Args:              takes(1, 1, "one profile"),
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

// chosen is the profiles of a command that takes names or --all.
func (a *app) chosen(args []string, all bool) ([]vault.Selector, *vault.Vault, error) {
	if all && len(args) > 0 {
		return nil, nil, usagef("name profiles or give --all, not both")
	}
	var sels []vault.Selector
	if !all {
		var err error
		if sels, err = a.selectors(args); err != nil {
			if errors.Is(err, errNoneGiven) {
				err = usagef("%w, or give --all", err)
			}
			return nil, nil, err
		}
	}
	v, err := a.open()
	if err != nil || !all {
		return sels, v, err
	}
	profiles, err := v.List()
	for _, p := range profiles {
		sels = append(sels, p.Selector)
	}
	return sels, v, err
}
