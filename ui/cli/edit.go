package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"kitekey/vault"
)

func newEdit(a *app) *cobra.Command {
	var (
		label, expiresIn string
		asJSON           bool
	)
	cmd := &cobra.Command{
		Use:   "edit SELECTOR",
		Short: "Change a profile's label or default token life",
		Long: `Change a profile's label or the life its tokens get when nothing else is asked for.
The key pair is changed with "kitekey rotate". No secret is touched.`,
		Example: `  kitekey edit acme --label "Acme Stores Ltd"
  kitekey edit acme/live --expires-in 90s`,
		Args:              takes(1, 1, "one profile"),
		ValidArgsFunction: a.completeSelectors(false),
	}
	cmd.Flags().StringVar(&label, "label", "", "free `text` shown beside the account; \"\" takes it away")
	cmd.Flags().StringVar(&expiresIn, "expires-in", "", "the default token `life`: 300, 90s, 5m, 1h30m")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the changed profile as JSON")
	cmd.MarkFlagsOneRequired("label", "expires-in")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		sel, err := parseSelector(args[0])
		if err != nil {
			return err
		}
		var change vault.Edit
		if cmd.Flags().Changed("label") {
			change.Label = &label
		}
		if cmd.Flags().Changed("expires-in") {
			d, err := parseExpiresIn(expiresIn)
			if err != nil {
				return err
			}
			if d == 0 {
				return usagef("--expires-in is empty: write 300, 90s, 5m or 1h30m")
			}
			change.ExpiresIn = &d
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

func newRename(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "rename OLD NEW",
		Short: "Rename an account, in both environments",
		Long: `Rename an account: its sandbox and its live profile go together. Key pairs, kept
tokens and verdicts stay as they are.`,
		Example: `  kitekey rename acme acme-stores`,
		Args:    takes(2, 2, "the old and the new account name"),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the renamed profiles, one JSON object per line")
	cmd.ValidArgsFunction = a.completeAccounts
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		for _, name := range args {
			if err := vault.ValidAccount(name); err != nil {
				return usagef("%w", err)
			}
		}
		v, err := a.open()
		if err != nil {
			return err
		}
		if err := v.Rename(cmd.Context(), args[0], args[1]); err != nil {
			if errors.Is(err, vault.ErrExists) {
				return &codeError{exitUsage, err.Error() + "; take another name", err}
			}
			return err
		}
		if !asJSON {
			a.note("%s is now %s", args[0], args[1])
			return nil
		}
		profiles, err := v.List()
		if err != nil {
			return err
		}
		for _, p := range profiles {
			if p.Account == args[1] {
				if err := a.printJSON(a.profileJSON(p)); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return cmd
}

// completeAccounts completes account names for the first argument.
func (a *app) completeAccounts(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	profiles, err := a.listed()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []cobra.Completion
	last := ""
	for _, p := range profiles {
		if p.Account != last {
			names = append(names, cobra.CompletionWithDesc(p.Account, oneLine(p.Label)))
			last = p.Account
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
