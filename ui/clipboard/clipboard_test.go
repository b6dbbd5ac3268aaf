package clipboard

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kitekey/ui/clipboard/clipboardtest"
)

// canary is the secret of these tests: obviously none.
const canary = "JWT canary.canary.canary-not-a-real-token"

// copyAndExit makes the test binary a program that copies what stands on its
// standard input, says which way it went, and ends.
const copyAndExit = "__copy-and-exit"

// copyToStderr is the variable that gives that program a terminal.
const copyToStderr = "COPY_TO_STDERR"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == HelperArg {
		os.Exit(Helper(os.Stdin, os.Stdout))
	}
	if len(os.Args) > 2 && os.Args[1] == copyAndExit {
		stay, err := time.ParseDuration(os.Args[2])
		if err != nil {
			panic(err)
		}
		secret := make([]byte, MaxSize)
		n, _ := os.Stdin.Read(secret)
		var o Options
		if os.Getenv(copyToStderr) != "" {
			o.Terminal = os.Stderr
		}
		receipt, err := New(o).Copy(context.Background(), secret[:n], time.Now().Add(stay))
		fmt.Println(receipt.Way, err)
		if o.Terminal != nil {
			fmt.Printf("clears=%v %s\n", !receipt.ClearsAt.IsZero(), receipt.Caveat)
		}
		os.Exit(0)
	}
	// Whatever desktop this runs on, it is not for the tests.
	for _, name := range []string{"DISPLAY", "WAYLAND_DISPLAY", "TMUX", "STY", "SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT"} {
		_ = os.Unsetenv(name)
	}
	_ = os.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
	// The tests wait more than they compute, so more of them run than there are processors.
	if flag.Parse(); testing.Short() {
		_ = flag.Set("test.parallel", "8")
	}
	goleak.VerifyTestMain(m)
}

// helper is how the tests start the helper: the test binary itself.
var helper = []string{os.Args[0], HelperArg}

func init() {
	if abs, err := filepath.Abs(os.Args[0]); err == nil {
		helper[0] = abs
	}
	if env, err := exec.LookPath("env"); err == nil {
		// A binary with the race detector takes a second to end without this.
		helper = append([]string{env, "GORACE=atexit_sleep_ms=0"}, helper...)
	}
}

// start returns a clipboard that leaves no helper behind.
func start(t *testing.T, o Options) *Clipboard {
	o.Helper = helper
	c := New(o)
	t.Cleanup(func() {
		c.mu.Lock()
		last := c.last
		c.mu.Unlock()
		if err := c.Clear(context.Background()); err != nil {
			t.Error(err)
		}
		if h, ok := last.(*helperSession); ok {
			<-h.ended
		}
	})
	return c
}

func in(d time.Duration) time.Time { return time.Now().Add(d) }

// far is a clearing time that no test waits for.
func far() time.Time { return in(time.Hour) }

func mustCopy(t *testing.T, c *Clipboard, text string, clearAt time.Time) Receipt {
	t.Helper()
	r, err := c.Copy(t.Context(), []byte(text), clearAt)
	if err != nil {
		t.Fatal(err)
	}
	if !r.ClearsAt.Equal(clearAt) {
		t.Errorf("ClearsAt is %v, want %v", r.ClearsAt, clearAt)
	}
	return r
}

