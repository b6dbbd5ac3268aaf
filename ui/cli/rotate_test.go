//go:build linux

package cli_test

import (
	"os/exec"
	"strings"
	"testing"
	"time"

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

// At a terminal a refused pair can be typed again, and a store that fails does
// not cost what was typed.
func TestRotateAtTerminal(t *testing.T) {
	sim, environ := world(t)
	add(t, environ, sim, "acme/sandbox")
	c := startAtTerminal(t, environ, "rotate", "acme")
	c.until("the new key pair")
	c.until("api_key of acme/sandbox")
	c.types("sim-key-coral-sandbox\n")
	c.until("api_secret of acme/sandbox")
	c.types("sim-secret-of-nobody\n")
	c.until("nothing was replaced")
	c.until("[s/t/l]")
	c.types("t\n")
	c.untilAgain("api_key of acme/sandbox", 2)
	c.types("sim-key-coral-sandbox\n")
	c.untilAgain("api_secret of acme/sandbox", 2)
	c.types("sim-secret-coral-sandbox\n")
	c.until("works and is in use")
	c.ends(0)
	if strings.Contains(c.seen(), "sim-secret") {
		t.Errorf("a secret was echoed:\n%s", c.seen())
	}

	// Given up, the pair in use stays; with the gateway failing, the new one is staged.
	c = startAtTerminal(t, environ, "rotate", "acme")
	c.until("api_key of acme/sandbox")
	c.types("sim-key-acme-sandbox\n")
	c.until("api_secret of acme/sandbox")
	c.types("sim-secret-of-nobody\n")
	c.until("[s/t/l]")
	c.types("l\n")
	c.ends(4)

	sim.Set("acme", kite.Sandbox, simulator.Knobs{Failure: "500"})
	c = startAtTerminal(t, environ, "rotate", "acme")
	c.until("api_key of acme/sandbox")
	c.types("sim-key-acme-sandbox\n")
	c.until("api_secret of acme/sandbox")
	c.types("sim-secret-acme-sandbox\n")
	c.until("kept as staged")
	c.ends(5)
	if list := runs(t, environ, "", "list"); !strings.Contains(list, "replacement staged") {
		t.Errorf("%s", list)
	}
}

// untilAgain waits until text has been on the terminal n times.
func (c *atTerminal) untilAgain(text string, n int) {
	c.t.Helper()
	for end := time.Now().Add(patience); strings.Count(c.seen(), text) < n; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			c.t.Fatalf("not %d times %q in:\n%s", n, text, c.seen())
		}
	}
}
