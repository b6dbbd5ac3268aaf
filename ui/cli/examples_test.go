//go:build linux

package cli_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/kite/simulator"
)

// notRun are the examples that this test does not run, by a part of their text.
var notRun = map[string]string{
	"https://sandbox.kitegateway.com": "asks Kitegateway itself",
	"--shell fish":                    "fish is not installed everywhere",
	"--shell powershell":              "PowerShell is not installed everywhere",
	"--shell pwsh":                    "PowerShell is not installed everywhere",
	"kitekey list --watch":            "runs until it is stopped",
	"npm test":                        "there is no package to test",
	"./reconcile":                     "there is no such program",
	"curl --unix-socket":              "goes with the example before it",
	"# in another terminal":           "a comment",
	"kitekey add acme --stdin":        "acme is there already",
}

// serves are the commands that run until they are stopped.
var serves = regexp.MustCompile(`^kitekey (proxy|simulator)\b`)

// The test runs the examples in the help of the commands that use tokens, in a
// shell with the simulator.
func TestExamples_RunAsWritten(t *testing.T) {
	if testing.Short() {
		t.Skip("starts some thirty processes")
	}
	h := newInstallation(t)
	sim := simulator.New(simulator.Options{}) // it has the merchants that the examples name
	if err := sim.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	h.env = append(h.env, "KITEKEY_SANDBOX_URL="+sim.BaseURL(kite.Sandbox), "KITEKEY_LIVE_URL="+sim.BaseURL(kite.Live))
	credential := func(account string, env kite.Environment) string {
		c, _ := sim.Credential(account, env)
		return fmt.Sprintf(`{"api_key":%q,"api_secret":%q}`, c.APIKey.Reveal(), c.APISecret.Reveal())
	}
	live := credential("acme", kite.Live)
	h.must(credential("acme", kite.Sandbox), "add", "acme", "--stdin")
	h.must(credential("coral", kite.Sandbox), "add", "coral", "--stdin")
	h.must(live, "add", "acme/live", "--stdin")
	work := t.TempDir()
	for name, text := range map[string]string{"payment.json": paymentJSON(), "acme.json": live, "company-ca.pem": ""} {
		if text == "" {
			data, err := os.ReadFile(newInspectingProxy(t, h.sim).ca)
			if err != nil {
				t.Fatal(err)
			}
			text = string(data)
		}
		if err := os.WriteFile(filepath.Join(work, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bin := t.TempDir()
	if err := os.Symlink(h.binary, filepath.Join(bin, "kitekey")); err != nil {
		t.Fatal(err)
	}
	env := append(h.env, "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+work)
	ran := 0
	for _, command := range []string{"api", "token", "exec", "env", "verify", "list", "network", "network ca", "proxy", "simulator"} {
		for _, line := range examplesOf(h, command) {
			if left := reasonNotToRun(line); left != "" {
				continue
			}
			ran++
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			cmd := exec.CommandContext(ctx, "bash", "-o", "pipefail", "-c", line)
			cmd.Env, cmd.Dir = env, work
			if serves.MatchString(line) {
				runServer(t, cmd, line)
			} else if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s\n%v\n%s", line, err, out)
			}
			cancel()
		}
	}
	if ran < 20 {
		t.Errorf("%d examples were found: how help writes them has changed", ran)
	}
}

// examplesOf returns the examples in a command's help. Two spaces begin an
// explanation.
func examplesOf(h *installation, command string) []string {
	help := h.must("", append(strings.Fields(command), "--help")...)
	_, rest, _ := strings.Cut(help, "Examples:\n")
	var out []string
	for line := range strings.Lines(rest) {
		if !strings.HasPrefix(line, "  ") {
			break
		}
		line, _, _ = strings.Cut(strings.TrimSpace(line), "    ")
		out = append(out, strings.TrimSpace(line))
	}
	return out
}

func reasonNotToRun(line string) string {
	for part, reason := range notRun {
		if strings.Contains(line, part) {
			return reason
		}
	}
	return ""
}

// runServer waits for the first line of a server and stops it.
func runServer(t *testing.T, cmd *exec.Cmd, line string) {
	t.Helper()
	cmd.Args = []string{"bash", "-c", "exec " + line}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Errorf("%s\nprints nothing: %v\n%s", line, err, said.String())
	}
	_ = cmd.Process.Signal(syscall.SIGINT)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s\n%v\n%s", line, err, said.String())
	}
}
