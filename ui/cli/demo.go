package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"kitekey/kite/simulator"
	"kitekey/ui/tui"
	"kitekey/ui/words"
)

// clearGrace is how long the end of the demo waits until the clipboard is cleared and
// its helper has looked at it again. The helper goes on without the demo.
const clearGrace = 500 * time.Millisecond

type demoOptions struct {
	screen *screenFlags
	script bool // it plays itself
}

func newDemo(a *app, run func(context.Context, demoOptions) error) *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Try the screen with made-up accounts; nothing is stored",
		Long: `Open the screen on a simulated Kitegateway with made-up accounts, one in every
state: works, refused, unreachable, throttled, not verified, a wrong clock, a
rotation that is half-way, a locked store. R starts over.

Nothing is written to the disk or the keyring, nothing leaves this machine, and all
of it is gone when you quit.`,
		Example: `  kitekey demo
  kitekey demo --script          it plays itself once, for a recording`,
		Args:              argCount(0, 0, "no arguments"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), o) },
	}
	o.screen = newScreenFlags(cmd)
	cmd.Flags().BoolVar(&o.script, "script", false, "let the demo play itself once through")
	return cmd
}

func (a *app) runDemo(ctx context.Context, o demoOptions) error {
	if err := a.needTerminal(o.screen); err != nil {
		return err
	}
	if o.script && o.screen.plain {
		return usagef("--script needs the screen: leave --plain out")
	}
	left := ""
	for {
		err := a.showDemo(ctx, o, &left)
		if errors.Is(err, tui.ErrStartOver) {
			continue
		}
		if left != "" {
			a.note("%s", left)
		}
		return err
	}
}

// showDemo runs the demo once. left says what the demo before it has left behind, and
// then what this one leaves: "" for nothing.
func (a *app) showDemo(ctx context.Context, demo demoOptions, left *string) error {
	o, err := a.screenOptions(demo.screen)
	if err != nil {
		return err
	}
	o.Say, *left = *left, ""
	sim := simulator.New(simulator.Options{Merchants: demoMerchants()})
	if err := sim.Start("127.0.0.1:0"); err != nil {
		return fmt.Errorf("start the simulator: %w", err)
	}
	defer sim.Close()
	if o.Vault, err = a.demoVault(ctx, sim); err != nil {
		return fmt.Errorf("set the demo up: %w", err)
	}
	o.Demo, o.BaseURL = true, sim.BaseURL
	if demo.script {
		o.Script = demoScript
	}
	// Everything is gone when the demo ends, its copies in the clipboard included.
	defer func() { *left = clearCopy(context.WithoutCancel(ctx), o.Clipboard.(demoClipboard), a.Now()) }()
	return show(ctx, o, demo.screen)
}

// clearCopy clears the demo's copy. If that fails it says that the copy remains, and
// until when. A helper that has not answered in time is still at it.
func clearCopy(ctx context.Context, clip demoClipboard, now time.Time) string {
	ctx, cancel := context.WithTimeout(ctx, clearGrace)
	defer cancel()
	err := clip.Clear(ctx)
	at := clip.ClearsAt()
	switch {
	case err == nil || ctx.Err() != nil || !at.IsZero() && !at.After(now):
		return ""
	case at.IsZero():
		return "a token of the demo is still in the clipboard: copy something else to replace it"
	}
	return "a token of the demo is still in the clipboard; it leaves in " + words.About(at.Sub(now))
}

// demoClipboard is the part of [clipboard.Clipboard] that the end of the demo needs.
type demoClipboard interface {
	Clear(ctx context.Context) error
	ClearsAt() time.Time
}
