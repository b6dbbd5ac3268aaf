//go:build linux

package cli_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/gdamore/tcell/v3/vt"
	"golang.org/x/term"

	"kitekey/kite"
	"kitekey/ui/clipboard/clipboardtest"
)

// screen is the real program on a real pty, whose other end is an emulated terminal:
// it answers queries, has cells, and keeps what OSC 52 puts on its clipboard.
type screen struct {
	t      *testing.T
	cmd    *exec.Cmd
	master *os.File
	tty    *os.File // kept open: its state outlives the program
	before *term.State
	vt     vt.MockTerm
	cols   int
	rows   int

	mu  sync.Mutex
	raw strings.Builder // every byte that was written to it
}

func startScreen(t *testing.T, binary string, env []string, args ...string) *screen {
	t.Helper()
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{t: t, master: master, tty: tty, cols: 110, rows: 32}
	if s.before, err = term.GetState(int(tty.Fd())); err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(master, &pty.Winsize{Cols: uint16(s.cols), Rows: uint16(s.rows)}); err != nil {
		t.Fatal(err)
	}
	s.vt = vt.NewMockTerm(vt.MockOptSize{X: vt.Col(s.cols), Y: vt.Row(s.rows)})
	if err := s.vt.Start(); err != nil {
		t.Fatal(err)
	}
	s.cmd = exec.Command(binary, args...)
	s.cmd.Env = append(env[:len(env):len(env)], "TERM=xterm-256color")
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = tty, tty, tty
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { // from the program to the terminal
		buf := make([]byte, 32<<10)
		for {
			n, err := master.Read(buf)
			s.mu.Lock()
			s.raw.Write(buf[:n])
			s.mu.Unlock()
			_, _ = s.vt.Write(buf[:n])
			if err != nil {
				return
			}
		}
	})
	wg.Go(func() { // the terminal's answers to the program
		buf := make([]byte, 4096)
		for {
			n, err := s.vt.Read(buf)
			if err != nil || n == 0 {
				return
			}
			if _, err := master.Write(buf[:n]); err != nil {
				return
			}
		}
	})
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		_ = tty.Close()
		_ = s.vt.Close()
		_ = master.Close()
		wg.Wait()
		if t.Failed() {
			t.Logf("the screen:\n%s", s)
		}
	})
	return s
}

