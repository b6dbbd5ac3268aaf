package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/ui/handout"
	"kitekey/ui/safepath"
	"kitekey/ui/words"
	"kitekey/vault"
	"kitekey/vault/source"
)

func newSource(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "source",
		Short: "Use credentials that a team keeps in a secret manager",
		Long: `A source holds credentials that several people or machines share: a KV secrets
engine of OpenBao or HashiCorp Vault, or any program that prints a credential, such
as pass. kitekey reads a credential there when it mints, and keeps nothing of it on
this machine but the token. A rotation reaches everyone at once.

An engine holds one secret per profile at PATH/ACCOUNT/ENVIRONMENT, with the fields
api_key and api_secret. Its address is a setting and never taken from a variable.`,
		Example: `  kitekey source add team --address https://bao.example:8200
  kitekey source login team
  kitekey source sync team
  kitekey add acme/live --source team`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("kitekey source has no command %q: it has add, list, show, remove, test, login and sync", args[0])
			}
			return cmd.Help()
		},
	}
	cmd.AddCommand(newSourceAdd(a, a.runSourceAdd), newSourceList(a, a.runSourceList), newSourceShow(a, a.runSourceShow), newSourceRemove(a, a.runSourceRemove),
		newSourceTest(a, a.runSourceTest), newSourceLogin(a, a.runSourceLogin), newSourceSync(a, a.runSourceSync))
	return cmd
}

// sources returns the function that opens a source of a data folder. Each source is
// opened once; the settings are read when the first is needed.
func (a *app) sources(dir string, store vault.Store) func(string) (vault.Source, error) {
	var mu sync.Mutex
	opened := map[string]vault.Source{}
	return func(name string) (vault.Source, error) {
		mu.Lock()
		defer mu.Unlock()
		if s, ok := opened[name]; ok {
			return s, nil
		}
		c, err := source.Find(dir, name)
		if err == nil {
			opened[name], err = source.Open(c, a.sourceSystem(store))
		}
		if err != nil {
			delete(opened, name)
			return nil, fmt.Errorf("%w: %w", vault.ErrSourceUnavailable, err)
		}
		return opened[name], nil
	}
}

func (a *app) sourceSystem(store vault.Store) source.System {
	home, _ := os.UserHomeDir() // "" if unknown: no token file is found then
	if h := a.getenv("HOME"); h != "" {
		home = h
	}
	return source.System{
		Getenv: a.getenv, Environ: setenv(a.Environ, "PATH", safepath.Clean(a.getenv("PATH"))), LookPath: a.findHelper,
		Home: home, Store: store, UserAgent: "kitekey/" + a.Version, Now: a.Now,
	}
}

// findHelper finds the program of a source, where others cannot have put or changed
// it.
func (a *app) findHelper(name string) (string, error) {
	path, err := lookPath(name, safepath.Clean(a.getenv("PATH")))
	if err == nil {
		err = safepath.UnsafeProgram(path)
	}
	return path, err
}

// findSource gives a source's settings by its name; without a name it is the only
// one there is.
func (a *app) findSource(args []string) (source.Config, error) {
	dir, err := a.home()
	if err != nil {
		return source.Config{}, err
	}
	if len(args) > 0 {
		return source.Find(dir, args[0])
	}
	all, err := source.Load(dir)
	switch {
	case err != nil:
		return source.Config{}, err
	case len(all) == 0:
		return source.Config{}, usagef(`no source is set up; "kitekey source add" sets one up`)
	case len(all) > 1:
		return source.Config{}, usagef("name a source: there are %s", strings.Join(sourceNames(all), ", "))
	}
	return all[0], nil
}

func sourceNames(all []source.Config) []string {
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = c.Name
	}
	return names
}

// sourcesSetUp returns the names of all sources.
func (a *app) sourcesSetUp() ([]string, error) {
	dir, err := a.home()
	if err != nil {
		return nil, err
	}
	all, err := source.Load(dir)
	return sourceNames(all), err
}

