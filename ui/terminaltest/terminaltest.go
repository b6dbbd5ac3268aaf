//go:build !windows

// Package terminaltest runs a program on a terminal of its own, types like a user,
// and reads what the terminal shows. It is only for tests.
//
//	term := terminaltest.Start(t, terminaltest.Program{Path: kitekey, Args: []string{"demo"}, Env: env, Emulate: true})
//	term.WaitFor("acme / sandbox")
//	term.Type("q")
//	term.WaitExit(0)
//
// With Emulate the other end of the pseudo-terminal is a terminal emulator: it has
// cells, answers queries, and keeps what OSC 52 copies. Without it the program's
// output is kept as it is, which is enough for questions and answers.
package terminaltest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/gdamore/tcell/v3/vt"
	"golang.org/x/term"
)

// Patience is how long a test waits for what must come. Only a test that fails
// waits for all of it.
const Patience = 45 * time.Second

// Program is the program on the terminal.
type Program struct {
	Path    string // as for exec.Command
	Args    []string
	Env     []string
	Emulate bool
	Cols    int // 0 means 80
	Rows    int // 0 means 24
}

// Terminal is a terminal with a program on it. The program is killed and the
// terminal closed when the test ends.
type Terminal struct {
	t      testing.TB
	cmd    *exec.Cmd
	master *os.File
	tty    *os.File // kept open, because its modes outlive the program
	before *term.State
	vt     vt.MockTerm // nil unless emulated
	cols   int
	rows   int

	mu      sync.Mutex
	written strings.Builder
	exited  chan struct{}
}

// Start runs the program as the leader of a session on a new terminal.
func Start(t testing.TB, p Program) *Terminal {
	t.Helper()
	if p.Cols == 0 {
		p.Cols, p.Rows = 80, 24
	}
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	c := &Terminal{t: t, master: master, tty: tty, cols: p.Cols, rows: p.Rows, exited: make(chan struct{})}
	if c.before, err = term.GetState(int(tty.Fd())); err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(master, &pty.Winsize{Cols: uint16(p.Cols), Rows: uint16(p.Rows)}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	if p.Emulate {
		c.vt = vt.NewMockTerm(vt.MockOptSize{X: vt.Col(p.Cols), Y: vt.Row(p.Rows)})
		if err := c.vt.Start(); err != nil {
			t.Fatal(err)
		}
		wg.Go(c.answer)
	}
	c.cmd = exec.Command(p.Path, p.Args...)
	c.cmd.Env = p.Env
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = tty, tty, tty
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	wg.Go(c.read)
	go func() {
		_ = c.cmd.Wait()
		close(c.exited)
	}()
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		_ = tty.Close()
		if c.vt != nil {
			_ = c.vt.Close()
		}
		_ = master.Close()
		wg.Wait()
		<-c.exited
		if t.Failed() {
			t.Logf("on the terminal:\n%s", c.Screen())
		}
	})
	return c
}

// read passes the program's output on to the emulator.
func (c *Terminal) read() {
	buf := make([]byte, 32<<10)
	for {
		n, err := c.master.Read(buf)
		c.mu.Lock()
		c.written.Write(buf[:n])
		c.mu.Unlock()
		if c.vt != nil {
			_, _ = c.vt.Write(buf[:n])
		}
		if err != nil {
			return
		}
	}
}

// answer passes the emulator's answers on to the program.
func (c *Terminal) answer() {
	buf := make([]byte, 4096)
	for {
		n, err := c.vt.Read(buf)
		if err != nil {
			return
		}
		// The answer is empty after the terminal was resized.
		if _, err := c.master.Write(buf[:n]); err != nil {
			return
		}
	}
}

// Written returns everything that the program has written.
func (c *Terminal) Written() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.written.String()
}

