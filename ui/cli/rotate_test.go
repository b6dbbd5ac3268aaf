//go:build linux

package cli_test

import (
	"os/exec"
	"strings"
	"testing"

	"kitekey/kite"
	"kitekey/kite/simulator"
)

// runs runs a command without a terminal.
func runs(t *testing.T, environ []string, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command("kitekey", args...)
	cmd.Env, cmd.Stdin = environ, strings.NewReader(stdin)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", args, err)
	}
	return string(out)
}

// At a terminal, a credential that was refused can be entered again, and what was
// typed is kept if the store fails.
func TestRotate_KeepsWhatWasTypedAtTheTerminal(t *testing.T) {
	t.Parallel()
	sim, environ := startSimulator(t)
	add(t, environ, sim, "acme/sandbox")
	c := startAtTerminal(t, environ, "rotate", "acme")
	c.WaitFor("enter the new credential")
	c.WaitFor("api_key of acme/sandbox")
	c.Type("sim-key-coral-sandbox\n")
	c.WaitFor("api_secret of acme/sandbox")
	c.Type("sim-secret-of-unknown\n")
	c.WaitFor("nothing was replaced")
	c.WaitFor("[r/e/c]")
	c.Type("e\n")
	c.WaitForCount("api_key of acme/sandbox", 2)
	c.Type("sim-key-coral-sandbox\n")
	c.WaitForCount("api_secret of acme/sandbox", 2)
	c.Type("sim-secret-coral-sandbox\n")
	c.WaitFor("works and is in use")
	c.WaitExit(0)
	if strings.Contains(c.Screen(), "sim-secret") {
		t.Errorf("a secret was echoed:\n%s", c.Screen())
	}

	// If the user gives up the prompt, the current credential stays. If the gateway
	// fails, the new credential is staged.
	c = startAtTerminal(t, environ, "rotate", "acme")
	c.WaitFor("api_key of acme/sandbox")
	c.Type("sim-key-acme-sandbox\n")
	c.WaitFor("api_secret of acme/sandbox")
	c.Type("sim-secret-of-unknown\n")
	c.WaitFor("[r/e/c]")
	c.Type("c\n")
	c.WaitExit(4)

	sim.Set("acme", kite.Sandbox, simulator.Behavior{Failure: "500"})
	c = startAtTerminal(t, environ, "rotate", "acme")
	c.WaitFor("api_key of acme/sandbox")
	c.Type("sim-key-acme-sandbox\n")
	c.WaitFor("api_secret of acme/sandbox")
	c.Type("sim-secret-acme-sandbox\n")
	c.WaitFor("kept as staged")
	c.WaitExit(5)
	if list := runs(t, environ, "", "list"); !strings.Contains(list, "replacement staged") {
		t.Errorf("%s", list)
	}
}
