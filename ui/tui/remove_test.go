package tui

import (
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/vault"
)

func TestRemove_EnterLeavesTheProfile(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("d").dialog("Remove acme / sandbox").press("enter").dialog("").sees("7 profiles")
	})
}

func TestRemove_CanBePutBack(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("d", "y").sees("acme/sandbox removed; u puts it back", "6 profiles")
		d.press("u").sees("acme/sandbox is back", "7 profiles", "Acme Stores Ltd")
		c, err := d.vault.Credential(t.Context(), vault.Selector{Account: "acme", Environment: kite.Sandbox})
		if err != nil || c.APISecret.Reveal() != "sim-secret-acme-sandbox" {
			t.Errorf("its credential: %v", err)
		}
		d.press("u").sees("nothing was removed in the last ten minutes")
	})
}

func TestRemove_IsErasedAfterTenMinutes(t *testing.T) {
	drive(t, setup{options: neverLock}, func(t *testing.T, d *driver) {
		d.press("d", "y").sleep(9*time.Minute).press("down", "up")
		var kept *vault.Removed
		d.look(func(a *app) { kept = a.removed.Last() })
		d.sleep(2 * time.Minute).press("u").sees("nothing was removed in the last ten minutes")
		if _, err := d.vault.PutBack(t.Context(), kept); err == nil {
			t.Error("what was removed is still in memory")
		}
	})
}

func TestRemove_IsErasedByLocking(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("d", "y", "Z", "enter", "u").sees("nothing was removed in the last ten minutes")
	})
}

func TestRemove_IsKeptWhenTheStoreDoesNotTakeItBack(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("d", "y").sees("6 profiles")
		d.store.Hang()
		d.press("u").sleep(2 * time.Second).press("esc").sleep(10 * time.Second)
		d.store.Heal()
		d.press("u").sees("7 profiles")
	})
}

// The key that the message offers must act on the profile that it is about.
func TestPutBack_ChoosesTheProfileThatHasTheName(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.selectProfile("dune/sandbox").press("d", "y").sees("removed")
		cred, _, _ := kite.ParseCredential("another-key", "another-secret")
		sel := vault.Selector{Account: "dune", Environment: kite.Sandbox}
		if _, err := d.vault.Add(t.Context(), vault.NewProfile{Selector: sel, Credential: cred, Verdict: vault.VerdictOK}); err != nil {
			t.Fatal(err)
		}
		d.press("u").sees("dune/sandbox cannot be put back", "Rename that one with e").lacks("exists already")
		d.press("e").dialog("Edit dune / sandbox").press("tab", "tab").write("2").press("ctrl+s").sees("dune2")
		d.press("u").sees("dune/sandbox is back")
	})
}
