package cli

import (
	"context"

	"github.com/spf13/cobra"
)

type lockOptions struct{ json bool }

func newLock(a *app, run func(context.Context, lockOptions) error) *cobra.Command {
	var o lockOptions
	cmd := &cobra.Command{
		Use:   "lock",
		Short: "Lock the file store again",
		Long: `Lock the file store that "kitekey unlock" has unlocked. It does nothing to a store
that is locked. A screen that is open keeps what it has until it locks itself.`,
		Example:           `  kitekey lock`,
		Args:              argCount(0, 0, "no arguments"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, args []string) error { return run(cmd.Context(), o) },
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func (a *app) runLock(_ context.Context, o lockOptions) error {
	v, err := a.fileStoreVault()
	if err != nil {
		return err
	}
	v.Lock()
	if o.json {
		return a.printJSON(lockStateOf(v))
	}
	a.note("the file store is locked")
	return nil
}
