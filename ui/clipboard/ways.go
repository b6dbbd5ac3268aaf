package clipboard

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// candidate is a way to try, with its known limits.
type candidate struct {
	way    Way
	caveat string
}

// Ways lists the ways that work here now, best first. It may ask the X server and
// tmux, and copies nothing.
func (c *Clipboard) Ways() []Way {
	var ways []Way
	for _, w := range c.candidates() {
		if c.reachable(w.way) {
			ways = append(ways, w.way)
		}
	}
	return ways
}

func (c *Clipboard) reachable(w Way) bool {
	switch w {
	case OSC52:
		return true // a terminal does not say whether it takes OSC 52
	case Tmux:
		return tmux(c.env("TMUX"), "list-buffers").Run() == nil
	}
	return nativeReachable(w, c.env)
}

// candidates returns candidatesFor this machine.
func (c *Clipboard) candidates() []candidate {
	return candidatesFor(runtime.GOOS, c.env, c.terminal != nil, func(tool string) bool {
		_, err := exec.LookPath(tool)
		return err == nil
	})
}

// candidatesFor lists the ways to try, best first, by the environment alone.
func candidatesFor(goos string, env func(string) string, terminal bool, has func(tool string) bool) []candidate {
	var ways []candidate
	add := func(w Way, caveat string) { ways = append(ways, candidate{w, caveat}) }

	// Over SSH the native clipboard of this machine is not the user's, except on an X
	// display that SSH forwards, which has a host name.
	remote := env("SSH_CONNECTION") != "" || env("SSH_TTY") != "" || env("SSH_CLIENT") != ""
	display := env("DISPLAY")
	forwarded := display != "" && !strings.HasPrefix(display, ":") && !strings.HasPrefix(display, "/")

	switch goos {
	case "darwin":
		if !remote {
			add(MacOS, "")
		}
	case "windows":
		if !remote {
			add(Windows, "")
		}
	default:
		wayland := env("WAYLAND_DISPLAY") != ""
		if wayland && !remote && has("wl-copy") {
			add(Wayland, "")
		}
		if display != "" && (!remote || forwarded) {
			caveat := ""
			if wayland && !has("wl-copy") {
				// Compositors let XWayland set the clipboard only while an X window
				// has the focus, or not at all.
				caveat = "it went through XWayland, which Wayland programs may not see: install wl-clipboard"
			}
			add(X11, caveat)
		}
	}
	if env("TMUX") != "" && has("tmux") {
		add(Tmux, "")
	}
	if terminal && env("TERM") != "dumb" {
		add(OSC52, "")
	}
	return ways
}

// noWay returns an error that says why nothing can be copied, and what to do.
func (c *Clipboard) noWay() error {
	switch {
	case c.env("SSH_CONNECTION") != "":
		return fmt.Errorf("%w: this is an SSH session without a terminal; run it in one (ssh -t), whose clipboard can then be reached", ErrNoWay)
	case c.env("WAYLAND_DISPLAY") != "":
		return fmt.Errorf("%w: this is a Wayland session without wl-copy; install wl-clipboard", ErrNoWay)
	}
	return fmt.Errorf("%w: there is no desktop (DISPLAY and WAYLAND_DISPLAY are not set), no tmux, and no terminal", ErrNoWay)
}

// copyBy makes the copy in one way.
func (c *Clipboard) copyBy(ctx context.Context, w candidate, secret []byte, clearAt time.Time) (session, Receipt, error) {
	req := request{Way: w.way, ClearAt: clearAt}
	if w.way == OSC52 {
		return c.copyOSC52(ctx, req, secret)
	}
	s, caveat, err := startHelper(ctx, c.helper, c.env, req, secret)
	if err != nil {
		return nil, Receipt{}, err
	}
	if caveat == "" {
		caveat = w.caveat
	}
	return s, Receipt{Way: w.way, ClearsAt: clearAt, Caveat: caveat}, nil
}
