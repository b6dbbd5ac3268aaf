package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/vault"
)

// liveAct is something that a command is about to do with live profiles.
type liveAct struct {
	does      string           // "deletes the LIVE credential of acme for good"
	profiles  []vault.Selector // what it is done to, live or not
	confirmed string           // the value of --confirm
}

// confirmLive is the commands' live guard: it returns nil when no profile is live,
// when --confirm has the name, or when the name is typed at the terminal. The name
// is the profile's, or "live" when there are several.
func (a *app) confirmLive(ctx context.Context, act liveAct) error {
	var live []vault.Selector
	for _, sel := range act.profiles {
		if sel.Environment == kite.Live {
			live = append(live, sel)
		}
	}
	if len(live) == 0 {
		if len(act.profiles) == 1 && act.confirmed != "" && act.confirmed != act.profiles[0].String() {
			return unconfirmedf("%s: --confirm names another profile; nothing was done", act.profiles[0])
		}
		return nil
	}
	name := "live"
	if len(live) == 1 {
		name = live[0].String()
	}
	switch {
	case act.confirmed == name:
		return nil
	case act.confirmed != "":
		return unconfirmedf("this %s; --confirm takes %s for it, and nothing was done", act.does, name)
	case !a.canAsk():
		return unconfirmedf("this %s; confirm with --confirm %s", act.does, name)
	}
	ok, err := a.confirmName(ctx, fmt.Sprintf("This %s. Type %s to confirm: ", act.does, name), name)
	if err == nil && !ok {
		err = unconfirmedf("%s was not typed; nothing was done", name)
	}
	return err
}

// registerConfirm adds --confirm.
func (a *app) registerConfirm(cmd *cobra.Command, value *string) {
	cmd.Flags().StringVar(value, "confirm", "", "the live profile's `name`, to go ahead without being asked")
	_ = cmd.RegisterFlagCompletionFunc("confirm", a.completeSelectors(false))
}

// onLive is a [liveAct] on these profiles.
func onLive(confirmed, does string, sels ...vault.Selector) liveAct {
	return liveAct{does, sels, confirmed}
}

// confirmYes asks a yes-or-no question about what is not live. Without a terminal
// it returns an error that says why it would have asked, and names --yes.
func (a *app) confirmYes(ctx context.Context, question, why string) error {
	if !a.canAsk() {
		return unconfirmedf("%s; confirm with --yes", why)
	}
	ok, err := a.confirm(ctx, question)
	if err == nil && !ok {
		err = unconfirmedf("not confirmed; nothing was done")
	}
	return err
}
