// Package clipboardtest gives tests a clipboard of their own: an X server that
// draws into memory (Xvfb), and the tools to read and change its clipboard as
// another application would. It never touches the user's.
package clipboardtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Patience is how long a test waits for what must happen. It is long because only a
// test that fails waits for all of it.
const Patience = 45 * time.Second

// ErrNothing reports that the clipboard has no text.
var ErrNothing = errors.New("there is no text on the clipboard")

// Need skips the test if a tool is missing, or fails it if the desktop parts must
// be tested (KITEKEY_TEST_DESKTOP=required).
func Need(t testing.TB, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err == nil {
			continue
		}
		if os.Getenv("KITEKEY_TEST_DESKTOP") == "required" {
			t.Fatalf("%s is missing", tool)
		}
		t.Skipf("%s is missing; on Debian: apt-get install dbus mutter sway tmux wl-clipboard xclip xvfb", tool)
	}
}

// An X is an X server.
type X struct {
	Display string // such as ":1"
	Kill    func() // ends the server at once, and what its clipboard holds with it
	t       testing.TB
}

// StartX starts an X server on a free display; it ends with the test.
func StartX(t testing.TB) *X {
	t.Helper()
	Need(t, "Xvfb", "xclip")
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	// Without -noreset the server restarts when its last client leaves, and refuses
	// clients in the meantime.
	cmd := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "800x600x24", "-nolisten", "tcp", "-noreset")
	cmd.ExtraFiles = []*os.File{write}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	_ = read.SetReadDeadline(time.Now().Add(Patience))
	var number int
	if _, err := fmt.Fscanln(read, &number); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		t.Fatalf("Xvfb did not start: %v\n%s", err, said.String())
	}
	return &X{Display: fmt.Sprintf(":%d", number), Kill: func() { _ = cmd.Process.Kill() }, t: t}
}

// Env is an environment for [kitekey/ui/clipboard.Options] that sets only this
// display and PATH.
func (x *X) Env(name string) string {
	switch name {
	case "DISPLAY":
		return x.Display
	case "PATH":
		return os.Getenv("PATH")
	}
	return ""
}

// Paste reads the clipboard as an application that pastes text.
func (x *X) Paste() (string, error) { return x.PasteAs("UTF8_STRING") }

// PasteAs reads the clipboard in a form of the caller's choice, such as "TARGETS".
func (x *X) PasteAs(target string) (string, error) { return x.PasteFrom("clipboard", target) }

// PasteFrom is PasteAs from another place that xclip knows: "primary", or "buffer-cut",
// which is the first cut buffer.
func (x *X) PasteFrom(place, target string) (string, error) {
	// xclip waits for ever if the owner ends without an answer.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "xclip", "-selection", place, "-o", "-t", target)
	cmd.Env = []string{"DISPLAY=" + x.Display, "PATH=" + os.Getenv("PATH")}
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil && strings.Contains(said.String(), "not available") {
		return "", ErrNothing
	}
	if err != nil {
		return "", fmt.Errorf("xclip: %w: %s", err, said.String())
	}
	return string(out), nil
}

// CopyElsewhere copies text as another application does. It keeps the text until
// the test ends or another application copies.
func (x *X) CopyElsewhere(text string) {
	x.t.Helper()
	x.CopyTo("clipboard", text)
}

// CopyTo is CopyElsewhere to another place; see PasteFrom.
func (x *X) CopyTo(place, text string) {
	x.t.Helper()
	cmd := exec.Command("xclip", "-selection", place, "-i", "-quiet") // -quiet keeps it in the foreground
	cmd.Env = []string{"DISPLAY=" + x.Display, "PATH=" + os.Getenv("PATH")}
	cmd.Stdin = strings.NewReader(text)
	if err := cmd.Start(); err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	Eventually(x.t, func() error {
		got, err := x.PasteFrom(place, "UTF8_STRING")
		if err == nil && got != text {
			err = fmt.Errorf("%s has %d bytes of something else", place, len(got))
		}
		return err
	})
}

// WaitFor waits until text is on the clipboard.
func (x *X) WaitFor(text string) {
	x.t.Helper()
	Eventually(x.t, func() error {
		got, err := x.Paste()
		if err == nil && got != text {
			err = fmt.Errorf("the clipboard holds %d bytes of something else", len(got))
		}
		return err
	})
}

// WaitForNothing waits until the clipboard has no text.
func (x *X) WaitForNothing() {
	x.t.Helper()
	Eventually(x.t, func() error {
		got, err := x.Paste()
		if errors.Is(err, ErrNothing) {
			return nil
		}
		return fmt.Errorf("the clipboard holds %d bytes (%v)", len(got), err)
	})
}

// Eventually waits until check returns nil.
func Eventually(t testing.TB, check func() error) {
	t.Helper()
	deadline := time.Now().Add(Patience)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %v still: %v", Patience, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
