package tui

import (
	"context"
	"testing"
	"time"

	"kitekey/vault"
	"kitekey/vault/storetest"
)

// testKeeper keeps a store unlocked for commands, or refuses to.
type testKeeper struct {
	life time.Duration
	err  error
}

func (k *testKeeper) KeepUnlocked(context.Context, time.Duration) (time.Time, error) {
	panic("the screen has asked for the passphrase itself")
}

func (k *testKeeper) KeepOpen(life time.Duration) (time.Time, error) {
	k.life = life
	return time.Now().Add(life), k.err
}

func (k *testKeeper) KeptUntil() (time.Time, bool) { return time.Time{}, false }

// keepingStore is a test's store that can stay unlocked.
type keepingStore struct {
	*storetest.Faulty
	*testKeeper
}

func TestUnlock_ForOtherCommandsTooWhenChosen(t *testing.T) {
	const phrase = "quite a long phrase"
	k := &testKeeper{}
	drive(t, setup{keeper: k}, func(t *testing.T, d *driver) {
		d.store.Protect(phrase)
		d.press("Z").sees("this screen alone", "for commands too")
		d.paste(phrase).press("enter").sees("acme / sandbox")
		if k.life != 0 {
			t.Error("it was unlocked for commands without being asked to")
		}
		d.press("Z", "tab").sees("this screen and all commands, 30 min")
		d.press("tab").sees("this screen alone").press("tab")
		d.write("wrong").press("enter").sees("That is not the passphrase", "all commands")
		if k.life != 0 {
			t.Error("a wrong passphrase unlocked it for commands")
		}
		d.paste(phrase).press("enter").sees("unlocked for all commands until")
		if k.life != 30*time.Minute {
			t.Errorf("it was unlocked for %v", k.life)
		}
		// The choice counts once. A machine that cannot do it says so.
		d.press("Z").sees("this screen alone").press("tab")
		k.err = vault.ErrCannotKeep
		d.paste(phrase).press("enter").sees("acme / sandbox", "the kernel does not keep the store unlocked")
	})
	drive(t, setup{}, func(t *testing.T, d *driver) { // a store that cannot stay unlocked
		d.store.Protect(phrase)
		d.press("Z").sees("kitekey is locked").lacks("commands").press("tab").lacks("commands")
	})
}

func TestLockScreen_NamesEnterOnASmallScreen(t *testing.T) {
	drive(t, setup{keeper: &testKeeper{}, width: 40, height: 12}, func(t *testing.T, d *driver) {
		d.store.Protect("quite a long phrase")
		d.press("Z").sees("enter unlock", "ctrl+c quit", "passphrase  paste or type ").lacks("nothing is sh")
	})
}

// What the locked screen says must be true: a form with a typed secret is kept.
func TestLockScreen_SaysThatATypedSecretIsKept(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("a").write("hill").press("tab", "tab", "tab").paste("a-long-secret").sleep(time.Hour)
		d.sees("kitekey is locked", "Secrets were cleared from memory, except what you typed")
		d.press("enter").press("esc", "y", "Z").sees("Secrets were cleared from memory; stored")
	})
}
