package tui

import (
	"errors"
	"image/color"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/kite/simulator"
	"kitekey/ui/words"
	"kitekey/vault"
	"kitekey/vault/storetest"
)

// The tasks of three users, with the keys that they need. The first is the most
// common one.

func TestCopy_TakesThreeKeysAfterFiltering(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("/").write("bore")
		before := d.keys
		d.press("enter", "c")
		if n := d.keys - before; n > 3 {
			t.Errorf("%d keys after the name was filtered; 3 are enough", n)
		}
		if !strings.HasPrefix(d.clip.held(), "Authorization: JWT eyJ") {
			t.Errorf("the clipboard does not hold a header but %d bytes", len(d.clip.held()))
		}
		d.sees("header of borealis/sandbox copied (X11) · minted for 5 min", "leaves the clipboard in 0:4")
		if got := d.count("borealis").Mints; got != 1 {
			t.Errorf("%d mints", got)
		}
		d.press("c") // the token is unexpired: no second mint
		if got := d.count("borealis").Mints; got != 1 {
			t.Errorf("%d mints after copying again", got)
		}
	})
}

// The user must know when a copy leaves the clipboard: every screen shows it before
// anything that the way cannot promise.
func TestCopy_ShowsItsTimeOnEveryScreen(t *testing.T) {
	for _, size := range [][2]int{{120, 40}, {80, 24}, {50, 15}, {40, 12}, {40, 10}} {
		drive(t, setup{width: size[0], height: size[1]}, func(t *testing.T, d *driver) {
			d.clip.caveat = strings.Repeat("it is not known what the terminal does with it ", 5)
			d.press("c")
			d.sees("header of acme/sandbox copied", "leaves the clipboard in 0:45")
			if size[1] >= 24 {
				d.sees("it is not known").press("c").lacks("it is not known") // show it once
			}
			checkFits(t, d.screen(), size[0], size[1])
			d.sleep(10 * time.Second)
			d.sees("leaves the clipboard in 0:35").lacks("it is not known")
			if size[1] >= 15 {
				d.press("H").sees("it is not known")
			}
		})
	}
}

// On the smallest screens the text of a dialog is cut, but not the input or an
// error.
func TestDialogs_ShowTheirFieldsOnSmallScreens(t *testing.T) {
	for _, size := range [][2]int{{40, 12}, {40, 10}} {
		drive(t, setup{width: size[0], height: size[1]}, func(t *testing.T, d *driver) {
			d.press("down", "d").sees("type acme/live").write("acm").sees("> acm")
			d.press("enter").sees("that is not")
			d.press("esc", "a").write("neu")
			for _, name := range []string{"environment", "label", "api_key", "api_secret", "expires_in"} {
				d.press("enter").sees("▌ " + name)
			}
			d.press("shift+tab").paste("wrong").press("shift+tab").paste("wrong").press("ctrl+s").sees("not saved:")
		})
	}
}

func TestVerify_TakesSixKeysFromTheStart(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.sim.Set("dune", kite.Sandbox, simulator.Behavior{Refuse: true})
		before := d.keys
		d.press("/").write("dun").press("enter", "v")
		if n := d.keys - before; n > 6 {
			t.Errorf("%d keys from start to verdict", n)
		}
		d.sees("Verification result", "refused", "meaning", "next", "HTTP 401")
	})
}

func TestAdd_TakesTwelveKeysAndTwoPastes(t *testing.T) {
	drive(t, setup{empty: true}, func(t *testing.T, d *driver) {
		d.sees("No accounts here yet")
		before := d.keys
		d.press("a").write("acme").press("enter", "enter", "enter")
		d.paste("sim-key-acme-sandbox").press("enter")
		d.paste("sim-secret-acme-sandbox").press("ctrl+s")
		if n := d.keys - before; n > 12 {
			t.Errorf("%d keys and two pastes to add an account", n)
		}
		d.sees("acme/sandbox added; it works", "✓ works")
	})
}

func TestAdd_KeepsWhatWasTypedWhenRefused(t *testing.T) {
	drive(t, setup{empty: true}, func(t *testing.T, d *driver) {
		d.press("a").write("acme").press("enter", "enter", "enter")
		d.paste("  sim-key-acme-sandbox \n")
		d.sees("received, hidden", "spaces around it are left out")
		d.press("enter").write("sim-secret-wrong").press("ctrl+s")
		d.sees("not saved: ", "ctrl+k saves it unverified").lacks("sim-secret", "sim-key")
		if list, _ := d.vault.List(); len(list) != 0 {
			t.Fatalf("%d profiles after a refused credential", len(list))
		}
		// The user cannot see where the mistake is, so a paste replaces the value.
		d.sees("a paste replaces it").paste("sim-secret-acme-sandbox").press("ctrl+s")
		d.sees("acme/sandbox added; it works")
		c, err := d.vault.Credential(t.Context(), vault.Selector{Account: "acme", Environment: kite.Sandbox})
		if err != nil || c.APIKey.Reveal() != "sim-key-acme-sandbox" || c.APISecret.Reveal() != "sim-secret-acme-sandbox" {
			t.Errorf("what was stored is not what was pasted (%v)", err)
		}
	})
}

func TestAdd_SavesUnverifiedWhenAsked(t *testing.T) {
	drive(t, setup{empty: true}, func(t *testing.T, d *driver) {
		d.sim.Set("", kite.Sandbox, simulator.Behavior{Failure: simulator.InternalError})
		d.press("a").write("acme").press("enter", "enter", "enter")
		d.paste("sim-key-acme-sandbox").press("enter").paste("sim-secret-acme-sandbox").press("ctrl+s")
		d.sleep(time.Minute) // retries
		d.sees("not saved: ").press("ctrl+k")
		d.sees("acme/sandbox added, not verified: gateway failed")
	})
}

