package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"kitekey/ui/words"
	"kitekey/vault"
)

type statusOptions struct{ json bool }

func newStatus(a *app, run func(context.Context, statusOptions) error) *cobra.Command {
	var o statusOptions
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say whether the store is unlocked, and until when",
		Long: `Say whether the store is unlocked, and until when. Nothing is asked for and nothing
is unlocked. For a keyring "locked" is null in JSON: only the operating system knows.`,
		Example: `  kitekey status
  kitekey status --json | jq -r .unlocked_until`,
		Args:              argCount(0, 0, "no arguments"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, args []string) error { return run(cmd.Context(), o) },
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

// lockState is the store's state in JSON.
type lockState struct {
	Store  string     `json:"store"`
	Locked *bool      `json:"locked"`         // null if only the operating system knows
	Until  *time.Time `json:"unlocked_until"` // null if it is locked, or stays unlocked without a limit
}

func lockStateOf(v *vault.Vault) lockState {
	s := lockState{Store: v.StoreName()}
	if !v.CanKeep() {
		return s
	}
	locked := v.NeedsPassphrase()
	s.Locked = &locked
	if until, ok := v.KeptUntil(); ok {
		until = until.UTC().Truncate(time.Second)
		s.Until = &until
	}
	return s
}

func (a *app) runStatus(_ context.Context, o statusOptions) error {
	v, err := a.openQuietly()
	if err != nil {
		return err
	}
	s := lockStateOf(v)
	if o.json {
		return a.printJSON(s)
	}
	state := "unlocked by the operating system when it is needed"
	switch {
	case s.Until != nil:
		state = "unlocked until " + words.Moment(*s.Until, a.Now()) + ", " + words.About(s.Until.Sub(a.Now())) + " left"
	case s.Locked != nil && *s.Locked:
		state = "locked: every command asks for the passphrase"
	case s.Locked != nil:
		state = "created with the first profile"
	}
	return a.print("%s\n", table([][]string{{"store", s.Store}, {"state", state}}))
}
