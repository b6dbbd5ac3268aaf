//go:build !windows

package clipboard

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"kitekey/ui/clipboard/clipboardtest"
)

// The sequences as a terminal gets them.
var (
	setCanary = "\x1b]52;c;" + base64.StdEncoding.EncodeToString([]byte(canary)) + "\a"
	wiped     = "\x1b]52;c;IA==\a\x1b]52;c;\a"
)

// screen collects what is written to a terminal.
type screen struct {
	mu   sync.Mutex
	seen bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen.String()
}

func (s *screen) waitFor(t *testing.T, what string) {
	t.Helper()
	clipboardtest.Eventually(t, func() error {
		if got := s.String(); !strings.Contains(got, what) {
			return fmt.Errorf("the terminal got %q, not %q", got, what)
		}
		return nil
	})
}

// openTerminal returns a terminal and what is written to it.
func openTerminal(t *testing.T) (*os.File, *screen) {
	t.Helper()
	ptmx, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	s := new(screen)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 4096)
		for {
			n, err := ptmx.Read(buf)
			_, _ = s.Write(buf[:n])
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = tty.Close()
		<-done // ends when every process, helpers included, has closed the terminal
		_ = ptmx.Close()
	})
	return tty, s
}

// environ is an environment of these pairs and PATH alone.
func environ(pairs ...string) func(string) string {
	return func(name string) string {
		for _, pair := range append(pairs, "PATH="+os.Getenv("PATH")) {
			if k, v, _ := strings.Cut(pair, "="); k == name {
				return v
			}
		}
		return ""
	}
}

func TestOSC52_SetsAndClearsInTime(t *testing.T) {
	t.Parallel()
	terminal, s := openTerminal(t)
	c := start(t, Options{Terminal: terminal, Env: environ("SSH_CONNECTION=x")})
	r := mustCopy(t, c, canary, in(time.Second))
	if r.Way != OSC52 || r.Caveat != caveatTerminal {
		t.Errorf("receipt is %+v", r)
	}
	s.waitFor(t, setCanary)
	s.waitFor(t, wiped)
}

func TestOSC52_ClearsAtOnceWhenAsked(t *testing.T) {
	t.Parallel()
	terminal, s := openTerminal(t)
	c := start(t, Options{Terminal: terminal, Env: environ("SSH_CONNECTION=x")})
	mustCopy(t, c, canary, far())
	if err := c.Clear(t.Context()); err != nil {
		t.Error(err)
	}
	s.waitFor(t, setCanary+wiped)
}

// TestOSC52_SecondCopyRestartsTheTime copies from two processes' worth of
// clipboards, as two runs of a command in one terminal do.
func TestOSC52_SecondCopyRestartsTheTime(t *testing.T) {
	t.Run("with a runtime folder", func(t *testing.T) {
		t.Parallel()
		testSecondCopy(t, environ("SSH_CONNECTION=x", "XDG_RUNTIME_DIR="+t.TempDir()))
	})
	t.Run("without one", func(t *testing.T) {
		t.Parallel()
		testSecondCopy(t, environ("SSH_CONNECTION=x", "TMPDIR="+t.TempDir()))
	})
}

func testSecondCopy(t *testing.T, env func(string) string) {
	t.Helper()
	terminal, s := openTerminal(t)
	first := start(t, Options{Terminal: terminal, Env: env})
	mustCopy(t, first, "the first", in(time.Second))
	h := first.last.(*helperSession)
	second := start(t, Options{Terminal: terminal, Env: env})
	mustCopy(t, second, canary, far())
	<-h.ended
	s.waitFor(t, setCanary)
	if _, after, _ := strings.Cut(s.String(), setCanary); after != "" {
		t.Errorf("the first copy's helper wrote %q", after)
	}
}

// TestOSC52_WithoutDeviceThisProcessClears writes to what is not a terminal's file: this process
// clears, as long as it runs.
func TestOSC52_WithoutDeviceThisProcessClears(t *testing.T) {
	t.Parallel()
	s := new(screen)
	c := start(t, Options{Terminal: s, Env: environ(), Stays: true})
	if r := mustCopy(t, c, canary, in(100*time.Millisecond)); r.Caveat != caveatUntilQuit {
		t.Errorf("receipt is %+v", r)
	}
	s.waitFor(t, setCanary+wiped)
	mustCopy(t, c, canary, far())
	if err := errors.Join(c.Clear(t.Context()), c.Clear(t.Context())); err != nil {
		t.Error(err)
	}
	if n := strings.Count(s.String(), wiped); n != 2 {
		t.Errorf("it was wiped %d times in all, want 2", n)
	}
}

