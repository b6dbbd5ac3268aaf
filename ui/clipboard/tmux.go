package clipboard

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// tmux returns a tmux command for the server that TMUX ("socket,pid,session")
// names.
func tmux(server string, args ...string) *exec.Cmd {
	socket, _, _ := strings.Cut(server, ",")
	return exec.Command("tmux", append([]string{"-S", socket}, args...)...)
}

// tmuxBuffer is a named tmux buffer. tmux ignores an application's OSC 52 by
// default (set-clipboard external), but its own load-buffer -w passes the text on
// to the terminal outside.
type tmuxBuffer struct {
	server, name string
	outside      bool // the terminal outside has a copy
}

// tmuxOption is the server option with the name of the newest copy's buffer, which
// tells the copies of different processes apart.
const tmuxOption = "@kitekey_buffer"

const tmuxPrefix = "kitekey-"

func holdTmux(server string, secret []byte) (holder, string, error) {
	b := &tmuxBuffer{server: server, name: tmuxPrefix + rand.Text()[:8], outside: true}
	caveat := "the terminal outside tmux got it as well; its clipboard is overwritten when the time comes, unless tmux is detached or has a newer buffer by then"
	socket, _, _ := strings.Cut(server, ",")
	if err := checkSocket(socket); err != nil {
		return nil, "", fmt.Errorf("the server of TMUX is not used: %w", err)
	}
	before := b.newest()
	if _, err := b.run(secret, "load-buffer", "-w", "-b", b.name, "-"); err != nil {
		// -w came with tmux 3.2.
		if _, err := b.run(secret, "load-buffer", "-b", b.name, "-"); err != nil {
			return nil, "", err
		}
		b.outside = false
		caveat = "it is in tmux's buffers alone (tmux 3.2 and newer pass it on to the terminal)"
	}
	_, _ = b.run(nil, "set-option", "-s", tmuxOption, b.name)
	if strings.HasPrefix(before, tmuxPrefix) {
		_, _ = b.run(nil, "delete-buffer", "-b", before)
	}
	return b, caveat, nil
}

// newest returns the name of the buffer of kitekey's newest copy.
func (b *tmuxBuffer) newest() string {
	name, _ := b.run(nil, "show-options", "-sqv", tmuxOption)
	return name
}

func (b *tmuxBuffer) Lost() <-chan struct{} { return nil }
func (b *tmuxBuffer) Gone() <-chan struct{} { return nil }

// ended reports whether the server has ended: its socket may still be there.
func (b *tmuxBuffer) ended() bool {
	socket, _, _ := strings.Cut(b.server, ",")
	conn, err := net.DialTimeout("unix", socket, time.Second)
	if err == nil {
		_ = conn.Close()
	}
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

func (b *tmuxBuffer) Clear(func() bool) error {
	// The newest buffer comes first. A newer one is another copy, which the terminal
	// outside may have too.
	top, err := b.run(nil, "list-buffers", "-F", "#{buffer_name}")
	if err != nil {
		return nil // the server has ended, and the buffer with it
	}
	if first, _, _ := strings.Cut(top, "\n"); b.outside && first == b.name {
		// A space, because tmux does not load an empty text.
		_, _ = b.run([]byte(" "), "load-buffer", "-w", "-b", b.name, "-")
	}
	b.Release()
	return nil
}

func (b *tmuxBuffer) Release() {
	_, _ = b.run(nil, "delete-buffer", "-b", b.name) // an error means that it no longer exists
}

func (b *tmuxBuffer) run(in []byte, args ...string) (string, error) {
	cmd := tmux(b.server, args...)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if exit, ok := err.(*exec.ExitError); ok {
		return "", &toolError{"tmux", string(exit.Stderr), err}
	}
	return strings.TrimSpace(string(out)), err
}

// toolError is the error of a tool, with what it said before it failed.
type toolError struct {
	tool, said string
	err        error
}

func (e *toolError) Error() string { return e.tool + ": " + oneLine(e.said+" ("+e.err.Error()+")") }
func (e *toolError) Unwrap() error { return e.err }