func TestForms_ComplainWhileTyping(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("a").write("Acme")
		d.sees(`try "acme"`)
		d.press("ctrl+u").write("acme").sees("acme/sandbox is here already")
		d.write("2").lacks("is here already").press("enter", "enter", "enter")
		d.paste("one\ntwo\nthree").press("t", "enter").sees("more than one line")
		d.press("up", "ctrl+u").paste("\xff\xfe").press("enter").sees("not UTF-8")
		d.press("enter").write("1e9").sees("not a duration").press("ctrl+u").write("abc").sees("not a duration")
		d.press("ctrl+u").write("0").sees("at least 1")
	})
}

func TestEsc_AsksBeforeDiscardingASecret(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("a").press("esc").lacks("Add a credential") // nothing to lose
		d.press("a").write("neu").press("enter", "enter", "enter").paste("k").press("esc")
		d.sees("Discard what you typed?").press("esc").sees("Add a credential", "received, hidden")
		d.press("ctrl+c").sees("Discard what you typed?", "discard it and quit").press("esc")
		d.press("esc", "enter").sees("Add a credential").press("esc", "y").lacks("Add a credential")
	})
}

func TestEsc_AsksBeforeDiscardingSettings(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("e", "esc").lacks("Edit ")
		d.press("e").write("x").press("backspace", "esc").lacks("Edit ") // as it is stored
		d.press("e").write("x").press("enter").write("0").press("esc")
		d.sees("Discard what you typed?", "Typed and not saved: label, expires_in.").lacks("secret was").press("enter").sees("Edit ")
		d.press("ctrl+c").sees("discard it and quit").press("esc", "esc", "y").lacks("Edit ", "Discard")
		d.press("a").write("neu").press("esc").sees("Typed and not saved: account.")
	})
}

func TestMint_CountsDownUntilExpired(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("m").sees("Mint a token for acme / sandbox", "expires_in")
		d.write("90x").sees("not a duration").press("enter").sees("Mint a token") // not accepted
		d.press("backspace").write("s").sees("and its header copied").press("tab").sees("nothing copied").press("enter")
		d.sees("minted a token for acme/sandbox, valid for 1 min 30 s", "1:30", "unexpired")
		if d.clip.copies != 0 {
			t.Error("mint only copied something")
		}
		d.sleep(31 * time.Second).sees("0:59")
		d.sleep(40*time.Second).sees("0:19", "low")
		d.sleep(11 * time.Second).sees("ending")
		d.sleep(10*time.Second).sees("expired", "n mints again for 1 min 30 s").lacks("-0:", " 0:00 ")
		d.press("n").sees("1:30", "header of acme/sandbox copied")
	})
}

func TestNotice_RingsOnceBeforeATokenExpires(t *testing.T) {
	drive(t, setup{width: 60, height: 12}, func(t *testing.T, d *driver) {
		d.press("c").sleep(4*time.Minute - time.Second).lacks("expires at")
		d.sleep(2*time.Second).sees("acme/sandbox expires at ", "n mints another")
		if n := strings.Count(strings.Join(d.msgs, "\n"), `"\a"`); n != 1 {
			t.Errorf("the bell rang %d times", n)
		}
	})
	drive(t, setup{width: 60, height: 12, options: func(o *Options) { o.NoBell = true }}, func(t *testing.T, d *driver) {
		d.press("c").sleep(4*time.Minute + time.Second).sees("expires at")
		if strings.Contains(strings.Join(d.msgs, "\n"), `"\a"`) {
			t.Error("the bell rang")
		}
	})
	drive(t, setup{width: 60, height: 12, options: func(o *Options) { o.NoNotices = true }}, func(t *testing.T, d *driver) {
		d.press("c").sleep(4*time.Minute + time.Second).lacks("expires at")
	})
}

// A token of a few seconds is low at once. That it expires is not said once it has.
func TestNotice_GoesWhenTheTokenHasExpired(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("m").write("6").press("enter").sleep(2 * time.Second).sees("acme/sandbox expires at").sleep(5 * time.Second).sees("expired at").lacks("expires at")
	})
}

// A key in a message acts on the message's profile.
func TestNotice_ItsKeyActsOnItsProfile(t *testing.T) {
	drive(t, setup{options: neverLock}, func(t *testing.T, d *driver) {
		d.press("c").sleep(4*time.Minute - time.Second).selectProfile("dune/sandbox").sleep(2 * time.Second)
		d.sees("acme/sandbox expires at", "n again acme/sandbox").press("n").sees("header of acme/sandbox copied", "acme / sandbox")
		if acme, dune := d.count("acme").Mints, d.count("dune").Mints; acme != 2 || dune != 0 {
			t.Errorf("%d mints for acme, %d for dune", acme, dune)
		}
		// When the message has gone, the key acts on the chosen profile again.
		d.sleep(5 * time.Minute).selectProfile("dune/sandbox").sleep(time.Minute).press("c").sleep(time.Minute).press("n")
		if n := d.count("dune").Mints; n != 2 {
			t.Errorf("%d mints for dune", n)
		}
	})
}

// An error about a profile offers no keys while another profile is chosen.
func TestNotice_OffersNothingForAnotherProfile(t *testing.T) {
	drive(t, setup{width: 80, height: 24}, func(t *testing.T, d *driver) {
		d.sim.Set("acme", kite.Sandbox, simulator.Behavior{Refuse: true})
		d.press("c").sees("press r").press("down").sees("acme/sandbox, minting").lacks("press r")
	})
}

func TestTab_OffersToAddTheOtherEnvironment(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("end", "tab").sees("ember has no other environment: a adds one").press("a").dialog("Add a credential").sees("[LIVE]", "ember")
	})
}

