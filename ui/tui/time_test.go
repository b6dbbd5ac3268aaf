package tui

import (
	"strconv"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/kite/simulator"
	"kitekey/vault"
)

// seconds reads the countdown of the chosen row from the terminal's title.
func (d *driver) seconds() int {
	d.t.Helper()
	title := d.view().WindowTitle
	text := title[strings.LastIndex(title, " ")+1:]
	total := 0
	for part := range strings.SplitSeq(text, ":") {
		n, err := strconv.Atoi(part)
		if err != nil {
			d.t.Fatalf("no countdown in the title %q", title)
		}
		total = total*60 + n
	}
	return total
}

func TestCountdown_ShowsEverySecondOfAnHour(t *testing.T) {
	drive(t, setup{options: neverLock, width: 40, height: 10}, func(t *testing.T, d *driver) {
		d.press("m").write("1h").press("enter")
		d.ticks.Store(0)
		for want := 3600; want > 0; want-- {
			if want%60 > 5 && want > 120 {
				d.sleep(time.Second)
				continue // the rest of a minute is checked at its ends only
			}
			if got := d.seconds(); got != want {
				t.Fatalf("%d s left are shown as %d", want, got)
			}
			d.sleep(time.Second)
		}
		d.press("enter").sees("expired at 01:00:00")
		if n := d.ticks.Load(); n < 3600 || n > 3602 {
			t.Errorf("%d ticks in an hour: there is more than one chain, or less", n)
		}
		if title := d.view().WindowTitle; title != "kitekey - acme/sandbox - expired" {
			t.Errorf("title %q", title)
		}
		d.sleep(time.Minute) // the last message goes
		d.ticks.Store(0)
		d.sleep(time.Hour)
		if n := d.ticks.Load(); n != 0 {
			t.Errorf("%d ticks although nothing counts", n)
		}
	})
}

func TestTicks_StopWhenNothingCounts(t *testing.T) {
	drive(t, setup{options: neverLock}, func(t *testing.T, d *driver) {
		d.press("down", "up", "?", "esc").sleep(time.Hour)
		if n := d.ticks.Load(); n != 0 {
			t.Errorf("%d ticks", n)
		}
	})
}

func TestTicks_AreOnTheSecond(t *testing.T) {
	drive(t, setup{jump: 300 * time.Millisecond}, func(t *testing.T, d *driver) {
		d.press("c")
		for range 5 {
			before := d.ticks.Load()
			for d.ticks.Load() == before {
				d.sleep(time.Millisecond)
			}
			if part := d.wall().Sub(d.wall().Truncate(time.Second)); part > 2*time.Millisecond {
				t.Errorf("a tick came %v after the second", part)
			}
		}
	})
}

func TestCountdown_IsRightAfterSleep(t *testing.T) {
	drive(t, setup{options: neverLock}, func(t *testing.T, d *driver) {
		d.press("m").write("1h").press("enter").sleep(10 * time.Second).sees("59:50")
		d.leap(20 * time.Minute)
		d.send(tea.FocusMsg{}).sees("39:50") // at once
		d.leap(10 * time.Minute)
		d.sleep(time.Second).sees("29:49") // or with the next tick
		d.leap(45 * time.Minute)
		d.send(tea.ResumeMsg{}).sees("expired").lacks("-")
	})
}

// The gateway's clock is right and the local one is wrong. The countdown shows how
// long the token really lives.
func TestCountdown_IsRightWithAWrongClock(t *testing.T) {
	for _, wrong := range []time.Duration{10 * time.Minute, -10 * time.Minute} {
		t.Run(wrong.String(), func(t *testing.T) {
			drive(t, setup{jump: wrong, width: 120, height: 30}, func(t *testing.T, d *driver) {
				d.press("c").sleep(2 * time.Second)
				if got := d.seconds(); got < 296 || got > 299 {
					t.Errorf("2 s after minting for 5 min %d s are left", got)
				}
				way := "ahead"
				if wrong < 0 {
					way = "behind"
				}
				d.sees("this clock is 10 min "+way, "kitekey allows for it")
				d.sleep(5 * time.Minute).sees("expired")
			})
		})
	}
}

func TestTokens_OfOtherProcessesAreShown(t *testing.T) {
	drive(t, setup{options: neverLock}, func(t *testing.T, d *driver) {
		sel := vault.Selector{Account: "ember", Environment: kite.Sandbox}
		if _, err := d.vault.Token(t.Context(), sel, vault.TokenRequest{}); err != nil {
			t.Fatal(err)
		}
		d.sees("0 tokens").send(tea.FocusMsg{}).sees("1 token ")
		if err := d.vault.Forget(t.Context(), sel); err != nil {
			t.Fatal(err)
		}
		d.sleep(11 * time.Second).sees("0 tokens")
	})
}

func TestReducedMotion_ChangesEveryTenSeconds(t *testing.T) {
	drive(t, setup{options: func(o *Options) { o.ReducedMotion = true; o.LockAfter = -1 }}, func(t *testing.T, d *driver) {
		d.press("c").sleep(9 * time.Second).sees("5:00").sleep(time.Second).sees("4:50").lacks("4:59")
		d.sleep(9 * time.Second).sees("4:50").sleep(time.Second).sees("4:40")
		d.sleep(4*time.Minute + 30*time.Second).sees("0:10").sleep(20 * time.Second).sees("expired")
	})
}

// The gateway gives less than was asked. The bar and the words follow the token.
func TestCountdown_FollowsTheLifeThatTheGatewayGave(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.sim.Set("acme", kite.Sandbox, simulator.Behavior{MaxLife: 30 * time.Second})
		d.press("c").sees("minted for 30 s", "0:30")
	})
}

// The countdown of the clipboard stands beside other messages too: it must say by
// itself what it is about.
func TestClipboard_CountdownBesideAnotherMessageNamesTheClipboard(t *testing.T) {
	drive(t, setup{width: 80, height: 24}, func(t *testing.T, d *driver) {
		d.press("c").sees("copied", "leaves the clipboard in 0:45")
		d.selectProfile("borealis/sandbox").press("d", "y").sees("borealis/sandbox removed", "a copy leaves the clipboard in 0:4")
	})
}
