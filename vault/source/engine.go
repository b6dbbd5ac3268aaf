package source

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"kitekey/kite"
	"kitekey/vault"
)

// engine is the KV secrets engine, version 2, of an OpenBao or HashiCorp Vault
// server: one secret per profile at PATH/ACCOUNT/ENVIRONMENT.
//
// A policy that lets developers write:
//
//	path "secret/data/kitegateway/*"     { capabilities = ["create", "read", "update", "delete"] }
//	path "secret/metadata/kitegateway/*" { capabilities = ["list", "read"] }
type engine struct {
	config Config
	sys    System
	base   *url.URL
	client *http.Client
	pace   pace

	mu        sync.Mutex // held while signing in
	token     kite.Secret
	kept      Login  // what is known of the token if it is from the store
	from      string // where the token was found, for people
	mountSeen bool   // the mount is known to be KV version 2

	ignored []string // by the last List, cleaned; guarded by mu
}

func newEngine(c Config, sys System) (*engine, error) {
	base, err := url.Parse(c.Address)
	if err != nil {
		return nil, errors.New("the address is not a URL")
	}
	e := &engine{config: c, sys: sys, base: base}
	e.client, err = e.newClient()
	return e, err
}

// Name implements [vault.Source].
func (e *engine) Name() string { return e.config.Name }

func (e *engine) below(kind string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(append([]string{e.config.Mount, kind, e.config.Path}, parts...), func(s string) bool { return s == "" }), "/")
}

func (e *engine) dataPath(sel vault.Selector) string {
	return e.below("data", sel.Account, string(sel.Environment))
}

// authorized makes a call with the token. If the token has expired and there is
// another, it tries again with that.
func (e *engine) authorized(ctx context.Context, c call) (*reply, error) {
	for attempt := 0; ; attempt++ {
		token, err := e.signIn(ctx)
		if err != nil {
			return nil, err
		}
		c.token = token
		r, err := e.do(ctx, c)
		if err == nil && r.status != http.StatusNotFound {
			if err = e.errorOf(ctx, c, r); err != nil {
				r.erase()
			}
		}
		if !errors.Is(err, ErrToken) || attempt > 0 || !e.signOut(token) {
			return r, err
		}
	}
}

// metadata is what the engine stores about a secret beside its value.
type metadata struct {
	Version      int64  `json:"version"`
	DeletionTime string `json:"deletion_time"`
	Destroyed    bool   `json:"destroyed"`
}

// Get implements [vault.Source].
func (e *engine) Get(ctx context.Context, sel vault.Selector) (vault.SourceItem, error) {
	c := call{op: "read", method: http.MethodGet, path: e.dataPath(sel), capability: "read"}
	r, err := e.authorized(ctx, c)
	if err != nil {
		return vault.SourceItem{}, err
	}
	defer r.erase()
	var secret struct {
		Data     map[string]json.RawMessage `json:"data"`
		Metadata metadata                   `json:"metadata"`
	}
	err = e.dataOf(c, r, "a secret of KV version 2", &secret)
	if r.status == http.StatusNotFound { // a deleted secret has data, but none of its own
		return vault.SourceItem{}, e.missing(ctx, c, r, secret.Metadata.Version)
	}
	if err != nil {
		return vault.SourceItem{}, err
	}
	if secret.Metadata.Version <= 0 {
		return vault.SourceItem{}, e.kv1(c)
	}
	item, err := readFields(secret.Data)
	for _, value := range secret.Data {
		clear(value)
	}
	item.Selector, item.Version = sel, secret.Metadata.Version
	if err != nil {
		f := e.failed(c, ErrMalformed, nil, err)
		f.Version = item.Version
		return item, f
	}
	return item, nil
}

func (e *engine) kv1(c call) error {
	f := e.failed(c, ErrKV1, nil, nil)
	f.Path = e.config.Mount
	return f
}

// missing says why there is no secret: no such mount, a mount of version 1, a
// deleted secret, or none at all.
func (e *engine) missing(ctx context.Context, c call, r *reply, version int64) error {
	if err := e.errorOf(ctx, c, r); errors.Is(err, ErrNoMount) {
		return err
	}
	if version == 0 {
		if err := e.checkMount(ctx); err != nil {
			return err
		}
	}
	f := e.failed(c, ErrMissing, r, nil)
	f.Version = version
	return f
}

// checkMount checks, if the policies allow it, that the mount exists and has
// version 2. Version 1 would take a write to a path of version 2 for a secret of
// that name and report success.
func (e *engine) checkMount(ctx context.Context) error {
	e.mu.Lock()
	seen := e.mountSeen
	e.mu.Unlock()
	if seen {
		return nil
	}
	c := call{op: "look at the mount", method: http.MethodGet, path: "sys/internal/ui/mounts/" + e.config.Mount, capability: "read"}
	r, err := e.authorized(ctx, c)
	if err != nil {
		var f *Error
		if errors.As(err, &f) && f.Kind == ErrDenied {
			return nil // the token may have no right there; the next call's error says it better
		}
		return err
	}
	var raw struct {
		Data struct {
			Type    string `json:"type"`
			Path    string `json:"path"` // with "/" at its end
			Options struct {
				Version string `json:"version"`
			} `json:"options"`
		} `json:"data"`
	}
	if json.Unmarshal(r.body, &raw) != nil || r.status == http.StatusNotFound || raw.Data.Type == "" {
		return nil // an engine without this call
	}
	if raw.Data.Type != "kv" && raw.Data.Type != "generic" {
		f := e.failed(c, ErrNoMount, nil, fmt.Errorf("what is mounted there is %q", kite.CleanWords(raw.Data.Type, c.secrets()...)))
		f.Path = e.config.Mount
		return f
	}
	if raw.Data.Path != "" && raw.Data.Path != e.config.Mount+"/" && strings.HasPrefix(e.config.Mount, raw.Data.Path) {
		f := e.failed(c, ErrNoMount, nil, fmt.Errorf("the mount is %q", kite.CleanWords(strings.TrimSuffix(raw.Data.Path, "/"), c.secrets()...)))
		f.Path = e.config.Mount
		return f
	}
	if raw.Data.Options.Version != "2" {
		return e.kv1(c)
	}
	e.mu.Lock()
	e.mountSeen = true
	e.mu.Unlock()
	return nil
}