func TestKeepAlive_RenewsUntilSwitchedOff(t *testing.T) {
	drive(t, setup{width: 60, height: 12}, func(t *testing.T, d *driver) {
		d.press("K").sees("keep-alive on for acme/sandbox")
		d.sleep(time.Second)
		if got := d.count("acme").Mints; got != 1 {
			t.Fatalf("%d mints: keeping alive starts with a token", got)
		}
		for range 20 * 60 {
			d.sleep(time.Second)
			unexpired := false
			d.look(func(a *app) { unexpired = a.list.profiles[0].Token.Unexpired(a.o.Now()) })
			if !unexpired {
				t.Fatal("the token was expired for a moment")
			}
		}
		if got := d.count("acme").Mints; got < 4 || got > 6 {
			t.Errorf("%d mints in 20 minutes of 5-minute tokens", got)
		}
		d.sees("kitekey is locked", "One token is kept alive meanwhile").press("enter").lacks("expired").press("K").sees("keep-alive off")
		before := d.count("acme").Mints
		d.sleep(9 * time.Minute).sees("expired")
		if got := d.count("acme").Mints; got != before {
			t.Errorf("%d mints after it was switched off", got-before)
		}
	})
}

func TestKeepAlive_StopsWhenRefused(t *testing.T) {
	drive(t, setup{options: neverLock}, func(t *testing.T, d *driver) {
		d.press("K").sleep(time.Minute)
		d.sim.Set("acme", kite.Sandbox, simulator.Behavior{Refuse: true})
		before := d.count("acme").Requests
		d.sleep(10 * time.Minute)
		d.sees("keep-alive stopped")
		if n := d.count("acme").Requests - before; n != 1 {
			t.Errorf("asked %d times after a refusal", n)
		}
	})
}

func neverLock(o *Options) { o.LockAfter = -1 }

func TestLive_AsksForTheNameOnce(t *testing.T) {
	drive(t, setup{options: neverLock}, func(t *testing.T, d *driver) {
		d.press("down").sees("acme / LIVE")
		for _, key := range []string{"c", "m", "s", "K", "r", "d"} {
			d.press(key).sees("type acme/live").press("esc").lacks("type acme/live")
		}
		if d.count("acme/live").Requests != 0 {
			t.Fatal("live was touched before its name was typed")
		}
		d.press("c").write("acme/liv").press("enter").sees(`that is not "acme/live"`).write("e").press("enter")
		d.sees("header of acme/live copied", "open for another 10 min")
		d.press("s").sees("sim-secret-acme-live").press("s") // the name was typed, so it is open
		d.sleep(10 * time.Minute)
		d.press("s").sees("type acme/live").press("esc") // it asks again
		d.press("d").sees("type acme/live").press("enter").sees(`that is not "acme/live"`)
	})
}

func TestLive_AsksAgainAfterLocking(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("down", "c").write("acme/live").press("enter").sees("header of acme/live copied")
		d.press("Z").sees("kitekey is locked").press("enter").sees("Profiles")
		d.press("c").sees("type acme/live")
	})
}

// A mint dialog that was opened after the name was typed mints nothing once the
// confirmation has expired.
func TestMintDialog_AsksAgainOnceTheLiveAnswerHasExpired(t *testing.T) {
	for _, key := range []string{"enter", "m"} {
		drive(t, setup{options: neverLock}, func(t *testing.T, d *driver) {
			d.selectProfile("acme/live").press("m").write("acme/live").press("enter").dialog("Mint a token for acme / LIVE")
			d.sleep(11 * time.Minute).press(key).sees("type acme/live")
			if n := d.count("acme/live").Mints; n != 0 {
				t.Errorf("%s: %d live mints without the name", key, n)
			}
		})
	}
}

func TestToken_CountsDownWhenItCouldNotBeCached(t *testing.T) {
	drive(t, setup{options: neverLock}, func(t *testing.T, d *driver) {
		d.store.On(storetest.Fail("keyring", vault.ErrTooBig, vault.OpWrite), nil)
		d.press("c").sees("header of acme/sandbox copied", "the next copy mints another", "5:00", "1 token")
		d.sleep(61 * time.Second).sees("3:59")
		d.send(tea.FocusMsg{}).sees("3:59")
		d.store.Heal()
		d.press("n").sees("5:00").press("f").sees("forgotten", "no token")
	})
}

// With two tasks running and none for the chosen profile, esc stops the one that
// was started last.
func TestEsc_StopsWhatWasStartedLast(t *testing.T) {
	for range 10 {
		drive(t, setup{}, func(t *testing.T, d *driver) {
			for _, account := range []string{"acme", "borealis"} {
				d.sim.Set(account, kite.Sandbox, simulator.Behavior{Failure: simulator.Hang})
				d.selectProfile(account + "/sandbox").press("c")
			}
			d.selectProfile("dune/sandbox").press("esc").sees("stopped minting")
			d.look(func(a *app) {
				if n := len(a.tasks.running); n != 1 || a.profileByID(a.tasks.running[0].id).Account != "acme" {
					t.Errorf("%d tasks run on, %+v", n, a.tasks.running[0])
				}
			})
		})
	}
}

func TestSandboxOnly_ListsNoLiveProfile(t *testing.T) {
	drive(t, setup{options: func(o *Options) { o.SandboxOnly = true }}, func(t *testing.T, d *driver) {
		d.sees("SANDBOX ONLY", "5 profiles").lacks("LIVE").press("a").lacks("LIVE")
	})
}

func TestVerifyAll_ShowsEveryVerdict(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.sim.Set("acme", kite.Live, simulator.Behavior{Refuse: true})
		d.sim.Set("borealis", kite.Sandbox, simulator.Behavior{Limit: -1})
		d.sim.Set("coral", kite.Sandbox, simulator.Behavior{Failure: simulator.InternalError})
		d.sim.Set("coral", kite.Live, simulator.Behavior{Failure: simulator.HTMLPage})
		d.sim.Set("dune", kite.Sandbox, simulator.Behavior{Failure: simulator.Drop})
		d.press("V").sees("Verify all", "of 7", "esc stop")
		d.sleep(5 * time.Minute)
		d.sees("all 7 in", "2 work", "1 refused", "1 unreachable", "1 too many requests", "1 gateway failed", "1 not a Kitegateway reply", "r retry 5")
		d.sim.Set("acme", kite.Live, simulator.Behavior{})
		d.press("r").sleep(5 * time.Minute).sees("3 work").lacks("refused")
		d.press("c").sees("report copied")
		if text := d.clip.held(); !strings.Contains(text, "verdict       rate-limited") || strings.Contains(text, "sim-") {
			t.Errorf("report:\n%s", text)
		}
		d.press("esc").lacks("Verify all").sees("unreachable")
	})
}