// TestOSC52_WritesNothingToATerminalThatHasGone has the terminal's session end before the time does.
func TestOSC52_WritesNothingToATerminalThatHasGone(t *testing.T) {
	t.Parallel()
	_, device := openTerminal(t)
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	err := terminalClearer{tty{"/nonexistent", gone.Process.Pid}}.Clear(nil)
	if err != nil || device.String() != "" {
		t.Errorf("%v, %q", err, device)
	}
}

func TestOSC52_CloseClearsWhatNoHelperCan(t *testing.T) {
	t.Parallel()
	s := new(screen)
	c := start(t, Options{Terminal: s, Env: environ(), Stays: true})
	mustCopy(t, c, canary, far())
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if got := s.String(); got != setCanary+wiped {
		t.Errorf("the terminal got %q", got)
	}
}

// A process that ends after the copy and leads its terminal's session takes the
// terminal with it: "ssh -t host kitekey copy acme".
func TestOSC52_SessionLeaderPromisesNothing(t *testing.T) {
	t.Parallel()
	terminal, s := openTerminal(t)
	cmd := exec.Command(helper[len(helper)-2], copyAndExit, "1h")
	cmd.Env = []string{"SSH_CONNECTION=x", "PATH=" + os.Getenv("PATH"), copyToStderr + "=1"}
	cmd.Stdin = strings.NewReader(canary)
	cmd.Stderr = terminal
	cmd.SysProcAttr = controllingFrom(2)
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), "clears=false") || !strings.Contains(string(out), caveatStays) {
		t.Errorf("%s, %v", out, err)
	}
	s.waitFor(t, setCanary)
}

func TestOSC52_CopyWithoutClearingLeavesNoHelper(t *testing.T) {
	t.Parallel()
	terminal, s := openTerminal(t)
	c := start(t, Options{Terminal: terminal, Env: environ("SSH_CONNECTION=x")})
	mustCopy(t, c, canary, time.Time{})
	s.waitFor(t, setCanary)
	if _, helper := c.last.(*helperSession); helper {
		t.Error("a helper stays with nothing to do")
	}
}

func TestTmux_CopyWithoutClearingLeavesNoHelper(t *testing.T) {
	t.Parallel()
	env, run, _ := startTmux(t)
	c := start(t, Options{Env: env})
	mustCopy(t, c, canary, time.Time{})
	<-c.last.(*helperSession).ended
	if got := run("show-buffer"); got != canary {
		t.Errorf("tmux has %q", got)
	}
}

func TestOSC52_PassesThroughMultiplexers(t *testing.T) {
	t.Parallel()
	if got := osc52Set("x", environ("TMUX=/tmp/t,1,0")); got != "\x1b]52;c;eA==\a"+"\x1bPtmux;\x1b\x1b]52;c;eA==\a\x1b\\" {
		t.Errorf("in tmux: %q", got)
	}
	long := osc52Set(strings.Repeat("x", 1000), environ("STY=1.pts-0.host"))
	for _, piece := range strings.SplitAfter(long, "\x1b\\") {
		if piece == "" {
			continue
		}
		inner, ok := strings.CutPrefix(strings.TrimSuffix(piece, "\x1b\\"), "\x1bP")
		if !ok || len(inner) > screenLimit {
			t.Errorf("in screen a piece has %d bytes, and starts with %.4q", len(inner), piece)
		}
	}
	if got := strings.NewReplacer("\x1bP", "", "\x1b\\", "").Replace(long); got != osc52Set(strings.Repeat("x", 1000), environ()) {
		t.Errorf("the pieces make %q", got)
	}
}

