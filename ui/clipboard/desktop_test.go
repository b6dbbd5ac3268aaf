//go:build linux

package clipboard

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"kitekey/ui/clipboard/clipboardtest"
)

// TestX11_ClearsUnderMutter copies on a GNOME desktop's window manager, which puts back
// the text of an owner that goes.
func TestX11_ClearsUnderMutter(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a desktop program")
	}
	t.Parallel()
	clipboardtest.Need(t, "mutter", "dbus-run-session")
	x := clipboardtest.StartX(t)
	dir := t.TempDir()
	cmd := exec.Command("dbus-run-session", "--", "mutter", "--x11", "--sm-disable")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "DISPLAY=" + x.Display, "XDG_RUNTIME_DIR=" + dir, "HOME=" + dir}
	runGroup(t, cmd)
	// It is at work when it keeps the text of an owner that has gone.
	clipboardtest.Eventually(t, func() error {
		other := exec.Command("xclip", "-selection", "clipboard", "-i", "-quiet")
		other.Env = cmd.Env
		other.Stdin = strings.NewReader("kept by mutter")
		if err := other.Start(); err != nil {
			return err
		}
		x.WaitFor("kept by mutter")
		_ = other.Process.Kill()
		_ = other.Wait()
		_, err := x.Paste()
		return err
	})
	c := start(t, Options{Env: x.Env})
	mustCopy(t, c, canary, far())
	x.WaitFor(canary)
	if err := c.Clear(t.Context()); err != nil {
		t.Error(err)
	}
	for range 20 {
		if got, _ := x.Paste(); strings.Contains(got, canary) {
			t.Fatal("the secret came back")
		}
	}
}

// TestX11_ClearsUnderClipboardManagers copies where a clipboard manager takes each text over, and puts
// the last one back when its owner goes.
func TestX11_ClearsUnderClipboardManagers(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for clipboard managers, which look every half second")
	}
	for _, manager := range [][]string{
		{"parcellite", "-n"},
		{"diodon"},
		{"copyq"},
	} {
		t.Run(manager[0], func(t *testing.T) {
			t.Parallel()
			clipboardtest.Need(t, manager[0], "dbus-run-session")
			x := clipboardtest.StartX(t)
			dir := t.TempDir()
			cmd := exec.Command("dbus-run-session", append([]string{"--"}, manager...)...)
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "DISPLAY=" + x.Display, "XDG_RUNTIME_DIR=" + dir, "HOME=" + dir, "LC_ALL=C.UTF-8"}
			runGroup(t, cmd)
			if manager[0] != "copyq" { // which heeds the mark of a password, and puts nothing back
				keeps(t, x)
			}
			c := start(t, Options{Env: x.Env})
			mustCopy(t, c, canary, in(3*time.Second))
			x.WaitFor(canary)
			time.Sleep(time.Second) // for the manager to take it over
			if err := c.Wait(t.Context()); err != nil {
				t.Error(err)
			}
			for range 30 {
				if got, _ := x.Paste(); strings.Contains(got, canary) {
					t.Fatal("the secret is still there")
				}
				time.Sleep(50 * time.Millisecond)
			}
		})
	}
}

// TestX11_ClearsWhatProgramsSynchronise: autocutsel, and managers that are set to, copy the
// clipboard to the other places that X has.
func TestX11_ClearsWhatProgramsSynchronise(t *testing.T) {
	if testing.Short() {
		t.Skip("waits until another text has been offered for long enough")
	}
	t.Parallel()
	places := []string{"primary", "buffer-cut"}
	for _, c := range []struct{ there, want string }{{canary, ""}, {"something else", "something else"}} {
		x := clipboardtest.StartX(t)
		clip := start(t, Options{Env: x.Env})
		mustCopy(t, clip, canary, far())
		for _, place := range places {
			x.CopyTo(place, c.there)
		}
		if err := clip.Clear(t.Context()); err != nil {
			t.Error(err)
		}
		for _, place := range append(places, "clipboard") {
			got, err := x.PasteFrom(place, "UTF8_STRING")
			if place != "clipboard" && got != c.want || strings.Contains(got, canary) || err != nil && !errors.Is(err, clipboardtest.ErrNothing) {
				t.Errorf("%s was %q and is %q, %v", place, c.there, got, err)
			}
		}
	}
}

// keeps waits until a manager keeps the text of an owner that has gone.
func keeps(t *testing.T, x *clipboardtest.X) {
	t.Helper()
	clipboardtest.Eventually(t, func() error {
		other := exec.Command("xclip", "-selection", "clipboard", "-i", "-quiet")
		other.Env = []string{"DISPLAY=" + x.Display, "PATH=" + os.Getenv("PATH")}
		other.Stdin = strings.NewReader("kept by a manager")
		if err := other.Start(); err != nil {
			return err
		}
		x.WaitFor("kept by a manager")
		time.Sleep(time.Second)
		_ = other.Process.Kill()
		_ = other.Wait()
		time.Sleep(time.Second)
		_, err := x.Paste()
		return err
	})
}