func TestCopy_RefusesWhatItCannotKeep(t *testing.T) {
	// Over SSH, because there is always a clipboard on macOS and Windows themselves.
	env := func(name string) string { return map[string]string{"SSH_CONNECTION": "a"}[name] }
	c := New(Options{Env: env, Helper: []string{"/nonexistent"}})
	for _, test := range []struct {
		name    string
		size    int
		clearAt time.Time
		want    error
	}{
		{"nothing", 0, far(), ErrEmpty},
		{"too much", MaxSize + 1, far(), ErrTooBig},
		{"a time that has passed", 1, in(-time.Second), ErrExpired},
		{"no clipboard anywhere", 1, far(), ErrNoWay},
	} {
		if _, err := c.Copy(t.Context(), make([]byte, test.size), test.clearAt); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	if err := c.Clear(t.Context()); err != nil {
		t.Errorf("clearing nothing: %v", err)
	}
}

func TestWays_FollowTheDesktop(t *testing.T) {
	for _, test := range []struct {
		name, goos, env string
		tools           string
		terminal        bool
		want            string
	}{
		{"X desktop", "linux", "DISPLAY=:0", "", true, "X11, OSC 52"},
		{"Wayland desktop", "linux", "WAYLAND_DISPLAY=wayland-0 DISPLAY=:0", "wl-copy", true, "Wayland, X11, OSC 52"},
		{"Wayland without wl-clipboard", "linux", "WAYLAND_DISPLAY=wayland-0 DISPLAY=:0", "", true, "X11 (!), OSC 52"},
		{"tmux on a desktop", "linux", "DISPLAY=:0 TMUX=/tmp/t,1,0", "tmux", true, "X11, tmux, OSC 52"},
		{"SSH", "linux", "SSH_CONNECTION=a SSH_TTY=/dev/pts/1", "", true, "OSC 52"},
		{"SSH to a machine with a desktop", "linux", "SSH_CONNECTION=a DISPLAY=:0 WAYLAND_DISPLAY=wayland-0", "wl-copy", true, "OSC 52"},
		{"SSH that forwards X", "linux", "SSH_CONNECTION=a DISPLAY=localhost:10.0", "", true, "X11, OSC 52"},
		{"SSH in tmux", "linux", "SSH_CONNECTION=a TMUX=/tmp/t,1,0", "tmux", true, "tmux, OSC 52"},
		{"tmux that cannot be run", "linux", "TMUX=/tmp/t,1,0", "", true, "OSC 52"},
		{"console", "linux", "", "", true, "OSC 52"},
		{"dumb terminal", "linux", "TERM=dumb", "", true, ""},
		{"Linux console", "linux", "TERM=linux", "", true, ""},
		{"tmux on a console", "linux", "TERM=linux TMUX=/tmp/t,1,0", "tmux", true, "tmux"},
		{"FreeBSD console", "freebsd", "TERM=cons25", "", true, ""},
		{"no terminal", "linux", "", "", false, ""},
		{"FreeBSD", "freebsd", "DISPLAY=:0", "", false, "X11"},
		{"Mac", "darwin", "", "", true, "macOS, OSC 52"},
		{"Mac with XQuartz", "darwin", "DISPLAY=/private/tmp/x:0", "", false, "macOS"},
		{"Mac over SSH", "darwin", "SSH_CONNECTION=a", "", true, "OSC 52"},
		{"Windows", "windows", "", "", true, "Windows, OSC 52"},
	} {
		env := func(name string) string {
			for _, pair := range strings.Fields(test.env) {
				if k, v, _ := strings.Cut(pair, "="); k == name {
					return v
				}
			}
			return ""
		}
		has := func(tool string) bool { return strings.Contains(test.tools, tool) }
		var got []string
		for _, w := range candidatesFor(test.goos, env, test.terminal, has) {
			s := string(w.way)
			if w.caveat != "" {
				s += " (!)"
			}
			got = append(got, s)
		}
		if s := strings.Join(got, ", "); s != test.want {
			t.Errorf("%s: %s, want %s", test.name, s, test.want)
		}
	}
}

func TestX11_PastesInEveryFormatUntilCleared(t *testing.T) {
	t.Parallel()
	x := clipboardtest.StartX(t)
	c := start(t, Options{Env: x.Env})
	if ways := c.Ways(); len(ways) != 1 || ways[0] != X11 {
		t.Errorf("ways are %v", ways)
	}
	if r := mustCopy(t, c, canary, far()); r.Way != X11 || r.Caveat != "" {
		t.Errorf("receipt is %+v", r)
	}
	for target, want := range map[string]string{
		"UTF8_STRING": canary, "STRING": canary, "text/plain;charset=utf-8": canary, "text/plain": canary,
		"x-kde-passwordManagerHint": "secret",
	} {
		if got, err := x.PasteAs(target); err != nil || got != want {
			t.Errorf("%s gives %q, %v", target, got, err)
		}
	}
	targets, err := x.PasteAs("TARGETS")
	for _, want := range []string{"TARGETS", "TIMESTAMP", "MULTIPLE", "UTF8_STRING", "x-kde-passwordManagerHint"} {
		if !strings.Contains(targets, want+"\n") {
			t.Errorf("TARGETS lacks %s: %q, %v", want, targets, err)
		}
	}
	if _, err := x.PasteAs("image/png"); !errors.Is(err, clipboardtest.ErrNothing) {
		t.Errorf("a picture of it: %v", err)
	}
	if err := c.Clear(t.Context()); err != nil {
		t.Error(err)
	}
	x.WaitForNothing()
}

// The copy goes with the server, so there is nothing left to wait for.
func TestX11_WaitEndsWithTheServer(t *testing.T) {
	t.Parallel()
	x := clipboardtest.StartX(t)
	c := start(t, Options{Env: x.Env})
	mustCopy(t, c, canary, far())
	ended := make(chan error, 1)
	go func() { ended <- c.Wait(t.Context()) }()
	select {
	case err := <-ended:
		t.Fatalf("Wait ended while the copy was there: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	x.Kill()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(clipboardtest.Patience):
		t.Error("Wait did not end with the server")
	}
}

func TestX11_PastesTheLargestSecretWhole(t *testing.T) {
	if testing.Short() {
		t.Skip("pastes the text in pieces")
	}
	t.Parallel()
	x := clipboardtest.StartX(t)
	large := strings.Repeat("0123456789abcdef", MaxSize/16)
	mustCopy(t, start(t, Options{Env: x.Env}), large, far())
	if got, err := x.Paste(); err != nil || got != large {
		t.Errorf("%d bytes came back of %d, %v", len(got), len(large), err)
	}
}

func TestX11_ClearsInTime(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a time to pass")
	}
	t.Parallel()
	x := clipboardtest.StartX(t)
	c := start(t, Options{Env: x.Env})
	clearAt := in(2 * time.Second)
	mustCopy(t, c, canary, clearAt)
	x.WaitForNothing()
	if early := time.Until(clearAt); early > 0 {
		t.Errorf("it was gone %v too early", early)
	}
}

func TestX11_LeavesOtherCopiesAlone(t *testing.T) {
	t.Parallel()
	x := clipboardtest.StartX(t)
	c := start(t, Options{Env: x.Env})
	mustCopy(t, c, canary, far())
	x.CopyElsewhere("something else")
	if got, err := x.Paste(); err != nil || got != "something else" {
		t.Errorf("the other copy is %q, %v", got, err)
	}
	if err := c.Clear(t.Context()); err != nil {
		t.Error(err)
	}
	if got, err := x.Paste(); err != nil || got != "something else" {
		t.Errorf("after Clear the other copy is %q, %v", got, err)
	}
}

func TestX11_SecondCopyRestartsTheTime(t *testing.T) {
	t.Parallel()
	x := clipboardtest.StartX(t)
	first := start(t, Options{Env: x.Env})
	mustCopy(t, first, "the first", in(1500*time.Millisecond))
	h := first.last.(*helperSession)
	// As another process would: it knows nothing of the first.
	second := start(t, Options{Env: x.Env})
	mustCopy(t, second, canary, far())
	<-h.ended
	if got, err := x.Paste(); err != nil || got != canary {
		t.Errorf("when the first one's helper had ended there was %q, %v", got, err)
	}
}

// TestX11_ClearsAfterTheProgramHasEnded runs a program that copies and ends, in a session whose terminal
// hangs up, and reads every process's command line and environment meanwhile.
func TestX11_ClearsAfterTheProgramHasEnded(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a time to pass")
	}
	t.Parallel()
	x := clipboardtest.StartX(t)
	cmd := exec.Command(helper[len(helper)-2], copyAndExit, "15s")
	cmd.Env = []string{"DISPLAY=" + x.Display, "PATH=" + os.Getenv("PATH"), "KITEKEY_UNNEEDED=" + "not-for-the-helper"}
	cmd.Stdin = strings.NewReader(canary)
	// Output waits until every process has closed the pipe, so the helper must not
	// keep it open.
	out, err := cmd.Output()
	if err != nil || string(out) != "X11 <nil>\n" {
		t.Fatalf("%s, %v", out, err)
	}
	if got, err := x.Paste(); err != nil || got != canary {
		t.Errorf("after the program's end there is %q, %v", got, err)
	}
	helpers := 0
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range processes {
		cmdline, _ := os.ReadFile(dir + "/cmdline")
		environ, _ := os.ReadFile(dir + "/environ")
		if strings.Contains(string(cmdline)+string(environ), canary) {
			t.Errorf("the secret is in %s: %s", dir, cmdline)
		}
		if strings.Contains(string(environ), "DISPLAY="+x.Display+"\x00") && strings.HasSuffix(string(cmdline), HelperArg+"\x00") {
			helpers++
			if strings.Contains(string(environ), "not-for-the-helper") {
				t.Errorf("the helper got an environment it has no use for")
			}
			stat, _ := os.ReadFile(dir + "/stat")
			fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
			if pid := filepath.Base(dir); fields[3] != pid || fields[4] != "0" {
				t.Errorf("the helper %s is in session %s with terminal %s", pid, fields[3], fields[4])
			}
			pid := 0
			_, _ = fmt.Sscan(filepath.Base(dir), &pid)
			hangUp(t, pid)
		}
	}
	if helpers != 1 {
		t.Errorf("%d helpers are running", helpers)
	}
	if got, err := x.Paste(); err != nil || got != canary {
		t.Errorf("after the hang-up there is %q, %v", got, err)
	}
	x.WaitForNothing()
}

func TestX11_UnreachableServerIsAnError(t *testing.T) {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		t.Skip("there is no X here")
	}
	c := New(Options{Helper: helper, Env: func(name string) string {
		return map[string]string{"DISPLAY": ":65000"}[name]
	}})
	_, err := c.Copy(t.Context(), []byte(canary), far())
	if err == nil || !strings.Contains(err.Error(), "the X display :65000 cannot be reached") {
		t.Errorf("error is %v", err)
	}
	if ways := c.Ways(); len(ways) != 0 {
		t.Errorf("ways are %v", ways)
	}
}

func TestCopy_EndsWhenItsHelperDoesNotAnswer(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a deadline")
	}
	x := clipboardtest.StartX(t)
	for name, command := range map[string][]string{
		"ends":         {"true"},
		"says nothing": {"sleep", "1000"},
		"is missing":   {"/nonexistent/helper"},
		"is something": {"echo", "hello"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, err := New(Options{Env: x.Env, Helper: command}).Copy(ctx, []byte(canary), far())
		cancel()
		if err == nil {
			t.Errorf("a helper that %s: no error", name)
		}
	}
}