func TestVerify_TellsAWrongClock(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		for _, sel := range []string{"acme", "borealis"} {
			d.sim.Set(sel, kite.Sandbox, simulator.Behavior{Skew: 10 * time.Minute})
		}
		d.press("v").sees("acme/sandbox works", "10 min behind")
		d.press("V").sleep(time.Minute).sees("all 7 in", "this clock is 10 min behind")
	})
}

func TestVerifyAll_EscStopsIt(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.sim.Set("acme", kite.Sandbox, simulator.Behavior{Failure: simulator.Hang})
		d.press("V").sleep(2 * time.Second)
		d.sees("6 of 7").press("esc").sees("stopped at 6 of 7", "not tried").press("esc").lacks("Verify all")
	})
}

func TestReveal_TimesOut(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.lacks("sim-secret").press("s").sees("sim-key-acme-sandbox", "sim-secret-acme-sandbox", "hidden again in 0:20")
		d.sleep(19*time.Second).sees("sim-secret").sleep(2*time.Second).lacks("sim-secret", "sim-key")
		d.press("s").sees("sim-secret").press("s").lacks("sim-secret")
		d.press("s").sees("sim-secret", "esc hide").press("esc").lacks("sim-secret")
		d.press("c", "S").sees("eyJ").press("down").lacks("eyJ").press("up").sees("eyJ").sleep(21 * time.Second).lacks("eyJ")
		d.press("s").sees("sim-secret").press("Z").lacks("sim-secret").press("enter").lacks("sim-secret")
	})
}

func TestLock_LocksWhenIdleAndUnlocksWithTheStore(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("c").sleep(9 * time.Minute).press("down").sleep(9 * time.Minute).lacks("locked")
		d.sleep(61*time.Second).sees("kitekey is locked").lacks("acme", "borealis")
		d.store.On(storetest.Fail("keyring", vault.ErrLocked), nil)
		d.press("enter").sees("kitekey is locked", "the keyring is locked")
		d.store.Heal()
		d.press("enter").sees("acme")
	})
}

func TestUnlock_AsksForThePassphrase(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.store.Protect("quite a long phrase")
		d.press("Z").sees("kitekey is locked", "passphrase").press("enter").sees("kitekey is locked")
		d.write("wrong").sees("received, hidden").lacks("wrong").press("enter").sees("That is not the passphrase")
		d.paste("quite a long phrase").lacks("quite").press("enter").sees("Profiles", "acme")
		d.press("c").sees("header of acme/sandbox copied")
	})
}

func TestLock_ByKeyEndsKeepAlive(t *testing.T) {
	drive(t, setup{width: 60, height: 12}, func(t *testing.T, d *driver) {
		d.press("K", "Z").lacks("kept alive").press("enter") // Z ends keep-alive
		before := d.count("acme").Mints
		d.sleep(9 * time.Minute)
		if n := d.count("acme").Mints - before; n != 0 {
			t.Errorf("%d mints after locking", n)
		}
	})
}

func TestLock_KeepsAHalfTypedForm(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("a").write("neu").press("enter", "enter", "enter").paste("sim-key-new").sleep(11 * time.Minute)
		d.sees("kitekey is locked", "An unfinished form is open").press("q").sees("unlock to")
		d.press("enter").sees("Add a credential", "received, hidden")
	})
}

func TestLock_FirstKeyAfterSleepOnlyLocks(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.leap(time.Hour) // the laptop slept, and no timer has fired yet
		d.press("d").sees("kitekey is locked").lacks("Remove")
	})
}

func TestStore_HangingBlocksNoKey(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.store.Hang()
		d.press("c").sleep(6*time.Second).sees("acme/sandbox: minting… 6 s", "waiting for an answer", "esc stops it")
		d.press("down", "up", "?").sees("Actions").press("esc") // the keyboard answers
		d.press("esc").sees("stopped minting")
		d.store.Heal()
		d.press("c").sees("header of acme/sandbox copied")
	})
}

func TestGateway_HangingBlocksNoOtherProfile(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.sim.Set("acme", kite.Sandbox, simulator.Behavior{Failure: simulator.Hang})
		d.press("c").sleep(3*time.Second).sees("minting… 3 s").press("down", "down").sees("borealis / sandbox")
		d.press("c").sees("header of borealis/sandbox copied") // another profile is not delayed
		d.sleep(2*time.Minute).press("up", "up").sees("unreachable")
	})
}

func TestTasks_DropLateReplies(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.sim.Set("acme", kite.Sandbox, simulator.Behavior{Latency: 5 * time.Second})
		d.press("v").sleep(time.Second).press("esc").sees("stopped verifying").sleep(20 * time.Second).lacks("acme/sandbox works")
	})
}

func TestErrors_StayUntilDismissed(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.store.On(storetest.Fail("keyring", vault.ErrLocked), nil)
		d.press("c").sees("the keyring is locked").sleep(time.Minute).sees("the keyring is locked")
		d.press("esc").lacks("is locked").press("H").sees("Messages", "the keyring is locked").press("esc").lacks("Messages")
	})
}

func TestError_NamesProfileOnce(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.store.On(storetest.Fail("keyring", vault.ErrLocked), nil)
		d.press("c").sees("acme/sandbox, minting: the keyring is locked")
	})
}

