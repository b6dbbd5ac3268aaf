package cli

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"kitekey/ui/tui"
)

// screenFlags are how the screen behaves; "kitekey" and "kitekey demo" have them.
type screenFlags struct {
	plain         bool
	sandboxOnly   bool
	ascii         bool
	reducedMotion bool
	mouse         bool
	noNotices     bool
	noBell        bool
	noReveal      bool
	clearAfter    string
	lockAfter     string
}

func (s *screenFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&s.plain, "plain", false, "no screen: line by line, for screen readers")
	f.BoolVar(&s.sandboxOnly, "sandbox-only", false, "do not even list live profiles")
	f.BoolVar(&s.ascii, "ascii", false, "draw with ASCII characters only")
	f.BoolVar(&s.reducedMotion, "reduced-motion", false, "nothing moves by the second")
	f.BoolVar(&s.mouse, "mouse", false, "choose and scroll with the mouse (then select text with shift)")
	f.BoolVar(&s.noNotices, "no-notices", false, "no line before a token expires")
	f.BoolVar(&s.noBell, "no-bell", false, "no bell before a token expires")
	f.BoolVar(&s.noReveal, "no-reveal", false, "secrets cannot be shown")
	f.StringVar(&s.clearAfter, "clear-after", "45s", "`time` until what was copied leaves the clipboard")
	f.StringVar(&s.lockAfter, "lock-after", "10m", "idle `time` until the screen locks, or \"never\"")
}

// options checks the flags and starts the screen's options with them.
func (a *app) screenOptions(s screenFlags) (tui.Options, error) {
	clearAfter, err := time.ParseDuration(s.clearAfter)
	if err != nil || clearAfter < time.Second || clearAfter > 24*time.Hour {
		return tui.Options{}, usagef("--clear-after: %q is no time between 1s and 24h", s.clearAfter)
	}
	lockAfter := time.Duration(-1)
	if s.lockAfter != "never" {
		if lockAfter, err = time.ParseDuration(s.lockAfter); err != nil || lockAfter < time.Second {
			return tui.Options{}, usagef(`--lock-after: %q is no time of at least 1s, nor "never"`, s.lockAfter)
		}
	}
	var terminal io.Writer // plain mode may have none
	if isTerminal(a.Stdout) {
		terminal = a.Stdout
	}
	return tui.Options{
		Clipboard:     a.clipboard(terminal),
		SandboxOnly:   s.sandboxOnly,
		Version:       a.Version,
		ClearAfter:    clearAfter,
		LockAfter:     lockAfter,
		ASCII:         s.ascii,
		ReducedMotion: s.reducedMotion,
		Mouse:         s.mouse,
		NoNotices:     s.noNotices,
		NoBell:        s.noBell,
		NoReveal:      s.noReveal,
		Environ:       a.Environ,
		Now:           a.Now,
	}, nil
}

// needTerminal refuses to open the screen where there is none. Plain mode can do
// without.
func (a *app) needTerminal(s screenFlags) error {
	switch {
	case s.plain:
		return nil
	case a.getenv("TERM") == "dumb":
		return usagef(`this terminal (TERM=dumb) cannot show the screen; "kitekey --plain" goes line by line`)
	case isTerminal(a.Stdin) && isTerminal(a.Stdout):
		return nil
	}
	return usagef(`the screen needs a terminal, and this is none; the commands work without one: see "kitekey --help"`)
}

// runScreen is the bare "kitekey".
func (a *app) runScreen(cmd *cobra.Command, s screenFlags) error {
	if err := a.needTerminal(s); err != nil {
		return err
	}
	o, err := a.screenOptions(s)
	if err != nil {
		return err
	}
	if o.Vault, err = a.openQuietly(); err != nil {
		return err
	}
	urls, err := a.overrides()
	if err != nil {
		return err
	}
	o.Overrides = overrideLines(urls)
	o.BaseURL = a.baseURL
	// Asked for here, on a terminal that is still a line of text.
	if o.Vault.NeedsPassphrase() {
		if err := o.Vault.Reach(cmd.Context()); err != nil {
			return err
		}
	}
	a.onScreen = true
	return show(cmd.Context(), o, s)
}

// show runs the screen, or plain mode.
func show(ctx context.Context, o tui.Options, s screenFlags) error {
	if s.plain {
		return tui.RunPlain(ctx, o)
	}
	return tui.Run(ctx, o)
}