// completeSources completes the names of sources.
func (a *app) completeSources(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	dir, err := a.home()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	all, err := source.Load(dir)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return sourceNames(all), cobra.ShellCompDirectiveNoFileComp
}

// registerSource adds --source.
func (a *app) registerSource(cmd *cobra.Command, value *string, usage string) {
	cmd.Flags().StringVar(value, "source", "", usage)
	_ = cmd.RegisterFlagCompletionFunc("source", func(cmd *cobra.Command, _ []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return a.completeSources(cmd, nil, prefix)
	})
}

// sourceJSON is a source in --json.
type sourceJSON struct {
	Name         string   `json:"source"`
	Kind         string   `json:"kind"`
	Address      *string  `json:"address"`
	Mount        *string  `json:"mount"`
	Path         *string  `json:"path"`
	Namespace    *string  `json:"namespace"`
	CA           *string  `json:"ca_file"`
	SignIn       *string  `json:"sign_in"` // "approle", "login", "token"
	RoleID       *string  `json:"role_id"`
	AuthMount    *string  `json:"auth_mount"`
	SecretIDFile *string  `json:"secret_id_file"`
	SecretIDFD   *int     `json:"secret_id_fd"`
	Preset       *string  `json:"preset"`
	Command      []string `json:"read_command"`
	ListCommand  []string `json:"list_command"`
	Profiles     int      `json:"profiles"`
}

func (a *app) sourceJSON(c source.Config, profiles int) sourceJSON {
	row := sourceJSON{
		Name: c.Name, Kind: c.Kind, Address: orNull(c.Address), Mount: orNull(c.Mount), Path: orNull(c.Path), Namespace: orNull(c.Namespace), CA: orNull(c.CA),
		RoleID: orNull(c.RoleID), AuthMount: orNull(c.AuthMount), SecretIDFile: orNull(c.SecretIDFile), Preset: orNull(c.Preset),
		Command: c.Get, ListCommand: c.List, Profiles: profiles,
	}
	if c.Kind == source.KindVault {
		row.SignIn = orNull(c.SignIn())
	}
	if c.SecretIDFD != 0 {
		row.SecretIDFD = &c.SecretIDFD
	}
	return row
}

// inSources returns the number of listed profiles of each source.
func (a *app) inSources() (map[string]int, error) {
	profiles, err := a.listed()
	counts := map[string]int{}
	for _, p := range profiles {
		counts[p.Source]++
	}
	return counts, err
}

type sourceOptions struct {
	name []string // none means the only source
	json bool
}

func newSourceList(a *app, run func(context.Context, sourceOptions) error) *cobra.Command {
	var o sourceOptions
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "Show the sources that are set up",
		Long: `Show the sources that are set up, and how many profiles of the list are in each. No
source is asked.`,
		Example: `  kitekey source list
  kitekey source list --json | jq -r '.[].source'`,
		Args:              argCount(0, 0, "no arguments"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), o) },
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print a JSON array")
	return cmd
}

func (a *app) runSourceList(_ context.Context, o sourceOptions) error {
	dir, err := a.home()
	if err != nil {
		return err
	}
	all, err := source.Load(dir)
	if err != nil {
		return err
	}
	counts, err := a.inSources()
	if err != nil {
		return err
	}
	if o.json {
		rows := make([]sourceJSON, 0, len(all))
		for _, c := range all {
			rows = append(rows, a.sourceJSON(c, counts[c.Name]))
		}
		return a.printJSON(rows)
	}
	if len(all) == 0 {
		a.note(`no source is set up; "kitekey source add" sets one up`)
		return nil
	}
	rows := [][]string{{"SOURCE", "KIND", "PROFILES", "PLACE"}}
	for _, c := range all {
		rows = append(rows, []string{c.Name, c.Kind, fmt.Sprint(counts[c.Name]), words.Line(c.Place())})
	}
	return a.print("%s\n", unindented(table(rows)))
}

// unindented returns a table without the blanks before its lines.
func unindented(table string) string {
	return strings.ReplaceAll(strings.TrimPrefix(table, "  "), "\n  ", "\n")
}

