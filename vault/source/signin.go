package source

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"kitekey/kite"
	"kitekey/vault"
	"kitekey/vault/internal/disk"
)

// A token comes from the first of these that there is:
//
//	an AppRole                    its role id is in the settings, its secret id in a file or a descriptor
//	BAO_TOKEN, VAULT_TOKEN        unless BAO_ADDR or VAULT_ADDR names another server
//	the store                     where "source login" has put it
//	~/.bao-token, ~/.vault-token  where the engines' own command lines keep theirs

// maxTokenFile bounds a file with a token or a secret id, in bytes.
const maxTokenFile = 16 << 10

// signIn returns the token, the same as last time if there was one.
func (e *engine) signIn(ctx context.Context) (kite.Secret, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.token.IsZero() {
		return e.token, nil
	}
	token, from, err := e.findToken(ctx)
	if err == nil {
		e.token, e.from = token, from
	}
	return token, err
}

// signOut forgets a token that no longer works, and reports whether there may be
// another.
func (e *engine) signOut(token kite.Secret) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.token.Equal(token) {
		e.token = kite.Secret{}
	}
	if e.config.RoleID != "" {
		return e.config.SecretIDFD == 0 // a descriptor can be read only once
	}
	another, _, err := e.findToken(context.Background())
	return err == nil && !another.Equal(token)
}

func (e *engine) findToken(ctx context.Context) (token kite.Secret, from string, err error) {
	if e.config.RoleID != "" {
		token, err = e.appRole(ctx)
		return token, "AppRole", err
	}
	var skipped []string
	for _, v := range []struct{ token, address string }{{"BAO_TOKEN", "BAO_ADDR"}, {"VAULT_TOKEN", "VAULT_ADDR"}} {
		if value := strings.TrimSpace(e.sys.Getenv(v.token)); value != "" {
			if e.otherServer(v.address) {
				skipped = append(skipped, fmt.Sprintf("%s is for %s", v.token, v.address))
				continue
			}
			return kite.NewSecret(value), v.token, nil
		}
	}
	var storeErr error
	if e.config.Login {
		kept, err := loadLogin(ctx, e.sys.Store, e.config.Name)
		switch {
		case err == nil:
			return e.renewed(ctx, kept), "source login", nil
		case ctx.Err() != nil:
			return kite.Secret{}, "", ctx.Err()
		case !errors.Is(err, vault.ErrNotFound):
			storeErr = err
		}
	}
	for _, v := range []struct{ file, address string }{{".bao-token", "BAO_ADDR"}, {".vault-token", "VAULT_ADDR"}} {
		if e.sys.Home == "" {
			break
		}
		data, err := disk.Read(filepath.Join(e.sys.Home, v.file), maxTokenFile)
		if token := kite.SecretFromBytes(bytes.TrimSpace(data)); err == nil && !token.IsZero() {
			if e.otherServer(v.address) {
				skipped = append(skipped, fmt.Sprintf("~/%s is for %s", v.file, v.address))
				continue
			}
			return token, "~/" + v.file, nil
		}
	}
	f := e.failed(call{op: "sign in"}, ErrNoToken, nil, storeErr)
	f.Message = strings.Join(skipped, ", ")
	return kite.Secret{}, "", f
}

// otherServer reports whether the variable names another server than the settings:
// a token for one must not be sent to the other.
func (e *engine) otherServer(variable string) bool {
	raw := e.sys.Getenv(variable)
	if raw == "" {
		return false
	}
	u, err := url.Parse(raw)
	return err != nil || !strings.EqualFold(u.Host, e.base.Host)
}

