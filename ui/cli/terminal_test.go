//go:build !windows

package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"kitekey/kite"
	"kitekey/kite/simulator"
	"kitekey/ui/terminaltest"
)

// startSimulator starts a simulator, with the default merchants if none are named, and
// returns it and the environment of a command that uses it.
func startSimulator(t *testing.T, merchants ...simulator.Merchant) (*simulator.Simulator, []string) {
	t.Helper()
	sim := simulator.New(simulator.Options{Merchants: merchants})
	if err := sim.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	dir := t.TempDir()
	return sim, append(os.Environ(),
		"HOME="+dir,
		"KITEKEY_HOME="+filepath.Join(dir, "home"),
		"TEST_STORE="+filepath.Join(dir, "store"),
		"KITEKEY_SANDBOX_URL="+sim.BaseURL(kite.Sandbox),
		"KITEKEY_LIVE_URL="+sim.BaseURL(kite.Live),
		"TERM=xterm-256color",
	)
}

// startAtTerminal runs a command on a terminal of its own.
func startAtTerminal(t *testing.T, environ []string, args ...string) *terminaltest.Terminal {
	t.Helper()
	return terminaltest.Start(t, terminaltest.Program{Path: "kitekey", Args: args, Env: environ})
}

func TestPrompt_HidesAndEditsWhatIsTyped(t *testing.T) {
	_, environ := startSimulator(t)
	c := startAtTerminal(t, environ, "add", "acme")
	c.WaitFor("api_key of acme/sandbox (hidden): ")
	c.Type("sim-key-acmeX\x7f-sandbox\r") // backspace
	c.WaitFor("api_secret of acme/sandbox (hidden): ")
	c.Type("thrown away\x15  sim-secret-acme-sandbox \r") // ctrl-u
	c.WaitFor("spaces around what was pasted were removed")
	c.WaitFor("stored in the keyring")
	c.WaitExit(0)
	for _, secret := range []string{"sim-key", "sim-secret", "thrown", "*"} {
		if strings.Contains(c.Screen(), secret) {
			t.Errorf("%q was shown:\n%s", secret, c.Screen())
		}
	}
}

// A long paste arrives whole, or is refused for its length. It is never cut.
func TestPrompt_LongPasteIsNotCut(t *testing.T) {
	_, environ := startSimulator(t)
	c := startAtTerminal(t, environ, "add", "acme")
	c.WaitFor("api_key")
	c.Type(strings.Repeat("k", 6000) + "\r")
	c.WaitFor("api_secret")
	c.Type("x\r")
	c.WaitFor("6000 bytes")
	c.Type("\x03")
	c.WaitExit(130)
}

func TestPrompt_EndsWithTheTerminalAsItWas(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*terminaltest.Terminal){
		"ctrl-c": func(c *terminaltest.Terminal) { c.Type("half a secret\x03") },
		"ctrl-d": func(c *terminaltest.Terminal) { c.Type("\x04") },
		"SIGINT": func(c *terminaltest.Terminal) { c.Signal(syscall.SIGINT) },
		"TERM":   func(c *terminaltest.Terminal) { c.Signal(syscall.SIGTERM) },
		"HUP":    func(c *terminaltest.Terminal) { c.Signal(syscall.SIGHUP) },
	} {
		t.Run(name, func(t *testing.T) {
			_, environ := startSimulator(t)
			c := startAtTerminal(t, environ, "add", "acme")
			c.WaitFor("api_key of acme/sandbox (hidden): ")
			c.WaitRaw() // only now is there something to restore
			end(c)
			c.WaitExit(130)
		})
	}
}

// Plain mode's hidden prompts do the same.
func TestPrompt_OfPlainModeEndsInOrder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end  func(*terminaltest.Terminal)
		code int
	}{
		"ctrl-d": {func(c *terminaltest.Terminal) { c.Type("\x04") }, 0},
		"ctrl-c": {func(c *terminaltest.Terminal) { c.Type("half a secret\x03") }, 130},
		"TERM":   {func(c *terminaltest.Terminal) { c.Signal(syscall.SIGTERM) }, 130},
		"paste": {func(c *terminaltest.Terminal) {
			c.Type(strings.Repeat("k", 6000) + "\r")
			c.WaitFor("api_secret of zed sandbox, not shown: ")
			c.Type("x\r")
			c.WaitFor("6000 bytes")
			c.Type("\x04")
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			_, environ := startSimulator(t)
			at := startAtTerminal(t, environ, "demo", "--plain")
			at.WaitFor("> ")
			at.Type("a\n")
			at.WaitFor("empty stops: ")
			at.Type("zed\n")
			at.WaitFor("api_key of zed sandbox, not shown: ")
			c.end(at)
			at.WaitExit(c.code)
			if strings.Contains(at.Screen(), "half") || strings.Contains(at.Screen(), "kkk") {
				t.Errorf("it was shown:\n%s", at.Screen())
			}
		})
	}
}

