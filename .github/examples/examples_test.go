// Package examples runs the examples of this folder as scripts: what they would do in
// a job or in a build, over a secret manager and a gateway on this machine.
package examples

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"kitekey/kite"
	"kitekey/kite/simulator"
	"kitekey/vault"
	"kitekey/vault/source/sourcetest"
)

// block returns the lines of a YAML list or block that follows a key, without their
// indentation.
func block(t *testing.T, file, key string, nth int) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(data), "\n")
	for i, line := range lines {
		if strings.TrimSpace(line) != key {
			continue
		}
		if nth--; nth > 0 {
			continue
		}
		var out []string
		indent := len(line) - len(strings.TrimLeft(line, " "))
		for _, l := range lines[i+1:] {
			if strings.TrimSpace(l) == "" || len(l)-len(strings.TrimLeft(l, " ")) <= indent {
				break
			}
			out = append(out, strings.TrimPrefix(strings.TrimSpace(l), "- "))
		}
		return strings.Join(out, "\n")
	}
	t.Fatalf("%s has no %q", file, key)
	return ""
}

// runOf returns the command of a Dockerfile's RUN without its mounts.
func runOf(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, run, ok := strings.Cut(string(data), "\nRUN ")
	if !ok {
		t.Fatal("no RUN")
	}
	return regexp.MustCompile(`--mount=\S+\s+(\\\n\s*)?`).ReplaceAllString(run, "")
}

type job struct {
	t      *testing.T
	dir    string
	engine sourcetest.Engine
	env    []string
}

// newJob returns a machine without a keyring, with kitekey and an npm that prints
// the token it got.
func newJob(t *testing.T, e sourcetest.Engine) *job {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the examples are for POSIX shells")
	}
	j := &job{t: t, dir: t.TempDir(), engine: e}
	build := exec.Command("go", "build", "-o", filepath.Join(j.dir, "bin", "kitekey"), "kitekey")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	j.write("bin/npm", "#!/bin/sh\ncase $KITE_AUTHORIZATION in JWT*) ;; *) exit 9 ;; esac\nif env | grep -q sim-secret; then exit 8; fi\necho \"$@ with a token of $KITE_ACCOUNT\"\n", 0o700)
	sim := simulator.New(simulator.Options{})
	if err := sim.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	j.env = []string{"HOME=" + j.dir, "PATH=" + j.dir + "/bin:" + os.Getenv("PATH"), "KITEKEY_SANDBOX_URL=" + sim.BaseURL(kite.Sandbox)}
	t.Cleanup(func() { sim.Close() })
	return j
}

func (j *job) write(name, text string, mode os.FileMode) string {
	j.t.Helper()
	path := filepath.Join(j.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		j.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		j.t.Fatal(err)
	}
	return path
}

// appRole puts a credential into the engine and makes a role that may read it alone.
func (j *job) appRole() (roleID, secretIDFile string) {
	j.t.Helper()
	mount := "secret"
	j.engine.As(j.t, j.engine.Root, "POST", "sys/mounts/"+mount, map[string]any{"type": "kv", "options": map[string]string{"version": "2"}})
	j.engine.Call(j.t, "POST", mount+"/data/kitegateway/acme/sandbox", map[string]any{"data": map[string]string{
		"api_key": "sim-key-acme-sandbox", "api_secret": "sim-secret-acme-sandbox", "origin": "override",
	}})
	sel := vault.Selector{Account: "acme", Environment: kite.Sandbox}
	roleID, secretID := j.engine.AppRole(j.t, sourcetest.CI(mount, sel))
	return roleID, j.write("secret-id", secretID, 0o600)
}

