package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"kitekey/ui/words"
	"kitekey/vault"
)

// defaultUnlock is how long "unlock" lasts by default, and longestUnlock the
// longest time that it accepts.
const (
	defaultUnlock = 30 * time.Minute
	longestUnlock = 24 * time.Hour
)

type unlockOptions struct {
	life time.Duration
	json bool
}

func newUnlock(a *app, run func(context.Context, unlockOptions) error) *cobra.Command {
	o := unlockOptions{life: defaultUnlock}
	cmd := &cobra.Command{
		Use:   "unlock",
		Short: "Unlock the file store once, for a time",
		Long: `Unlock the file store for every command of this user, until the time is over or
"kitekey lock" is run. The passphrase is asked for once, and commands are as fast as
with a keyring.

Meanwhile the key to the store is in the Linux kernel's keyring: in no file, no
variable and no process. Every program that runs as this user can use it, as it can
use an unlocked desktop keyring. Changing the passphrase locks it again, and so does
locking kitekey's screen. Where the kernel keeps no keys, as in some containers, this
command says so, and every command asks for the passphrase as before.`,
		Example: `  kitekey unlock
  kitekey unlock --for 8h`,
		Args:              argCount(0, 0, "no arguments"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, args []string) error { return run(cmd.Context(), o) },
	}
	durationFlag(cmd, &duration{value: &o.life, least: time.Second, most: longestUnlock}, "for", "`time` until it is locked again: 30m, 8h; at most 1d")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func (a *app) runUnlock(ctx context.Context, o unlockOptions) error {
	v, err := a.fileStoreVault()
	if err != nil {
		return err
	}
	if _, err := a.fileStoreFolder(); err != nil {
		return err
	}
	until, err := v.KeepUnlocked(ctx, o.life)
	if err != nil {
		return err
	}
	if o.json {
		return a.printJSON(lockStateOf(v))
	}
	a.note("the file store is unlocked until %s (%s)", words.Moment(until, a.Now()), words.Duration(o.life))
	return nil
}

// fileStoreVault returns the vault over a store that is opened by a passphrase.
func (a *app) fileStoreVault() (*vault.Vault, error) {
	v, err := a.openQuietly()
	if err != nil {
		return nil, err
	}
	if !v.CanKeep() {
		return nil, usagef("%s is unlocked by the operating system; this command is for the file store (--store file)", words.Store(v.StoreName()))
	}
	return v, nil
}
