package tui

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"kitekey/kite"
	"kitekey/kite/simulator"
	"kitekey/vault"
)

func TestMoments_JoinWhatBelongsTogether(t *testing.T) {
	at := time.Unix(1e9, 0)
	entry := func(after time.Duration, account string, action vault.Action, command, result string) vault.Activity {
		return vault.Activity{At: at.Add(after), Selector: vault.Selector{Account: account, Environment: kite.Sandbox}, Action: action, Command: command, Result: result}
	}
	entries := []vault.Activity{
		entry(0, "acme", vault.ActionMinted, "screen", "ok"),
		entry(time.Second, "acme", vault.ActionCopied, "screen", "ok"),
		entry(time.Minute, "acme", vault.ActionVerified, "verify", "ok"),
		entry(time.Minute+time.Second, "borealis", vault.ActionVerified, "verify", "rejected"),
		entry(time.Minute+2*time.Second, "coral", vault.ActionVerified, "verify", "rejected"),
		entry(time.Minute+3*time.Second, "coral", vault.ActionMinted, "token", "ok"),
		entry(time.Hour, "acme", vault.ActionCopied, "screen", "ok"),
	}
	got := momentsOf(vault.NewestFirst(entries, nil))
	same(t, at, got, "acme copied", "coral minted", "3 profiles verified: 2 refused", "acme minted, copied")
}

func TestMoments_SayWhatWasRenamedAndMoved(t *testing.T) {
	at := time.Unix(1e9, 0)
	change := func(after time.Duration, action vault.Action, name, from, to, result string) vault.Activity {
		sel, err := vault.ParseSelector(name)
		if err != nil {
			t.Fatal(err)
		}
		return vault.Activity{At: at.Add(after), Selector: sel, Action: action, Command: "screen", Result: result, From: from, To: to}
	}
	entries := []vault.Activity{
		change(0, vault.ActionRenamed, "coral/sandbox", "acme/sandbox", "coral/sandbox", "ok"),
		change(0, vault.ActionRenamed, "coral/live", "acme/live", "coral/live", "ok"),
		change(time.Minute, vault.ActionRenamed, "coral/live", "coral/sandbox", "coral/live", "ok"),
		change(2*time.Minute, vault.ActionRenamed, "coral/live", "coral/live", "dune/live", "failed"),
		change(3*time.Minute, vault.ActionRenamed, "ember/live", "a/live", "ember/live", "ok"),
		change(3*time.Minute, vault.ActionRenamed, "fjord/live", "b/live", "fjord/live", "ok"),
		change(4*time.Minute, vault.ActionMoved, "fjord/live", "keyring", "te\x1b[2Jam", "ok"),
		change(5*time.Minute, vault.ActionRenamed, "fjord/live", "", "", "ok"),
	}
	same(t, at, momentsOf(vault.NewestFirst(entries, nil)), "fjord renamed", "fjord moved keyring → team", "2 profiles renamed",
		"coral renamed coral → dune: failed", "coral renamed coral/sandbox → coral/live", "2 profiles renamed acme → coral")
}

// same compares what is said of moments.
func same(t *testing.T, at time.Time, got []moment, want ...string) {
	t.Helper()
	a := still(t, 0, 0, &at)
	var texts []string
	for i := range got {
		what, _ := got[i].words(&a.canvas)
		texts = append(texts, got[i].name()+" "+what)
	}
	if len(texts) != len(want) {
		t.Fatalf("%q, want %q", texts, want)
	}
	for i := range want {
		if texts[i] != want[i] {
			t.Errorf("%q, want %q", texts[i], want[i])
		}
	}
}

func TestActivity_OfManyProfilesIsToldInFull(t *testing.T) {
	for _, size := range [][2]int{{40, 12}, {50, 15}, {80, 24}} {
		drive(t, setup{width: size[0], height: size[1]}, func(t *testing.T, d *driver) {
			d.sim.Set("coral", kite.Sandbox, simulator.Behavior{Refuse: true})
			d.sim.Set("dune", kite.Sandbox, simulator.Behavior{Failure: simulator.Drop})
			d.sim.Set("ember", kite.Sandbox, simulator.Behavior{Failure: simulator.InternalError})
			d.press("V").sleep(time.Minute).press("esc", "L")
			text := strings.Join(strings.FieldsFunc(d.screen(), func(r rune) bool { return unicode.IsSpace(r) || r == '│' }), " ")
			for _, part := range []string{"7 profiles", "1 refused", "1 gateway failed"} {
				if !strings.Contains(text, part) {
					t.Errorf("%d columns: the log lacks %q:\n%s", size[0], part, d.screen())
				}
			}
			d.lacks("WHAT WAS DO ")
		})
	}
}

func TestMoments_CountResultsAsTheListDoes(t *testing.T) {
	m := moment{profiles: make([]vault.Selector, 6), deeds: []deed{{action: "verified"}},
		results: map[string]int{"ok": 2, string(vault.VerdictStoreLocked): 1, string(vault.VerdictInvalid): 2, "cancelled": 1}}
	if got, _ := m.words(&canvas{}); got != "verified: 2 requests rejected, 1 locked, 1 cancelled" {
		t.Errorf("%q", got)
	}
}
