package cli_test

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/kite/simulator"
	"kitekey/ui/terminaltest"
)

// holders lists the processes whose arguments or environment hold text.
func holders(t *testing.T, text string) (pids []string) {
	t.Helper()
	for _, file := range []string{"cmdline", "environ"} {
		paths, err := filepath.Glob("/proc/[0-9]*/" + file)
		if err != nil || len(paths) == 0 {
			t.Fatal("no /proc", err)
		}
		for _, path := range paths {
			// The environments of other users cannot be read, and processes come and go.
			if data, err := os.ReadFile(path); err == nil && bytes.Contains(data, []byte(text)) {
				pids = append(pids, strings.Split(path, "/")[2]+"/"+file)
			}
		}
	}
	return pids
}

// The token is only in the environment of the child of "kitekey exec", and the
// credential in that of no process.
func TestExec_GivesTheTokenToItsChildOnly(t *testing.T) {
	t.Parallel()
	sim, environ := startSimulator(t, merchantOf("acme"), merchantOf("coral"))
	add(t, environ, sim, "acme/sandbox")
	cred, _ := sim.Credential("acme", kite.Sandbox)
	command := func(args ...string) *exec.Cmd {
		cmd := exec.Command("kitekey", args...)
		cmd.Env = environ
		return cmd
	}
	out, err := command("token", "acme").Output()
	if err != nil {
		t.Fatal(err)
	}
	token := strings.TrimSpace(string(out))

	child := command("exec", "acme", "--", "sh", "-c", "echo ready; read end")
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = child.Wait() }()
	defer stdin.Close()
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		t.Fatal(line, err)
	}

	// At the same time, an add waits for the gateway.
	sim.Set("coral", kite.Sandbox, simulator.Behavior{Latency: time.Minute})
	coral, _ := sim.Credential("coral", kite.Sandbox)
	adding := command("add", "coral", "--stdin")
	adding.Stdin = strings.NewReader(`{"api_key":"` + coral.APIKey.Reveal() + `","api_secret":"` + coral.APISecret.Reveal() + `"}`)
	if err := adding.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = adding.Process.Kill(); _ = adding.Wait() }()
	for end := time.Now().Add(terminaltest.Patience); sim.CountOf("coral", kite.Sandbox).Requests == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("add never asked the gateway")
		}
	}

	if got, want := strings.Join(holders(t, token), " "), strconv.Itoa(child.Process.Pid)+"/environ"; got != want {
		t.Errorf("the token is in %q, want %q", got, want)
	}
	for name, secret := range map[string]kite.Secret{
		"acme's api_secret": cred.APISecret, "acme's api_key": cred.APIKey,
		"coral's api_secret": coral.APISecret, "coral's api_key": coral.APIKey,
	} {
		if got := holders(t, secret.Reveal()); len(got) > 0 {
			t.Errorf("%s is in %v", name, got)
		}
	}
	_, _ = io.WriteString(stdin, "end\n")
}
