package cli

import (
	"time"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/vault"
)

// parseExpiresIn reads --expires-in; "" is 0, which means the profile's default.
func parseExpiresIn(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	d, err := kite.ParseExpiresIn(s)
	if err != nil {
		return 0, usagef("--expires-in: %w", err)
	}
	return d, nil
}

// mintFlags are the flags of every command that needs a token.
type mintFlags struct {
	expiresIn    string
	minRemaining string
	fresh        bool
	noCache      bool
}

func (m *mintFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&m.expiresIn, "expires-in", "", "`life` to mint with: 300, 90s, 5m, 1h30m (default: the profile's)")
	f.StringVar(&m.minRemaining, "min-remaining", "", "least `life` the token must have left (default: 30s, or a tenth of a shorter life)")
	f.BoolVar(&m.fresh, "fresh", false, "mint even when a kept token is alive")
	f.BoolVar(&m.noCache, "no-cache", false, "mint, and keep the token nowhere")
	for _, name := range []string{"expires-in", "min-remaining"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions([]string{"1m", "5m", "15m", "1h"}, cobra.ShellCompDirectiveNoFileComp))
	}
}

// mint checks the flags and gives what the vault wants to know.
func (m *mintFlags) mint() (vault.TokenRequest, error) {
	expiresIn, err := parseExpiresIn(m.expiresIn)
	if err != nil {
		return vault.TokenRequest{}, err
	}
	var least time.Duration // 0 leaves it to the vault
	if m.minRemaining != "" {
		if least, err = kite.ParseExpiresIn(m.minRemaining); err != nil {
			return vault.TokenRequest{}, usagef("--min-remaining: %w", err)
		}
	}
	return vault.TokenRequest{ExpiresIn: expiresIn, Fresh: m.fresh, MinRemaining: least, NoCache: m.noCache}, nil
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
