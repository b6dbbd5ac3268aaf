package source

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"kitekey/kite"
	"kitekey/vault"
	"kitekey/vault/internal/disk"
)

// Config is a source's entry in the data folder. It holds no secret.
type Config struct {
	Name string `json:"name"`
	Kind string `json:"kind"`

	// For the kind vault.
	Address      string `json:"address,omitempty"` // https://bao.example:8200
	Mount        string `json:"mount,omitempty"`   // path of the KV secrets engine
	Path         string `json:"path,omitempty"`    // path below the mount: PATH/ACCOUNT/ENVIRONMENT; for a command, the value of {path}
	Namespace    string `json:"namespace,omitempty"`
	Login        bool   `json:"login,omitempty"`   // the store holds a token for it
	CA           string `json:"ca,omitempty"`      // file of certificates that are trusted in addition to the system's
	RoleID       string `json:"role_id,omitempty"` // the role id of an AppRole
	AuthMount    string `json:"auth_mount,omitempty"`
	SecretIDFile string `json:"secret_id_file,omitempty"`
	SecretIDFD   int    `json:"secret_id_fd,omitempty"` // descriptor, 0 if there is none

	// For the kind command. "{path}", "{account}" and "{environment}" are replaced.
	Preset string   `json:"preset,omitempty"`
	Get    []string `json:"command,omitempty"`
	List   []string `json:"list_command,omitempty"`
}

// Defaults for the kind vault.
const (
	DefaultMount     = "secret"
	DefaultPath      = "kitegateway"
	DefaultAuthMount = "approle"
)

// SignIn returns how a config of the kind vault signs in: "approle", "login" for a
// token in the store, or else "token".
func (c Config) SignIn() string {
	switch {
	case c.RoleID != "":
		return "approle"
	case c.Login:
		return "login"
	}
	return "token"
}

// Place returns the place of the credentials for people: the address or the
// command.
func (c Config) Place() string {
	if c.Kind == KindCommand {
		return strings.Join(c.argv(c.Get), " ")
	}
	return c.Address + " " + c.Mount + "/" + c.Path
}

// WithDefaults fills in what the user did not choose and normalises the rest.
func (c Config) WithDefaults() Config {
	switch c.Kind {
	case KindVault:
		c.Address = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSpace(c.Address), "/"), "/v1")
		c.Mount = cmp.Or(strings.Trim(c.Mount, "/"), DefaultMount)
		c.Path = cmp.Or(strings.Trim(c.Path, "/"), DefaultPath)
		c.Namespace = strings.Trim(c.Namespace, "/")
		if c.RoleID != "" {
			c.AuthMount = cmp.Or(strings.Trim(c.AuthMount, "/"), DefaultAuthMount)
		}
	case KindCommand:
		if p, ok := presets[c.Preset]; ok {
			c.Path = cmp.Or(strings.Trim(c.Path, "/"), DefaultPath)
			if len(c.Get) == 0 {
				c.Get = slices.Clone(p.get)
			}
			if len(c.List) == 0 {
				c.List = slices.Clone(p.list)
			}
		}
	}
	return c
}

// Check returns what is wrong with a config, in words for people.
func (c Config) Check() error {
	if vault.ValidName(c.Name) != nil {
		return fmt.Errorf("%q cannot name a source: use a-z, 0-9, -, _ and .", c.Name)
	}
	switch c.Kind {
	case KindVault:
		return c.checkVault()
	case KindCommand:
		return c.checkCommand()
	}
	return fmt.Errorf("unknown kind of source %q; use %s", c.Kind, strings.Join(Kinds, " or "))
}

func (c Config) checkVault() error {
	if len(c.Get) > 0 || len(c.List) > 0 || c.Preset != "" {
		return errors.New("a command belongs to --kind command")
	}
	if err := checkAddress(c.Address); err != nil {
		return err
	}
	for _, part := range []struct{ what, value string }{{"mount", c.Mount}, {"path", c.Path}, {"auth mount", c.AuthMount}, {"namespace", c.Namespace}} {
		if err := checkPath(part.value); err != nil {
			return fmt.Errorf("the %s %w", part.what, err)
		}
	}
	if c.Mount == "" {
		return errors.New("the mount is missing")
	}
	if err := c.checkSecretID(); err != nil {
		return err
	}
	if c.CA != "" {
		if _, err := certificates(c.CA); err != nil {
			return err
		}
	}
	return nil
}

