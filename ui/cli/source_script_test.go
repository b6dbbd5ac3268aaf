package cli_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"kitekey/vault"
	"kitekey/vault/source/sourcetest"
)

// engineKey is the key of a script's secret manager.
type engineKey struct{}

type engine struct {
	server *sourcetest.Server
	sourcetest.Engine
	mount string
}

// engineScript is the scripts' secret manager:
//
//	engine start                 its address in $ENGINE, mounted at "secret", a token for all in $BAO_TOKEN
//	engine token VARIABLE ROLE   a token of support, developers or "ci ACCOUNT/ENVIRONMENT"
//	engine put PROFILE KEY SECRET, engine delete PROFILE
//	engine has PROFILE KEY
//	engine sealed|standby|page|limit|ok|slow|down
//	engine reads N               so many requests since the last time
func engineScript(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: engine start|token|put|delete|has|sealed|standby|page|limit|ok|down|reads …")
	}
	e, _ := ts.Value(engineKey{}).(*engine)
	t := scriptTB{ts: ts}
	switch what := args[0]; what {
	case "start":
		s := sourcetest.New(nil)
		ts.Defer(s.Close)
		*e = engine{server: s, Engine: sourcetest.Engine{Address: s.URL, Root: sourcetest.RootToken}, mount: "secret"}
		e.Call(t, http.MethodPost, "sys/mounts/secret", map[string]any{"type": "kv", "options": map[string]string{"version": "2"}})
		ts.Setenv("ENGINE", s.URL)
		ts.Setenv("BAO_TOKEN", sourcetest.RootToken)
		s.Requests()
	case "token":
		policy := sourcetest.Support(e.mount)
		switch args[2] {
		case "developers":
			policy = sourcetest.Developers(e.mount)
		case "ci":
			sel, err := vault.ParseSelector(args[3])
			ts.Check(err)
			policy = sourcetest.CI(e.mount, sel)
		}
		ts.Setenv(args[1], e.Token(t, policy, "5m"))
	case "approle":
		sel, err := vault.ParseSelector(args[1])
		ts.Check(err)
		roleID, secretID := e.AppRole(t, sourcetest.CI(e.mount, sel))
		ts.Setenv("ROLE_ID", roleID)
		ts.Check(os.WriteFile(ts.MkAbs("secret-id"), []byte(secretID+"\n"), 0o600))
	case "put":
		e.Call(t, http.MethodPost, e.mount+"/data/kitegateway/"+args[1], map[string]any{"data": map[string]string{"api_key": args[2], "api_secret": args[3], "origin": "override"}})
	case "delete":
		e.Call(t, http.MethodDelete, e.mount+"/data/kitegateway/"+args[1], nil)
	case "has":
		status, reply := e.As(t, e.Root, http.MethodGet, e.mount+"/data/kitegateway/"+args[1], nil)
		got := ""
		if status == http.StatusOK {
			got = fmt.Sprint(reply["data"].(map[string]any)["data"].(map[string]any)["api_key"])
		}
		if (got == args[2]) == neg {
			ts.Fatalf("the engine has %q for %s", got, args[1])
		}
	case "reads":
		got := e.server.Requests()
		if fmt.Sprint(len(got)) != args[1] {
			ts.Fatalf("%d requests: %s", len(got), strings.Join(got, ", "))
		}
	case "down":
		e.server.Close()
	default:
		k, ok := map[string]sourcetest.Knobs{
			"ok": {}, "sealed": {Status: 503, Message: "Vault is sealed"}, "standby": {Status: 472}, "limit": {Limit: 1 << 20, After: "3600"},
			"page": {Page: "<!DOCTYPE html><title>Sign in</title>"},
		}[what]
		if !ok {
			ts.Fatalf("engine %s?", what)
		}
		e.server.Set(k)
	}
}

// scriptTB lets a script use functions that need a testing.TB.
type scriptTB struct {
	testing.TB
	ts *testscript.TestScript
}

func (t scriptTB) Helper()                           {}
func (t scriptTB) Fatal(args ...any)                 { t.ts.Fatalf("%s", fmt.Sprint(args...)) }
func (t scriptTB) Fatalf(format string, args ...any) { t.ts.Fatalf(format, args...) }
