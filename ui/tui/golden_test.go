package tui

import (
	"errors"
	"fmt"
	"image/color"
	"runtime"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/golden"

	"kitekey/kite"
	"kitekey/kite/simulator"
	"kitekey/ui/words"
	"kitekey/vault"
	"kitekey/vault/storetest"
)

// states are the screens in golden files, each in four sizes. This writes them again;
// look at the differences:
//
//	go test ./ui/tui -run Golden -update
func states() map[string]struct {
	setup
	do func(d *driver)
} {
	type state = struct {
		setup
		do func(d *driver)
	}
	return map[string]state{
		"first-run": {setup: setup{empty: true}, do: func(*driver) {}},
		"list":      {do: func(d *driver) { d.press("c").sleep(48 * time.Second) }},
		"low":       {do: func(d *driver) { d.press("m").write("60s").press("enter").sleep(43 * time.Second).press("enter") }},
		"expired":   {do: func(d *driver) { d.press("m").write("20s").press("enter").sleep(30 * time.Second).press("enter") }},
		"live": {do: func(d *driver) {
			d.press("down", "c").write("acme/live").press("enter", "enter").sleep(9 * time.Second)
		}},
		"live-gate": {do: func(d *driver) { d.press("down", "c").write("acm").press("enter") }},
		"mint":      {do: func(d *driver) { d.press("m", "right") }},
		"mint-bad":  {do: func(d *driver) { d.press("m").write("1e9") }},
		"copy-as":   {do: func(d *driver) { d.press("C", "down") }},
		"filter":    {do: func(d *driver) { d.press("/").write("cora") }},
		"no-match":  {do: func(d *driver) { d.press("/").write("zzz") }},
		"board": {do: func(d *driver) {
			d.press("c").press("end").press("m").write("20m").press("enter").press("t", "home").sleep(20 * time.Second)
		}},
		"minting": {do: func(d *driver) {
			d.sim.Set("acme", kite.Sandbox, simulator.Behavior{Failure: simulator.Hang})
			d.press("c").sleep(7 * time.Second)
		}},
		"refused": {do: func(d *driver) {
			d.sim.Set("acme", kite.Sandbox, simulator.Behavior{Refuse: true})
			d.press("c")
		}},
		"verdict": {do: func(d *driver) {
			d.sim.Set("acme", kite.Sandbox, simulator.Behavior{Refuse: true})
			d.press("v")
		}},
		"verify-all": {do: func(d *driver) {
			d.sim.Set("borealis", kite.Sandbox, simulator.Behavior{Refuse: true})
			d.sim.Set("dune", kite.Sandbox, simulator.Behavior{Failure: simulator.Hang})
			d.press("V").sleep(time.Second)
		}},
		"store-locked": {do: func(d *driver) { d.store.On(storetest.Fail("keyring", vault.ErrLocked), nil); d.press("c") }},
		"clipboard-fails": {do: func(d *driver) {
			d.clip.err = errors.New("nothing was copied (X11: no display)")
			d.press("c")
		}},
		"revealed": {do: func(d *driver) { d.press("s", "enter") }},
		"locked":   {do: func(d *driver) { d.press("Z") }},
		"add": {do: func(d *driver) {
			d.press("a").write("Acme").press("enter", "enter", "enter").paste("sim-key-neu-neu-neu")
		}},
		"add-refused": {do: func(d *driver) {
			d.press("a").write("neu").press("enter", "enter", "enter").paste("wrong-key").press("enter").paste("wrong-secret").press("ctrl+s")
		}},
		"discard": {do: func(d *driver) { d.press("a", "enter", "enter", "enter").paste("wrong-key").press("esc") }},
		"edit":    {do: func(d *driver) { d.press("e") }},
		"remove":  {do: func(d *driver) { d.press("down", "d") }},
		"help":    {do: func(d *driver) { d.press("?") }},
		"messages": {do: func(d *driver) {
			d.press("c", "x").sleep(time.Minute).press("n", "H")
		}},
		"activity": {do: func(d *driver) {
			d.press("c").sleep(time.Minute).press("down", "down").store.On(storetest.Fail("keyring", vault.ErrLocked), nil)
			d.press("v", "esc", "esc").store.Heal()
			d.press("v").sleep(time.Second).press("L")
		}},
		"demo": {setup: setup{options: func(o *Options) {
			o.Demo, o.SandboxOnly, o.Overrides = true, true, []words.Override{{Environment: kite.Sandbox, URL: "http://127.0.0.1:4010/v1", Variable: "KITEKEY_SANDBOX_URL"}}
		}}, do: func(*driver) {}},
		"ascii":          {setup: setup{options: func(o *Options) { o.ASCII = true }}, do: func(d *driver) { d.press("c").sleep(200 * time.Second) }},
		"ascii-live":     {setup: setup{options: func(o *Options) { o.ASCII = true }}, do: func(d *driver) { d.press("down", "enter") }},
		"reduced-motion": {setup: setup{options: func(o *Options) { o.ReducedMotion = true }}, do: func(d *driver) { d.press("c", "enter").sleep(100 * time.Second) }},
	}
}

