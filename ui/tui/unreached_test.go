package tui

import (
	"context"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/vault"
)

func unreachable(otherStore string) setup {
	return setup{empty: true, options: func(o *Options) { o.OtherStore = otherStore }, before: func(d *driver) { d.store.Fail(vault.ErrUnavailable) }}
}

func TestUnreached_IsSaidBeforeASecretIsTyped(t *testing.T) {
	drive(t, unreachable("file"), func(t *testing.T, d *driver) {
		d.sees("is not available", "Press F to use the file store now", "F file store", "No accounts here yet")
		d.store.On(nil, nil)
		d.send(tea.FocusMsg{}).lacks("not available", "F file store")
	})
}

// A command's context tells on stderr that the keyring asks, which would be written over
// the screen.
func TestTasks_DoNotTellOverTheScreenThatTheKeyringAsks(t *testing.T) {
	v, err := vault.Open(vault.Options{Store: vault.NewMemory(), Gateway: func(kite.Environment) vault.Gateway { return noGateway{} }})
	if err != nil {
		t.Fatal(err)
	}
	told := false
	ctx := vault.WithPromptTold(t.Context(), time.Minute, func() { told = true })
	a := newApp(ctx, Options{Vault: v})
	if p := vault.PromptOf(a.ctx); p.Wait != 0 {
		t.Errorf("outside a task it waits %v", p.Wait)
	}
	vault.PromptOf(a.ctx).Waiting()
	_, cmd := a.start(task{}, func(ctx context.Context) func(*app) tea.Cmd {
		if p := vault.PromptOf(ctx); p.Wait != promptWait {
			t.Errorf("a task waits %v", p.Wait)
		}
		vault.PromptOf(ctx).Waiting()
		return nil
	})
	cmd()
	if told {
		t.Error("the command has told it")
	}
}

// What can be done instead is at its end.
func TestUnreached_IsSaidWholeWithoutItsBlankLines(t *testing.T) {
	s := unreachable("file")
	s.width, s.height = 80, 20
	drive(t, s, func(t *testing.T, d *driver) {
		d.sees("is not available", "Press F to use the file store now", "nothing stored.")
	})
}

func TestUnreached_FTakesTheOtherStore(t *testing.T) {
	drive(t, unreachable("file"), func(t *testing.T, d *driver) {
		d.press("F")
		if !d.app.otherStore {
			t.Error("the screen goes on with the store that cannot be reached")
		}
	})
}

func TestUnreached_NothingIsOfferedWhereThereIsNoOtherStore(t *testing.T) {
	drive(t, unreachable(""), func(t *testing.T, d *driver) {
		d.lacks("not available", "F file store").press("F").sees("is in use")
	})
}

// The first screen comes from the index while the store is being opened.
func TestOpenStore_DoesNotHoldTheFirstScreen(t *testing.T) {
	var refused error
	slow := func(d *driver) {
		d.store.On(func(op, key string) error {
			if key == "doctor" {
				time.Sleep(3 * time.Second)
				return refused
			}
			return nil
		}, nil)
	}
	open := setup{before: slow, options: func(o *Options) { o.OpenStore = true }}
	drive(t, open, func(t *testing.T, d *driver) {
		d.sees("7 profiles", "opening the memory store").press("down").sleep(4 * time.Second).lacks("opening the memory store")
	})
	refused = vault.ErrWrongPassphrase
	drive(t, open, func(t *testing.T, d *driver) {
		d.sleep(4*time.Second).sees("7 profiles", "opening the memory store: ", "wrong passphrase")
	})
}
