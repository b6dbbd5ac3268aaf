package source

import (
	"bytes"
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
		if e.kept.Token.Equal(e.token) { // a screen may stay open for longer than it lives
			e.kept = e.renewed(ctx, e.kept)
		}
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

// Lock forgets the token and closes the connections that are kept for a next call: a
// connection keeps what it has sent and received last. A token that came with a
// descriptor stays, because the descriptor can be read only once.
func (e *engine) Lock() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.config.SecretIDFD == 0 {
		e.token, e.kept = kite.Secret{}, Login{}
	}
	e.client.CloseIdleConnections()
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
			e.kept = e.renewed(ctx, kept)
			return e.kept.Token, "source login", nil
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
	c := call{op: "sign in", method: http.MethodPost, path: "auth/" + e.config.AuthMount + "/login", noToken: true, inBody: []kite.Secret{secretID}}
	if err != nil {
		return kite.Secret{}, e.failed(call{op: c.op}, ErrNoToken, nil, err)
	}
	roleID, _ := json.Marshal(e.config.RoleID) // a string always can be
	fields := map[string]json.RawMessage{"role_id": roleID}
	if !secretID.IsZero() { // a role may need no secret id
		fields["secret_id"] = secretID.RevealJSON(nil)
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
	if err := e.errorOf(ctx, c, r); err != nil {
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
	if err := e.errorOf(ctx, c, r); err != nil {
		return auth{}, err
	}
	var about struct {
		TTL       int64 `json:"ttl"`
		Renewable bool  `json:"renewable"`
	}
	if err := e.dataOf(c, r, "about a token", &about); err != nil {
		return auth{}, err
	}
	return auth{token, seconds(about.TTL), about.Renewable}, nil
}
