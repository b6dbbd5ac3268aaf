//go:build linux

package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/ui/cli"
	"kitekey/vault/source/sourcetest"
)

// Every key is in the table and has values of one type, no value is an empty string,
// a profile comes with its account and environment, and times are in UTC.
func TestJSON_KeepsToTheTableOfHelpJSON(t *testing.T) {
	t.Parallel()
	sim, environ := startSimulator(t)
	add(t, environ, sim, "acme/sandbox")
	add(t, environ, sim, "acme/live")
	add(t, environ, sim, "coral/sandbox")
	second, _ := sim.Credential("borealis", kite.Sandbox)
	credential := `{"api_key":"` + second.APIKey.Reveal() + `","api_secret":"` + second.APISecret.Reveal() + `"}`
	token := strings.TrimSpace(runs(t, environ, "", "token", "acme"))
	engine := sharedEngine(t)
	environ = append(environ, "BAO_TOKEN="+engine.Root)

	known := map[string]bool{}
	for _, k := range cli.JSONKeys() {
		for _, name := range strings.Split(k.Name, ", ") {
			known[name] = true
		}
	}
	seen, run := map[string]bool{}, []string{}
	types := map[string]string{}
	for _, c := range []struct{ stdin, args string }{
		{credential, "add borealis --stdin --json"},
		{credential, "verify --stdin --json"},
		{"", "verify acme acme/live --json"},
		{"", "list --json"},
		{"", "token acme acme/live --json"},
		{"", "edit acme --label Acme --json"},
		{"", "log --json"},
		{"", "status --json"},
		{"", "store show --json"},
		{"", "store migrate --to keyring --json"},
		{"", "doctor --json"},
		{token, "inspect --json"},
		{`{"acme":{"sandbox":` + credential + `}}`, "import - --dry-run --json"},
		{credential, "rotate coral --stdin --json"},
		{"", "rotate coral --rollback --json"},
		{"", "forget acme --json"},
		{"", "rename coral dune --json"},
		{"", "remove dune --yes --json"},
		{"", "proxy acme --json"},
		{"", "simulator --listen 127.0.0.1:0 --json"},
		{"", "network ca " + newInspectingProxy(t, nil).ca + " --json"},
		{"", "network --json"},
		{"", "source add team --address " + engine.Address + " --json"},
		{"", "source list --json"},
		{"", "source show --json"},
		{"", "source test --json"},
		{"", "source sync --json"},
		{engine.Root, "source login --stdin --json"},
		{"", "source remove team --yes --json"},
	} {
		run = append(run, c.args)
		env := environ
		if strings.HasPrefix(c.args, "network") { // a proxy is for what is not on this machine
			env = append(slices.Clip(environ), "KITEKEY_SANDBOX_URL=", "HTTPS_PROXY=http://127.0.0.1:1")
		}
		for _, v := range printedJSON(t, env, c.stdin, c.args) {
			checkJSON(t, c.args, "", v, func(key string, value any) {
				seen[key] = true
				if kind := fmt.Sprintf("%T", value); value != nil && types[key] == "" {
					types[key] = kind
				} else if value != nil && types[key] != kind {
					t.Errorf("%s: %q is a %s, and a %s in another command", c.args, key, kind, types[key])
				}
				if !known[key] {
					t.Errorf("%s: %q is not in the table of \"kitekey help json\"", c.args, key)
				}
			})
		}
	}
	for key := range known {
		if !seen[key] {
			t.Errorf("%q is in the table, and no command printed it", key)
		}
	}
	for _, name := range cli.JSONCommands() {
		switch name {
		case "copy", "lock", "unlock": // the clipboard's; what status prints
			continue
		}
		if !slices.ContainsFunc(run, func(args string) bool { return strings.HasPrefix(args, name+" ") }) {
			t.Errorf("%s has --json, and is not compared with the table", name)
		}
	}
}

// sharedEngine is a team's engine with acme, which this machine has elsewhere.
func sharedEngine(t *testing.T) sourcetest.Engine {
	t.Helper()
	s := sourcetest.New(nil)
	t.Cleanup(s.Close)
	e := sourcetest.Engine{Address: s.URL, Root: sourcetest.RootToken}
	e.Call(t, http.MethodPost, "sys/mounts/secret", map[string]any{"type": "kv", "options": map[string]string{"version": "2"}})
	for _, profile := range []string{"acme/sandbox", "ember/sandbox"} {
		e.Call(t, http.MethodPost, "secret/data/kitegateway/"+profile, map[string]any{"data": map[string]string{"api_key": "k", "api_secret": "s"}})
	}
	return e
}

// printedJSON runs a command and gives the documents that it printed. One that
// stays is interrupted after the first.
func printedJSON(t *testing.T, environ []string, stdin, args string) (documents []any) {
	t.Helper()
	cmd := exec.Command("kitekey", strings.Fields(args)...)
	cmd.Env, cmd.Stdin = environ, strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	for dec := json.NewDecoder(out); ; {
		var v any
		if err := dec.Decode(&v); err == io.EOF {
			break
		} else if err != nil {
			t.Errorf("%s: %v", args, err)
			break
		}
		documents = append(documents, v)
		if name, _, _ := strings.Cut(args, " "); name == "proxy" || name == "simulator" {
			_ = cmd.Process.Signal(os.Interrupt)
		}
	}
	_ = cmd.Wait() // some end with an exit code for what they found
	if len(documents) == 0 {
		t.Errorf("%s printed nothing: %s", args, stderr.String())
	}
	return documents
}

// checkJSON checks a value and those in it. What the parts of a token contain is not
// kitekey's.
func checkJSON(t *testing.T, command, at string, v any, each func(key string, value any)) {
	t.Helper()
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			checkJSON(t, command, at, e, each)
		}
	case map[string]any:
		if name, ok := v["profile"]; ok && ((v["account"] == nil) != (name == nil) || v["environment"] == nil) {
			t.Errorf("%s: profile without account and environment: %v", command, v)
		}
		for key, value := range v {
			each(key, value)
			if key == "jwt_header" || key == "claims" {
				continue
			}
			checkJSON(t, command, key, value, each)
		}
	case string:
		if v == "" {
			t.Errorf("%s: %s is empty; nothing is null", command, at)
		}
		if strings.HasSuffix(at, "_at") {
			if _, err := time.Parse("2006-01-02T15:04:05Z", v); err != nil {
				t.Errorf("%s: %s: %v", command, at, err)
			}
		}
	}
}