func newSourceShow(a *app, run func(context.Context, sourceOptions) error) *cobra.Command {
	var o sourceOptions
	cmd := &cobra.Command{
		Use:   "show [NAME]",
		Short: "Show a source's settings",
		Long: `Show a source's settings. Neither the source nor the store is asked, and no secret is
in them.`,
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

type sourceRemoveOptions struct {
	sourceOptions
	yes     bool
	confirm string
}

func newSourceRemove(a *app, run func(context.Context, sourceRemoveOptions) error) *cobra.Command {
	var o sourceRemoveOptions
	cmd := &cobra.Command{
		Use:     "remove NAME",
		Aliases: []string{"rm"},
		Short:   "Forget a source and the profiles that are in it",
		Long: `Forget a source: its settings, the token that "kitekey source login" has stored, and
its profiles' entries in this list with their cached tokens. Nothing changes in the
source itself. Live profiles ask for the name.`,
		Example:           `  kitekey source remove team`,
		Args:              argCount(1, 1, "one source"),
		ValidArgsFunction: a.completeSources,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = args
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask (live needs --confirm)")
	a.confirmFlag(cmd, &o.confirm)
	cmd.Flags().BoolVar(&o.json, "json", false, "print what was removed as JSON")
	return cmd
}

func (a *app) runSourceRemove(ctx context.Context, o sourceRemoveOptions) error {
	c, err := a.findSource(o.name)
	if err != nil {
		return err
	}
	v, store, dir, err := a.openWithStore()
	if err != nil {
		return err
	}
	profiles, err := v.List()
	if err != nil {
		return err
	}
	listed := keptIn(profiles, c.Name)
	why := fmt.Sprintf("%s of %s leave this list; the source keeps their credentials", words.Count(len(listed), "profile"), c.Name)
	switch {
	case anyLive(listed):
		a.note("%s", why)
		err = a.confirmLive(ctx, handout.Remove, o.confirm, listed...)
	case len(listed) > 0 && !o.yes:
		err = a.confirmYes(ctx, why+". Go on?", why)
	}
	if err != nil {
		return err
	}
	for _, sel := range listed {
		if err := v.Remove(ctx, sel); err != nil {
			return vault.About(sel, err)
		}
	}
	if c.Login {
		if err := source.Logout(ctx, store, c.Name); err != nil {
			return err
		}
	}
	err = source.Change(ctx, dir, func(all []source.Config) ([]source.Config, error) { return without(all, c.Name), nil })
	if err != nil {
		return err
	}
	if o.json {
		return a.printJSON(a.sourceJSON(c, len(listed)))
	}
	a.note("%s: forgotten, with %s; nothing was changed in it", c.Name, words.Count(len(listed), "profile"))
	return nil
}

func without(all []source.Config, name string) (left []source.Config) {
	for _, c := range all {
		if c.Name != name {
			left = append(left, c)
		}
	}
	return left
}

// openWithStore is open for a command that also needs the store.
func (a *app) openWithStore() (*vault.Vault, vault.Store, string, error) {
	v, err := a.open()
	if err != nil {
		return nil, nil, "", err
	}
	store, err := a.openStore(v.StoreName(), v.Dir())
	return v, store, v.Dir(), err
}

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
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if at := cmd.ArgsLenAtDash(); len(args) != 1 && at != 1 {
				return usagef("source add takes one name, and a command after \"--\"; see %q", cmd.CommandPath()+" --help")
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
	f.StringArrayVar(&c.List, "list-arg", nil, "an `argument` of the command that lists names; give it once for each")
	f.BoolVar(&o.replace, "replace", false, "change the settings of a source that is set up already")
	a.confirmFlag(cmd, &o.confirm)
	f.StringArrayVar(&o.profile, "profile", nil, "list this `profile` and do not ask for the others; can be given several times")
	_ = cmd.RegisterFlagCompletionFunc("profile", cobra.NoFileCompletions)
	f.BoolVar(&o.noSync, "no-sync", false, "keep the settings and do not ask the source")
	f.BoolVar(&o.json, "json", false, "print the source as JSON")
	return cmd
}

func (a *app) runSourceAdd(ctx context.Context, o sourceAddOptions) error {
	c := o.config.WithDefaults()
	var err error
	for _, path := range []*string{&c.CA, &c.SecretIDFile} {
		if *path != "" {
			if *path, err = filepath.Abs(*path); err != nil {
				return usagef("%w", err)
			}
		}
	}
	if err := c.Check(); err != nil {
		return usagef("%w", err)
	}
	var sels []vault.Selector
	if len(o.profile) > 0 {
		if sels, err = a.selectors(o.profile); err != nil {
			return err
		}
	}
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
	err = source.Change(ctx, dir, func(all []source.Config) ([]source.Config, error) {
		for _, have := range all {
			if have.Name == c.Name && !o.replace {
				return nil, usagef("%s is set up already; --replace changes its settings", c.Name)
			}
			if have.Name == c.Name && have.Address == c.Address {
				c.Login = have.Login
			}
		}
		return append(without(all, c.Name), c), nil
	})
	if err != nil {
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
		a.note(`the settings are kept; "kitekey source test %s" looks at each step, "kitekey source sync %s" tries again`, c.Name, c.Name)
		return exitSilently(exitCode(failed))
	}
	return nil
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

type sourceLoginOptions struct {
	sourceOptions
	stdin  bool
	forget bool
}

func newSourceLogin(a *app, run func(context.Context, sourceLoginOptions) error) *cobra.Command {
	var o sourceLoginOptions
	cmd := &cobra.Command{
		Use:   "login [NAME]",
		Short: "Sign in to a source with a token that is kept in the store",
		Long: `Ask for a token of the engine, try it, and keep it in the keyring or the file store.
It is renewed in the second half of its life where the engine allows that.`,
		Example: `  kitekey source login team
  bao login -method=oidc -field=token | kitekey source login team --stdin
  kitekey source login team --forget`,
		Args:              argCount(0, 1, "one source"),
		ValidArgsFunction: a.completeSources,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = args
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.stdin, "stdin", false, "read the token from stdin")
	cmd.Flags().BoolVar(&o.forget, "forget", false, "delete the token that is kept")
	cmd.Flags().BoolVar(&o.json, "json", false, "print what is known of the token as JSON")
	cmd.MarkFlagsMutuallyExclusive("stdin", "forget")
	return cmd
}

// loginJSON is the output of "source login --json".
type loginJSON struct {
	Source    string  `json:"source"`
	SignedIn  bool    `json:"signed_in"`
	ExpiresAt *string `json:"expires_at"`
	Renewable bool    `json:"renewable"`
}

func (a *app) runSourceLogin(ctx context.Context, o sourceLoginOptions) error {
	c, err := a.findSource(o.name)
	if err != nil {
		return err
	}
	if c.Kind != source.KindVault {
		return usagef("%s is a command, which signs in by its own means", c.Name)
	}
	if c.RoleID != "" && !o.forget {
		return usagef("%s signs in with an AppRole", c.Name)
	}
	_, store, dir, err := a.openWithStore()
	if err != nil {
		return err
	}
	remember := func(login bool) error {
		return source.Change(ctx, dir, func(all []source.Config) ([]source.Config, error) {
			for i := range all {
				if all[i].Name == c.Name {
					all[i].Login = login
				}
			}
			return all, nil
		})
	}
	if o.forget {
		if err := source.Logout(ctx, store, c.Name); err != nil {
			return err
		}
		if err := remember(false); err != nil {
			return err
		}
		if o.json {
			return a.printJSON(loginJSON{Source: c.Name})
		}
		a.note("%s: no token is kept", c.Name)
		return nil
	}
	token, err := a.sourceToken(ctx, c, o.stdin)
	if err != nil {
		return err
	}
	defer token.Erase()
	l, err := source.SignIn(ctx, c, a.sourceSystem(store), token)
	if err != nil {
		return err
	}
	if err := remember(true); err != nil {
		return err
	}
	if o.json {
		return a.printJSON(loginJSON{c.Name, true, jsonTime(l.Expires), l.Renewable})
	}
	life := "which does not expire"
	if !l.Expires.IsZero() {
		life = "which expires in " + words.About(l.Expires.Sub(a.Now()))
	}
	a.note("%s: signed in with a token %s; it is kept in %s", c.Name, life, words.Store(store.Name()))
	return nil
}

type sourceSyncOptions struct{ sourceOptions }

func newSourceSync(a *app, run func(context.Context, sourceSyncOptions) error) *cobra.Command {
	var o sourceSyncOptions
	cmd := &cobra.Command{
		Use:   "sync [NAME]",
		Short: "Bring the list in line with a source",
		Long: `Ask a source which profiles it has, and list them. No credential is read. It prints
one line for each profile that is new, renamed or gone; what is gone leaves the list. A
name that a profile kept elsewhere has is reported and left alone.

Without a name every source is asked.`,
		Example: `  kitekey source sync
  kitekey source sync team --json | jq -r '.new[]'`,
		Args:              argCount(0, 1, "one source"),
		ValidArgsFunction: a.completeSources,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = args
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object per source")
	return cmd
}

func (a *app) runSourceSync(ctx context.Context, o sourceSyncOptions) error {
	dir, err := a.home()
	if err != nil {
		return err
	}
	names := o.name
	if len(names) == 0 {
		all, err := source.Load(dir)
		if err != nil {
			return err
		}
		if names = sourceNames(all); len(names) == 0 {
			return usagef(`no source is set up; "kitekey source add" sets one up`)
		}
	} else if _, err := a.findSource(names); err != nil {
		return err
	}
	var failed error
	for _, name := range names {
		if err := a.syncSource(ctx, name, o.json); err != nil {
			if len(names) == 1 || ctx.Err() != nil {
				return err
			}
			a.tell(err)
			failed = exitSilently(exitCode(err))
		}
	}
	return failed
}

type syncJSON struct {
	Source  string        `json:"source"`
	New     []string      `json:"new"`
	Renamed []renamedJSON `json:"renamed"`
	Gone    []string      `json:"gone"`
	Taken   []takenJSON   `json:"taken"`
	Same    int           `json:"unchanged"`
}

type renamedJSON struct {
	From string `json:"from"`
	To   string `json:"to"`
}

type takenJSON struct {
	profileRef
	Store  string  `json:"store"`
	Source *string `json:"source"`
}

func (a *app) syncSource(ctx context.Context, name string, asJSON bool) error {
	v, err := a.open()
	if err != nil {
		return err
	}
	s, err := v.SyncSource(ctx, name)
	if err != nil {
		return err
	}
	if asJSON {
		row := syncJSON{Source: name, New: []string{}, Renamed: []renamedJSON{}, Gone: []string{}, Taken: []takenJSON{}, Same: s.Same}
		for _, sel := range s.New {
			row.New = append(row.New, sel.String())
		}
		for _, l := range s.Renamed {
			row.Renamed = append(row.Renamed, renamedJSON{l.Was.String(), l.String()})
		}
		for _, sel := range s.Gone {
			row.Gone = append(row.Gone, sel.String())
		}
		for _, p := range s.Taken {
			row.Taken = append(row.Taken, takenJSON{refTo(p.Selector), p.Store, orNull(p.Source)})
		}
		return a.printJSON(row)
	}
	for _, sel := range s.New {
		a.note("%s: new in %s", sel, name)
	}
	for _, l := range s.Renamed {
		a.note("%s: renamed in %s, it was %s", l.Selector, name, l.Was)
	}
	for _, sel := range s.Gone {
		a.note("%s: no longer in %s, and taken off this list", sel, name)
	}
	for _, p := range s.Taken {
		a.note("%s: also in %s, but the profile of that name is kept in %s and stays so", p.Selector, name, kept(p))
	}
	a.note("%s: %s", name, words.Sync(s))
	return nil
}

func newSourceTest(a *app, run func(context.Context, sourceOptions) error) *cobra.Command {
	var o sourceOptions
	cmd := &cobra.Command{
		Use:   "test [NAME]",
		Short: "Look at each step on the way to a source",
		Long: `Look at everything that can be wrong with a source: the server, the sign-in, the mount,
the list, and what the policies allow. No credential is read and nothing is changed.
What a policy forbids is reported, and is not a failure.`,
		Example: `  kitekey source test
  kitekey source test team --json`,
		Args:              argCount(0, 1, "one source"),
		ValidArgsFunction: a.completeSources,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = args
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object per step")
	return cmd
}

type sourceFindingJSON struct {
	Source  string  `json:"source"`
	Check   string  `json:"check"`
	Result  string  `json:"result"` // "ok", "denied", "failed"
	Text    string  `json:"text"`
	Next    *string `json:"fix"`
	Status  *int    `json:"status"`
	Path    *string `json:"policy_path"`
	Ability *string `json:"policy_capability"`
}

func (a *app) runSourceTest(ctx context.Context, o sourceOptions) error {
	c, err := a.findSource(o.name)
	if err != nil {
		return err
	}
	v, err := a.open()
	if err != nil {
		return err
	}
	src, err := v.Source(c.Name)
	if err != nil {
		return err
	}
	tester, ok := src.(source.Tester)
	if !ok {
		return usagef("%s cannot be tested without reading a credential", c.Name)
	}
	profiles, err := v.List()
	if err != nil {
		return err
	}
	var known []vault.Selector
	for _, p := range profiles {
		if p.Source == c.Name {
			known = append(known, p.Selector)
		}
	}
	found := tester.Test(ctx, known...)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	code := exitDone
	rows := [][]string{}
	for _, f := range found {
		row := sourceFindingJSON{Source: c.Name, Check: f.Check, Result: "ok", Text: f.Text}
		if !f.OK {
			row.Result, row.Text, row.Next = "failed", f.Err.Error(), orNull(words.NextStep(f.Err, words.Commands("")))
			var fault *source.Error
			if errors.As(f.Err, &fault) {
				if fault.Status != 0 {
					row.Status = &fault.Status
				}
				row.Path, row.Ability = orNull(fault.Path), orNull(fault.Capability)
			}
			if errors.Is(f.Err, source.ErrDenied) {
				row.Result = "denied"
			} else {
				code = exitStore
			}
		}
		if o.json {
			if err := a.printJSON(row); err != nil {
				return err
			}
			continue
		}
		text := row.Text
		if row.Next != nil {
			text += "; " + *row.Next
		}
		rows = append(rows, []string{row.Result, row.Check, text})
	}
	if !o.json {
		if err := a.print("%s\n", unindented(table(rows))); err != nil {
			return err
		}
	}
	if code != exitDone {
		return exitSilently(code)
	}
	return nil
}

// maxSourceToken limits what is read as a token, in bytes.
const maxSourceToken = 16 << 10

// sourceToken asks for a token of the engine, or reads it from stdin.
func (a *app) sourceToken(ctx context.Context, c source.Config, stdin bool) (kite.Secret, error) {
	var token kite.Secret
	if stdin {
		data, err := a.readStdin(ctx, maxSourceToken)
		if err != nil {
			return token, fmt.Errorf("read stdin: %w", err)
		}
		token = kite.SecretFromBytes(bytes.TrimSpace(data))
	} else {
		if !a.canAsk() {
			return token, usagef("no terminal to ask for the token on; give it with --stdin")
		}
		var err error
		if token, err = a.askSecret(ctx, fmt.Sprintf("token of %s (%s, hidden): ", c.Name, c.Address)); err != nil {
			return token, err
		}
	}
	bad := token.IsZero()
	token.RevealTo(func(b []byte) {
		bad = bad || bytes.ContainsFunc(b, func(r rune) bool { return r <= ' ' || r > '~' })
	})
	if bad {
		return token, usagef("that is not a token: it is one line without blanks")
	}
	return token, nil
}
