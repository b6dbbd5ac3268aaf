//go:build linux

package cli_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/ui/cli"
)

// Every key is in the table, no value is an empty string, a profile comes with its
// account and environment, and times are in UTC.
func TestJSON_KeepsToTheTableOfHelpJSON(t *testing.T) {
	sim, environ := world(t)
	add(t, environ, sim, "acme/sandbox")
	add(t, environ, sim, "acme/live")
	add(t, environ, sim, "coral/sandbox")
	second, _ := sim.Credential("borealis", kite.Sandbox)
	pair := `{"api_key":"` + second.APIKey.Reveal() + `","api_secret":"` + second.APISecret.Reveal() + `"}`
	token := strings.TrimSpace(runs(t, environ, "", "token", "acme"))

	known := map[string]bool{}
	for _, k := range cli.JSONKeys() {
		for _, name := range strings.Split(k.Name, ", ") {
			known[name] = true
		}
	}
	seen := map[string]bool{}
	for _, c := range []struct{ stdin, args string }{
		{pair, "add borealis --stdin --json"},
		{pair, "verify --stdin --json"},
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
		{`{"acme":{"sandbox":` + pair + `}}`, "import - --dry-run --json"},
		{pair, "rotate coral --stdin --json"},
		{"", "rotate coral --rollback --json"},
		{"", "forget acme --json"},
		{"", "rename coral dune --json"},
		{"", "remove dune --yes --json"},
	} {
		cmd := exec.Command("kitekey", strings.Fields(c.args)...)
		cmd.Env, cmd.Stdin = environ, strings.NewReader(c.stdin)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, _ := cmd.Output() // some end with an exit code for what they found
		if len(out) == 0 {
			t.Errorf("%s printed nothing: %s", c.args, stderr.String())
		}
		for dec := json.NewDecoder(bytes.NewReader(out)); ; {
			var v any
			if err := dec.Decode(&v); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v\n%s", c.args, err, out)
			}
			checkJSON(t, c.args, "", v, func(key string) {
				seen[key] = true
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
}

// checkJSON checks a value and those in it. The header and claims of a token are
// not kitekey's.
func checkJSON(t *testing.T, command, at string, v any, each func(key string)) {
	t.Helper()
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			checkJSON(t, command, at, e, each)
		}
	case map[string]any:
		if _, ok := v["profile"]; ok && (v["account"] == nil || v["environment"] == nil) {
			t.Errorf("%s: profile without account and environment: %v", command, v)
		}
		for key, value := range v {
			each(key)
			if _, object := value.(map[string]any); object && slices.Contains([]string{"header", "claims"}, key) {
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