// run runs a script as a CI job does, with the example's address replaced.
func (j *job) run(script string, env ...string) string {
	j.t.Helper()
	script = strings.ReplaceAll(script, "https://bao.example:8200", j.engine.Address)
	ctx, cancel := context.WithTimeout(j.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-e", "-c", script)
	cmd.Dir, cmd.Env = j.dir, append(j.env, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		j.t.Fatalf("%v\n%s\n%s", err, script, out)
	}
	if strings.Contains(string(out), "sim-secret") || strings.Contains(string(out), "sim-key") {
		j.t.Errorf("the output holds a credential: %s", out)
	}
	return string(out)
}

// nothingLeft looks for the credential in what the job leaves on the disk.
func (j *job) nothingLeft() {
	j.t.Helper()
	out, _ := exec.Command("grep", "-rl", "sim-secret", filepath.Join(j.dir, ".config")).Output()
	if len(out) > 0 {
		j.t.Errorf("a credential is in %s", out)
	}
}

func engines(t *testing.T, test func(t *testing.T, e sourcetest.Engine)) {
	t.Run("stand-in", func(t *testing.T) {
		s := sourcetest.New(nil)
		defer s.Close()
		test(t, sourcetest.Engine{Address: s.URL, Root: sourcetest.RootToken})
	})
	t.Run("real", func(t *testing.T) { test(t, sourcetest.StartReal(t).Engine) })
}

func TestExamples_GitHubActionsJobGetsItsToken(t *testing.T) {
	engines(t, func(t *testing.T, e sourcetest.Engine) {
		j := newJob(t, e)
		roleID, file := j.appRole()
		secretID, _ := os.ReadFile(file)
		out := j.run(block(t, "github-actions.yml", "run: |", 1), "ROLE_ID="+roleID, "SECRET_ID="+string(secretID))
		if !strings.Contains(out, "test with a token of acme") {
			t.Errorf("npm was not run: %s", out)
		}
		j.nothingLeft()
	})
}

func TestExamples_GitLabJobGetsItsToken(t *testing.T) {
	engines(t, func(t *testing.T, e sourcetest.Engine) {
		j := newJob(t, e)
		roleID, file := j.appRole()
		out := j.run(block(t, "gitlab-ci.yml", "script:", 1), "BAO_ROLE_ID="+roleID, "BAO_SECRET_ID="+file)
		if !strings.Contains(out, "test with a token of acme") {
			t.Errorf("npm was not run: %s", out)
		}
		j.nothingLeft()
	})
}

func TestExamples_GitLabJobGetsItsTokenFromABackup(t *testing.T) {
	j := newJob(t, sourcetest.Engine{})
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	j.write("key.txt", identity.String()+"\n", 0o600)
	j.write("passphrase", "correct horse battery staple", 0o600)
	file := []string{"KITEKEY_STORE=file", "KITEKEY_PASSPHRASE_FILE=" + j.dir + "/passphrase"}
	j.run(`echo '{"api_key":"sim-key-acme-sandbox","api_secret":"sim-secret-acme-sandbox"}' | KITEKEY_HOME=$PWD/author kitekey add acme --stdin
KITEKEY_HOME=$PWD/author kitekey export acme --recipient `+identity.Recipient().String()+` --output credentials.age`, file...)
	out := j.run(block(t, "gitlab-ci.yml", "script:", 2), append(file, "KITE_AGE_KEY="+j.dir+"/key.txt")...)
	if !strings.Contains(out, "test with a token of acme") {
		t.Errorf("npm was not run: %s", out)
	}
	j.nothingLeft()
}

func TestExamples_DockerfileGetsItsToken(t *testing.T) {
	engines(t, func(t *testing.T, e sourcetest.Engine) {
		j := newJob(t, e)
		roleID, file := j.appRole()
		script := strings.ReplaceAll(runOf(t, "Dockerfile"), "/run/secrets/bao_secret_id", file)
		if out := j.run(script, "BAO_ROLE_ID="+roleID); !strings.Contains(out, "run fetch-catalogue with a token of acme") {
			t.Errorf("npm was not run: %s", out)
		}
		j.nothingLeft()
	})
}

// bao stands in for the engine's command line, as far as the README uses it.
const bao = `#!/bin/sh
set -e
call() { curl -sS -f -H "X-Vault-Token: $ADMIN" -X "$1" -d "$3" "$ENGINE/v1/$2"; }
case "$1 $2" in
"secrets enable") call POST sys/mounts/secret '{"type":"kv","options":{"version":"2"}}' ;;
"policy write") call PUT "sys/policies/acl/$3" "{\"policy\":\"$(tr '\n' ' ' <"$4" | sed 's/# [^.]*\.[^.]*\.//; s/"/\\"/g')\"}" ;;
"token create") call POST auth/token/create '{"policies":["kitegateway"],"ttl":"1h"}' | sed 's/.*"client_token":"\([^"]*\)".*/\1/' ;;
*) echo "bao $*?" >&2; exit 1 ;;
esac
`

// The README's ten lines run as they are written.
func TestExamples_ReadmesTeamLinesRunAsWritten(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("needs curl")
	}
	engines(t, func(t *testing.T, e sourcetest.Engine) {
		j := newJob(t, e)
		data, err := os.ReadFile("../../README.md")
		if err != nil {
			t.Fatal(err)
		}
		_, lines, ok := strings.Cut(string(data), "<!-- teams -->\n```sh\n")
		lines, _, end := strings.Cut(lines, "```\n<!-- /teams -->")
		if !ok || !end || strings.Count(lines, "\n") != 10 {
			t.Fatal("the README has no ten lines for teams")
		}
		j.write("bin/bao", bao, 0o700)
		policy, err := os.ReadFile("kitegateway.hcl")
		if err != nil {
			t.Fatal(err)
		}
		j.write(".github/examples/kitegateway.hcl", string(policy), 0o600)
		sim := simulator.New(simulator.Options{})
		if err := sim.Start("127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { sim.Close() })
		j.write("acme-live.json", `{"api_key":"sim-key-acme-live","api_secret":"sim-secret-acme-live"}`, 0o600)
		j.write("new.json", `{"api_key":"sim-key-coral-live","api_secret":"sim-secret-coral-live"}`, 0o600)
		env := []string{"ADMIN=" + e.Root, "ENGINE=" + e.Address, "KITEKEY_LIVE_URL=" + sim.BaseURL(kite.Live), "KITEKEY_STORE=file", "KITEKEY_PASSPHRASE_FILE=" + j.write("passphrase", "correct horse battery staple", 0o600)}
		out := j.run(lines, env...)
		for _, want := range []string{"JWT ", "acme/live: it works", "token expires in|which expires in", "is in use"} {
			if !regexp.MustCompile(want).MatchString(out) {
				t.Errorf("no %q in %s", want, out)
			}
		}
		if _, reply := e.As(t, e.Root, "GET", "secret/data/kitegateway/acme/live", nil); !strings.Contains(fmt.Sprint(reply), "sim-key-coral-live") {
			t.Errorf("the engine has %v", reply)
		}
		j.nothingLeft()
	})
}