// appRole signs in with the role id and the secret id.
func (e *engine) appRole(ctx context.Context) (kite.Secret, error) {
	secretID, err := e.secretID()
	c := call{op: "sign in", method: http.MethodPost, path: "auth/" + e.config.AuthMount + "/login", noToken: true}
	if err != nil {
		return kite.Secret{}, e.failed(call{op: c.op}, ErrNoToken, nil, err)
	}
	fields := map[string]json.RawMessage{"role_id": quoted([]byte(e.config.RoleID))}
	if !secretID.IsZero() { // a role may need no secret id
		secretID.RevealTo(func(b []byte) { fields["secret_id"] = quoted(b) })
	}
	c.body, _ = json.Marshal(fields)
	clear(fields["secret_id"])
	defer clear(c.body)
	r, err := e.do(ctx, c)
	if err != nil {
		var f *Error
		if errors.As(err, &f) {
			f.Unknown = false // signing in changes nothing
		}
		return kite.Secret{}, err
	}
	defer r.erase()
	if r.status == http.StatusBadRequest || r.status == http.StatusForbidden {
		return kite.Secret{}, e.failed(c, ErrSignIn, r, nil)
	}
	if err := e.judge(ctx, c, r); err != nil {
		var f *Error
		if errors.As(err, &f) && f.Kind == ErrNoMount {
			f.Path = c.path
		}
		return kite.Secret{}, err
	}
	auth, err := readAuth(r.body)
	if err != nil {
		return kite.Secret{}, e.failed(c, ErrNotEngine, r, err)
	}
	return auth.Token, nil
}

func (e *engine) secretID() (kite.Secret, error) {
	switch {
	case e.config.SecretIDFile != "":
		if err := e.sys.vet(e.config.SecretIDFile, true); err != nil {
			return kite.Secret{}, err
		}
		data, err := disk.Read(e.config.SecretIDFile, maxTokenFile)
		if err != nil {
			return kite.Secret{}, fmt.Errorf("read the secret id: %w", err)
		}
		id := kite.SecretFromBytes(bytes.TrimSpace(data))
		if id.IsZero() {
			return id, fmt.Errorf("%s, the file of the secret id, is empty", e.config.SecretIDFile)
		}
		return id, nil
	case e.config.SecretIDFD != 0:
		data, err := readDescriptor(e.config.SecretIDFD, maxTokenFile)
		if err != nil {
			return kite.Secret{}, fmt.Errorf("read the secret id from descriptor %d: %w", e.config.SecretIDFD, err)
		}
		return kite.SecretFromBytes(bytes.TrimSpace(data)), nil
	}
	return kite.Secret{}, nil
}

func readDescriptor(fd int, limit int64) ([]byte, error) {
	f := os.NewFile(uintptr(fd), "descriptor")
	if f == nil {
		return nil, fs.ErrInvalid
	}
	defer f.Close()
	return readAll(f, limit)
}

// auth is what the engine says about a token.
type auth struct {
	Token     kite.Secret
	TTL       time.Duration // 0 if it does not expire
	Renewable bool
}

func readAuth(body []byte) (auth, error) {
	var raw struct {
		Auth struct {
			ClientToken   json.RawMessage `json:"client_token"`
			LeaseDuration int64           `json:"lease_duration"`
			Renewable     bool            `json:"renewable"`
		} `json:"auth"`
	}
	if err := json.Unmarshal(body, &raw); err != nil {
		return auth{}, errors.New("the reply is not a sign-in")
	}
	a := auth{secretOf(raw.Auth.ClientToken), seconds(raw.Auth.LeaseDuration), raw.Auth.Renewable}
	if a.Token.IsZero() {
		return auth{}, errors.New("the reply holds no token")
	}
	return a, nil
}

// seconds returns n seconds, limited to what a duration can hold.
func seconds(n int64) time.Duration {
	const most = int64(100 * 365 * 24 * time.Hour / time.Second)
	return time.Duration(min(max(n, 0), most)) * time.Second
}

// Login is a token in the store and its facts.
type Login struct {
	Token     kite.Secret
	Obtained  time.Time
	Expires   time.Time // zero if it does not expire
	Renewable bool
}

type loginJSON struct {
	V         int             `json:"v"`
	Token     json.RawMessage `json:"token"`
	Obtained  time.Time       `json:"obtained"`
	Expires   time.Time       `json:"expires,omitzero"`
	Renewable bool            `json:"renewable"`
}

// loginKey returns the key of the store's item.
func loginKey(name string) string { return "source-" + name }

func loadLogin(ctx context.Context, s vault.Store, name string) (Login, error) {
	if s == nil {
		return Login{}, vault.ErrNotFound
	}
	data, err := s.Get(ctx, loginKey(name))
	if err != nil {
		return Login{}, err
	}
	defer clear(data)
	var raw loginJSON
	if json.Unmarshal(data, &raw) != nil || raw.V != 1 {
		return Login{}, fmt.Errorf("the token kept for it cannot be read: %w", vault.ErrNotFound)
	}
	return Login{secretOf(raw.Token), raw.Obtained, raw.Expires, raw.Renewable}, nil
}

