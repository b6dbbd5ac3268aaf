package tui

import (
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/vault"
)

// asks is the question before an action on live.
const asks = "type acme/live"

// A key that hands something of a live profile out, or changes it, asks for its
// name first. Other keys do not.
func TestLive_AsksBeforeEveryKeyThatHandsOutOrChanges(t *testing.T) {
	for _, tt := range []struct {
		name string
		keys []string
		asks bool
	}{
		{"copy", []string{"c"}, true},
		{"copy as header", []string{"C", "h"}, true},
		{"copy as token", []string{"C", "t"}, true},
		{"copy as curl", []string{"C", "u"}, true},
		{"mint", []string{"m"}, true},
		{"reveal", []string{"s"}, true},
		{"keep alive", []string{"K"}, true},
		{"rotate", []string{"r"}, true},
		{"remove", []string{"d"}, true},
		{"rename", []string{"e", "down", "down", "x", "ctrl+s"}, true},
		{"verify", []string{"v"}, false},
		{"verify all", []string{"V"}, false},
		{"edit the label", []string{"e", "x", "ctrl+s"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			drive(t, setup{options: neverLock}, func(t *testing.T, d *driver) {
				d.press("down").sees("acme / LIVE").press(tt.keys...)
				if !tt.asks {
					d.sleep(5 * time.Second).lacks(asks)
					return
				}
				d.sees(asks)
				if n := d.count("acme/live").Requests; n != 0 || d.clip.held() != "" {
					t.Fatalf("live was touched before its name was typed: %d requests", n)
				}
				d.write("acme").press("enter").sees(`that is not "acme/live"`)
				if p, err := d.vault.Lookup(vault.Selector{Account: "acme", Environment: kite.Live}); err != nil || p.Label == "x" {
					t.Fatalf("live was changed before its name was typed: %v", err)
				}
			})
		})
	}
}
