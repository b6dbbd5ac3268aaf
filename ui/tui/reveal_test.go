package tui

import (
	"strings"
	"testing"
	"time"
)

// everyKey returns every key that the screen binds, and others, but not ctrl+c (quit)
// and ctrl+z (suspend).
func everyKey() []string {
	var keys []string
	for r := '!'; r <= '~'; r++ {
		keys = append(keys, string(r))
	}
	for r := 'a'; r <= 'z'; r++ {
		if r != 'c' && r != 'z' {
			keys = append(keys, "ctrl+"+string(r))
		}
	}
	return append(keys, "enter", "esc", "tab", "up", "down", "left", "right", "pgup", "pgdown", "home", "end", "space", "backspace")
}

// showsSecret reports whether text contains a key, secret or token of the simulator.
func showsSecret(text string) bool {
	return strings.Contains(text, "sim-secret") || strings.Contains(text, "sim-key") || strings.Contains(text, "eyJ")
}

// The test presses every key, in the list and in the dialog that the key opens:
// --no-reveal, --sandbox-only and the lock still hide what they must.
func TestSwitches_HoldUnderEveryKey(t *testing.T) {
	type check func(t *testing.T, d *driver, key string)
	noSecret := func(t *testing.T, d *driver, key string) {
		if v := d.view(); showsSecret(v.Content) || showsSecret(v.WindowTitle) {
			t.Fatalf("%s shows a secret:\n%s", key, d.screen())
		}
	}
	for name, tt := range map[string]struct {
		setup setup
		begin func(d *driver)
		check check
	}{
		"no-reveal":         {setup{options: func(o *Options) { o.NoReveal = true }}, nil, noSecret},
		"no-reveal, narrow": {setup{width: 40, height: 12, options: func(o *Options) { o.NoReveal = true }}, nil, noSecret},
		"no-reveal, wide":   {setup{width: 200, height: 50, options: func(o *Options) { o.NoReveal = true }}, nil, noSecret},
		"sandbox-only": {setup{options: func(o *Options) { o.SandboxOnly = true }}, nil, func(t *testing.T, d *driver, key string) {
			if text := d.screen(); strings.Contains(text, "LIVE") || strings.Contains(text, "/live") {
				t.Fatalf("%s shows live:\n%s", key, text)
			}
			if n := d.count("acme/live").Requests + d.count("coral/live").Requests; n != 0 {
				t.Fatalf("%s asked live", key)
			}
		}},
		"locked": {setup{before: func(d *driver) { d.store.Protect("quite a long phrase") }}, func(d *driver) { d.press("Z") }, func(t *testing.T, d *driver, key string) {
			if text := d.screen(); !strings.Contains(text, "kitekey is locked") || strings.Contains(text, "acme") || showsSecret(text) {
				t.Fatalf("%s on the locked screen:\n%s", key, text)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := tt.setup
			options := s.options
			s.options = func(o *Options) {
				neverLock(o)
				if options != nil {
					options(o)
				}
			}
			drive(t, s, func(t *testing.T, d *driver) {
				d.press("c").sleep(time.Second)
				if tt.begin != nil {
					tt.begin(d)
				}
				for _, first := range everyKey() {
					if name == "locked" && first == "q" {
						continue
					}
					d.press(first)
					tt.check(t, d, first)
					if d.isOver() {
						break // q quit
					}
					if testing.Short() && len(first) == 1 && first[0] < 'A' {
						continue
					}
					for _, second := range []string{"enter", "s", "S", "y"} {
						d.press(second).sleep(100 * time.Millisecond)
						tt.check(t, d, first+" "+second)
					}
					// Return to the unfiltered list.
					d.look(func(a *app) {
						a.dialogs.open, a.list.typing = nil, false
						a.list.clearFilter(a.now)
					})
				}
			})
		})
	}
}

// isOver reports whether the screen has quit.
func (d *driver) isOver() bool {
	select {
	case <-d.done:
		return true
	default:
		return false
	}
}
