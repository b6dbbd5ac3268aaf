//go:build !windows

package cli_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"

	"kitekey/kite"
	"kitekey/kite/simulator"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// atTerminal is a command that runs on a terminal of its own.
type atTerminal struct {
	t      *testing.T
	cmd    *exec.Cmd
	master *os.File
	tty    *os.File // kept open: its state outlives the command
	before *term.State

	mu  sync.Mutex
	out bytes.Buffer
}

// world starts a simulator, of the usual merchants when none are named, and gives the environment of a command over it.
func world(t *testing.T, merchants ...simulator.Merchant) (*simulator.Simulator, []string) {
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

func startAtTerminal(t *testing.T, environ []string, args ...string) *atTerminal {
	t.Helper()
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	c := &atTerminal{t: t, master: master, tty: tty, cmd: exec.Command("kitekey", args...)}
	if c.before, err = term.GetState(int(tty.Fd())); err != nil {
		t.Fatal(err)
	}
	_ = pty.Setsize(master, &pty.Winsize{Rows: 24, Cols: 80})
	c.cmd.Env = environ
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = tty, tty, tty
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(writerFunc(func(p []byte) (int, error) {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.out.Write(p)
		}), master)
	}()
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		_ = tty.Close()
		_ = master.Close()
		<-read
	})
	return c
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func (c *atTerminal) seen() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.String()
}

// until waits for text on the terminal.
func (c *atTerminal) until(text string) {
	c.t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(c.seen(), text); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			c.t.Fatalf("no %q in:\n%s", text, c.seen())
		}
	}
}

func (c *atTerminal) types(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.master, text); err != nil {
		c.t.Fatal(err)
	}
}

// ends waits for the command's end and checks its exit code and the terminal.
func (c *atTerminal) ends(code int) {
	c.t.Helper()
	done := make(chan struct{})
	go func() { _ = c.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(patience):
		c.t.Fatalf("still running; on the terminal:\n%s", c.seen())
	}
	if got := c.cmd.ProcessState.ExitCode(); got != code {
		c.t.Errorf("exit code %d, want %d; on the terminal:\n%s", got, code, c.seen())
	}
	after, err := term.GetState(int(c.tty.Fd()))
	if err != nil {
		c.t.Fatal(err)
	}
	if !reflect.DeepEqual(after, c.before) {
		c.t.Errorf("the terminal was left changed:\n%+v\n%+v", c.before, after)
	}
}

func TestHiddenPrompts(t *testing.T) {
	_, environ := world(t)
	c := startAtTerminal(t, environ, "add", "acme")
	c.until("api_key of acme/sandbox (hidden): ")
	c.types("sim-key-acmeX\x7f-sandbox\r") // backspace
	c.until("api_secret of acme/sandbox (hidden): ")
	c.types("thrown away\x15  sim-secret-acme-sandbox \r") // ctrl-u
	c.until("blanks around the pasted key pair were dropped")
	c.until("stored in the keyring")
	c.ends(0)
	for _, secret := range []string{"sim-key", "sim-secret", "thrown", "*"} {
		if strings.Contains(c.seen(), secret) {
			t.Errorf("%q was shown:\n%s", secret, c.seen())
		}
	}
}

// A long paste arrives whole, or is refused for its length: it is never cut.
func TestLongPasteIsNotCut(t *testing.T) {
	_, environ := world(t)
	c := startAtTerminal(t, environ, "add", "acme")
	c.until("api_key")
	c.types(strings.Repeat("k", 6000) + "\r")
	c.until("api_secret")
	c.types("x\r")
	c.until("6000 bytes")
	c.types("\x03")
	c.ends(130)
}

func TestPromptEnds(t *testing.T) {
	for name, end := range map[string]func(*atTerminal){
		"ctrl-c": func(c *atTerminal) { c.types("half a secret\x03") },
		"ctrl-d": func(c *atTerminal) { c.types("\x04") },
		"SIGINT": func(c *atTerminal) { _ = c.cmd.Process.Signal(syscall.SIGINT) },
		"TERM":   func(c *atTerminal) { _ = c.cmd.Process.Signal(syscall.SIGTERM) },
		"HUP":    func(c *atTerminal) { _ = c.cmd.Process.Signal(syscall.SIGHUP) },
	} {
		t.Run(name, func(t *testing.T) {
			_, environ := world(t)
			c := startAtTerminal(t, environ, "add", "acme")
			c.until("api_key of acme/sandbox (hidden): ")
			// Only when the terminal is hidden there is something to restore.
			for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
				if now, err := term.GetState(int(c.tty.Fd())); err == nil && !reflect.DeepEqual(now, c.before) {
					break
				} else if time.Now().After(deadline) {
					t.Fatal("the prompt never hid what is typed")
				}
			}
			end(c)
			c.ends(130)
		})
	}
}

