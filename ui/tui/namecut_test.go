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

func TestNameCut_KeepsWhatDiffers(t *testing.T) {
	for _, tt := range []struct {
		names []string
		w     int
		apart int
	}{
		{[]string{"merchant-000-with-a-long-name-eu", "merchant-001-with-a-long-name-eu"}, 14, 2},
		{[]string{"merchant-000-with-a-long-name-eu", "merchant-000-with-a-long-name-us"}, 14, 2},
		{[]string{"000-of-a-very-long-name-of-many-eu", "001-of-a-very-long-name-of-many-eu"}, 12, 2},
		{[]string{"short", "000-of-a-very-long-name-of-many-eu"}, 12, 2},
		{[]string{"珊瑚商店珊瑚商店珊瑚商店東京", "珊瑚商店珊瑚商店珊瑚商店大阪"}, 9, 2},
		{[]string{"merchant-011-payments-emea", "merchant-012-payments-emea", "merchant-021-payments-emea"}, 11, 3},
		{[]string{"aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaabaaaaaaaaaaaaa"}, 1, 1},
	} {
		c, seen := &canvas{}, map[string]bool{}
		c.restyle()
		profiles := make([]vault.Profile, len(tt.names))
		for i, n := range tt.names {
			profiles[i].Account = n
		}
		c.names.set(profiles)
		for _, n := range tt.names {
			short := c.account(n, tt.w)
			if got := c.len(short); got > tt.w {
				t.Errorf("%q is %d cells, more than %d", short, got, tt.w)
			}
			seen[short] = true
		}
		if len(seen) != tt.apart {
			t.Errorf("%q in %d cells: %v", tt.names, tt.w, seen)
		}
	}
}
