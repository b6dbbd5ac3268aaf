package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"kitekey/ui/words"
	"kitekey/vault/source"
)

func newSourceShow(a *app, run func(context.Context, sourceOptions) error) *cobra.Command {
	var o sourceOptions
	cmd := &cobra.Command{
		Use:   "show [NAME]",
		Short: "Show a source's settings",
		Long: `Show a source's settings, which hold no secret. Neither the source nor the store is
asked.`,
		Example: `  kitekey source show team
  kitekey source show team --json | jq -r .address`,
		Args:              argCount(0, 1, "one source"),
		ValidArgsFunction: a.completeSources,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = args
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func (a *app) runSourceShow(_ context.Context, o sourceOptions) error {
	c, err := a.findSource(o.name)
	if err != nil {
		return err
	}
	counts, err := a.inSources()
	if err != nil {
		return err
	}
	if o.json {
		return a.printJSON(a.sourceJSON(c, counts[c.Name]))
	}
	rows := [][]string{{"source", c.Name}, {"kind", c.Kind}}
	add := func(what, value string) {
		if value != "" {
			rows = append(rows, []string{what, words.Line(value)})
		}
	}
	add("address", c.Address)
	add("mount", c.Mount)
	add("path", c.Path)
	add("namespace", c.Namespace)
	add("trusts", c.CA)
	if c.Kind == source.KindVault {
		add("signs in with", map[string]string{
			"approle": "the AppRole " + c.RoleID, "login": "the token of \"kitekey source login\"",
			"token": "BAO_TOKEN, VAULT_TOKEN, ~/.bao-token or ~/.vault-token",
		}[c.SignIn()])
	}
	add("secret id", c.SecretIDFile)
	if c.SecretIDFD != 0 {
		add("secret id", fmt.Sprint("descriptor ", c.SecretIDFD))
	}
	add("runs", strings.Join(c.Get, " "))
	add("lists with", strings.Join(c.List, " "))
	add("profiles", fmt.Sprint(counts[c.Name]))
	return a.print("%s\n", table(rows))
}
