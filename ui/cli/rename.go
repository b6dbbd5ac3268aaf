package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"kitekey/vault"
)

func newRename(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "rename OLD NEW",
		Short: "Rename an account, in both environments",
		Long: `Rename an account: its sandbox and its live profile go together. Key pairs, kept
tokens and verdicts stay as they are.`,
		Example: `  kitekey rename acme acme-stores`,
		Args:    argCount(2, 2, "the old and the new account name"),
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
