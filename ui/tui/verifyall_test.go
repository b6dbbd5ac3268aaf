package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/kite/simulator"
	"kitekey/vault"
	"kitekey/vault/storetest"
)

// verified opens the results of a gateway that refuses coral and fails for dune.
func verified(t *testing.T, f func(t *testing.T, d *driver)) {
	t.Helper()
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.sim.Set("coral", kite.Sandbox, simulator.Behavior{Refuse: true})
		d.sim.Set("dune", kite.Sandbox, simulator.Behavior{Failure: simulator.InternalError})
		d.press("V").sleep(time.Minute).sees("all 7 in")
		f(t, d)
	})
}

// rowOf returns the line of the screen with a text.
func (d *driver) rowOf(text string) int {
	d.t.Helper()
	for i, l := range strings.Split(d.screen(), "\n") {
		if strings.Contains(l, text) {
			return i
		}
	}
	d.t.Fatalf("the screen lacks %q:\n%s", text, d.screen())
	return 0
}

func TestVerifyAll_FailingComesFirstWithItsReason(t *testing.T) {
	verified(t, func(t *testing.T, d *driver) {
		d.sees("refused · 401 Invalid API key")
		if d.rowOf("coral    sandbox ✗ refused · 401") > d.rowOf("acme     sandbox ✓ works") {
			t.Errorf("what works stands above what fails:\n%s", d.screen())
		}
	})
}

func TestVerifyAll_OrdersByName(t *testing.T) {
	verified(t, func(t *testing.T, d *driver) {
		d.press("o")
		if d.rowOf("coral    sandbox ✗ refused · 401") < d.rowOf("acme     sandbox ✓ works") {
			t.Errorf("coral stands above acme:\n%s", d.screen())
		}
	})
}

func TestVerifyAll_ReportsWhatTheFilterLeaves(t *testing.T) {
	verified(t, func(t *testing.T, d *driver) {
		d.press("/").write("coral").press("enter", "C").sees("report copied")
		text := d.clip.held()
		if n := strings.Count(text, "kitekey verification report"); n != 2 || strings.Contains(text, "acme/") || !strings.Contains(text, `the filter "coral" follows: 2 profiles`) {
			t.Errorf("%d reports:\n%s", n, text)
		}
	})
}

// While results arrive, a failing profile moves above the chosen one.
func TestVerifyAll_TheChosenRowStaysOnItsProfile(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.sim.Set("ember", kite.Sandbox, simulator.Behavior{Failure: simulator.InternalError})
		d.sim.Set("coral", kite.Sandbox, simulator.Behavior{Refuse: true, Latency: 8 * time.Second})
		d.press("V").sleep(5 * time.Second).press("down").sees("▌ acme     sandbox")
		d.sleep(20*time.Second).sees("✗ refused", "▌ acme     sandbox").press("enter").dialog("Verification result").sees("acme / sandbox")
	})
}

func TestVerifyAll_EnterOpensARowAndEscComesBack(t *testing.T) {
	verified(t, func(t *testing.T, d *driver) {
		d.press("enter").dialog("Verification result").sees("coral / sandbox", "Invalid API key").press("esc").dialog("Verify all")
		d.press("down", "w").dialog("Verification result").sees("dune / sandbox")
	})
}

func TestVerifyAll_OpensAgainWithoutVerifying(t *testing.T) {
	verified(t, func(t *testing.T, d *driver) {
		mints := d.count("acme/sandbox").Requests
		d.press("esc").dialog("").press("V").dialog("Verify all").sees("all 7 in", "refused")
		if n := d.count("acme/sandbox").Requests; n != mints {
			t.Errorf("%d requests more", n-mints)
		}
		d.press("V").sleep(time.Minute)
		if n := d.count("acme/sandbox").Requests; n == mints {
			t.Error("V in the list did not verify again")
		}
	})
}

func TestVerifyAll_Filters(t *testing.T) {
	verified(t, func(t *testing.T, d *driver) {
		d.press("/").write("failing").press("enter").sees("coral", "dune").lacks("│ borealis")
		d.press("esc").dialog("Verify all").sees("borealis").press("esc").dialog("")
	})
}