func saveLogin(ctx context.Context, s vault.Store, name string, l Login) error {
	raw := loginJSON{V: 1, Obtained: l.Obtained.UTC().Round(0), Expires: l.Expires.UTC().Round(0), Renewable: l.Renewable}
	l.Token.RevealTo(func(b []byte) { raw.Token = quoted(b) })
	data, err := json.Marshal(raw)
	clear(raw.Token)
	if err != nil {
		return err
	}
	defer clear(data)
	return s.Set(ctx, loginKey(name), data)
}

// Logout deletes the token from the store. It is not an error if there is none.
func Logout(ctx context.Context, s vault.Store, name string) error {
	if err := s.Delete(ctx, loginKey(name)); err != nil && !errors.Is(err, vault.ErrNotFound) {
		return err
	}
	return nil
}

// SignIn checks a token with the engine and stores it. It stores nothing if the
// engine does not know the token.
func SignIn(ctx context.Context, c Config, sys System, token kite.Secret) (Login, error) {
	if c.Kind != KindVault {
		return Login{}, errors.New("a command signs in by its own means")
	}
	e, err := newEngine(c, sys)
	if err != nil {
		return Login{}, err
	}
	self, err := e.lookup(ctx, token)
	if err != nil {
		return Login{}, err
	}
	now := sys.Now()
	l := Login{Token: token, Obtained: now, Renewable: self.Renewable}
	if self.TTL > 0 {
		l.Expires = now.Add(self.TTL)
	}
	return l, saveLogin(ctx, sys.Store, c.Name, l)
}

// lookup asks the engine about a token.
func (e *engine) lookup(ctx context.Context, token kite.Secret) (auth, error) {
	c := call{op: "sign in", method: http.MethodGet, path: "auth/token/lookup-self", token: token}
	r, err := e.do(ctx, c)
	if err != nil {
		return auth{}, err
	}
	defer r.erase()
	if r.status == http.StatusForbidden {
		f := e.failed(c, ErrToken, r, nil)
		f.Path, f.Capability = "", ""
		return auth{}, f
	}
	if err := e.judge(ctx, c, r); err != nil {
		return auth{}, err
	}
	var raw struct {
		Data struct {
			TTL       int64 `json:"ttl"`
			Renewable bool  `json:"renewable"`
		} `json:"data"`
	}
	if err := json.Unmarshal(r.body, &raw); err != nil {
		return auth{}, e.failed(c, ErrNotEngine, r, errors.New("the reply does not describe a token"))
	}
	return auth{token, seconds(raw.Data.TTL), raw.Data.Renewable}, nil
}

// renewed renews a stored token in the second half of its life, if the engine
// allows it, and returns it. If renewing fails it returns the token unchanged: the
// next call shows whether it still works.
func (e *engine) renewed(ctx context.Context, l Login) kite.Secret {
	now := e.sys.Now()
	half := l.Obtained.Add(l.Expires.Sub(l.Obtained) / 2)
	if !l.Renewable || l.Expires.IsZero() || now.Before(half) || now.After(l.Expires) {
		return l.Token
	}
	c := call{op: "renew the token", method: http.MethodPost, path: "auth/token/renew-self", body: []byte("{}"), token: l.Token}
	r, err := e.do(ctx, c)
	if err != nil {
		return l.Token
	}
	defer r.erase()
	a, err := readAuth(r.body)
	if r.status != http.StatusOK || err != nil {
		return l.Token
	}
	next := Login{Token: l.Token, Obtained: now, Renewable: a.Renewable}
	if a.TTL > 0 {
		next.Expires = now.Add(a.TTL)
	}
	_ = saveLogin(ctx, e.sys.Store, e.config.Name, next) // it is tried again next time
	return l.Token
}

// later reports whether a time in the engine's reply is in the future.
func (e *engine) later(at string) bool {
	t, err := time.Parse(time.RFC3339Nano, at)
	return err == nil && t.After(e.sys.Now())
}

