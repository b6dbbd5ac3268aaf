package cli

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
	"kitekey/vault/agefile"
	"kitekey/vault/keyring"
)

// overrideVariable returns the variable that overrides an environment's base URL.
func overrideVariable(env kite.Environment) string {
	if env == kite.Live {
		return varLiveURL
	}
	return varSandboxURL
}

// overrides returns the base URLs that override Kitegateway's. It accepts only
// loopback addresses.
func (a *app) overrides() (map[kite.Environment]string, error) {
	urls := make(map[kite.Environment]string)
	for _, env := range kite.Environments {
		name := overrideVariable(env)
		raw := a.getenv(name)
		if raw == "" {
			continue
		}
		url, err := kite.ParseBaseURL(raw)
		if err != nil {
			return nil, usagef("%s: %w", name, err)
		}
		urls[env] = url
	}
	return urls, nil
}

// overrideWords returns the overrides in force, for people.
func overrideWords(urls map[kite.Environment]string) (list []words.Override) {
	for _, env := range kite.Environments {
		if url, ok := urls[env]; ok {
			list = append(list, words.Override{Environment: env, URL: url, Variable: overrideVariable(env)})
		}
	}
	return list
}

// baseURL returns the base URL of an environment.
func (a *app) baseURL(env kite.Environment) string {
	urls, _ := a.overrides() // open has refused an invalid one
	if url, ok := urls[env]; ok {
		return url
	}
	return env.BaseURL()
}

// open opens the vault to use credentials, and shows the overrides in force.
func (a *app) open() (*vault.Vault, error) {
	if err := a.vetAdoptedCA(); err != nil {
		return nil, err
	}
	v, err := a.openQuietly()
	if err != nil {
		return nil, err
	}
	if urls, _ := a.overrides(); len(urls) > 0 && !a.announced {
		var said []string
		for _, o := range overrideWords(urls) {
			said = append(said, o.String())
		}
		a.note("%s", strings.Join(said, ", "))
		a.announced = true
	}
	return v, nil
}

// openQuietly opens the vault and shows nothing. It does not use the store.
func (a *app) openQuietly() (*vault.Vault, error) {
	urls, err := a.overrides()
	if err != nil {
		return nil, err
	}
	dir, err := a.home()
	if err != nil {
		return nil, err
	}
	name, err := a.storeName(dir)
	if err != nil {
		return nil, err
	}
	store, err := a.openStore(name, dir)
	if err != nil {
		return nil, err
	}
	return vault.Open(vault.Options{Dir: dir, Store: store, Gateway: a.vaultGateways(urls), Source: a.sources(dir, store), Now: a.Now, Command: a.command, Reason: cmp.Or(a.reason, a.getenv(varReason))})
}

// gateways returns one client per environment, so that connections are shared.
func (a *app) gateways(urls map[kite.Environment]string) func(kite.Environment) *kite.Client {
	clients := make(map[kite.Environment]*kite.Client, len(kite.Environments))
	ca, _ := a.caPath() // without a data folder there is none
	for _, env := range kite.Environments {
		clients[env] = &kite.Client{Environment: env, BaseURL: urls[env], UserAgent: "kitekey/" + a.Version, CAFile: ca, Now: a.Now}
	}
	return func(env kite.Environment) *kite.Client { return clients[env] }
}

// vaultGateways is gateways in the form that the vault needs.
func (a *app) vaultGateways(urls map[kite.Environment]string) func(kite.Environment) vault.Gateway {
	clients := a.gateways(urls)
	return func(env kite.Environment) vault.Gateway { return clients(env) }
}

// openProfile opens the vault and looks a profile up.
func (a *app) openProfile(sel vault.Selector) (*vault.Vault, vault.Profile, error) {
	v, err := a.open()
	if err != nil {
		return nil, vault.Profile{}, err
	}
	p, err := v.Lookup(sel)
	return v, p, vault.About(sel, err)
}

