package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/vault"
)

// The least life of a token by default: for one call, and for a program that goes on
// using it.
const (
	leastForCall    = "30s, or a tenth of a shorter life"
	leastForProgram = "nine tenths of --expires-in, else half of the profile's"
)

// tokenFlags are the flags for commands that need a token.
type tokenFlags struct {
	expiresIn    kite.Lifetime
	minRemaining time.Duration
	fresh        bool
	noCache      bool
}

// register adds the flags. least says what --min-remaining is by default.
func (t *tokenFlags) register(cmd *cobra.Command, least string) {
	lifetimeFlag(cmd, &t.expiresIn, "`life` to mint with: 300, 90s, 1h30m, 2d (default: the profile's)")
	durationFlag(cmd, &duration{value: &t.minRemaining}, "min-remaining",
		"least `life` the token must have left (default: "+least+")")
	f := cmd.Flags()
	f.BoolVar(&t.fresh, "fresh", false, "mint even if there is an unexpired cached token")
	f.BoolVar(&t.noCache, "no-cache", false, "mint, and do not cache the token")
}

// request returns the request to the vault.
func (t tokenFlags) request() vault.TokenRequest {
	return vault.TokenRequest{ExpiresIn: t.expiresIn, MinRemaining: t.minRemaining, Fresh: t.fresh, NoCache: t.noCache}
}

// lifetimeFlag adds --expires-in.
func lifetimeFlag(cmd *cobra.Command, value *kite.Lifetime, usage string) {
	cmd.Flags().Var(value, "expires-in", usage)
	completeDurations(cmd, "expires-in")
}

// never is the value of a [duration] that was given as "never".
const never = time.Duration(-1)

// duration is a flag with a length of time that [kite.ParseDuration] reads, within
// bounds.
type duration struct {
	value       *time.Duration
	least, most time.Duration // 0 means more than nothing, and no upper bound
	orNever     bool          // "never" is allowed too
	orNegative  bool          // there are no bounds
}

// Set implements pflag.Value.
func (d *duration) Set(s string) error {
	if d.orNever && strings.TrimSpace(s) == "never" {
		*d.value = never
		return nil
	}
	parsed, err := kite.ParseDuration(s)
	switch {
	case errors.Is(err, kite.ErrTooLong) && d.most > 0:
		err = fmt.Errorf("must be at most %v", kite.LifetimeOf(d.most))
	case err != nil:
	case d.orNegative:
	case d.least > 0 && parsed < d.least:
		err = fmt.Errorf("must be at least %v", d.least)
	case parsed <= 0:
		err = fmt.Errorf("must be more than 0")
	case d.most > 0 && parsed > d.most:
		err = fmt.Errorf("must be at most %v", kite.LifetimeOf(d.most))
	}
	switch {
	case err == nil:
		*d.value = parsed
	case d.orNever:
		err = fmt.Errorf(`%w, or "never"`, err)
	}
	return err
}

// String implements pflag.Value.
func (d *duration) String() string {
	switch {
	case d.value == nil || *d.value == 0:
		return ""
	case *d.value == never:
		return "never"
	case *d.value%time.Second != 0:
		return d.value.String()
	}
	return kite.LifetimeOf(*d.value).String()
}

// Type implements pflag.Value.
func (d *duration) Type() string { return "duration" }

// durationFlag adds a flag. The default is the value in *d.value.
func durationFlag(cmd *cobra.Command, d *duration, name, usage string) {
	cmd.Flags().Var(d, name, usage)
	completeDurations(cmd, name)
}

func completeDurations(cmd *cobra.Command, name string) {
	_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions([]string{"1m", "5m", "15m", "1h"}, cobra.ShellCompDirectiveNoFileComp))
}

// choice is a flag whose value is one of some words.
type choice struct {
	value *string
	words []string
}

// Set implements pflag.Value. Its error does not repeat the value.
func (c choice) Set(s string) error {
	if !slices.Contains(c.words, s) {
		return fmt.Errorf("must be %s", either(c.words))
	}
	*c.value = s
	return nil
}

// String implements pflag.Value.
func (c choice) String() string {
	if c.value == nil {
		return ""
	}
	return *c.value
}

// Type implements pflag.Value.
func (c choice) Type() string { return "choice" }

// choiceFlag adds a flag whose value is one of some words, and completes them. The
// default is *value.
func choiceFlag(cmd *cobra.Command, value *string, name, usage string, words ...string) {
	cmd.Flags().Var(choice{value, words}, name, usage)
	_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// either returns a list of words: "a, b or c".
func either(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
