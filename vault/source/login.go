package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"kitekey/kite"
	"kitekey/vault"
)

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
	raw.Token = l.Token.RevealJSON(nil)
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

// renewed renews a stored token in the second half of its life, if the engine
// allows it, and returns what is known of it then. If renewing fails the token is not
// renewed again: the next call shows whether it still works.
func (e *engine) renewed(ctx context.Context, l Login) Login {
	now := e.sys.Now()
	half := l.Obtained.Add(l.Expires.Sub(l.Obtained) / 2)
	if !l.Renewable || l.Expires.IsZero() || now.Before(half) || now.After(l.Expires) {
		return l
	}
	next := l
	next.Renewable = false
	c := call{op: "renew the token", method: http.MethodPost, path: "auth/token/renew-self", body: []byte("{}"), token: l.Token}
	r, err := e.do(ctx, c)
	if err != nil {
		return next
	}
	defer r.erase()
	a, err := readAuth(r.body)
	if r.status != http.StatusOK || err != nil {
		return next
	}
	next = Login{Token: l.Token, Obtained: now, Renewable: a.Renewable}
	if a.TTL > 0 {
		next.Expires = now.Add(a.TTL)
	}
	_ = saveLogin(ctx, e.sys.Store, e.config.Name, next) // it is tried again next time
	return next
}

// LoadLogin reads the token that the store holds for a source.
func LoadLogin(ctx context.Context, sys System, c Config) (Login, error) {
	return loadLogin(ctx, sys.Store, c.Name)
}
