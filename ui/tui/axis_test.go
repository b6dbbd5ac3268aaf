package tui

import (
	"strings"
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/vault"
)

// The tokens on one axis are drawn to the same scale, soonest to expire first.
func TestAxis_DrawsTokensToScale(t *testing.T) {
	drive(t, setup{options: neverLock}, func(t *testing.T, d *driver) {
		d.press("m").write("10m").press("enter").selectProfile("ember/sandbox").press("m").write("20m").press("enter", "t")
		d.sees("soonest to expire first", "now", "10 min", "20 min")
		bars := func() (n [2]int) {
			for line := range strings.SplitSeq(d.screen(), "\n") {
				left, _, _ := strings.Cut(line, "││")
				for i, account := range []string{"acme", "ember"} {
					if strings.Contains(left, account+" ") {
						n[i] = strings.Count(left, "━") + strings.Count(left, "╸")
					}
				}
			}
			return n
		}
		if n := bars(); n[1] < 2*n[0]-1 || n[1] > 2*n[0]+1 || n[0] == 0 {
			t.Errorf("10 and 20 minutes are bars of %v cells", n)
		}
		d.sleep(5*time.Minute + time.Second).sees("4:59").sleep(5 * time.Minute).lacks("acme ")
	})
}

func TestAxis_SaysWhichTokenIsKeptAlive(t *testing.T) {
	drive(t, setup{width: 160, height: 40, options: neverLock}, func(t *testing.T, d *driver) {
		d.press("c", "K", "t").sees("5:00 kept alive").press("K").lacks("kept alive")
	})
}

// A token for half a day must not make every other bar one cell long.
func TestAxis_OneLongTokenDoesNotSqueezeTheOthers(t *testing.T) {
	drive(t, setup{options: neverLock}, func(t *testing.T, d *driver) {
		for profile, life := range map[string]string{"acme/sandbox": "5m", "borealis/sandbox": "10m", "dune/sandbox": "12h"} {
			d.selectProfile(profile).press("m").write(life).press("enter", "esc")
		}
		d.press("t").sees("dune     sandbox ━━━━", "… 12", "10 min").lacks("6 h", "acme     sandbox ╸")
	})
}

// The name of a profile without a token takes no room from the bars.
func TestAxis_NamesAreThoseOfTheRows(t *testing.T) {
	drive(t, setup{options: neverLock, before: func(d *driver) {
		cred, _, _ := kite.ParseCredential("a-key", "a-secret")
		sel := vault.Selector{Account: strings.Repeat("z", 40), Environment: kite.Sandbox}
		if _, err := d.vault.Add(t.Context(), vault.NewProfile{Selector: sel, Credential: cred, Verdict: vault.VerdictOK}); err != nil {
			t.Fatal(err)
		}
	}}, func(t *testing.T, d *driver) {
		d.press("m").write("5m").press("enter", "t").sees("▌ acme     sandbox ━")
	})
}
