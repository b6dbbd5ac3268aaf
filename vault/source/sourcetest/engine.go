package sourcetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/vault"
	"kitekey/vault/source"
)

// Engine is a running server with which the suite may do anything: it creates
// mounts, policies and tokens of its own.
type Engine struct {
	Address string
	Root    string           // a token with every right
	Unseal  func(*testing.T) // called after sys/seal; nil leaves that test out
}

// Call makes a request with the root token, as an administrator would.
func (e Engine) Call(t testing.TB, method, path string, body any) map[string]any {
	t.Helper()
	status, reply := e.As(t, e.Root, method, path, body)
	if status >= 300 {
		t.Fatalf("%s %s: status %d: %v", method, path, status, reply)
	}
	return reply
}

// As makes a request with a token.
func (e Engine) As(t testing.TB, token, method, path string, body any) (status int, reply map[string]any) {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, e.Address+"/v1/"+path, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Vault-Token", token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, _ = io.ReadAll(res.Body)
	if len(data) > 0 {
		if err := json.Unmarshal(data, &reply); err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
	}
	return res.StatusCode, reply
}

// Mount creates a mount of the KV secrets engine with a new name.
func (e Engine) Mount(t testing.TB, version int) string {
	t.Helper()
	name := fmt.Sprintf("kv-%x", time.Now().UnixNano())
	e.Call(t, http.MethodPost, "sys/mounts/"+name, map[string]any{"type": "kv", "options": map[string]string{"version": fmt.Sprint(version)}})
	return name
}

// Token creates a token with one policy.
func (e Engine) Token(t testing.TB, policy, ttl string) string {
	t.Helper()
	name := e.Policy(t, policy)
	reply := e.Call(t, http.MethodPost, "auth/token/create", map[string]any{"policies": []string{name}, "ttl": ttl})
	return reply["auth"].(map[string]any)["client_token"].(string)
}

// Policy creates a policy and returns its name.
func (e Engine) Policy(t testing.TB, policy string) string {
	t.Helper()
	name := fmt.Sprintf("p-%x", time.Now().UnixNano())
	e.Call(t, http.MethodPut, "sys/policies/acl/"+name, map[string]any{"policy": policy})
	return name
}

// AppRole creates a role with a policy and returns its role id and a secret id.
func (e Engine) AppRole(t testing.TB, policy string) (roleID, secretID string) {
	t.Helper()
	// An error because it is enabled already does not matter.
	e.As(t, e.Root, http.MethodPost, "sys/auth/approle", map[string]any{"type": "approle"})
	role := fmt.Sprintf("r-%x", time.Now().UnixNano())
	e.Call(t, http.MethodPost, "auth/approle/role/"+role, map[string]any{"token_policies": e.Policy(t, policy), "token_ttl": "20m"})
	roleID = e.Call(t, http.MethodGet, "auth/approle/role/"+role+"/role-id", nil)["data"].(map[string]any)["role_id"].(string)
	secretID = e.Call(t, http.MethodPost, "auth/approle/role/"+role+"/secret-id", map[string]any{})["data"].(map[string]any)["secret_id"].(string)
	return roleID, secretID
}

// Support is the README's policy for support at a mount: it can only read.
func Support(mount string) string {
	return fmt.Sprintf(`path "%[1]s/data/kitegateway/*" { capabilities = ["read"] }
path "%[1]s/metadata/kitegateway/*" { capabilities = ["list", "read"] }`, mount)
}

// Developers is the policy for developers, who may write too.
func Developers(mount string) string {
	return fmt.Sprintf(`path "%[1]s/data/kitegateway/*" { capabilities = ["create", "read", "update", "delete"] }
path "%[1]s/metadata/kitegateway/*" { capabilities = ["create", "list", "read", "update"] }`, mount)
}

// CI is the policy for CI, which may read one credential and cannot list.
func CI(mount string, sel vault.Selector) string {
	return fmt.Sprintf(`path "%s/data/kitegateway/%s" { capabilities = ["read"] }`, mount, sel)
}

// Config returns a source at a mount of the engine.
func (e Engine) Config(mount string) source.Config {
	return source.Config{Name: "bao", Kind: source.KindVault, Address: e.Address, Mount: mount}.WithDefaults()
}

// System returns a machine whose BAO_TOKEN is token.
func System(token string) source.System {
	return source.System{
		Getenv: func(name string) string {
			if name == "BAO_TOKEN" {
				return token
			}
			return ""
		},
		Store: vault.NewMemory(), UserAgent: "kitekey/test", Now: time.Now,
	}
}

// Source is what the suite needs of an engine's source.
type Source interface {
	vault.Source
	vault.SourceWriter
	source.Tester
}

// Open opens a source with a token.
func (e Engine) Open(t testing.TB, mount, token string) Source {
	t.Helper()
	return open(t, e.Config(mount), System(token))
}

func open(t testing.TB, c source.Config, sys source.System) Source {
	t.Helper()
	s, err := source.Open(c, sys)
	if err != nil {
		t.Fatal(err)
	}
	return s.(Source)
}

// Item returns an item with the n-th test credential.
func Item(sel vault.Selector, n int, version int64) vault.SourceItem {
	return vault.SourceItem{Version: version, Entry: vault.Entry{Selector: sel, Current: Credential(n)}}
}

// Credential returns the n-th test credential.
func Credential(n int) kite.Credential {
	return kite.Credential{
		APIKey:    kite.NewSecret(fmt.Sprintf("key_%08d_abcd", n)),
		APISecret: kite.NewSecret(fmt.Sprintf("secret_%08d_with-\"quotes\"&<more>", n)),
	}
}

// Is reports whether a credential is the n-th test credential.
func Is(c kite.Credential, n int) bool {
	want := Credential(n)
	return c.APIKey.Equal(want.APIKey) && c.APISecret.Equal(want.APISecret)
}