// Test implements [Tester].
func (e *engine) Test(ctx context.Context, known ...vault.Selector) []Finding {
	var found []Finding
	note := func(check, text string, err error) bool {
		found = append(found, Finding{check, err == nil, text, err})
		return err == nil
	}
	health, err := e.health(ctx)
	if !note("server", health, err) {
		return found
	}
	token, err := e.signIn(ctx)
	e.mu.Lock()
	from := e.from
	e.mu.Unlock()
	var self auth
	if err == nil {
		self, err = e.lookup(ctx, token)
		if errors.Is(err, ErrDenied) { // its policies do not let it read its own facts
			err = nil
		}
	}
	life := "does not expire"
	if self.TTL > 0 {
		life = "expires in " + self.TTL.String()
		if self.Renewable {
			life += ", can be renewed"
		}
	}
	if !note("sign-in", fmt.Sprintf("token from %s, %s", from, life), err) {
		return found
	}
	err = e.checkMount(ctx)
	e.mu.Lock()
	mount := e.config.Mount + ", KV version 2"
	if !e.mountSeen {
		mount = e.config.Mount + ", of a version that the policies do not show"
	}
	e.mu.Unlock()
	if !note("mount", mount, err) {
		return found
	}
	sels, err := e.List(ctx)
	note("list", fmt.Sprintf("%d credentials below %s", len(sels), cmp.Or(e.config.Path, "/")), err)
	if err != nil && !errors.Is(err, ErrDenied) {
		return found
	}
	for _, l := range sels {
		known = append(known, l.Selector)
	}
	return append(found, e.capabilities(ctx, known)...)
}

// health describes the server's state in words.
func (e *engine) health(ctx context.Context) (string, error) {
	c := call{op: "look at the server", method: http.MethodGet, path: "sys/health", noToken: true}
	r, err := e.once(ctx, c) // here 429 means a standby node
	if err != nil {
		return "", err
	}
	var raw struct {
		Version string `json:"version"`
	}
	_ = json.Unmarshal(r.body, &raw)
	text := "version " + cmp.Or(kite.CleanText(raw.Version), "unknown")
	switch r.status {
	case http.StatusOK:
		return text, nil
	case http.StatusTooManyRequests, 473:
		return text + ", a standby node", nil // it forwards requests, or says that it does not
	case 472:
		return "", e.failed(c, ErrStandby, r, errors.New("a disaster recovery secondary"))
	case http.StatusNotImplemented:
		return "", e.failed(c, ErrSealed, r, errors.New("not initialized"))
	case http.StatusServiceUnavailable:
		return "", e.failed(c, ErrSealed, r, nil)
	}
	return "", cmp.Or(e.judge(ctx, c, r), error(e.failed(c, ErrNotEngine, r, nil)))
}

// capabilities returns what the policies allow for a secret that exists or could
// exist.
func (e *engine) capabilities(ctx context.Context, known []vault.Selector) []Finding {
	sel := vault.Selector{Account: "example", Environment: kite.Sandbox}
	if len(known) > 0 {
		sel = known[0]
	}
	path := e.dataPath(sel)
	c := call{op: "look at the policies", method: http.MethodPost, path: "sys/capabilities-self"}
	c.body, _ = json.Marshal(map[string][]string{"paths": {path}})
	r, err := e.authorized(ctx, c)
	if err != nil || r.status != http.StatusOK {
		return nil // not every policy allows asking
	}
	var raw map[string]json.RawMessage
	var can []string
	if json.Unmarshal(r.body, &raw) != nil || json.Unmarshal(raw["capabilities"], &can) != nil {
		return nil
	}
	allowed := map[string]bool{}
	for _, name := range can {
		allowed[name] = true
	}
	var found []Finding
	for _, want := range [][]string{{"read"}, {"create", "update"}, {"delete"}} {
		check := map[string]string{"read": "read", "create": "write", "delete": "delete"}[want[0]]
		f := Finding{Check: check, OK: true, Text: "allowed on " + path}
		for _, name := range want {
			if !allowed[name] && !allowed["root"] {
				f = Finding{check, false, "", e.failed(call{op: check, path: path, capability: name}, ErrDenied, nil, nil)}
				break
			}
		}
		found = append(found, f)
	}
	return found
}

// LoadLogin reads the token that the store holds for a source.
func LoadLogin(ctx context.Context, sys System, c Config) (Login, error) {
	return loadLogin(ctx, sys.Store, c.Name)
}
