package tui

import (
	"testing"
	"time"
)

func TestMintDialog_SaysThatALongLifeIsARisk(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("m").lacks("a shorter life is safer").write("60m").lacks("a shorter life is safer")
		d.press("esc").write("61m").sees("a token that lives 1 h 1 min works that long", "a shorter life is safer")
		d.press("enter").dialog("").sees("minted for 1 h 1 min")
	})
}

func TestMintDialog_AsksOnceAboutAnUnusualLife(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("m").write("24h").press("enter").dialog("").sees("minted for 1 d")
		d.press("m").write("25h").press("enter").dialog("Tokens that live 1 d 1 h?").sees("enter cancel", "y mint")
		mints := d.count("acme/sandbox").Mints
		d.press("enter").dialog("Mint a token for acme / sandbox").press("enter").press("esc").dialog("Mint a token for acme / sandbox")
		if n := d.count("acme/sandbox").Mints; n != mints {
			t.Errorf("%d mints without an answer", n-mints)
		}
		d.press("enter", "y").dialog("").sees("minted for 1 d 1 h")
		d.press("m").write("25h").press("enter").dialog("") // asked before
		d.press("m").write("2d").press("enter").dialog("Tokens that live 2 d?")
	})
}

func TestForm_AsksOnceAboutAnUnusualLife(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		life := func() time.Duration {
			var got time.Duration
			d.look(func(a *app) { got = a.chosen().ExpiresIn.Duration() })
			return got
		}
		d.press("e", "tab", "ctrl+u").write("3d").sees("a token that lives 3 d works that long").press("ctrl+s")
		d.dialog("Tokens that live 3 d?").press("esc").dialog("Edit acme / sandbox")
		if life() != 5*time.Minute {
			t.Errorf("saved without an answer: %v", life())
		}
		d.press("ctrl+s", "y").dialog("").sees("acme/sandbox saved")
		if life() != 72*time.Hour {
			t.Errorf("after the answer: %v", life())
		}
		d.look(func(a *app) { a.agreed = 0 }) // another day
		d.press("e").write(" 2").press("ctrl+s").dialog("").sees("acme/sandbox saved")
	})
}

func TestAddForm_AsksOnceAboutAnUnusualLife(t *testing.T) {
	drive(t, setup{empty: true}, func(t *testing.T, d *driver) {
		d.press("a").write("acme").press("enter", "enter", "enter").paste("sim-key-acme-sandbox").press("enter").paste("sim-secret-acme-sandbox")
		d.press("enter").write("2d").press("enter").dialog("Tokens that live 2 d?")
		if n := d.count("acme/sandbox").Mints; n != 0 {
			t.Error("the credential was tried before the answer")
		}
		d.press("y").dialog("").sees("acme/sandbox added; it works")
	})
}

// The dialog cannot scroll, so all of it must fit.
func TestMint_FitsOnASmallScreen(t *testing.T) {
	drive(t, setup{width: 40, height: 12}, func(t *testing.T, d *driver) {
		d.press("m").sees("enter mint and copy", "and its header").lacks(" more ")
		d.write("40h").sees("a shorter life is safer").lacks(" more ")
	})
}