// String is what can be read on the screen.
func (s *screen) String() string {
	_ = s.vt.Drain()
	var b strings.Builder
	for y := range s.rows {
		var line strings.Builder
		for x := 0; x < s.cols; x++ {
			cell := s.vt.GetCell(vt.Coord{X: vt.Col(x), Y: vt.Row(y)})
			if cell.C == "" {
				cell.C = " "
			}
			line.WriteString(cell.C)
			x += max(cell.W, 1) - 1
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

func (s *screen) written() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.raw.String()
}

func (s *screen) types(keys string) {
	s.t.Helper()
	if _, err := s.master.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

// until waits for text on the screen.
func (s *screen) until(text string) {
	s.t.Helper()
	clipboardtest.Eventually(s.t, func() error {
		if !strings.Contains(s.String(), text) {
			return fmt.Errorf("there is no %q on the screen", text)
		}
		return nil
	})
}

// ends waits until the program has ended, and checks that it left the terminal as
// it found it: its modes, the first screen, a visible cursor.
func (s *screen) ends(code int) {
	s.t.Helper()
	done := make(chan struct{})
	go func() { _ = s.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(clipboardtest.Patience):
		s.t.Fatal("it is still running")
	}
	if got := s.cmd.ProcessState.ExitCode(); got != code {
		s.t.Errorf("exit code %d, want %d", got, code)
	}
	after, err := term.GetState(int(s.tty.Fd()))
	if err != nil {
		s.t.Fatal(err)
	}
	if !reflect.DeepEqual(after, s.before) {
		s.t.Errorf("the terminal's modes are changed:\n%+v\n%+v", s.before, after)
	}
	clipboardtest.Eventually(s.t, func() error {
		for on, off := range map[string]string{"\x1b[?1049h": "\x1b[?1049l", "\x1b[?25l": "\x1b[?25h", "\x1b[?2004h": "\x1b[?2004l"} {
			raw := s.written()
			if strings.LastIndex(raw, on) > strings.LastIndex(raw, off) {
				return fmt.Errorf("%q was not undone", on)
			}
		}
		return nil
	})
}

// showsNone fails the test if a text was ever written to the terminal.
func (s *screen) showsNone(texts ...string) {
	s.t.Helper()
	raw := s.written()
	for _, text := range texts {
		if strings.Contains(raw, text) {
			s.t.Errorf("%q was on the screen", text)
		}
	}
}

// addAcme goes through the form.
func (s *screen) addAcme() {
	s.t.Helper()
	s.until("No accounts here yet")
	s.types("a")
	s.until("Add a credential")
	for _, field := range []string{"acme", "", "", secretsOf("acme")[0], secretsOf("acme")[1]} {
		s.types(field + "\r")
	}
	s.until("enter verify and save")
	s.types("\r")
	s.until("acme / sandbox")
}

var countdown = regexp.MustCompile(`acme +sandbox .*?([0-9]+):([0-9]{2})`)

// secondsLeft is the countdown in the list, -1 when there is none.
func (s *screen) secondsLeft() int {
	m := countdown.FindStringSubmatch(s.String())
	if m == nil {
		return -1
	}
	var minutes, seconds int
	_, _ = fmt.Sscan(m[1], &minutes)
	_, _ = fmt.Sscan(strings.TrimLeft(m[2], "0")+" ", &seconds)
	return 60*minutes + seconds
}

// TestMainJobOnTheScreen is the main job at a terminal from end to end, on a real
// keyring and a real X clipboard.
func TestMainJobOnTheScreen(t *testing.T) {
	if testing.Short() {
		t.Skip("drives a real terminal")
	}
	x := clipboardtest.StartX(t)
	h := newHouse(t, "acme")
	h.env = append(h.env, "DISPLAY="+x.Display)
	watch := watchProcesses(t)
	watch.look(secretsOf("acme")...)
	s := startScreen(t, h.binary, h.env, "--clear-after", "10s")
	s.addAcme()
	if users := h.keyring.Users("kitekey"); len(users) != 1 {
		t.Errorf("the keyring has %d items, want 1", len(users))
	}

	s.types("m")
	s.until("Mint a token for acme / sandbox")
	s.types("90s\r")
	s.until("header of acme/sandbox copied (X11)")
	header, err := x.Paste()
	if err != nil || !strings.HasPrefix(header, "Authorization: JWT ") {
		t.Fatalf("on the clipboard: %.20q, %v", header, err)
	}
	if status := walletAnswers(t, h.sim.BaseURL(kite.Sandbox), header); status != http.StatusOK {
		t.Errorf("the wallet endpoint answers %d to it", status)
	}

	var seen []int
	began := time.Now()
	clipboardtest.Eventually(t, func() error {
		left := s.secondsLeft()
		if left > 90 {
			t.Errorf("%d s left of 90", left)
		}
		if left >= 0 && (len(seen) == 0 || left != seen[len(seen)-1]) {
			seen = append(seen, left)
		}
		if len(seen) < 5 {
			return fmt.Errorf("the countdown has shown %v", seen)
		}
		return nil
	})
	elapsed := int(time.Since(began).Seconds())
	for i := 1; i < len(seen); i++ {
		// By one second each, but for what a busy machine skips.
		if fell := seen[i-1] - seen[i]; fell < 1 || fell > max(1, elapsed-2) {
			t.Errorf("in %d s the countdown went %v", elapsed, seen)
		}
	}

	x.WaitForNothing()
	clipboardtest.Eventually(t, func() error {
		if strings.Contains(s.String(), "copied (X11)") {
			return fmt.Errorf("the screen still says that there is a copy")
		}
		return nil
	})

	// A copy outlives the program, and what replaces it is left alone.
	s.types("c")
	x.WaitFor(header)
	s.types("q")
	s.ends(0)
	x.CopyElsewhere("something else")
	s.showsNone(append(secretsOf("acme"), strings.TrimPrefix(header, "Authorization: JWT "))...)
	filesHave(t, envOf(h.env, "KITEKEY_HOME"), append(secretsOf("acme"), header)...)
	watch.stop()
	if got, err := x.Paste(); err != nil || got != "something else" {
		t.Errorf("the other copy is %q, %v", got, err)
	}
}

// TestCopyOnTheScreenOverSSH has no clipboard but the terminal's.
func TestCopyOnTheScreenOverSSH(t *testing.T) {
	if testing.Short() {
		t.Skip("drives a real terminal")
	}
	h := newHouse(t, "acme")
	h.must(pairOf("acme"), "add", "acme", "--stdin")
	h.env = append(h.env, "SSH_CONNECTION=192.0.2.1 1 192.0.2.2 22")
	s := startScreen(t, h.binary, h.env, "--clear-after", "5s")
	s.until("acme / sandbox")
	s.types("m")
	s.until("Mint a token for acme / sandbox")
	s.types("90s\r")
	clipboardtest.Eventually(t, func() error {
		if header := string(s.vt.Backend().GetClipboard()); !strings.HasPrefix(header, "Authorization: JWT ") {
			return fmt.Errorf("the terminal's clipboard holds %.20q", header)
		}
		return nil
	})
	header := string(s.vt.Backend().GetClipboard())
	if status := walletAnswers(t, h.sim.BaseURL(kite.Sandbox), header); status != http.StatusOK {
		t.Errorf("the wallet endpoint answers %d to it", status)
	}
	clipboardtest.Eventually(t, func() error {
		if left := string(s.vt.Backend().GetClipboard()); strings.TrimSpace(left) != "" {
			return fmt.Errorf("the terminal's clipboard holds %.20q", left)
		}
		return nil
	})
	s.types("q")
	s.ends(0)
}

// TestDemoLeavesNothing: what the demo copied goes with it, long before its time.
func TestDemoLeavesNothing(t *testing.T) {
	x := clipboardtest.StartX(t)
	home := t.TempDir()
	s := startScreen(t, build(t), []string{"HOME=" + home, "DISPLAY=" + x.Display, "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent"},
		"demo", "--clear-after", "4m")
	s.until("acme / sandbox")
	s.types("c")
	s.until("header of acme/sandbox copied (X11)")
	if header, err := x.Paste(); err != nil || !strings.HasPrefix(header, "Authorization: JWT ") {
		t.Fatalf("on the clipboard: %.20q, %v", header, err)
	}
	s.types("q")
	s.ends(0)
	x.WaitForNothing()
	if left, err := os.ReadDir(home); err != nil || len(left) != 0 {
		t.Errorf("in the home folder: %v, %v", left, err)
	}
}

// TestScreenEndsInOrder ends the program in every way there is.
func TestScreenEndsInOrder(t *testing.T) {
	h := newHouse(t, "acme")
	h.must(pairOf("acme"), "add", "acme", "--stdin")
	for name, end := range map[string]struct {
		do   func(*screen)
		code int
	}{
		"q":      {func(s *screen) { s.types("q") }, 0},
		"ctrl-c": {func(s *screen) { s.types("\x03") }, 0},
		"TERM":   {func(s *screen) { _ = s.cmd.Process.Signal(syscall.SIGTERM) }, 130},
		"HUP":    {func(s *screen) { _ = s.cmd.Process.Signal(syscall.SIGHUP) }, 130},
	} {
		t.Run(name, func(t *testing.T) {
			s := startScreen(t, h.binary, h.env)
			s.until("acme / sandbox")
			end.do(s)
			s.ends(end.code)
		})
	}
}
