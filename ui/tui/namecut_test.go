package tui

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/kite/simulator"
	"kitekey/vault"
)

// Names that differ only in their middle or at their end stay apart in the list and
// in the results of verifying all.
func TestList_LongNamesStayApart(t *testing.T) {
	var names []string
	for i := range 6 {
		names = append(names, fmt.Sprintf("merchant-%03d-with-a-long-name-eu", i))
	}
	names = append(names, "merchant-005-with-a-long-name-us")
	for _, size := range [][2]int{{120, 40}, {96, 30}, {80, 24}} {
		drive(t, setup{width: size[0], height: size[1], empty: true, before: func(d *driver) {
			for _, n := range names {
				sel := vault.Selector{Account: n, Environment: kite.Sandbox}
				if _, err := d.vault.Add(t.Context(), vault.NewProfile{Selector: sel, Credential: simulator.NewMerchant("acme", kite.Sandbox).Credential, Verdict: vault.VerdictOK}); err != nil {
					t.Fatal(err)
				}
			}
		}}, func(t *testing.T, d *driver) {
			for _, n := range names {
				if !strings.Contains(strings.Split(d.screen(), "Activity")[0], n[:12]) {
					t.Errorf("no row for %s at %v:\n%s", n, size, d.screen())
				}
			}
			if size[0] > 80 && !regexp.MustCompile(`merchant-005\S*us +sandbox`).MatchString(d.screen()) {
				t.Errorf("merchant-005…us is not apart at %v:\n%s", size, d.screen())
			}
		})
	}
}

// The title of the details, the title of a dialog and the activity log cut names as the
// list does.
func TestNames_AreCutInTheSameWayEverywhere(t *testing.T) {
	names := []string{"the-long-name-of-a-merchant-in-many-cells-de", "the-long-name-of-a-merchant-in-many-cells-fr"}
	drive(t, setup{width: 40, height: 16, empty: true, before: func(d *driver) {
		for _, n := range names {
			sel := vault.Selector{Account: n, Environment: kite.Live}
			if _, err := d.vault.Add(t.Context(), vault.NewProfile{Selector: sel, Credential: simulator.NewMerchant("acme", kite.Live).Credential, Verdict: vault.VerdictOK}); err != nil {
				t.Fatal(err)
			}
		}
	}}, func(t *testing.T, d *driver) {
		d.press("enter").sees("-de / LIVE").press("esc")
		d.press("w").sees("-de / LIVE").press("esc")
		d.press("v").sleep(5*time.Second).press("down", "v", "L")
		for _, end := range []string{"de", "fr"} {
			if !regexp.MustCompile(`the\S*` + end + ` +LIVE`).MatchString(d.screen()) {
				t.Errorf("no name that ends with %s:\n%s", end, d.screen())
			}
		}
		d.sees("p only the chosen one").press("p").sees("-fr / LIVE")
	})
}