func TestCopyAs_CopiesTheChosenForm(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("C").sees("Copy as", "curl command").press("t")
		if !strings.HasPrefix(d.clip.held(), "JWT eyJ") {
			t.Error("the token is not in the clipboard")
		}
		d.press("C", "down", "down", "enter")
		if !strings.HasPrefix(d.clip.held(), "curl ") || !strings.Contains(d.clip.held(), "Authorization: JWT eyJ") {
			t.Error("the curl line is not in the clipboard")
		}
		d.press("x").sees("cleared from the clipboard")
		if d.clip.held() != "" {
			t.Error("still in the clipboard")
		}
		d.press("x").sees("the clipboard holds nothing from kitekey")
	})
}

func TestCopy_TellsWhenTheClipboardCannotBeCleared(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.clip.stays = errors.New("a clipboard manager puts the text back")
		d.press("c").sees("a clipboard manager puts the text back")
	})
}

// A clipboard may end with its X server: the copy in it does too.
func TestCopy_TellsWhenItHasGoneBeforeItsTime(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("c").sees("leaves the clipboard in 0:45").sleep(5 * time.Second)
		d.press("c").sees("leaves the clipboard in 0:45").lacks("no longer")
		if err := d.clip.Clear(t.Context()); err != nil {
			t.Fatal(err)
		}
		d.settle()
		d.sees("header of acme/sandbox is no longer in the clipboard").lacks("leaves the clipboard")
		d.press("c", "x").sees("cleared from the clipboard").lacks("no longer")
		d.press("c").sleep(46*time.Second).lacks("no longer", "leaves the clipboard")
		// A task that copies or clears says itself what has become of it.
		d.press("c").look(func(a *app) {
			running := a.tasks.running
			a.tasks.running = append(running[:len(running):len(running)], &task{kind: taskToken})
			a.clipboardEnded(clipboardEndedMsg{copy: a.clip.copies})
			a.tasks.running = running
		})
		d.sleep(time.Second).lacks("no longer", "leaves the clipboard")
		// A report replaces it.
		d.press("v", "c", "w", "c").sees("report copied").lacks("no longer", "leaves the clipboard")
		d.press("esc", "H").sees("report copied")
		if n := strings.Count(d.screen(), "no longer"); n != 1 {
			t.Errorf("%d messages say that a copy is no longer there:\n%s", n, d.screen())
		}
	})
}

// A token that is no longer kept alive must not be believed to be.
func TestLock_SaysThatItEndedKeepAlive(t *testing.T) {
	drive(t, setup{options: func(o *Options) { o.LockAfter = time.Minute }}, func(t *testing.T, d *driver) {
		d.selectProfile("acme/live").press("K").write("acme/live").press("enter").sees("keep-alive on for acme/live").press("home")
		d.sleep(2*time.Minute).sees("kitekey is locked", "Keep-alive has ended.").lacks("kept alive", "acme")
		d.press("enter").sees("locking ended keep-alive for acme/live · K switches it on again")
		d.press("K").dialog("LIVE · acme").press("esc").press("Z").lacks("Keep-alive").press("enter").lacks("ended")
	})
}

func TestForget_TellsThatKeepAliveMintsAnother(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("c", "f").sees("forgotten").lacks("keep-alive mints")
		d.press("c", "K", "f").sees("forgotten", "keep-alive mints another (K stops)")
	})
}

// The fields come before the explanation where there is little room.
func TestRotate_ShowsItsFieldsOnASmallScreen(t *testing.T) {
	for _, size := range [][2]int{{40, 10}, {40, 12}, {50, 15}} {
		drive(t, setup{width: size[0], height: size[1]}, func(t *testing.T, d *driver) {
			d.press("r").dialog("Rotate acme / sandbox").sees("api_key", "api_secret")
			d.press("tab").sees("api_key", "api_secret")
			d.paste("KITE_API_KEY=wrong").sees("api_key", "api_secret")
		})
	}
	drive(t, setup{width: 50, height: 15}, func(t *testing.T, d *driver) {
		d.press("r").sees("Generate a second credential", "api_secret")
	})
}

func TestCopy_IsNeverKeptLongerThanTheToken(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("m").write("20s").press("enter")
		if left := d.clip.clearAt.Sub(d.wall()); left > 20*time.Second || left < 15*time.Second {
			t.Errorf("a token of 20 s leaves the clipboard after %v", left)
		}
	})
}

// A gateway that does not answer: the form says for how long, and what is saved all the
// same says why.
func TestAdd_OfACredentialThatCannotBeVerified(t *testing.T) {
	drive(t, setup{empty: true}, func(t *testing.T, d *driver) {
		d.sim.Set("", kite.Sandbox, simulator.Behavior{Failure: simulator.Hang})
		d.press("a").write("gale").press("enter", "enter", "enter").paste("k").press("enter").paste("s").press("ctrl+s").sees("verifying and saving… · esc stops it")
		d.sleep(6 * time.Second).sees("verifying and saving… 6 s · esc stops it · waiting for an answer")
		d.sleep(time.Minute).sees("not saved", "answer within 10 s").press("ctrl+k").sees("gale/sandbox added, not verified: unreachable")
		d.press("w").sees("details       cannot mint", "host          127.0.0.1:1 ")
	})
}

// While the keyring asks for its password, the new profile is in the index already.
func TestAdd_DoesNotRefuseWhatItIsSaving(t *testing.T) {
	drive(t, setup{empty: true}, func(t *testing.T, d *driver) {
		d.store.On(func(op, _ string) error {
			if op == vault.OpWrite {
				time.Sleep(20 * time.Second)
			}
			return nil
		}, nil)
		d.press("a").write("acme").press("enter", "enter", "enter").paste("sim-key-acme-sandbox").press("enter").paste("sim-secret-acme-sandbox").press("ctrl+s")
		d.sleep(11 * time.Second).send(tea.FocusMsg{}).sees("verifying and saving… 11 s").sees("1 profile").lacks("is here already")
		d.sleep(10 * time.Second).sees("acme/sandbox added; it works")
	})
}

