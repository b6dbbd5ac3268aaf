//go:build linux

package cli_test

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/ui/clipboard/clipboardtest"
	"kitekey/ui/terminaltest"
)

// startScreen runs the real program on an emulated terminal.
func startScreen(t *testing.T, binary string, env []string, args ...string) *terminaltest.Terminal {
	t.Helper()
	return terminaltest.Start(t, terminaltest.Program{
		Path: binary, Args: args, Env: append(env[:len(env):len(env)], "TERM=xterm-256color"), Emulate: true, Cols: 110, Rows: 32,
	})
}

// addAcme adds a profile with the form.
func addAcme(t *testing.T, s *terminaltest.Terminal) {
	t.Helper()
	s.WaitFor("No accounts here yet")
	s.Type("a")
	s.WaitFor("Add a credential")
	for _, field := range []string{"acme", "", "", secretsOf("acme")[0], secretsOf("acme")[1]} {
		s.Type(field + "\r")
	}
	s.WaitFor("enter verify and save")
	s.Type("\r")
	s.WaitFor("acme / sandbox")
}

var countdown = regexp.MustCompile(`acme +sandbox .*?([0-9]+):([0-9]{2})`)

// secondsLeft returns the countdown in the list, -1 if there is none.
func secondsLeft(s *terminaltest.Terminal) int {
	m := countdown.FindStringSubmatch(s.Screen())
	if m == nil {
		return -1
	}
	var minutes, seconds int
	_, _ = fmt.Sscan(m[1], &minutes)
	_, _ = fmt.Sscan(strings.TrimLeft(m[2], "0")+" ", &seconds)
	return 60*minutes + seconds
}

// The test uses a real keyring and a real X clipboard.
func TestScreen_DoesTheMainJob(t *testing.T) {
	if testing.Short() {
		t.Skip("drives a real terminal")
	}
	t.Parallel()
	x := clipboardtest.StartX(t)
	h := newInstallation(t, "acme")
	h.env = append(h.env, "DISPLAY="+x.Display)
	watch := watchProcesses(t)
	watch.look(secretsOf("acme")...)
	s := startScreen(t, h.binary, h.env, "--clear-after", "10s")
	addAcme(t, s)
	if users := h.keyring.Users("kitekey"); len(users) != 1 {
		t.Errorf("the keyring has %d items, want 1", len(users))
	}

	s.Type("m")
	s.WaitFor("Mint a token for acme / sandbox")
	s.Type("90s\r")
	s.WaitFor("header of acme/sandbox copied (X11)")
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
		left := secondsLeft(s)
		time.Sleep(50 * time.Millisecond)
		if left != secondsLeft(s) {
			return fmt.Errorf("a frame was read half-way, after %v", seen)
		}
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
		// One second at a time, or more if a busy machine skips some.
		if fell := seen[i-1] - seen[i]; fell < 1 || fell > max(1, elapsed-2) {
			t.Errorf("in %d s the countdown went %v", elapsed, seen)
		}
	}

	x.WaitForNothing()
	clipboardtest.Eventually(t, func() error {
		if strings.Contains(s.Screen(), "copied (X11)") {
			return fmt.Errorf("the screen still says that there is a copy")
		}
		return nil
	})

	// A copy outlives the program, and a later copy is left alone.
	s.Type("c")
	x.WaitFor(header)
	s.Type("q")
	s.WaitExit(0)
	x.CopyElsewhere("something else")
	s.ShowedNone(append(secretsOf("acme"), strings.TrimPrefix(header, "Authorization: JWT "))...)
	filesHave(t, envOf(h.env, "KITEKEY_HOME"), append(secretsOf("acme"), header)...)
	watch.stop()
	if got, err := x.Paste(); err != nil || got != "something else" {
		t.Errorf("the other copy is %q, %v", got, err)
	}
}