// Plain mode's hidden prompts are no worse.
func TestPlainHiddenPrompt(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*atTerminal)
		code int
	}{
		"ctrl-d": {func(c *atTerminal) { c.types("\x04") }, 0},
		"ctrl-c": {func(c *atTerminal) { c.types("half a secret\x03") }, 130},
		"TERM":   {func(c *atTerminal) { _ = c.cmd.Process.Signal(syscall.SIGTERM) }, 130},
		"paste": {func(c *atTerminal) {
			c.types(strings.Repeat("k", 6000) + "\r")
			c.until("6000 bytes")
			c.types("\x04")
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			_, environ := world(t)
			at := startAtTerminal(t, environ, "demo", "--plain")
			at.until("> ")
			at.types("a\n")
			at.until("empty stops: ")
			at.types("zed\n")
			at.until("api_key, not shown: ")
			c.end(at)
			at.ends(c.code)
			if strings.Contains(at.seen(), "half") || strings.Contains(at.seen(), "kkk") {
				t.Errorf("it was shown:\n%s", at.seen())
			}
		})
	}
}

func TestConfirmEnds(t *testing.T) {
	sim, environ := world(t)
	add(t, environ, sim, "acme/live")
	c := startAtTerminal(t, environ, "remove", "acme/live")
	c.until("Type acme/live to confirm: ")
	c.types("acme\n")
	c.ends(7)
	c = startAtTerminal(t, environ, "remove", "acme/live")
	c.until("Type acme/live to confirm: ")
	c.types("\x04")
	c.ends(7)
	c = startAtTerminal(t, environ, "remove", "acme/live")
	c.until("Type acme/live to confirm: ")
	c.types("\x03") // the terminal makes a signal of it
	c.ends(130)
	c = startAtTerminal(t, environ, "remove", "acme/live")
	c.until("Type acme/live to confirm: ")
	c.types("acme/live\n")
	c.ends(0)
}

// add stores a merchant's pair through the command.
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

// Signals and the terminal belong to what exec runs.
func TestExecAtTerminal(t *testing.T) {
	sim, environ := world(t)
	add(t, environ, sim, "acme/sandbox")
	c := startAtTerminal(t, environ, "exec", "acme", "--", "sh", "-c", `trap 'echo trapped; exit 9' INT; test -t 0 && echo "ready $KITE_ACCOUNT"; while :; do sleep 0.05; done`)
	c.until("ready acme")
	c.types("\x03")
	c.until("trapped")
	c.ends(9)
}

func TestVerifyShowsProgressAtTerminal(t *testing.T) {
	sim, environ := world(t)
	add(t, environ, sim, "acme/sandbox")
	add(t, environ, sim, "acme/live")
	c := startAtTerminal(t, environ, "verify", "--all")
	c.until("0 of 2 verified…")
	c.until("2 verified: works 2")
	c.ends(0)
	if !strings.Contains(c.seen(), "\r\x1b[Kacme/") {
		t.Errorf("the progress line does not make room:\n%q", c.seen())
	}
}

func TestDumbTerminal(t *testing.T) {
	_, environ := world(t)
	c := startAtTerminal(t, append(environ, "TERM=dumb"), "demo")
	c.until("kitekey --plain")
	c.ends(2)
	if strings.Contains(c.seen(), "\x1b") {
		t.Errorf("%q", c.seen())
	}
}

// The screen leaves the terminal as it was, however it ends.
func TestDemoLeavesTheTerminal(t *testing.T) {
	for name, end := range map[string]struct {
		do   func(*atTerminal)
		code int
	}{
		"q":    {func(c *atTerminal) { c.types("q") }, 0},
		"TERM": {func(c *atTerminal) { _ = c.cmd.Process.Signal(syscall.SIGTERM) }, 130},
		"HUP":  {func(c *atTerminal) { _ = c.cmd.Process.Signal(syscall.SIGHUP) }, 130},
	} {
		t.Run(name, func(t *testing.T) {
			_, environ := world(t)
			c := startAtTerminal(t, environ, "demo")
			c.until("DEMO")
			c.until("ember")
			end.do(c)
			c.ends(end.code)
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
