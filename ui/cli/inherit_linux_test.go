//go:build linux

package cli_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"kitekey/ui/clipboard/clipboardtest"
	"kitekey/ui/terminaltest"
)

// inherited is a pipe that kitekey gets as descriptor 3, as in "kitekey copy acme
// 3>&1 | cat".
type inherited struct {
	t    *testing.T
	fifo string
	out  *os.File
}

func newInherited(t *testing.T) *inherited {
	t.Helper()
	p := &inherited{t: t, fifo: filepath.Join(t.TempDir(), "pipe")}
	if err := syscall.Mkfifo(p.fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if p.out, err = os.OpenFile(p.fifo, os.O_RDONLY|syscall.O_NONBLOCK, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.out.Close() })
	return p
}

// argv returns a command that starts with the pipe's end as descriptor 3.
func (p *inherited) argv(command ...string) []string {
	return append([]string{"sh", "-c", `echo open 3>"$0" >&3; exec "$@" 3>"$0"`, p.fifo}, command...)
}

// closed waits until no process has the pipe's end any more.
func (p *inherited) closed() {
	p.t.Helper()
	buf := make([]byte, 16)
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		_ = p.out.SetReadDeadline(time.Now().Add(time.Second))
		n, err := p.out.Read(buf)
		if n == 0 && errors.Is(err, io.EOF) {
			return
		}
		if time.Now().After(end) {
			p.t.Fatal("a process still holds descriptor 3")
		}
	}
}

// ended reports whether a process has ended, or is about to.
func ended(pid string) bool {
	status, err := os.ReadFile("/proc/" + strings.TrimSpace(pid) + "/stat")
	return err != nil || strings.Contains(string(status), ") Z ")
}

// kitekey gets a pipe as descriptor 3. The pipe must end with kitekey although the
// processes that it has started go on.
func TestProcesses_InheritNoDescriptor(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a desktop's parts")
	}
	x := clipboardtest.StartX(t)
	h := newInstallation(t, "acme", "coral")
	h.env = append(h.env, "DISPLAY="+x.Display)
	h.must(credentialOf("acme"), "add", "acme", "--stdin")
	dir := t.TempDir()
	// A program that leaves another process behind, and prints its id.
	leaves := filepath.Join(dir, "leaves")
	script := "#!/bin/sh\nsleep 600 </dev/null >/dev/null 2>&1 &\necho $! >>" + dir + "/pids\n"
	if err := os.WriteFile(leaves, []byte(script+"printf '%s' \"$1\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	left := func(t *testing.T) {
		t.Helper()
		pids, err := os.ReadFile(dir + "/pids")
		if err != nil || len(pids) == 0 {
			t.Errorf("nothing was left behind: %v", err)
		}
		for pid := range strings.FieldsSeq(string(pids)) {
			if ended(pid) {
				t.Errorf("what was left behind does not run: %s", pid)
			}
		}
	}
	endLeft := func() {
		if pids, err := os.ReadFile(dir + "/pids"); err == nil {
			_ = exec.Command("kill", strings.Fields(string(pids))...).Run()
			_ = os.Remove(dir + "/pids")
		}
	}
	run := func(t *testing.T, args ...string) {
		t.Helper()
		p := newInherited(t)
		argv := p.argv(append([]string{h.binary}, args...)...)
		cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
		cmd.Env = h.env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", args, err, out)
		}
		p.closed()
	}
	t.Run("the helper of copy", func(t *testing.T) {
		run(t, "copy", "acme")
		if held, err := x.Paste(); err != nil || !strings.HasPrefix(held, "Authorization:") {
			t.Errorf("the helper has ended: %.20q %v", held, err)
		}
	})
	t.Run("the helper of the screen", func(t *testing.T) {
		p := newInherited(t)
		argv := p.argv(h.binary)
		s := terminaltest.Start(t, terminaltest.Program{
			Path: argv[0], Args: argv[1:], Env: append(h.env[:len(h.env):len(h.env)], "TERM=xterm-256color"), Emulate: true, Cols: 110, Rows: 32,
		})
		s.WaitFor("acme / sandbox")
		s.Type("c")
		s.WaitFor("header of acme/sandbox copied (X11)")
		s.Type("q")
		s.WaitExit(0)
		p.closed()
		if held, err := x.Paste(); err != nil || !strings.HasPrefix(held, "Authorization:") {
			t.Errorf("the helper has ended: %.20q %v", held, err)
		}
	})
	t.Run("the command of exec", func(t *testing.T) {
		t.Cleanup(endLeft)
		run(t, "exec", "acme", "--", leaves)
		left(t)
	})
	t.Run("the command of a source", func(t *testing.T) {
		t.Cleanup(endLeft)
		sourced := strings.TrimSuffix(credentialOf("coral"), "}") + `,"origin":"override"}`
		h.must("", "source", "add", "mine", "--kind", "command", "--profile", "coral", "--", leaves, sourced, "{account}")
		run(t, "token", "coral")
		left(t)
	})
}