// Over SSH only the terminal has a clipboard.
func TestScreen_CopiesOverSSH(t *testing.T) {
	if testing.Short() {
		t.Skip("drives a real terminal")
	}
	t.Parallel()
	h := newInstallation(t, "acme")
	h.must(credentialOf("acme"), "add", "acme", "--stdin")
	h.env = append(h.env, "SSH_CONNECTION=192.0.2.1 1 192.0.2.2 22")
	s := startScreen(t, h.binary, h.env, "--clear-after", "5s")
	s.WaitFor("acme / sandbox")
	s.Type("m")
	s.WaitFor("Mint a token for acme / sandbox")
	s.Type("90s\r")
	clipboardtest.Eventually(t, func() error {
		if header := s.Clipboard(); !strings.HasPrefix(header, "Authorization: JWT ") {
			return fmt.Errorf("the terminal's clipboard holds %.20q", header)
		}
		return nil
	})
	header := s.Clipboard()
	if status := walletAnswers(t, h.sim.BaseURL(kite.Sandbox), header); status != http.StatusOK {
		t.Errorf("the wallet endpoint answers %d to it", status)
	}
	clipboardtest.Eventually(t, func() error {
		if left := s.Clipboard(); strings.TrimSpace(left) != "" {
			return fmt.Errorf("the terminal's clipboard holds %.20q", left)
		}
		return nil
	})
	s.Type("q")
	s.WaitExit(0)
}

// The demo's copy is cleared when it ends, long before its time.
func TestDemo_ClearsTheClipboardAtItsEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("drives a real terminal")
	}
	x := clipboardtest.StartX(t)
	home := t.TempDir()
	s := startScreen(t, build(t), []string{"HOME=" + home, "DISPLAY=" + x.Display, "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent"},
		"demo", "--clear-after", "4m")
	s.WaitFor("acme / sandbox")
	s.Type("c")
	s.WaitFor("header of acme/sandbox copied (X11)")
	if header, err := x.Paste(); err != nil || !strings.HasPrefix(header, "Authorization: JWT ") {
		t.Fatalf("on the clipboard: %.20q, %v", header, err)
	}
	s.Type("q")
	s.WaitExit(0)
	x.WaitForNothing()
	if left, err := os.ReadDir(home); err != nil || len(left) != 0 {
		t.Errorf("in the home folder: %v, %v", left, err)
	}
}

// The program is ended in every possible way.
func TestScreen_LeavesTheTerminalAsItWas(t *testing.T) {
	t.Parallel()
	h := newInstallation(t, "acme")
	h.must(credentialOf("acme"), "add", "acme", "--stdin")
	for name, end := range map[string]struct {
		do   func(*terminaltest.Terminal)
		code int
	}{
		"q":      {func(s *terminaltest.Terminal) { s.Type("q") }, 0},
		"ctrl-c": {func(s *terminaltest.Terminal) { s.Type("\x03") }, 0},
		"TERM":   {func(s *terminaltest.Terminal) { s.Signal(syscall.SIGTERM) }, 130},
		"HUP":    {func(s *terminaltest.Terminal) { s.Signal(syscall.SIGHUP) }, 130},
	} {
		t.Run(name, func(t *testing.T) {
			s := startScreen(t, h.binary, h.env)
			s.WaitFor("acme / sandbox")
			end.do(s)
			s.WaitExit(end.code)
		})
	}
}

// Without a keyring the screen says so at once, and the file store is one key away.
func TestScreen_OffersTheFileStoreWhereThereIsNoKeyring(t *testing.T) {
	if testing.Short() {
		t.Skip("drives a real terminal")
	}
	h := newInstallation(t, "acme")
	env := append(h.env[:len(h.env):len(h.env)], "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent")
	s := startScreen(t, h.binary, env)
	s.WaitFor("The keyring is not available")
	s.Type("F")
	s.WaitFor("New passphrase for the file store:")
	s.Type("correct horse battery\r")
	s.WaitFor("Enter it again:")
	s.Type("correct horse battery\r")
	addAcme(t, s)
	s.Type("c")
	s.WaitFor("minted")
	if users := h.keyring.Users("kitekey"); len(users) != 0 {
		t.Errorf("the keyring has %d items", len(users))
	}
}

// The screen cannot ask for a new passphrase when the first credential is saved.
func TestScreen_AsksForTheNewFileStoresPassphraseFirst(t *testing.T) {
	if testing.Short() {
		t.Skip("drives a real terminal")
	}
	h := newInstallation(t, "acme")
	s := startScreen(t, h.binary, h.env, "--store", "file")
	s.WaitFor("New passphrase for the file store:")
	s.Type("correct horse battery\r")
	s.WaitFor("Enter it again:")
	s.Type("correct horse battery\r")
	addAcme(t, s)
}