// The name that is taken is told before the guard asks, and what is saved is not said
// not to be.
func TestEdit_OfANameThatIsTaken(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("e").write(" 2").press("shift+tab", "ctrl+u").write("coral").sees("coral is here already").press("ctrl+s").dialog("Edit acme / sandbox")
		d.press("esc", "y").selectProfile("dune/sandbox").press("e").write(" 2").press("shift+tab", "ctrl+u").write("gale")
		cred, _ := d.sim.Credential("acme", kite.Sandbox)
		n := vault.NewProfile{Selector: vault.Selector{Account: "gale", Environment: kite.Sandbox}, Credential: cred} // by another kitekey
		if _, err := d.vault.Add(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		d.press("ctrl+s").sees("not renamed, the rest is saved: ")
		if p, _ := d.vault.Lookup(vault.Selector{Account: "dune", Environment: kite.Sandbox}); p.Label != "Dune Outfitters 2" {
			t.Errorf("the label is %q", p.Label)
		}
		d.press("esc").sees("Typed and not saved: account.")
	})
}

func TestEdit_ChangesLabelLifeAndName(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("e").sees("Edit acme / sandbox").press("ctrl+u").write("Neuer Name").press("enter", "ctrl+u").write("90s").press("ctrl+s")
		d.sees("acme/sandbox saved", "Neuer Name", "1 min 30 s by default")
		d.press("e", "enter", "enter", "ctrl+u").write("acme2").sees("renames both").press("enter").sees("type acme/live").write("acme/live").press("enter").sees("acme2 / sandbox")
		d.press("d").sees("Remove acme2 / sandbox").press("y").sees("acme2/sandbox removed", "6 profiles")
	})
}

func TestFilter_NarrowsTheListUntilCleared(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("/").write("cor live").sees("1 of 7 · by name", "coral / LIVE").press("enter", "esc").sees("7 profiles", "coral / LIVE")
		d.press("/").write("zzz").sees("Nothing matches").press("enter", "m").sees("nothing matches the filter")
		d.press("esc", "/").write("珊瑚").sees("2 of 7").press("esc").sees("/ filter")
		d.press("o").sees("ordered by last use")
	})
}

// The filter finds the words in a row, in the list's own order. It searches letter
// by letter only if no row has them.
func TestFilter_FindsWhatOneSees(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.sim.Set("dune", kite.Sandbox, simulator.Behavior{Refuse: true})
		d.selectProfile("dune/sandbox").press("c", "esc")
		d.sim.Set("ember", kite.Sandbox, simulator.Behavior{Failure: simulator.HTMLPage})
		d.selectProfile("ember/sandbox").sleep(time.Second).press("c").sleep(time.Minute).press("esc", "home")
		for filter, want := range map[string]string{
			"failing":         "dune/sandbox ember/sandbox",
			"odd":             "ember/sandbox",
			"live":            "acme/live coral/live",
			"!live !failing":  "acme/sandbox borealis/sandbox coral/sandbox",
			"cor live":        "coral/live",
			"very live":       "",
			"unexpired":       "",
			"BOR":             "borealis/sandbox",
			"Café":            "borealis/sandbox",
			"CAFE":            "borealis/sandbox",
			"acme/live":       "acme/live",
			"acme/":           "acme/sandbox acme/live",
			"invalid api":     "dune/sandbox",
			"brls":            "borealis/sandbox",
			"cor":             "coral/sandbox coral/live",
			"works":           "acme/sandbox acme/live coral/sandbox coral/live",
			"!works !failing": "borealis/sandbox",
		} {
			d.press("/", "ctrl+u").write(filter)
			var got []string
			d.look(func(a *app) {
				for _, r := range a.list.rows {
					got = append(got, a.list.profiles[r.profile].Selector.String())
				}
			})
			if strings.Join(got, " ") != want {
				t.Errorf("%q finds %q, want %q", filter, got, want)
			}
			d.press("enter")
		}
	})
}

func TestTab_GoesToTheOtherEnvironment(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("tab").sees("acme / LIVE").press("tab").sees("acme / sandbox")
		d.press("/").write("coral sandbox").press("enter", "tab").sees("coral / LIVE")
		d.press("end").press("tab").sees("ember has no other environment")
	})
}

func TestKeys_SayWhyTheyCannotWork(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("n").sees("again: no token to repeat: m mints one")
		d.press("f").sees("forget: no unexpired token here")
		d.press("end", "up", "w").sees("why: not verified yet: v verifies it")
	})
	drive(t, setup{empty: true}, func(t *testing.T, d *driver) {
		d.press("m").sees("mint: there is no profile yet; a adds one")
	})
}

func TestBoard_OrdersTokensByExpiry(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("t").sees("Unexpired tokens", "No unexpired token").press("t")
		d.press("m").write("60s").press("enter").press("end").press("m").write("20s").press("enter").press("t")
		s := d.screen()
		if strings.Index(s, "ember ") > strings.Index(s, "acme ") {
			t.Errorf("the soonest to expire is not first:\n%s", s)
		}
		d.sleep(21*time.Second).sees("Unexpired tokens", "acme").lacks("ember ")
	})
}

func TestForget_RemovesTheToken(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("c", "f").sees("token of acme/sandbox forgotten", "no token")
	})
}

