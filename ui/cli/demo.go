package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/kite/simulator"
	"kitekey/vault"
)

// clearGrace is what a clipboard gets to give up what the demo copied.
const clearGrace = 2 * time.Second

func newDemo(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Try the screen with made-up accounts; nothing is stored",
		Long: `Open the screen on a simulated Kitegateway with five made-up accounts: one healthy
in both environments, one in the sandbox only, one whose key pair is refused, one
whose token is about to expire, one that asks too often.

Nothing is written to the disk or the keyring, nothing leaves this machine, and all
of it is gone when you quit.`,
		Example:           `  kitekey demo`,
		Args:              argCount(0, 0, "no arguments"),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := newScreenFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := a.needTerminal(flags); err != nil {
			return err
		}
		o := a.screenOptions(flags)
		sim := simulator.New(simulator.Options{})
		if err := sim.Start("127.0.0.1:0"); err != nil {
			return fmt.Errorf("start the simulator: %w", err)
		}
		defer sim.Close()
		var err error
		if o.Vault, err = a.demoVault(cmd.Context(), sim); err != nil {
			return fmt.Errorf("set the demo up: %w", err)
		}
		o.Demo, o.BaseURL = true, sim.BaseURL
		defer func() {
			// All of it is gone when the demo ends, what it copied included.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), clearGrace)
			defer cancel()
			_ = o.Clipboard.Clear(ctx)
		}()
		return show(cmd.Context(), o, flags)
	}
	return cmd
}

// demoVault is a vault in memory with a profile in every state worth showing.
func (a *app) demoVault(ctx context.Context, sim *simulator.Simulator) (*vault.Vault, error) {
	v, err := vault.Open(vault.Options{
		Store: vault.NewMemory(),
		Now:   a.Now,
		Gateway: a.vaultGateways(map[kite.Environment]string{
			kite.Sandbox: sim.BaseURL(kite.Sandbox), kite.Live: sim.BaseURL(kite.Live),
		}),
	})
	if err != nil {
		return nil, err
	}
	sim.Set("coral", kite.Sandbox, simulator.Behavior{Refuse: true})
	sim.Set("ember", kite.Sandbox, simulator.Behavior{Limit: -1, RetryAfter: time.Minute})
	for _, p := range []struct {
		account string
		env     kite.Environment
		label   string
		life    kite.Lifetime // default life of its tokens
		verdict vault.Verdict
	}{
		{"acme", kite.Sandbox, "Acme Stores Ltd", 5 * 60, vault.VerdictOK},
		{"acme", kite.Live, "Acme Stores Ltd", 60, vault.VerdictOK},
		{"borealis", kite.Sandbox, "Borealis Books", 15 * 60, vault.VerdictOK},
		{"coral", kite.Sandbox, "Coral Clinic: its key pair was revoked", 5 * 60, vault.VerdictRejected},
		{"dune", kite.Sandbox, "Dune Tours: its token is about to expire", 40, vault.VerdictOK},
		{"ember", kite.Sandbox, "Ember Grill: asks too often", 5 * 60, vault.VerdictRateLimited},
	} {
		cred, ok := sim.Credential(p.account, p.env)
		if !ok {
			return nil, fmt.Errorf("the simulator knows no %s/%s", p.account, p.env)
		}
		sel := vault.Selector{Account: p.account, Environment: p.env}
		_, err := v.Add(ctx, vault.NewProfile{Selector: sel, Label: p.label, ExpiresIn: p.life, Credential: cred, Verdict: p.verdict})
		if err != nil {
			return nil, err
		}
	}
	// The screen opens on the profile that was used last.
	for _, account := range []string{"dune", "borealis", "acme"} {
		if _, err := v.Token(ctx, vault.Selector{Account: account, Environment: kite.Sandbox}, vault.TokenRequest{}); err != nil {
			return nil, err
		}
	}
	return v, nil
}
