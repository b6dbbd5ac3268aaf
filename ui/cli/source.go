package cli

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"kitekey/ui/safepath"
	"kitekey/ui/words"
	"kitekey/vault"
	"kitekey/vault/source"
)

func newSource(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "source",
		Short: "Use credentials that a team keeps in a secret manager",
		Long: `A source holds credentials that several people or machines share: a KV secrets engine
of OpenBao or HashiCorp Vault, or any program that prints a credential, such as pass.
kitekey reads a credential there when it mints, and keeps only the token on this
machine. A rotation reaches everyone at once.

An engine holds one secret per profile at PATH/ACCOUNT/ENVIRONMENT, with the fields
api_key and api_secret. Its address is a setting and never taken from a variable.`,
		Example: `  kitekey source add team --address https://bao.example:8200
  kitekey source login team
  kitekey source sync team
  kitekey add acme/live --source team`,
		RunE: onlySubcommands,
	}
	cmd.AddCommand(newSourceAdd(a, a.runSourceAdd), newSourceList(a, a.runSourceList), newSourceShow(a, a.runSourceShow), newSourceRemove(a, a.runSourceRemove),
		newSourceTest(a, a.runSourceTest), newSourceLogin(a, a.runSourceLogin), newSourceSync(a, a.runSourceSync))
	return cmd
}

// sources returns the function that opens a source of a data folder. A source
// stays open until another command has changed or removed its settings.
func (a *app) sources(dir string, store vault.Store) func(string) (vault.Source, error) {
	var mu sync.Mutex
	type opening struct {
		config source.Config
		source vault.Source
	}
	opened := map[string]opening{}
	return func(name string) (vault.Source, error) {
		mu.Lock()
		defer mu.Unlock()
		c, err := source.Find(dir, name) // another command may have changed or removed it
		was, ok := opened[name]
		if err == nil && ok && reflect.DeepEqual(was.config, c) {
			return was.source, nil
		}
		if l, locks := was.source.(interface{ Lock() }); locks {
			l.Lock()
		}
		delete(opened, name)
		now := opening{config: c}
		if err == nil {
			now.source, err = source.Open(c, a.sourceSystem(store))
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", vault.ErrSourceUnavailable, err)
		}
		opened[name] = now
		return now.source, nil
	}
}

func (a *app) sourceSystem(store vault.Store) source.System {
	home, _ := os.UserHomeDir() // "" if unknown: no token file is found then
	if h := a.getenv("HOME"); h != "" {
		home = h
	}
	return source.System{
		Getenv: a.getenv, Environ: setenv(a.Environ, "PATH", safepath.Clean(a.getenv("PATH"))), LookPath: a.findHelper,
		Home: home, Store: store, Vet: a.vet, UserAgent: "kitekey/" + a.Version, Now: a.Now,
		Progress: a.listing(),
	}
}

// listing shows how far the listing of a source is.
func (a *app) listing() func(done, total int) {
	p := a.progress("names asked for")
	return func(done, total int) {
		switch {
		case a.onScreen:
		case done == total:
			p.clear()
		case done > 0 && done%100 == 0:
			p.show(done, total)
		}
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
		return source.Config{}, usagef(words.NoSources)
	case len(all) > 1:
		return source.Config{}, usagef("name a source: %s", strings.Join(sourceNames(all), ", "))
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

// openWithStore is open for a command that also needs the store.
func (a *app) openWithStore() (*vault.Vault, vault.Store, string, error) {
	v, err := a.open()
	if err != nil {
		return nil, nil, "", err
	}
	store, err := a.openStore(v.StoreName(), v.Dir())
	return v, store, v.Dir(), err
}
