package tui

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"kitekey/kite"
	"kitekey/vault"
)

// reopened returns a screen of a data folder with three profiles, opened at now.
func reopened(t *testing.T, v *vault.Vault, now time.Time) *app {
	t.Helper()
	a := newApp(t.Context(), Options{Vault: v, Clipboard: &testClipboard{}, Now: func() time.Time { return now }})
	profiles, err := v.List()
	if err != nil {
		t.Fatal(err)
	}
	a.setProfiles(profiles)
	return a
}

func rememberingVault(t *testing.T) *vault.Vault {
	t.Helper()
	v, err := vault.Open(vault.Options{Dir: t.TempDir(), Store: vault.NewMemory(), Gateway: func(kite.Environment) vault.Gateway { return noGateway{} }})
	if err != nil {
		t.Fatal(err)
	}
	for _, account := range []string{"acme", "borealis", "coral"} {
		_, err := v.Add(t.Context(), vault.NewProfile{
			Selector:   vault.Selector{Account: account, Environment: kite.Sandbox},
			Credential: kite.Credential{APIKey: kite.NewSecret("k"), APISecret: kite.NewSecret("s")},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return v
}

func TestScreen_OpensWhereItWasLeft(t *testing.T) {
	v, now := rememberingVault(t), time.Now().Add(time.Minute)
	a := reopened(t, v, now)
	a.used(a.list.profiles[1].ID)
	a.list.sortBy = byState
	a.list.filter.SetValue("o")
	a.remember()

	a = reopened(t, v, now.Add(time.Hour))
	if p := a.chosen(); p == nil || p.Account != "borealis" || a.list.sortBy != byState || a.list.filter.Value() != "o" {
		t.Errorf("%+v, ordered %v, filtered by %q", p, a.list.sortBy, a.list.filter.Value())
	}

	// The filter does not hide the profile that was used last.
	a.list.filter.SetValue("acme")
	a.remember()
	a = reopened(t, v, now.Add(2*time.Hour))
	if p := a.chosen(); p == nil || p.Account != "borealis" || a.list.filtered() {
		t.Errorf("%+v, filtered by %q", p, a.list.filter.Value())
	}
}

func TestScreen_LeavesANewerStateAlone(t *testing.T) {
	v := rememberingVault(t)
	path := filepath.Join(v.Dir(), stateFile)
	for _, text := range []string{`{"version":2,"order":["state","name"]}`, `{"version":99,"profile":"x","filter":"acme"}`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		a := reopened(t, v, time.Now())
		a.remember()
		if data, _ := os.ReadFile(path); string(data) != text || a.list.filtered() {
			t.Errorf("%s became %s", text, data)
		}
	}
}

// The gateway's words are still shown after a restart.
func TestDetail_SaysWhyAfterARestart(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	v, err := vault.Open(vault.Options{Dir: t.TempDir(), Store: vault.NewMemory(), Now: func() time.Time { return now },
		Gateway: func(kite.Environment) vault.Gateway { return refusing{} }})
	if err != nil {
		t.Fatal(err)
	}
	sel := vault.Selector{Account: "acme", Environment: kite.Sandbox}
	if _, err := v.Add(t.Context(), vault.NewProfile{Selector: sel, Credential: kite.Credential{APIKey: kite.NewSecret("k"), APISecret: kite.NewSecret("s")}}); err != nil {
		t.Fatal(err)
	}
	v.Verify(t.Context(), sel, false)

	a := reopened(t, v, now.Add(time.Hour))
	a.Update(tea.WindowSizeMsg{Width: 120, Height: 40})
	if screen := ansi.Strip(a.View().Content); !strings.Contains(screen, "403 IP not allowed") || strings.Contains(screen, "api_key or the api_secret is wrong") {
		t.Errorf("after a restart:\n%s", screen)
	}
}

// On 40 columns the name, the environment and the verdict have no room on one line.
func TestVerdict_IsBelowALongName(t *testing.T) {
	drive(t, setup{width: 40, height: 20}, func(t *testing.T, d *driver) {
		long := vault.Selector{Account: "merchant-with-a-long-name", Environment: kite.Live}
		if _, err := d.vault.Add(t.Context(), vault.NewProfile{
			Selector: long, Credential: kite.Credential{APIKey: kite.NewSecret("k"), APISecret: kite.NewSecret("s")}, Verdict: vault.VerdictRejected,
		}); err != nil {
			t.Fatal(err)
		}
		d.send(tea.FocusMsg{}).selectProfile(long.String()).press("w")
		d.sees("merchant-with-a-long-name / LIVE ", "refused · just now")
	})
}

// refusing is a gateway that refuses with a reason of its own.
type refusing struct{ noGateway }

func (refusing) Mint(context.Context, kite.Credential, kite.Lifetime) (kite.Token, error) {
	return kite.Token{}, &kite.Error{Kind: kite.ErrRefused, Host: "127.0.0.1:1", Status: 403, Message: "IP not allowed"}
}
