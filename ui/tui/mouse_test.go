package tui

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
)

func TestMouse_GoesToAFieldOfAForm(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("a").clickOn("label  ").write("A shop").clickOn("account  ").write("zed").sees("label         A shop", "account       zed")
		d.clickOn("environment  ").sees("[sandbox]").clickOn("environment  ").sees("[LIVE]").clickOn("api_secret    empty").paste("a-long-secret").sees("received, hidden")
		d.press("esc").dialog("Discard what you typed?").clickOn("y discard it").dialog("")
		d.press("e").clickOn("account       acme").sees("▌ account").clickOn("label         Acme").write(" 2").clickOn("ctrl+s save").sees("acme/sandbox saved")
		d.press("r").clickOn("api_secret    empty").paste("a-long-secret").sees("api_key       empty")
	})
}

// A form that does not fit shows the fields around the one with the keys.
func TestMouse_GoesToAFieldOnASmallScreen(t *testing.T) {
	drive(t, setup{width: 60, height: 10}, func(t *testing.T, d *driver) {
		d.press("a", "end").press("shift+tab").sees("▌ expires_in")
		d.clickOn("api_secret  ").sees("▌ api_secret")
	})
}

func TestMouse_ChoosesALifeInTheMintDialog(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("m").sees("[5 min]").clickOn("15 min").sees("[15 min]").clickOn("1 h").sees("[1 h]").clickOn("mint and copy").sees("minted for 1 h")
	})
}

func TestMouse_ChoosesAndOpensARowOfVerifyAll(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("V").sees("all 7 in").clickOn("dune     sandbox").sees("▌ dune ").clickOn("▌ dune").dialog("Verification result").press("esc").dialog("Verify all")
		d.clickOn("o by name").sees("failing first")
		d.press("/").write("ember").sees("▌ ember").press("enter").clickOn("/ ember").press("backspace").sees("/ embe")
	})
}

func TestMouse_ChoosesAndRunsAnAction(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press(":").write("activity").clickOn("L  ").dialog("Activity")
	})
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press(":").clickOn("mint a token").sees("▌ m  ").clickOn("▌ m  ").dialog("Mint a token for acme / sandbox")
	})
}

// A click must never choose live where sandbox was clicked on.
func TestMouse_ChoosesTheValueItClicksOn(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("a").clickOn("LIVE      "+strings.Repeat(" ", 30)).sees("[LIVE]", "▌ environment").clickOn("[LIVE]").sees("[LIVE]")
		d.clickOn(" sandbox  [LIVE]").sees("[sandbox]").clickOn("sandbox]").sees("[sandbox]")
	})
}

func TestMouse_ClicksOnTheOrderToChangeIt(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.clickOn("by name").sees("by last use", "/ filter").clickOn("by last use").sees("failing first")
		d.clickOn("/ filter").sees("type to filter")
	})
}

// On 80 columns the details are below the list. A click or the wheel there is for them, and
// not for the rows that the list does not show.
func TestMouse_BelowTheListIsForTheDetails(t *testing.T) {
	drive(t, setup{width: 80, height: 22}, func(t *testing.T, d *driver) {
		d.send(tea.MouseClickMsg{X: 10, Y: 9, Button: tea.MouseLeft}).sees("╭─ acme / sandbox").clickOn("coral        LIVE").sees("╔═ coral / LIVE")
		d.send(tea.MouseWheelMsg{X: 10, Y: 14, Button: tea.MouseWheelDown}).sees("coral / LIVE")
		d.send(tea.MouseClickMsg{X: 10, Y: 19, Button: tea.MouseLeft}).sees("by name", "coral / LIVE")
		d.clickOn("coral / LIVE").sees("coral / LIVE").lacks("by name")
	})
}
