//go:build !windows && !darwin

package clipboard

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// waylandText is the type to offer; wl-copy adds the other names of plain text.
// Without a type wl-copy would run xdg-mime on the secret.
const waylandText = "text/plain;charset=utf-8"

// wlCopy is a wl-copy process that serves the secret. On Wayland, as on X, the
// program that copied a text serves it until another takes over. A program without a
// window cannot copy by itself: wl-copy uses the data-control protocol if the
// compositor has it, and on GNOME it opens a window for a moment.
type wlCopy struct {
	process int // its process group; wl-copy forks when it has the clipboard
	lost    chan struct{}
	gone    chan struct{} // closed when the compositor has ended too
	secret  []byte
	files   []string // files with the secret, which must be removed
}

// holdWayland copies with wl-copy. wl-clipboard before 2.3 cannot mark a text as
// sensitive, which the caveat says.
func holdWayland(secret []byte) (holder, string, error) {
	if err := checkSocket(waylandSocket(os.Getenv("XDG_RUNTIME_DIR"), os.Getenv("WAYLAND_DISPLAY"))); err != nil {
		return nil, "", fmt.Errorf("the compositor of WAYLAND_DISPLAY is not used: %w", err)
	}
	args := []string{"--type", waylandText}
	caveat := "this wl-clipboard cannot mark it as a password (2.3 can), so a clipboard manager may keep it"
	if help, err := wlOutput("wl-copy", "--help"); err == nil && bytes.Contains(help, []byte("--sensitive")) {
		args, caveat = append(args, "--sensitive"), ""
	}
	w, err := startWlCopy(secret, args...)
	if err != nil {
		return nil, "", err
	}
	return w, caveat, nil
}

// startWlCopy returns when wl-copy has the clipboard: it then goes to the
// background. Its process group and the pipe on its stderr identify the process
// that stays.
func startWlCopy(text []byte, args ...string) (*wlCopy, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience-time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "wl-copy", args...)
	cmd.Stdin = bytes.NewReader(text)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Env = os.Environ()
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		// wl-copy keeps the text in a file, here in memory (since 2.3).
		cmd.Env = append(cmd.Env, "TMPDIR="+dir)
	}
	stderr, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = write
	before := wlFiles()
	err = cmd.Start()
	_ = write.Close()
	if err != nil {
		_ = stderr.Close()
		return nil, err
	}
	if err := cmd.Wait(); err != nil {
		said, _ := io.ReadAll(io.LimitReader(stderr, 400))
		_ = stderr.Close()
		sweep(filesWith(text, before))
		if ctx.Err() != nil {
			return nil, errors.New("the compositor did not let wl-copy have the clipboard")
		}
		return nil, fmt.Errorf("wl-copy: %s", oneLine(string(said)+" "+err.Error()))
	}
	w := &wlCopy{process: cmd.Process.Pid, lost: make(chan struct{}), gone: make(chan struct{}), secret: text, files: filesWith(text, before)}
	go func() {
		_, _ = io.Copy(io.Discard, stderr) // ends with the last process that has it open
		_ = stderr.Close()
		close(w.lost)
		if !waylandReachable(os.Getenv("XDG_RUNTIME_DIR"), os.Getenv("WAYLAND_DISPLAY")) {
			close(w.gone)
		}
	}()
	return w, nil
}

func (w *wlCopy) Lost() <-chan struct{} { return w.lost }
func (w *wlCopy) Gone() <-chan struct{} { return w.gone }

// Clear ends wl-copy, and replaces the secret if another application still serves
// it or puts it back.
func (w *wlCopy) Clear(newer func() bool) error {
	overwritten := false
	there := func() (bool, error) {
		if !overwritten {
			select {
			case <-w.lost:
			default:
				return true, nil
			}
		}
		now, err := wlOutput("wl-paste", "--no-newline", "--type", waylandText)
		// wl-paste fails if the clipboard has no text or cannot be read.
		return err == nil && subtle.ConstantTimeCompare(now, w.secret) == 1, nil
	}
	overwrite := func(text string) error {
		w.Release()
		if overwritten {
			other, err := startWlCopy([]byte(text), "--type", waylandText)
			if err != nil {
				return err
			}
			time.Sleep(lingering)
			other.Release()
		}
		overwritten = true
		return nil
	}
	defer w.Release()
	return clearWhileThere(newer, there, overwrite)
}

func (w *wlCopy) Release() {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		select {
		case <-w.lost: // its number may belong to another process group now
		default:
			_ = syscall.Kill(-w.process, sig)
			select {
			case <-w.lost:
			case <-time.After(time.Second):
			}
		}
	}
	sweep(w.files)
}

// wlFiles returns the files in which wl-copy before 2.2 keeps the text, and which
// it leaves behind when it is terminated.
func wlFiles() []string {
	files, _ := filepath.Glob("/tmp/wl-copy-buffer-*/*")
	return files
}

// filesWith returns the files with this text that are not in since.
func filesWith(text []byte, since []string) (files []string) {
	for _, file := range wlFiles() {
		info, err := os.Lstat(file)
		// Another user could put a pipe in the place of a file in a folder of theirs.
		folder, folderErr := os.Lstat(filepath.Dir(file))
		if err != nil || !info.Mode().IsRegular() || info.Size() != int64(len(text)) || slices.Contains(since, file) ||
			folderErr != nil || !ownedByUs(folder) {
			continue
		}
		if got, err := os.ReadFile(file); err == nil && bytes.Equal(got, text) {
			files = append(files, file)
		}
	}
	return files
}

// sweep removes files and their folders.
func sweep(files []string) {
	for _, file := range files {
		_ = os.RemoveAll(filepath.Dir(file))
	}
}

// wlOutput runs a command of wl-clipboard and returns its output. The time is
// limited: it waits for ever if its window cannot get the focus.
func wlOutput(name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return exec.CommandContext(ctx, name, args...).Output()
}

// waylandReachable reports whether a compositor listens at the address.
func waylandReachable(runtimeDir, display string) bool {
	info, err := os.Stat(waylandSocket(runtimeDir, display))
	return err == nil && info.Mode()&os.ModeSocket != 0
}

// waylandSocket returns the path of a compositor's socket.
func waylandSocket(runtimeDir, display string) string {
	if strings.HasPrefix(display, "/") {
		return display
	}
	return filepath.Join(runtimeDir, display)
}
