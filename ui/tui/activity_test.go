package tui

import (
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/vault"
)

func TestMoments_JoinWhatBelongsTogether(t *testing.T) {
	at := time.Unix(1e9, 0)
	entry := func(after time.Duration, account string, action vault.Action, command, result string) vault.Activity {
		return vault.Activity{At: at.Add(after), Selector: vault.Selector{Account: account, Environment: kite.Sandbox}, Action: action, Command: command, Result: result}
	}
	got := momentsOf([]vault.Activity{
		entry(0, "acme", vault.ActionMinted, "screen", "ok"),
		entry(time.Second, "acme", vault.ActionCopied, "screen", "ok"),
		entry(time.Minute, "acme", vault.ActionVerified, "verify", "ok"),
		entry(time.Minute+time.Second, "borealis", vault.ActionVerified, "verify", "rejected"),
		entry(time.Minute+2*time.Second, "coral", vault.ActionVerified, "verify", "rejected"),
		entry(time.Minute+3*time.Second, "coral", vault.ActionMinted, "token", "ok"),
		entry(time.Hour, "acme", vault.ActionCopied, "screen", "ok"),
	}, func(*vault.Activity) bool { return true })
	a := still(t, 0, 0, &at)
	var texts []string
	for i := range got {
		what, _ := got[i].words(&a.canvas)
		texts = append(texts, got[i].name()+" "+what)
	}
	want := []string{"acme copied", "coral minted", "3 profiles verified: 2 refused", "acme minted, copied"}
	if len(texts) != len(want) {
		t.Fatalf("%q, want %q", texts, want)
	}
	for i := range want {
		if texts[i] != want[i] {
			t.Errorf("%q, want %q", texts[i], want[i])
		}
	}
}