// startSway starts a Wayland compositor that draws into memory.
func startSway(t *testing.T) (env func(string) string, tool func(in string, args ...string) (string, error)) {
	t.Helper()
	clipboardtest.Need(t, "sway", "wl-copy", "wl-paste")
	dir, err := os.MkdirTemp("", "sway") // a socket's path has at most 108 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	config := filepath.Join(dir, "config")
	if err := os.WriteFile(config, []byte("xwayland disable\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sway", "-c", config)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "XDG_RUNTIME_DIR=" + dir,
		"WLR_BACKENDS=headless", "WLR_LIBINPUT_NO_DEVICES=1", "WLR_RENDERER=pixman"}
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if os.Geteuid() == 0 { // sway refuses to run as root
		const uidNobody = 65534
		if err := os.Chown(dir, uidNobody, uidNobody); err != nil {
			t.Fatal(err)
		}
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uidNobody, Gid: uidNobody}
	}
	runGroup(t, cmd)
	var display string
	clipboardtest.Eventually(t, func() error {
		sockets, _ := filepath.Glob(filepath.Join(dir, "wayland-*[0-9]"))
		if len(sockets) == 0 {
			return errors.New("sway has no socket")
		}
		display = filepath.Base(sockets[0])
		return nil
	})
	tool = func(in string, args ...string) (string, error) {
		ctx, cancel := context.WithTimeout(context.Background(), clipboardtest.Patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "XDG_RUNTIME_DIR=" + dir, "WAYLAND_DISPLAY=" + display}
		cmd.Stdin = strings.NewReader(in)
		if args[0] == "wl-copy" {
			return "", cmd.Run() // what it leaves behind would keep a pipe open
		}
		out, err := cmd.Output()
		if exit, ok := err.(*exec.ExitError); ok {
			err = fmt.Errorf("%s: %s", args[0], exit.Stderr)
		}
		return string(out), err
	}
	clipboardtest.Eventually(t, func() error {
		_, err := tool("", "wl-paste", "--list-types")
		if err != nil && strings.Contains(err.Error(), "No selection") {
			return nil
		}
		return err
	})
	return environ("XDG_RUNTIME_DIR="+dir, "WAYLAND_DISPLAY="+display), tool
}

func TestWayland_PastesUntilCleared(t *testing.T) {
	if testing.Short() {
		t.Skip("waits until wl-copy has ended")
	}
	t.Parallel()
	env, tool := startSway(t)
	text := canary + rand.Text() // no other copy's file should count as its own
	c := start(t, Options{Env: env})
	if ways := c.Ways(); len(ways) != 1 || ways[0] != Wayland {
		t.Errorf("ways are %v", ways)
	}
	if r := mustCopy(t, c, text, far()); r.Way != Wayland {
		t.Errorf("receipt is %+v", r)
	}
	if got, err := tool("", "wl-paste", "--no-newline"); err != nil || got != text {
		t.Errorf("pasted %q, %v", got, err)
	}
	if err := c.Clear(t.Context()); err != nil {
		t.Error(err)
	}
	if got, err := tool("", "wl-paste", "--no-newline"); err == nil {
		t.Errorf("after Clear there is %q", got)
	}

	mustCopy(t, c, text, in(time.Second))
	h := c.last.(*helperSession)
	<-h.ended
	if got, err := tool("", "wl-paste", "--no-newline"); err == nil {
		t.Errorf("after its time there is %q", got)
	}
	left, _ := filepath.Glob("/tmp/wl-copy-buffer-*/*")
	for _, file := range left {
		if left, _ := os.ReadFile(file); strings.Contains(string(left), text) {
			t.Errorf("the secret is left in %s", file)
		}
	}
}

func TestWayland_LeavesOtherCopiesAlone(t *testing.T) {
	t.Parallel()
	env, tool := startSway(t)
	first := start(t, Options{Env: env})
	mustCopy(t, first, "the first", far())
	h := first.last.(*helperSession)
	second := start(t, Options{Env: env})
	mustCopy(t, second, canary, far())
	<-h.ended
	if got, err := tool("", "wl-paste", "--no-newline"); err != nil || got != canary {
		t.Errorf("when the first one's helper had ended there was %q, %v", got, err)
	}
	if _, err := tool("something else", "wl-copy", "--type", "text/plain"); err != nil {
		t.Fatal(err)
	}
	if err := second.Clear(t.Context()); err != nil {
		t.Error(err)
	}
	if got, err := tool("", "wl-paste", "--no-newline"); err != nil || got != "something else" {
		t.Errorf("the other copy is %q, %v", got, err)
	}
}

// runGroup starts a command that ends with the test, and everything it started.
func runGroup(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
}
