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
	// Over SSH the native clipboard of this machine is not the user's, except on an X
	// display that SSH forwards.
	remote := env("SSH_CONNECTION") != "" || env("SSH_TTY") != "" || env("SSH_CLIENT") != ""
	var ways []candidate
	switch {
	case goos != "darwin" && goos != "windows":
		ways = desktopWays(env, remote, has("wl-copy"))
	case remote:
	case goos == "darwin":
		ways = []candidate{{way: MacOS}}
	default:
		ways = []candidate{{way: Windows}}
	}
	if env("TMUX") != "" && has("tmux") {
		ways = append(ways, candidate{way: Tmux})
	}
	if terminal && !withoutClipboard(env("TERM")) {
		ways = append(ways, candidate{way: OSC52})
	}
	return ways
}

// withoutClipboard reports whether a terminal is known to have no clipboard: the text
// consoles of Linux and the BSDs ignore OSC 52.
func withoutClipboard(term string) bool {
	switch term {
	case "dumb", "linux", "cons25", "wsvt25":
		return true
	}
	return false
}

// desktopWays lists the ways to the clipboard of a Wayland or X desktop.
func desktopWays(env func(string) string, remote, wlCopy bool) (ways []candidate) {
	wayland, display := env("WAYLAND_DISPLAY") != "", env("DISPLAY")
	if wayland && !remote && wlCopy {
		ways = append(ways, candidate{way: Wayland})
	}
	// The display that SSH forwards has a host name.
	forwarded := !strings.HasPrefix(display, ":") && !strings.HasPrefix(display, "/")
	if display == "" || remote && !forwarded {
		return ways
	}
	x11 := candidate{way: X11}
	if wayland && !wlCopy {
		// Compositors let XWayland set the clipboard only while an X window has the
		// focus, or not at all.
		x11.caveat = "it went through XWayland, which Wayland programs may not see: install wl-clipboard"
	}
	return append(ways, x11)
}

// noWay returns an error that says why nothing can be copied, and what to do.
func (c *Clipboard) noWay() error {
	switch term := c.env("TERM"); {
	case c.terminal != nil && withoutClipboard(term):
		return fmt.Errorf("%w: this terminal (TERM=%s) has none; in tmux kitekey uses the paste buffers of tmux", ErrNoWay, term)
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
