package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"kitekey/kite/simulator"
	"kitekey/ui/tui"
)

// clearGrace is how long the end of the demo waits until the clipboard is cleared.
// It is cleared in any case.
const clearGrace = 300 * time.Millisecond

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
	for {
		err := a.showDemo(ctx, o.screen, o.script)
		if !errors.Is(err, tui.ErrStartOver) {
			return err
		}
	}
}

// showDemo runs the demo once.
func (a *app) showDemo(ctx context.Context, flags *screenFlags, script bool) error {
	o, err := a.screenOptions(flags)
	if err != nil {
		return err
	}
	sim := simulator.New(simulator.Options{Merchants: demoMerchants()})
	if err := sim.Start("127.0.0.1:0"); err != nil {
		return fmt.Errorf("start the simulator: %w", err)
	}
	defer sim.Close()
	if o.Vault, err = a.demoVault(ctx, sim); err != nil {
		return fmt.Errorf("set the demo up: %w", err)
	}
	o.Demo, o.BaseURL = true, sim.BaseURL
	if script {
		o.Script = demoScript
	}
	defer func() {
		// Everything is gone when the demo ends, its copies in the clipboard included.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), clearGrace)
		defer cancel()
		_ = o.Clipboard.Clear(ctx)
	}()
	return show(ctx, o, flags)
}
