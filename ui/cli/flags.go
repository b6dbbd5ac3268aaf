package cli

import (
	"time"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/vault"
)

// mintFlags are the flags of every command that needs a token.
type mintFlags struct {
	expiresIn    kite.Lifetime
	minRemaining kite.Lifetime
	fresh        bool
	noCache      bool
}

func (m *mintFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.Var(&m.expiresIn, "expires-in", "`life` to mint with: 300, 90s, 1h30m, 2d (default: the profile's)")
	f.Var(&m.minRemaining, "min-remaining", "least `life` the token must have left (default: 30s, or a tenth of a shorter life)")
	f.BoolVar(&m.fresh, "fresh", false, "mint even when a kept token is alive")
	f.BoolVar(&m.noCache, "no-cache", false, "mint, and keep the token nowhere")
	for _, name := range []string{"expires-in", "min-remaining"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions([]string{"1m", "5m", "15m", "1h"}, cobra.ShellCompDirectiveNoFileComp))
	}
}

// mint returns the request that the flags make.
func (m *mintFlags) mint() vault.TokenRequest {
	return vault.TokenRequest{ExpiresIn: m.expiresIn, Fresh: m.fresh, MinRemaining: m.minRemaining.Duration(), NoCache: m.noCache}
}

// parseClearAfter reads --clear-after; "never" is 0.
func parseClearAfter(s string) (time.Duration, error) {
	if s == "never" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < time.Second || d > 24*time.Hour {
		return 0, usagef(`--clear-after: %q is no time between 1s and 24h, nor "never"`, s)
	}
	return d, nil
}