// home returns the data folder: KITEKEY_HOME, or kitekey's folder in the operating
// system's folder for a user's configuration.
func (a *app) home() (string, error) {
	if dir := a.getenv(varHome); dir != "" {
		if dir == "~" || strings.HasPrefix(dir, "~/") {
			return "", usagef("KITEKEY_HOME is %q, and the shell did not expand the ~: write the full path", dir)
		}
		abs, err := filepath.Abs(dir)
		if err != nil {
			return "", usagef("KITEKEY_HOME: %w", err)
		}
		return abs, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", usagef("no folder to keep data in: %w; set KITEKEY_HOME to one", err)
	}
	if !filepath.IsAbs(dir) {
		return "", usagef("no folder to keep data in: HOME is %q, a relative path: set it to a full path, or set KITEKEY_HOME", a.getenv("HOME"))
	}
	return filepath.Join(dir, "kitekey"), nil
}

// storeKind is a kind of store that this kitekey can open.
type storeKind struct {
	name  string
	open  func(a *app, dir string) vault.Store // does not use the store yet
	place func(dir string) string              // the place of its items, for people
	inDir func(dir string) bool                // whether the data folder has such a store; nil if the store is elsewhere
}

// storeKinds lists the stores to choose from, the default first. A new store needs
// its package and an entry here.
var storeKinds = []storeKind{
	{
		name:  keyring.Name,
		open:  func(*app, string) vault.Store { return keyring.New() },
		place: func(string) string { return `the operating system's keyring, service "` + keyring.Service + `"` },
	},
	{
		name:  agefile.Name,
		open:  func(a *app, dir string) vault.Store { return a.fileStore(dir) },
		place: agefile.Path,
		inDir: agefile.Exists,
	},
}

func storeNames() []string {
	var names []string
	for _, k := range storeKinds {
		names = append(names, k.name)
	}
	return names
}

// storeKindOf returns the kind of that name. ok is false for an unknown one.
func storeKindOf(name string) (k storeKind, ok bool) {
	i := slices.IndexFunc(storeKinds, func(k storeKind) bool { return k.name == name })
	if i < 0 {
		return storeKind{}, false
	}
	return storeKinds[i], true
}

// storeInUse returns the store that the data folder's profiles are in, or one that
// exists in the data folder, or "".
func storeInUse(dir string) string {
	if name := vault.StoreInUse(dir); name != "" {
		return name
	}
	for _, k := range storeKinds {
		if k.inDir != nil && k.inDir(dir) {
			return k.name
		}
	}
	return ""
}

// storeName returns the store that the user chose: --store, KITEKEY_STORE, the one
// in use, or else the default.
func (a *app) storeName(dir string) (string, error) {
	if a.storeFlag == "" && a.prepared != nil {
		return a.prepared.Name(), nil
	}
	name := cmp.Or(a.storeFlag, a.getenv(varStore), storeInUse(dir), storeKinds[0].name)
	if _, ok := storeKindOf(name); !ok {
		return "", usagef("unknown store %q: use %s", name, either(storeNames()))
	}
	return name, nil
}

// openStore returns the store of that name without using it yet.
func (a *app) openStore(name, dir string) (vault.Store, error) {
	if a.Store != nil {
		if s, err := a.Store(name); s != nil || err != nil {
			return s, err
		}
	}
	if a.prepared != nil && a.prepared.Name() == name {
		return a.prepared, nil
	}
	k, ok := storeKindOf(name)
	if !ok {
		return nil, usagef("unknown store %q: use %s", name, either(storeNames()))
	}
	return k.open(a, dir), nil
}

// prepare begins to reach the store before the command line is read, where a command
// will want a token: the keyring takes longer to answer than everything else.
func (a *app) prepare() {
	if len(a.Args) == 0 || !slices.Contains([]string{"token", "exec", "env", "copy", "api"}, a.Args[0]) || a.Store != nil {
		return
	}
	for _, arg := range a.Args {
		if arg == "-h" || arg == "--help" || strings.HasPrefix(arg, "--store") {
			return
		}
	}
	dir, err := a.home()
	if err != nil {
		return
	}
	inUse := storeInUse(dir)
	if inUse == "" {
		return
	}
	store, err := a.openStore(cmp.Or(a.getenv(varStore), inUse), dir)
	if p, ok := store.(vault.Preparer); ok && err == nil {
		p.Prepare()
		a.prepared = store
	}
}

func (a *app) fileStore(dir string) *agefile.Store {
	s := agefile.New(dir, a.storePassphrase)
	if a.WorkFactor > 0 {
		s.SetWorkFactor(a.WorkFactor)
	}
	return s
}