func TestGoldenScreens(t *testing.T) {
	for name, s := range states() {
		for _, size := range [][2]int{{200, 50}, {120, 40}, {80, 24}, {40, 12}} {
			t.Run(fmt.Sprintf("%s/%dx%d", name, size[0], size[1]), func(t *testing.T) {
				if name == "store-locked" && runtime.GOOS != "linux" {
					t.Skip("each system has its own advice for a locked keyring")
				}
				s.width, s.height = size[0], size[1]
				var screen string
				drive(t, s.setup, func(t *testing.T, d *driver) {
					s.do(d)
					screen = d.screen()
					checkFits(t, screen, size[0], size[1])
				})
				golden.RequireEqual(t, []byte(screen+"\n"))
			})
		}
	}
}

// Without colour the words and shapes of every screen are the same, and no colour
// is written.
func TestNoColor_LosesNoWord(t *testing.T) {
	read := func(p colorprofile.Profile) (s string) {
		drive(t, setup{profile: p}, func(t *testing.T, d *driver) {
			d.press("c").sleep(5 * time.Second)
			s = d.screen()
		})
		return s
	}
	colour, none, basic := read(colorprofile.TrueColor), read(colorprofile.ASCII), read(colorprofile.ANSI)
	if colour != none || colour != basic {
		t.Error("the screen says something else without colour")
	}
	if !strings.Contains(none, "LIVE") {
		t.Error("live cannot be told from sandbox")
	}
}

func TestTheme_FollowsTheTerminalsBackground(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		has := func(p palette) bool {
			return strings.Contains(d.view().Content, fmt.Sprintf("38;5;%dm", p.accent))
		}
		if !has(unknownPalette()) || strings.Contains(d.view().Content, "48;5;") {
			t.Error("before the terminal has answered, its background counts as known")
		}
		d.send(tea.BackgroundColorMsg{Color: color.Black})
		if !has(darkPalette()) {
			t.Error("a dark terminal does not get the dark theme")
		}
		d.send(tea.BackgroundColorMsg{Color: color.White})
		if !has(lightPalette()) || has(darkPalette()) {
			t.Error("a light terminal gets the dark theme")
		}
		d.send(tea.ColorProfileMsg{Profile: colorprofile.ANSI})
		if has(lightPalette()) || has(darkPalette()) {
			t.Error("a terminal of 16 colours is sent others")
		}
	})
	drive(t, setup{options: func(o *Options) { o.Theme = ThemeLight }}, func(t *testing.T, d *driver) {
		d.send(tea.BackgroundColorMsg{Color: color.Black})
		if !strings.Contains(d.view().Content, fmt.Sprintf("38;5;%dm", lightPalette().accent)) {
			t.Error("the terminal's answer wins over --theme")
		}
	})
}

func TestMouse_IsOffUnlessAskedFor(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		if d.view().MouseMode != tea.MouseModeNone {
			t.Error("the mouse is on")
		}
		d.press("M").sees("mouse on")
		if d.view().MouseMode != tea.MouseModeCellMotion {
			t.Error("the mouse is off")
		}
	})
}

// clickOn clicks on a text on the screen.
func (d *driver) clickOn(text string) *driver {
	d.t.Helper()
	for y, line := range strings.Split(d.screen(), "\n") {
		if i := strings.Index(line, text); i >= 0 {
			return d.send(tea.MouseClickMsg{X: ansi.StringWidth(line[:i]), Y: y, Button: tea.MouseLeft})
		}
	}
	d.t.Fatalf("%q is not on the screen:\n%s", text, d.screen())
	return d
}

func TestMouse_ChoosesAndScrolls(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.clickOn("borealis ").sees("borealis / sandbox")
		d.send(tea.MouseWheelMsg{X: 10, Y: 5, Button: tea.MouseWheelDown}).sees("dune / sandbox")
		d.send(tea.MouseClickMsg{X: 10, Y: 30, Button: tea.MouseLeft}).sees("dune / sandbox") // nothing there
	})
}

func TestMouse_PressesTheFootersKeys(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.clickOn("c copy").sees("header of acme/sandbox copied")
		d.clickOn("m mint").dialog("Mint a token for acme / sandbox")
		d.clickOn("esc back").dialog("")
		d.clickOn("/ filter").write("dune").sees("1 of 7")
	})
}

func TestMouse_OrdersByAColumn(t *testing.T) {
	drive(t, setup{width: 200, height: 50}, func(t *testing.T, d *driver) {
		d.clickOn("USED").sees("by last use").clickOn("STATE").sees("failing first").clickOn("ACCOUNT").sees("by name")
		d.press("c").clickOn("TOKEN").sees("soonest to expire first")
	})
}

func TestMouse_PicksFromAMenu(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("C").clickOn("the value alone").sees("token of acme/sandbox copied").dialog("")
	})
}

// With --ascii every screen is drawn in ASCII, except for the names of accounts.
func TestASCII_DrawsASCIIOnly(t *testing.T) {
	for name, s := range states() {
		options := s.options
		s.options = func(o *Options) {
			if options != nil {
				options(o)
			}
			o.ASCII = true
		}
		drive(t, s.setup, func(t *testing.T, d *driver) {
			s.do(d)
			for r := range strings.SplitSeq(d.screen(), "\n") {
				for _, label := range []string{"Boréalis Café", "珊瑚商店"} {
					r = strings.ReplaceAll(r, label, "")
				}
				if !plainASCII(r) {
					t.Errorf("%s: %q", name, r)
				}
			}
		})
	}
}