func TestVerifyAll_ReportHasASummaryAndTheFailing(t *testing.T) {
	verified(t, func(t *testing.T, d *driver) {
		d.press("c")
		text := d.clip.held()
		if !strings.HasPrefix(text, "kitekey verified all 7 in") || strings.Count(text, "kitekey verification report") != 2 {
			t.Errorf("the report:\n%s", text)
		}
		d.press("C")
		if n := strings.Count(d.clip.held(), "kitekey verification report"); n != 7 {
			t.Errorf("the report of all has %d parts", n)
		}
	})
}

func TestVerifyAll_SaysWhenItRests(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.sim.Set("acme", kite.Sandbox, simulator.Behavior{Limit: -1, RetryAfter: 9 * time.Second})
		d.press("V").sleep(30 * time.Second)
		rested := false
		for range 60 {
			rested = rested || strings.Contains(d.screen(), "waiting for")
			d.sleep(time.Second)
		}
		if !rested {
			t.Errorf("it never said so:\n%s", d.screen())
		}
	})
}

func TestVerifyAll_LiveAsksForNothing(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("V").sleep(time.Minute).dialog("Verify all").sees("7 work")
	})
}

// The test counts the keys from the start to the reason of the first failing
// profile of many, and to its report on the clipboard.
func TestVerifyAll_KeysToTheFirstFailingOfMany(t *testing.T) {
	drive(t, setup{before: func(d *driver) {
		for i := range 143 {
			sel := vault.Selector{Account: fmt.Sprintf("zebra-%03d", i), Environment: kite.Sandbox}
			c, _ := d.sim.Credential("acme", kite.Sandbox)
			if _, err := d.vault.Add(d.t.Context(), vault.NewProfile{Selector: sel, Credential: c, Verdict: vault.VerdictOK}); err != nil {
				d.t.Fatal(err)
			}
		}
		d.sim.Set("coral", kite.Sandbox, simulator.Behavior{Refuse: true})
	}}, func(t *testing.T, d *driver) {
		d.press("V").sleep(2 * time.Minute).sees("Invalid API key")
		if d.keys > 4 {
			t.Errorf("%d keys to the reason, want at most 4", d.keys)
		}
		d.press("enter").dialog("Verification result").press("c").sees("report copied")
		if d.keys > 5 {
			t.Errorf("%d keys to the report, want at most 5", d.keys)
		}
	})
}

func TestElsewhere_FindsALiveCredentialStoredAsSandbox(t *testing.T) {
	drive(t, setup{before: func(d *driver) {
		c, _ := d.sim.Credential("acme", kite.Live)
		sel := vault.Selector{Account: "wrong", Environment: kite.Sandbox}
		if _, err := d.vault.Add(d.t.Context(), vault.NewProfile{Selector: sel, Credential: c}); err != nil {
			d.t.Fatal(err)
		}
	}}, func(t *testing.T, d *driver) {
		before := d.count("acme/live").Requests
		d.selectProfile("wrong/sandbox").press("v").dialog("Verification result").press("e").dialog("Try it as wrong / LIVE?")
		if d.count("acme/live").Requests != before {
			t.Error("it was sent before it was confirmed")
		}
		d.press("enter").dialog("It belongs to wrong / LIVE").sees("kitekey rename")
		if n := d.count("acme/live").Requests - before; n != 1 {
			t.Errorf("%d requests to live, want 1", n)
		}
		d.press("enter").write("wrong/live").press("enter").sees("wrong/sandbox is now wrong/live")
		d.dialog("Verification result").sees("wrong / LIVE").lacks("profile is gone")
		d.press("v").sees("works")
	})
}

func TestElsewhere_SaysWhenItDoesNotWorkEither(t *testing.T) {
	drive(t, setup{before: func(d *driver) {
		d.sim.Set("acme", kite.Sandbox, simulator.Behavior{Refuse: true})
	}}, func(t *testing.T, d *driver) {
		d.press("v").dialog("Verification result").press("e", "enter").sees("it does not work either: refused")
	})
}

// The rows name the store as the list does.
func TestVerifyAll_NamesTheStoreThatIsLocked(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.store.On(storetest.Fail("memory", vault.ErrLocked), nil)
		d.press("V").sleep(time.Minute).dialog("Verify all").sees("acme     sandbox ! the memory store is locked").lacks("! the store is locked")
	})
}