// checkSecretID checks where the secret id of an AppRole comes from.
func (c Config) checkSecretID() error {
	switch {
	case c.RoleID == "" && (c.SecretIDFile != "" || c.SecretIDFD != 0):
		return errors.New("a secret id needs a role id")
	case c.SecretIDFile != "" && c.SecretIDFD != 0:
		return errors.New("the secret id comes from a file or from a descriptor, not from both")
	case c.SecretIDFD < 0 || c.SecretIDFD == 1 || c.SecretIDFD == 2:
		return errors.New("the descriptor of the secret id must be 3 or more")
	}
	return nil
}

// checkAddress allows http, which shows the token, only within this machine.
func checkAddress(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case raw == "":
		return errors.New("the address is missing: write it like https://bao.example:8200")
	case err != nil || u.Host == "" || u.Hostname() == "":
		return errors.New("the address is not a URL: write it like https://bao.example:8200")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("the address must not have a user, a password, a query or a fragment")
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && kite.OnThisMachine(u.Host):
		return nil
	case u.Scheme == "http":
		return fmt.Errorf("the address must begin with https://: without TLS only this machine (127.0.0.1, [::1], localhost) can be used, not %s", u.Hostname())
	}
	return errors.New("the address must begin with https://")
}

// checkPath refuses a path that would not mean the same in a URL and in a policy.
func checkPath(p string) error {
	for _, r := range p {
		if r <= ' ' || r > '~' || strings.ContainsRune(`%?#\*+"'<>`, r) {
			return fmt.Errorf("cannot hold %q", r)
		}
	}
	for _, part := range strings.Split(p, "/") {
		if p != "" && (part == "" || part == "." || part == "..") {
			return errors.New("must be plain, as in team/kitegateway")
		}
	}
	return nil
}

// maxCA bounds a file of certificates, in bytes.
const maxCA = 1 << 20

// certificates returns the system's CAs and those in the file.
func certificates(path string) (*x509.CertPool, error) {
	data, err := disk.Read(path, maxCA)
	if err != nil {
		return nil, fmt.Errorf("read the certificates: %w", err)
	}
	pool, err := kite.SystemRoots()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s holds no certificate in PEM form", path)
	}
	return pool, nil
}

const (
	settingsFile    = "sources.json"
	settingsLock    = "sources"
	settingsVersion = 1
	settingsWait    = 10 * time.Second
	maxSettings     = 1 << 20
)

type settingsJSON struct {
	Version int      `json:"version"`
	Sources []Config `json:"sources"`
}

// ErrDamaged: the file of the sources cannot be read as one.
var ErrDamaged = errors.New("the list of sources is damaged")

// ErrNoSource: no source of that name is configured.
var ErrNoSource = errors.New("no such source")

// Load reads the sources that are configured in a data folder, by name.
func Load(dir string) ([]Config, error) {
	path := filepath.Join(dir, settingsFile)
	data, err := disk.Read(path, maxSettings)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the sources: %w", err)
	}
	var raw settingsJSON
	var newer *vault.NewerError
	if errors.As(vault.CheckVersion(data, settingsVersion), &newer) {
		newer.Path = path
		return nil, newer
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDamaged, path, err)
	}
	if raw.Version != settingsVersion {
		return nil, fmt.Errorf("%w: %s has an unknown version, %d", ErrDamaged, path, raw.Version)
	}
	slices.SortFunc(raw.Sources, func(a, b Config) int { return strings.Compare(a.Name, b.Name) })
	return raw.Sources, nil
}

// Find reads one source of a data folder. If there is none, the error is
// ErrNoSource and names those that exist.
func Find(dir, name string) (Config, error) {
	configs, err := Load(dir)
	if err != nil {
		return Config{}, err
	}
	names := make([]string, 0, len(configs))
	for _, c := range configs {
		if c.Name == name {
			return c, nil
		}
		names = append(names, c.Name)
	}
	if len(names) == 0 {
		return Config{}, fmt.Errorf("%s: %w; none is set up", name, ErrNoSource)
	}
	return Config{}, fmt.Errorf("%s: %w; the sources are: %s", name, ErrNoSource, strings.Join(names, ", "))
}

// Change reads the sources of a data folder, calls change with them and writes the
// result, under a lock.
func Change(ctx context.Context, dir string, change func([]Config) ([]Config, error)) error {
	if err := disk.MakeFolder(dir); err != nil {
		return err
	}
	locks := disk.FileLocks{Dir: filepath.Join(dir, disk.Folder)}
	unlock, err := locks.Lock(ctx, settingsLock, settingsWait)
	if err != nil {
		return err
	}
	defer unlock()
	configs, err := Load(dir)
	if err != nil {
		return err
	}
	if configs, err = change(configs); err != nil {
		return err
	}
	data, err := json.MarshalIndent(settingsJSON{settingsVersion, configs}, "", " ")
	if err != nil {
		return err
	}
	return disk.Replace(filepath.Join(dir, settingsFile), "", append(data, '\n'))
}