// Screen returns the emulator's cells, or without Emulate everything that was
// written.
func (c *Terminal) Screen() string {
	if c.vt == nil {
		return c.Written()
	}
	_ = c.vt.Drain()
	var b strings.Builder
	for y := range c.rows {
		var line strings.Builder
		for x := 0; x < c.cols; x++ {
			cell := c.vt.GetCell(vt.Coord{X: vt.Col(x), Y: vt.Row(y)})
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

// Clipboard returns what OSC 52 put on the emulator's clipboard.
func (c *Terminal) Clipboard() string { return string(c.vt.Backend().GetClipboard()) }

// Type writes to the program as a keyboard does.
func (c *Terminal) Type(keys string) {
	c.t.Helper()
	if _, err := c.master.WriteString(keys); err != nil {
		c.t.Fatal(err)
	}
}

// Resize changes the terminal's size, to at most its first size: the emulator keeps
// its cells.
func (c *Terminal) Resize(cols, rows int) {
	c.t.Helper()
	if err := pty.Setsize(c.master, &pty.Winsize{Cols: uint16(cols), Rows: uint16(rows)}); err != nil {
		c.t.Fatal(err)
	}
}

// Exited returns a channel that is closed when the program has ended.
func (c *Terminal) Exited() <-chan struct{} { return c.exited }

// Signal sends the program a signal.
func (c *Terminal) Signal(s os.Signal) { _ = c.cmd.Process.Signal(s) }

// Pid returns the program's process id.
func (c *Terminal) Pid() int { return c.cmd.Process.Pid }

// WaitFor waits for text on the screen.
func (c *Terminal) WaitFor(text string) {
	c.t.Helper()
	c.WaitForCount(text, 1)
}

// WaitForCount waits until text is on the screen n times.
func (c *Terminal) WaitForCount(text string, n int) {
	c.t.Helper()
	c.Wait(func() error {
		if got := strings.Count(c.Screen(), text); got < n {
			return fmt.Errorf("%q is on the screen %d times, want %d", text, got, n)
		}
		return nil
	})
}

// Wait waits until check returns nil. If it does not in time, it fails the test
// with check's last error.
func (c *Terminal) Wait(check func() error) {
	c.t.Helper()
	for end := time.Now().Add(Patience); ; time.Sleep(5 * time.Millisecond) {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			c.t.Fatalf("%v; on the terminal:\n%s", err, c.Screen())
		}
	}
}

// WaitRaw waits until the program has changed the terminal's modes, as a program
// does to hide input.
func (c *Terminal) WaitRaw() {
	c.t.Helper()
	c.Wait(func() error {
		if now, err := term.GetState(int(c.tty.Fd())); err != nil || reflect.DeepEqual(now, c.before) {
			return errors.New("the terminal's modes are what they were")
		}
		return nil
	})
}

// WaitExit waits for the program to end and checks its exit code and that the
// terminal is as it was.
func (c *Terminal) WaitExit(code int) {
	c.t.Helper()
	select {
	case <-c.exited:
	case <-time.After(Patience):
		c.t.Fatalf("still running; on the terminal:\n%s", c.Screen())
	}
	if got := c.cmd.ProcessState.ExitCode(); got != code {
		c.t.Errorf("exit code %d, want %d; on the terminal:\n%s", got, code, c.Screen())
	}
	c.Wait(c.Restored)
}

// Restored tells how the terminal differs from what it was before the program: in its
// modes, the first screen, a visible cursor, no reports of the mouse and of pastes.
func (c *Terminal) Restored() error {
	now, err := term.GetState(int(c.tty.Fd()))
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(now, c.before) {
		return fmt.Errorf("the terminal's modes are changed:\n%+v\n%+v", c.before, now)
	}
	raw := c.Written()
	for on, off := range map[string]string{
		"\x1b[?1049h": "\x1b[?1049l", "\x1b[?25l": "\x1b[?25h", "\x1b[?2004h": "\x1b[?2004l",
		"\x1b[?1002h": "\x1b[?1002l", "\x1b[?1003h": "\x1b[?1003l", "\x1b[?1006h": "\x1b[?1006l",
	} {
		if strings.LastIndex(raw, on) > strings.LastIndex(raw, off) {
			return fmt.Errorf("%q was not undone", on)
		}
	}
	return nil
}

// ShowedNone fails the test if a text was ever written to the terminal.
func (c *Terminal) ShowedNone(texts ...string) {
	c.t.Helper()
	raw := c.Written()
	for _, text := range texts {
		if strings.Contains(raw, text) {
			c.t.Errorf("%q was on the terminal", text)
		}
	}
}