// Put implements [vault.SourceWriter]. If no reply came it checks whether the write
// was made.
func (e *engine) Put(ctx context.Context, item vault.SourceItem) error {
	if item.Version == 0 {
		if err := e.checkMount(ctx); err != nil {
			return err
		}
	}
	err := e.put(ctx, item, item.Version)
	var f *Error
	if !errors.As(err, &f) {
		return err
	}
	switch {
	case f.Kind == ErrConflict && item.Version == 0:
		// The versions of a deleted secret still count.
		_, read := e.Get(ctx, item.Selector)
		if errors.As(read, &f) && f.Kind == ErrMissing && f.Version > 0 {
			return e.put(ctx, item, f.Version)
		}
	case f.Unknown:
		ctx := context.WithoutCancel(ctx)
		if now, read := e.Get(ctx, item.Selector); read == nil && now.Version > item.Version && sameCredentials(now.Entry, item.Entry) {
			return nil
		}
	}
	return err
}

// secretsOf returns every secret of an item.
func secretsOf(e vault.Entry) (secrets []kite.Secret) {
	for _, c := range []kite.Credential{e.Current, e.Previous, e.Staged} {
		secrets = append(secrets, c.APISecret, c.APIKey)
	}
	return secrets
}

func sameCredentials(a, b vault.Entry) bool {
	for _, pair := range [][2]kite.Credential{{a.Current, b.Current}, {a.Previous, b.Previous}, {a.Staged, b.Staged}} {
		if !pair[0].APIKey.Equal(pair[1].APIKey) || !pair[0].APISecret.Equal(pair[1].APISecret) {
			return false
		}
	}
	return true
}

func (e *engine) put(ctx context.Context, item vault.SourceItem, version int64) error {
	c := call{op: "write", method: http.MethodPost, path: e.dataPath(item.Selector), capability: "update"}
	if version == 0 {
		c.capability = "create"
	}
	fields := writeFields(item)
	data, err := json.Marshal(map[string]any{"options": map[string]int64{"cas": version}, "data": fields})
	for _, value := range fields {
		clear(value)
	}
	if err != nil {
		return e.failed(c, ErrMalformed, nil, errors.New("the credential cannot be written as JSON"))
	}
	c.body, c.inBody = data, secretsOf(item.Entry)
	defer clear(data)
	r, err := e.authorized(ctx, c)
	if err != nil {
		return err
	}
	if r.status == http.StatusNotFound {
		return cmp.Or(e.errorOf(ctx, c, r), error(e.failed(c, ErrEngine, r, nil)))
	}
	var written metadata
	if len(bytes.TrimSpace(r.body)) == 0 {
		return e.kv1(c)
	}
	if err := e.dataOf(c, r, "about a write", &written); err != nil || written.Version <= version {
		f := e.failed(c, ErrNotEngine, r, errors.New("the reply is not about a write"))
		f.Unknown = true
		return f
	}
	if item.Was != (vault.Selector{}) {
		e.noteRenaming(ctx, item)
	}
	return nil
}

// noteRenaming writes the previous name to the metadata, so that other machines can
// tell a renaming from a removal. Without the permission to write it they cannot.
func (e *engine) noteRenaming(ctx context.Context, item vault.SourceItem) {
	c := call{op: "write", method: http.MethodPost, path: e.metadataPath(item.Selector), capability: "update"}
	c.body, _ = json.Marshal(map[string]any{"custom_metadata": map[string]string{renamedFrom: item.Was.String()}})
	r, _ := e.authorized(ctx, c)
	r.erase()
}

// Delete implements [vault.SourceWriter]: it deletes the latest version, which the
// engine's own tools can undelete. The engine has no check-and-set for deleting, so
// Delete checks the version just before.
func (e *engine) Delete(ctx context.Context, sel vault.Selector, version int64) error {
	c := call{op: "delete", method: http.MethodDelete, path: e.dataPath(sel), capability: "delete"}
	now, err := e.Get(ctx, sel)
	if err != nil && !errors.Is(err, ErrMalformed) {
		return err
	}
	if now.Version != version {
		f := e.failed(c, ErrConflict, nil, nil)
		f.Version = now.Version
		return f
	}
	r, err := e.authorized(ctx, c)
	var f *Error
	if errors.As(err, &f) && f.Unknown {
		if _, read := e.Get(context.WithoutCancel(ctx), sel); errors.Is(read, ErrMissing) {
			return nil
		}
	}
	r.erase()
	return err
}
