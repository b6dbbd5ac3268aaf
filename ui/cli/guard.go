package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/ui/handout"
	"kitekey/ui/words"
	"kitekey/vault"
)

// confirmLive answers the live guard's question with --confirm, or asks it at the
// terminal. It returns nil if the action may go on.
func (a *app) confirmLive(ctx context.Context, do handout.Action, confirmed string, profiles ...vault.Selector) error {
	var guard handout.Guard
	q, asks := guard.Question(do, profiles...)
	switch {
	case !asks && confirmed != "" && len(profiles) == 1 && confirmed != profiles[0].String():
		return unconfirmedf("%s: --confirm names another profile; nothing was done", profiles[0])
	case !asks || q.Accepts(confirmed):
		return nil
	case confirmed != "":
		return unconfirmedf("%s: to %s, --confirm takes %s; nothing was done", q.Subject(), q.Does(), q.Name)
	case !a.canAsk():
		return unconfirmedf("%s: to %s, confirm with --confirm %s", q.Subject(), q.Does(), q.Name)
	}
	ask := func(ctx context.Context, q handout.Question) (string, error) {
		typed, err := a.ask(ctx, words.Capital(q.Text())+": ")
		if errors.Is(err, errGivenUp) {
			return "", nil
		}
		return typed, err
	}
	return guard.Confirm(ctx, do, ask, profiles...)
}

// confirmYes asks a yes-or-no question about profiles that are not live. Without a
// terminal it returns an error that says why it would have asked, and names --yes.
func (a *app) confirmYes(ctx context.Context, question, why string) error {
	if !a.canAsk() {
		return unconfirmedf("%s; confirm with --yes", why)
	}
	ok, err := a.confirm(ctx, question)
	if err == nil && !ok {
		err = unconfirmedf("not confirmed, nothing was done")
	}
	return err
}

// handOut returns what hands out tokens for a command. A live profile was always
// typed in full, because no variable and no file chooses one, so that confirms it.
func (a *app) handOut(v *vault.Vault, do handout.Action, profiles ...vault.Selector) *handout.Tokens {
	t := &handout.Tokens{Vault: v, Guard: &handout.Guard{Now: a.Now}, BaseURL: a.baseURL, Now: a.Now}
	t.Guard.TypedInFull(do, profiles...)
	return t
}

// confirmFlag adds --confirm.
func (a *app) confirmFlag(cmd *cobra.Command, value *string) {
	cmd.Flags().StringVar(value, "confirm", "", "the live profile's `name` (\"live\" for several), to go ahead without being asked")
	_ = cmd.RegisterFlagCompletionFunc("confirm", a.completeSelectors(false))
}

// anyLive reports whether one of the profiles is live.
func anyLive(profiles []vault.Selector) bool {
	for _, sel := range profiles {
		if sel.Environment == kite.Live {
			return true
		}
	}
	return false
}