// startTmux starts a tmux server of the test's own and attaches a terminal to it.
func startTmux(t *testing.T) (env func(string) string, run func(args ...string) string, outside *screen) {
	t.Helper()
	clipboardtest.Need(t, "tmux")
	// Not t.TempDir: a socket's path has at most 108 bytes.
	dir, err := os.MkdirTemp("", "tmux")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	command := func(args ...string) *exec.Cmd {
		cmd := exec.Command("tmux", append([]string{"-S", socket, "-f", "/dev/null"}, args...)...)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TERM=xterm-256color", "LC_ALL=C.UTF-8"}
		return cmd
	}
	run = func(args ...string) string {
		t.Helper()
		out, err := command(args...).CombinedOutput()
		if err != nil && !strings.Contains(string(out), "no buffer") {
			t.Errorf("tmux %s: %v: %s", strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	run("new-session", "-d", "-x", "80", "-y", "24", "cat")
	t.Cleanup(func() { _ = command("kill-server").Run() })
	terminal, outside := openTerminal(t)
	client := command("attach-session")
	client.Stdin, client.Stdout, client.Stderr = terminal, terminal, terminal
	client.SysProcAttr = controlling()
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command("kill-server").Run()
		_ = client.Wait()
	})
	clipboardtest.Eventually(t, func() error {
		if run("list-clients") == "" {
			return errors.New("tmux has no client")
		}
		return nil
	})
	return environ("TMUX=" + socket + ",1,0"), run, outside
}

// Without its helper a copy on X11 is gone, and one in tmux stays.
func TestWait_TellsWhetherACopyStaysWithoutItsHelper(t *testing.T) {
	t.Parallel()
	x := clipboardtest.StartX(t)
	tmux, _, _ := startTmux(t)
	for way, env := range map[Way]func(string) string{X11: x.Env, Tmux: tmux} {
		c := start(t, Options{Env: env})
		if r := mustCopy(t, c, canary, far()); r.Way != way {
			t.Fatalf("the way is %s, not %s", r.Way, way)
		}
		c.last.(*helperSession).kill()
		if err := c.Wait(t.Context()); (err != nil) != (way == Tmux) {
			t.Errorf("%s: Wait returned %v", way, err)
		}
		c.last = nil // there is nothing that could clear it
	}
}

// Nothing is left to clear when the server has ended, also when it was killed and its
// socket stays.
func TestTmux_HelperEndsWithTheServer(t *testing.T) {
	if testing.Short() {
		t.Skip("waits until the helper asks the server again")
	}
	t.Parallel()
	env, run, _ := startTmux(t)
	c := start(t, Options{Env: env})
	mustCopy(t, c, canary, far())
	run("kill-server")
	select {
	case <-c.last.(*helperSession).ended:
	case <-time.After(clipboardtest.Patience):
		t.Error("the helper goes on without a clipboard")
	}
}

func TestTmux_SetsAndClearsInTime(t *testing.T) {
	t.Parallel()
	env, run, outside := startTmux(t)
	c := start(t, Options{Env: env})
	if ways := c.Ways(); len(ways) != 1 || ways[0] != Tmux {
		t.Errorf("ways are %v", ways)
	}
	if r := mustCopy(t, c, canary, in(time.Second)); r.Way != Tmux || !strings.Contains(r.Caveat, "outside tmux") {
		t.Errorf("receipt is %+v", r)
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(canary))
	outside.waitFor(t, encoded)
	clipboardtest.Eventually(t, func() error {
		if left := run("list-buffers"); left != "" {
			return fmt.Errorf("tmux has %s", left)
		}
		return nil
	})
	outside.waitFor(t, ";"+base64.StdEncoding.EncodeToString([]byte(" ")))
}

func TestTmux_SecondCopyLeavesOtherBuffersAlone(t *testing.T) {
	t.Parallel()
	env, run, outside := startTmux(t)
	first := start(t, Options{Env: env})
	mustCopy(t, first, "the first", in(time.Second))
	h := first.last.(*helperSession)
	second := start(t, Options{Env: env})
	mustCopy(t, second, canary, far())
	if names := run("list-buffers", "-F", "#{buffer_name}"); strings.Contains(names, "\n") {
		t.Errorf("the first copy is there still: %s", names)
	}
	<-h.ended
	if got := run("show-buffer"); got != canary {
		t.Errorf("when the first one's helper had ended there was %q", got)
	}
	run("set-buffer", "something else")
	before := outside.String()
	if err := second.Clear(t.Context()); err != nil {
		t.Error(err)
	}
	if got := run("list-buffers", "-F", "#{buffer_sample}"); got != "something else" {
		t.Errorf("tmux has %q", got)
	}
	if after := strings.TrimPrefix(outside.String(), before); strings.Contains(after, "]52;") {
		t.Errorf("the terminal outside was sent %q", after)
	}
}
