package tui

import (
	"context"
	"errors"

	tea "charm.land/bubbletea/v2"

	"kitekey/ui/words"
	"kitekey/vault"
)

// ErrUseOtherStore is the error of [Run] if the user chose [Options.OtherStore].
var ErrUseOtherStore = errors.New("use the other store")

// checkStore asks a store that has no profiles yet whether it can be reached, so that
// a missing keyring is known before a secret is typed. It asks the person nothing.
func (a *app) checkStore() tea.Cmd {
	if a.o.OtherStore == "" || len(a.list.profiles) > 0 {
		a.list.unreached = nil
		return nil
	}
	v, ctx := a.o.Vault, a.ctx
	return a.run(task{kind: taskReach, quiet: true}, func(context.Context) func(*app) tea.Cmd {
		err := v.Probe(ctx) // not the task's context, which waits for a prompt
		return func(a *app) tea.Cmd {
			a.list.unreached = nil
			if errors.Is(err, vault.ErrUnavailable) || errors.Is(err, vault.ErrTimeout) {
				a.list.unreached = a.aboutUnreached(err)
			}
			return nil
		}
	})
}

// openStore opens the store in the background, so that neither the first frame nor the
// first token waits for it.
func (a *app) openStore() tea.Cmd {
	if !a.o.OpenStore {
		return nil
	}
	v := a.o.Vault
	name := words.Store(v.StoreName())
	return a.run(task{kind: taskOpen, doing: "opening " + name}, func(ctx context.Context) func(*app) tea.Cmd {
		err := v.Reach(ctx)
		return func(a *app) tea.Cmd {
			if err != nil {
				a.reportError("", "opening "+name, err)
			}
			return nil
		}
	})
}

// aboutUnreached says what is wrong with the store, and how to use the other one.
func (a *app) aboutUnreached(err error) []string {
	text := []string{words.Sentence(errorText(err))}
	if advice := words.StoreAdvice(err); advice != "" {
		text = append(text, words.Sentence(advice))
	}
	return append(text, "Press F to use "+words.Store(a.o.OtherStore)+" now. It is encrypted with a passphrase, which you choose next.")
}

func canUseOtherStore(a *app) string {
	if len(a.list.unreached) == 0 {
		return words.Store(a.o.Vault.StoreName()) + " is in use"
	}
	return ""
}

func (a *app) chooseOtherStore() tea.Cmd {
	a.otherStore = true
	return a.quit()
}
