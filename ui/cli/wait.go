package cli

import (
	"context"
	"time"

	"kitekey/vault"
)

// unlockWait is how long the store may take if stdin is a terminal: the operating
// system may ask the user for a password.
const unlockWait = 2 * time.Minute

// withUnlockPrompt gives the store calls of a command time for a user at a terminal
// to answer the operating system, and tells the user when they wait.
func (a *app) withUnlockPrompt(ctx context.Context) context.Context {
	if !a.canAsk() || !isTerminal(a.Stderr) {
		return ctx
	}
	return vault.WithPromptTold(ctx, unlockWait, func() {
		a.note("the keyring is asking for your permission or your password; waiting for the answer (ctrl-c gives up)")
	})
}
