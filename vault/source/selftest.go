package source

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"kitekey/kite"
	"kitekey/vault"
)

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
	return "", cmp.Or(e.errorOf(ctx, c, r), error(e.failed(c, ErrNotEngine, r, nil)))
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