func TestRotate_ReplacesOnlyWhatWasVerified(t *testing.T) {
	acme := vault.Selector{Account: "acme", Environment: kite.Sandbox}
	drive(t, setup{}, func(t *testing.T, d *driver) {
		other, _ := d.sim.Credential("borealis", kite.Sandbox) // any credential that the gateway knows will do
		key := func() string {
			c, err := d.vault.Credential(t.Context(), acme)
			if err != nil {
				t.Fatal(err)
			}
			return c.APIKey.Reveal()
		}
		was := key()
		// Refused: nothing is replaced, and what was typed stays.
		d.press("r").sees("Rotate acme / sandbox").paste("wrong-key").press("enter").paste("wrong-secret").press("enter")
		d.sees("not replaced: ", "received, hidden").lacks("nothing was replaced")
		if key() != was {
			t.Fatal("a refused credential replaced the one in use")
		}
		d.press("esc", "y")

		// Stopped halfway: the new credential is staged.
		d.sim.Set("borealis", kite.Sandbox, simulator.Behavior{Failure: simulator.Hang})
		d.press("r").paste(other.APIKey.Reveal()).press("enter").paste(other.APISecret.Reveal()).press("enter")
		d.sleep(2 * time.Second).sees("verifying the new credential").press("esc").sleep(time.Second)
		d.sees("the new credential is kept: r finishes", "staged credential")
		if key() != was {
			t.Fatal("an interrupted rotation replaced the credential")
		}

		// Finished later.
		d.sim.Set("borealis", kite.Sandbox, simulator.Behavior{})
		d.press("r").sees("A credential is staged").press("f").sees("the new credential is in use", "r goes back to it")
		if key() != other.APIKey.Reveal() {
			t.Fatal("the new credential is not in use")
		}

		// And back.
		d.press("r", "b").sees("the previous credential is in use again")
		if key() != was {
			t.Fatal("the way back does not lead back")
		}
		// The restored credential has not been verified since; the last verdict is
		// about the other one.
		d.look(func(a *app) {
			if p := a.chosen(); p.Selector != acme || p.Verdict != vault.VerdictNone {
				t.Errorf("%s: %q", p.Selector, p.Verdict)
			}
		})
	})
}

func TestAdd_StoppedSaysThatNothingIsSaved(t *testing.T) {
	drive(t, setup{empty: true}, func(t *testing.T, d *driver) {
		d.sim.Set("acme", kite.Sandbox, simulator.Behavior{Failure: simulator.Hang})
		d.press("a").write("acme").press("enter", "enter", "enter").paste("sim-key-acme-sandbox").press("enter").paste("sim-secret-acme-sandbox")
		d.press("ctrl+s").sleep(2*time.Second).sees("verifying and saving").press("x").press("esc").sees("stopped; not saved", "received, hidden")
		d.sim.Set("acme", kite.Sandbox, simulator.Behavior{})
		d.press("ctrl+s").sees("acme/sandbox added; it works")
	})
}

// No frame shows a secret unless the user asked for it.
func TestFrames_ShowNoSecretUnasked(t *testing.T) {
	for name, s := range states() {
		if name == "revealed" {
			continue
		}
		drive(t, s.setup, func(t *testing.T, d *driver) {
			s.do(d)
			v := d.view()
			for _, secret := range []string{"sim-secret", "sim-key", "eyJ", "wrong-secret", "wrong-key"} {
				if strings.Contains(v.Content, secret) || strings.Contains(v.WindowTitle, secret) {
					t.Errorf("%s: %q is on the screen:\n%s", name, secret, d.screen())
				}
			}
		})
	}
}

// The cursor stays on its profile when rows are added and removed around it.
func TestBoard_KeepsTheChosenProfile(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("m").write("20s").press("enter").press("down", "down", "c").press("end", "c", "t", "home", "down").sees("borealis / sandbox")
		d.sleep(25 * time.Second).sees("borealis / sandbox").lacks("acme ")
	})
}

func TestFilter_MarksMatches(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		match := darkPalette()
		d.send(tea.BackgroundColorMsg{Color: color.Black})
		marked := func(text string) string {
			p := newTextStyles(match, match.row)
			return p.match.Styled(text)
		}
		d.press("/").write("coral")
		if !strings.Contains(d.view().Content, marked("coral")) {
			t.Error("the match in the name is not marked")
		}
		d.press("esc", "/").write("cafe")
		if !strings.Contains(d.view().Content, newTextStyles(match, nil).match.Styled("Caf\u00e9")) {
			t.Errorf("the match in the label is not marked")
		}
	})
}

func TestDetails_Scroll(t *testing.T) {
	drive(t, setup{width: 40, height: 10}, func(t *testing.T, d *driver) {
		d.press("c", "enter").sleep(10*time.Second).sees("4:50", "more").press("j", "j", "j").lacks("4:50")
		d.press("end").sees("last used").lacks("more ").press("home").sees("4:50").press("esc").sees("Profiles")
	})
}

func TestProgressBar_FollowsTheToken(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		if d.view().ProgressBar != nil {
			t.Error("a bar without a token")
		}
		for _, step := range []struct {
			sleep time.Duration
			state tea.ProgressBarState
			value int
		}{{time.Minute, tea.ProgressBarDefault, 80}, {200 * time.Second, tea.ProgressBarWarning, 13}, {32 * time.Second, tea.ProgressBarError, 2}} {
			if d.keys == 0 {
				d.press("c")
			}
			d.sleep(step.sleep)
			if bar := d.view().ProgressBar; bar == nil || bar.State != step.state || bar.Value != step.value {
				t.Errorf("bar %+v, want %v %d", bar, step.state, step.value)
			}
		}
		d.sleep(time.Minute)
		if d.view().ProgressBar != nil {
			t.Error("a bar for an expired token")
		}
	})
}

func TestKeys_DoNothingOnATerminalThatIsTooSmall(t *testing.T) {
	drive(t, setup{width: 30, height: 8}, func(t *testing.T, d *driver) {
		d.press("c", "d", "enter").send(tea.WindowSizeMsg{Width: 80, Height: 24}).sees("7 profiles", "no token").lacks("Remove")
	})
}

func TestSuspend_Locks(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	a := still(t, 3, 0, &now)
	a.o.canSuspend = func() bool { return true }
	if a.suspend() == nil || !a.lock.locked {
		t.Error("the screen is open while the shell is in front")
	}
}

// Without a shell with job control, a stopped kitekey would never be continued.
func TestSuspend_LocksInsteadWithoutAShell(t *testing.T) {
	drive(t, setup{options: func(o *Options) { o.canSuspend = func() bool { return false } }}, func(t *testing.T, d *driver) {
		for range 2 { // from the open screen, then from the locked one
			d.press("ctrl+z").sees("There is no shell to suspend to: the screen is locked.")
			if d.isOver() {
				t.Fatal("the screen is over")
			}
		}
		d.press("enter").sees("Profiles")
	})
}