func TestConfirm_OtherAnswersChangeNothing(t *testing.T) {
	sim, environ := startSimulator(t)
	add(t, environ, sim, "acme/live")
	c := startAtTerminal(t, environ, "remove", "acme/live")
	c.WaitFor(", type acme/live: ")
	c.Type("acme\n")
	c.WaitExit(7)
	c = startAtTerminal(t, environ, "remove", "acme/live")
	c.WaitFor(", type acme/live: ")
	c.Type("\x04")
	c.WaitExit(7)
	c = startAtTerminal(t, environ, "remove", "acme/live")
	c.WaitFor(", type acme/live: ")
	c.Type("\x03") // the terminal makes it a signal
	c.WaitExit(130)
	c = startAtTerminal(t, environ, "remove", "acme/live")
	c.WaitFor(", type acme/live: ")
	c.Type("acme/live\n")
	c.WaitExit(0)
}

// add adds a merchant's credential with the command.
func add(t *testing.T, environ []string, sim *simulator.Simulator, name string) {
	t.Helper()
	account, env, _ := strings.Cut(name, "/")
	cred, ok := sim.Credential(account, kite.Environment(env))
	if !ok {
		t.Fatalf("the simulator knows no %s", name)
	}
	cmd := exec.Command("kitekey", "add", name, "--stdin")
	cmd.Env = environ
	cmd.Stdin = strings.NewReader(`{"api_key":"` + cred.APIKey.Reveal() + `","api_secret":"` + cred.APISecret.Reveal() + `"}`)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// The child of exec gets the signals and the terminal.
func TestExec_ChildGetsTerminalAndSignals(t *testing.T) {
	sim, environ := startSimulator(t)
	add(t, environ, sim, "acme/sandbox")
	c := startAtTerminal(t, environ, "exec", "acme", "--", "sh", "-c", `trap 'echo trapped; exit 9' INT; test -t 0 && echo "ready $KITE_ACCOUNT"; while :; do sleep 0.05; done`)
	c.WaitFor("ready acme")
	c.Type("\x03")
	c.WaitFor("trapped")
	c.WaitExit(9)
}

func TestVerify_ShowsProgressAtTheTerminal(t *testing.T) {
	sim, environ := startSimulator(t)
	add(t, environ, sim, "acme/sandbox")
	add(t, environ, sim, "acme/live")
	c := startAtTerminal(t, environ, "verify", "--all")
	c.WaitFor("0 of 2 verified…")
	c.WaitFor("2 verified: 2 work")
	c.WaitExit(0)
	if !strings.Contains(c.Screen(), "\r\x1b[Kacme/") {
		t.Errorf("the progress line does not make room:\n%q", c.Screen())
	}
}

func TestScreen_RefusesADumbTerminal(t *testing.T) {
	_, environ := startSimulator(t)
	c := startAtTerminal(t, append(environ, "TERM=dumb"), "demo")
	c.WaitFor("kitekey --plain")
	c.WaitExit(2)
	if strings.Contains(c.Screen(), "\x1b") {
		t.Errorf("%q", c.Screen())
	}
}

func TestDemo_LeavesTheTerminalAsItWas(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]struct {
		do   func(*terminaltest.Terminal)
		code int
	}{
		"q":    {func(c *terminaltest.Terminal) { c.Type("q") }, 0},
		"TERM": {func(c *terminaltest.Terminal) { c.Signal(syscall.SIGTERM) }, 130},
		"HUP":  {func(c *terminaltest.Terminal) { c.Signal(syscall.SIGHUP) }, 130},
	} {
		t.Run(name, func(t *testing.T) {
			_, environ := startSimulator(t)
			c := startAtTerminal(t, environ, "demo")
			c.WaitFor("nothing is stored")
			c.WaitFor("borealis")
			end.do(c)
			c.WaitExit(end.code)
			home := envOf(environ, "KITEKEY_HOME")
			if _, err := os.Stat(home); err == nil {
				t.Errorf("the demo made %s", home)
			}
			if _, err := os.Stat(envOf(environ, "TEST_STORE")); err == nil {
				t.Error("the demo touched the store")
			}
		})
	}
}

func envOf(environ []string, name string) string {
	value := ""
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok && k == name {
			value = v
		}
	}
	return value
}

func TestImport_ShowsHowFarItIs(t *testing.T) {
	_, environ := startSimulator(t)
	file := filepath.Join(t.TempDir(), "keys.csv")
	const table = "account,environment,api_key,api_secret\nacme,sandbox,sim-key-acme-sandbox,sim-secret-acme-sandbox\nzed,sandbox,sim-key-zed-sandbox,sim-secret-zed-sandbox\n"
	if err := os.WriteFile(file, []byte(table), 0o600); err != nil {
		t.Fatal(err)
	}
	c := startAtTerminal(t, environ, "import", file, "--yes")
	c.WaitFor("1 of 2 imported…")
	c.WaitFor("2 added")
	c.WaitExit(0)
}
