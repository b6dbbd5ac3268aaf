package tui

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/vault"
)

// reopened is a screen of a data folder with three profiles, opened at a moment.
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

	// A filter does not hide the profile that was used last.
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