func TestErrors_AreNotHiddenByLaterNotices(t *testing.T) {
	drive(t, setup{options: neverLock}, func(t *testing.T, d *driver) {
		d.press("c", "down", "down")
		d.sim.Set("borealis", kite.Sandbox, simulator.Behavior{Refuse: true})
		d.press("c").sees("401: Invalid").sleep(5 * time.Minute).sees("401: Invalid").press("H").sees("acme/sandbox expires at")
	})
}

func TestActivity_ListsAllOrOneProfile(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("c").sleep(time.Minute).press("S", "S", "down", "down", "v", "L")
		d.sees("Activity", "copied", "minted", "revealed", "verified", "borealis")
		d.press("p").sees("Activity of borealis / sandbox", "verified").press("p").sees("revealed").press("L").dialog("")
	})
}

// A run that was stopped and started again ends with its second start, even if the
// end of the first comes late.
func TestVerifyAll_EndsWithItsSecondStart(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.sim.Set("acme", kite.Sandbox, simulator.Behavior{Failure: simulator.Hang})
		d.press("V").sleep(2 * time.Second)
		var run *verifyRun
		d.look(func(a *app) { run = a.dialog().(*verifyRun) })
		first := run.arrived
		d.press("esc").sees("stopped at 6 of 7").press("r").sees("6 of 7", "esc stop")
		d.send(verifiedMsg{run: run, from: first, last: true})
		d.lacks("stopped").sees("esc stop").press("esc").sees("stopped at 6 of 7")
	})
}

// In a form letters are text: "press v" would add to a secret.
func TestForm_AdviceNamesNoLetterKey(t *testing.T) {
	for name, behavior := range map[string]simulator.Behavior{
		"dropped": {Failure: simulator.Drop}, "failing": {Failure: simulator.InternalError}, "refused": {Refuse: true}, "not Kitegateway": {Failure: simulator.HTMLPage},
	} {
		drive(t, setup{}, func(t *testing.T, d *driver) {
			d.sim.Set("", kite.Sandbox, behavior)
			d.press("a").write("hill").press("tab", "tab", "tab").paste("a-key").press("tab").paste("a-secret").press("ctrl+s").sleep(2 * time.Minute)
			d.dialog("Add a credential").sees("ctrl+s").lacks("press v", "press r.", "press a.", "press d.")
			if !strings.Contains(d.screen(), "not stored") && !strings.Contains(d.screen(), "not saved") {
				t.Errorf("%s:\n%s", name, d.screen())
			}
		})
	}
}

// What was typed for a profile that another kitekey removes is not lost.
func TestRotate_OfAProfileThatIsGoneCanAddIt(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.selectProfile("dune/sandbox").press("r").paste("sim-key-dune-sandbox").press("tab").paste("sim-secret-dune-sandbox").lacks("ctrl+r")
		if err := d.vault.Remove(t.Context(), vault.Selector{Account: "dune", Environment: kite.Sandbox}); err != nil {
			t.Fatal(err)
		}
		d.press("ctrl+s").sleep(time.Second).sees("no such profile", "To add it as a new profile, press ctrl+r", "ctrl+r add it")
		d.press("ctrl+r").dialog("Add a credential").sees("Dune Outfitters", "ends in dbox").press("ctrl+s").sleep(time.Second).sees("dune/sandbox added; it works")
	})
}

// The credential of an account that is there already replaces that account's, and not
// the chosen one's, without being pasted again.
func TestAdd_OfAProfileThatIsThereCanReplaceItsCredential(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.selectProfile("dune/sandbox").paste("KITE_ACCOUNT=acme\nKITE_ENV=live\nKITE_API_KEY=sim-key-coral-live\nKITE_API_SECRET=sim-secret-coral-live\n")
		d.sees("acme/live is here already: ctrl+r replaces its", "ctrl+r replace its credential")
		d.press("ctrl+r").dialog("LIVE · acme").press("esc").dialog("Add a credential")
		d.press("ctrl+r").write("acme/live").press("enter").dialog("Rotate acme / LIVE").press("ctrl+s").sleep(time.Second)
		d.sees("acme/live: the new credential is in use", "acme / LIVE")
	})
}

// The addresses of two overrides leave no room for the numbers, so the header
// abbreviates the overrides.
func TestHeader_KeepsItsNumbersBesideOverrides(t *testing.T) {
	overrides := []words.Override{
		{Environment: kite.Sandbox, URL: "http://127.0.0.1:4010/v1", Variable: "KITEKEY_SANDBOX_URL"},
		{Environment: kite.Live, URL: "http://127.0.0.1:4010/live/v1", Variable: "KITEKEY_LIVE_URL"},
	}
	drive(t, setup{width: 170, height: 50, options: func(o *Options) { o.Overrides = overrides }}, func(t *testing.T, d *driver) {
		d.sees("OVERRIDE sandbox+live", "memory · 7 profiles · 0 tokens").lacks("goes to")
	})
	drive(t, setup{width: 170, height: 50, options: func(o *Options) { o.Overrides = overrides[:1] }}, func(t *testing.T, d *driver) {
		d.sees("OVERRIDE sandbox goes to http://127.0.0.1:4010/v1", "memory · 7 profiles · 0 tokens")
	})
}

// With a slow disk the screen is there before the profiles are.
func TestKeys_BeforeTheProfilesAreReadWaitForThem(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.look(func(a *app) { a.list.loaded, a.list.profiles, a.list.rows = false, nil, nil })
		d.press("m").write("90").press("enter").lacks("no profile", "Mint a token")
		d.send(tea.FocusMsg{}).sleep(time.Second).sees("header of acme/sandbox copied", "minted for 1 min 30 s")
		d.look(func(a *app) { a.list.loaded = false })
		d.press("q").settle()
		if !d.isOver() {
			t.Error("q does not quit")
		}
	})
}
