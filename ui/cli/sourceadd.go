package cli

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"kitekey/ui/handout"
	"kitekey/vault"
	"kitekey/vault/source"
)

type sourceAddOptions struct {
	config  source.Config
	replace bool
	noSync  bool
	profile []string
	confirm string
	json    bool
}

func newSourceAdd(a *app, run func(context.Context, sourceAddOptions) error) *cobra.Command {
	var o sourceAddOptions
	cmd := &cobra.Command{
		Use:   "add NAME [-- COMMAND ARG…]",
		Short: "Set up a source and list its profiles",
		Long: `Set up a source and bring its profiles into the list, as "kitekey source sync" does.

--kind vault is the KV secrets engine, version 2, of OpenBao or HashiCorp Vault. The
token comes from BAO_TOKEN or VAULT_TOKEN, from "kitekey source login", or from the
file of the engine's own command line (~/.bao-token, ~/.vault-token). For CI, give an
AppRole: --role-id, and its secret id in a file or from a descriptor. A policy that may
read one path and list none is enough with --profile.

--kind command is a program that prints one credential, as JSON with api_key and
api_secret, as two lines, or as a .env file would hold it. It is run without a shell;
{account}, {environment} and {path} in its arguments are replaced. --preset knows
pass, gopass, op and bw. Such a source is read-only.`,
		Example: `  kitekey source add team --address https://bao.example:8200
  kitekey source add team --address https://bao.example:8200 --role-id 5c7e… --secret-id-file /run/secrets/secret-id --profile acme
  kitekey source add mine --kind command --preset pass
  kitekey source add mine --kind command -- /opt/secrets/get "{account}" "{environment}"`,
		Args:              argCount(1, -1, "one name, and a command after \"--\""),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if at := cmd.ArgsLenAtDash(); len(args) != 1 && at != 1 {
				return usagef("put \"--\" before the command: kitekey source add NAME -- COMMAND")
			}
			o.config.Name, o.config.Get = args[0], args[1:]
			return run(cmd.Context(), o)
		},
	}
	f, c := cmd.Flags(), &o.config
	c.Kind = source.KindVault
	choiceFlag(cmd, &c.Kind, "kind", "`what` it is: vault or command", source.Kinds...)
	f.StringVar(&c.Address, "address", "", "`URL` of the engine: https://bao.example:8200; without TLS a loopback address only")
	f.StringVar(&c.Mount, "mount", "", "`path` of the KV secrets engine (default secret)")
	f.StringVar(&c.Path, "path", "", "`folder` in it that has the credentials (default kitegateway)")
	f.StringVar(&c.Namespace, "namespace", "", "the engine's `namespace`")
	f.StringVar(&c.CA, "ca", "", "`file` of certificates to trust besides the system's")
	f.StringVar(&c.RoleID, "role-id", "", "role `id` of an AppRole to sign in with")
	f.StringVar(&c.AuthMount, "auth-mount", "", "`path` of the AppRole auth method (default approle)")
	f.StringVar(&c.SecretIDFile, "secret-id-file", "", "`file` that holds the AppRole's secret id")
	f.IntVar(&c.SecretIDFD, "secret-id-fd", 0, "`descriptor` to read the secret id from in each run")
	choiceFlag(cmd, &c.Preset, "preset", "a known manager: "+either(source.Presets()), source.Presets()...)
	f.StringArrayVar(&c.List, "list-arg", nil, "an `argument` of the command that lists names; may be repeated")
	f.BoolVar(&o.replace, "replace", false, "change the settings of a source that is set up already")
	a.confirmFlag(cmd, &o.confirm)
	f.StringArrayVar(&o.profile, "profile", nil, "list this `profile` and do not ask for the others; may be repeated")
	_ = cmd.RegisterFlagCompletionFunc("profile", cobra.NoFileCompletions)
	f.BoolVar(&o.noSync, "no-sync", false, "keep the settings and do not ask the source")
	f.BoolVar(&o.json, "json", false, "print the source as JSON")
	return cmd
}

// checkSource returns a usage error if a source cannot be set up. A store's name is
// taken: "store migrate --to" takes stores and sources.
func checkSource(c source.Config) error {
	if slices.Contains(append(storeNames(), vault.MemoryName), c.Name) {
		return usagef("%q is the name of a store: choose another", c.Name)
	}
	if err := c.Check(); err != nil {
		return usagef(`%w; see "kitekey source add --help"`, err)
	}
	return nil
}

func (a *app) runSourceAdd(ctx context.Context, o sourceAddOptions) error {
	c := o.config.WithDefaults()
	if err := makeAbsolute(&c.CA, &c.SecretIDFile); err != nil {
		return err
	}
	if err := checkSource(c); err != nil {
		return err
	}
	var sels []vault.Selector
	if len(o.profile) > 0 {
		var err error
		if sels, err = a.selectors(o.profile); err != nil {
			return err
		}
	}
	if err := a.setUpSource(ctx, &c, o); err != nil {
		return err
	}
	a.note("%s: set up", c.Name)
	var failed error
	switch {
	case len(sels) > 0:
		failed = a.linkAll(ctx, c.Name, sels)
	case !o.noSync && (c.Kind == source.KindVault || len(c.List) > 0):
		failed = a.syncSource(ctx, c.Name, false)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if o.json {
		counts, err := a.inSources()
		if err == nil {
			err = a.printJSON(a.sourceJSON(c, counts[c.Name]))
		}
		if err != nil {
			return err
		}
	}
	if failed != nil {
		a.tell(failed)
		a.note(`the settings are kept; "kitekey source test %s" tests each step, "kitekey source sync %s" tries again`, c.Name, c.Name)
		return exitSilently(exitCode(failed))
	}
	return nil
}

// makeAbsolute makes paths absolute. "" stays as it is.
func makeAbsolute(paths ...*string) error {
	for _, path := range paths {
		if *path == "" {
			continue
		}
		var err error
		if *path, err = filepath.Abs(*path); err != nil {
			return usagef("%w", err)
		}
	}
	return nil
}

// setUpSource keeps the settings of a source. Those of one that is set up already
// are replaced if the options say so; its login stays if its address does.
func (a *app) setUpSource(ctx context.Context, c *source.Config, o sourceAddOptions) error {
	dir, err := a.home()
	if err != nil {
		return err
	}
	if o.replace {
		profiles, err := a.listed()
		if err != nil {
			return err
		}
		if err := a.confirmLive(ctx, handout.Redirect, o.confirm, keptIn(profiles, c.Name)...); err != nil {
			return err
		}
	}
	return source.Change(ctx, dir, func(all []source.Config) ([]source.Config, error) {
		for _, have := range all {
			if have.Name == c.Name && !o.replace {
				return nil, usagef("%s is set up already; --replace changes its settings", c.Name)
			}
			if have.Name == c.Name && have.Address == c.Address {
				c.Login = have.Login
			}
		}
		return append(without(all, c.Name), *c), nil
	})
}

// linkAll lists profiles whose credentials are in a source, without asking it for
// its list. A profile that is listed already is not an error.
func (a *app) linkAll(ctx context.Context, name string, sels []vault.Selector) error {
	v, err := a.open()
	if err != nil {
		return err
	}
	for _, sel := range sels {
		if p, err := v.Lookup(sel); err == nil && p.Source == name {
			continue
		}
		if _, err := v.Link(ctx, name, sel); err != nil {
			return vault.About(sel, err)
		}
		a.note("%s: listed", sel)
	}
	return nil
}
