package vault_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kitekey/kite"
	. "kitekey/vault"
)

// What a newer kitekey has added to the same format of the index stays when this one
// rewrites it, in the file and in its copy.
func TestIndex_KeepsTheFieldsOfANewerKitekey(t *testing.T) {
	w := newFixture(t)
	w.mustAdd(t, "acme")
	w.mustAdd(t, "borealis")
	path := filepath.Join(w.dir, IndexFile)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(data), `"account":"acme",`, `"account":"acme","colour":"<red>",`, 1)
	text = strings.Replace(text, `"expires_in":300`, `"expires_in":300,"tags":{"id":["a", "}\n"]}`, 1)
	text = strings.Replace(text, `{"version":2,`, `{"groups":[{"name":"eu"}],"version":2,`, 1)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	label := "Acme"
	for name, do := range map[string]func(context.Context) error{
		"edit":   func(ctx context.Context) error { return second(w.Edit(ctx, sel("acme"), ProfileUpdate{Label: &label})) },
		"token":  func(ctx context.Context) error { return second(w.Token(ctx, sel("acme"), TokenRequest{Fresh: true})) },
		"rotate": func(ctx context.Context) error { return second(w.Rotate(ctx, sel("acme"), credential("new"))) },
		"add": func(ctx context.Context) error {
			return second(w.Add(ctx, NewProfile{Selector: sel("ember"), Credential: credential("e")}))
		},
		"remove": func(ctx context.Context) error { return w.Remove(ctx, sel("borealis")) },
	} {
		if err := do(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if err := w.Rename(t.Context(), "acme", "dune"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{IndexFile, IndexFile + ".bak"} {
		var got struct {
			Groups   json.RawMessage
			Profiles []map[string]json.RawMessage
		}
		data, err := os.ReadFile(filepath.Join(w.dir, name))
		if err == nil {
			err = json.Unmarshal(data, &got)
		}
		if err != nil || len(got.Profiles) != 2 {
			t.Fatalf("%s: %v: %s", name, err, data)
		}
		dune := got.Profiles[0]
		if string(got.Groups) != `[{"name":"eu"}]` || string(dune["colour"]) != `"<red>"` || string(dune["tags"]) != `{"id":["a","}\n"]}` || string(dune["account"]) != `"dune"` {
			t.Errorf("%s: %s", name, data)
		}
	}
	if p, err := w.Lookup(Selector{Account: "dune", Environment: kite.Sandbox}); err != nil || p.Label != "Acme" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestSettings_KeepTheFieldsOfANewerKitekey(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "settings.json")
	if err := os.WriteFile(path, []byte(`{"theme":{"name":"dusk"},"version":1,"activity_log":true}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ChangeSettings(t.Context(), dir, func(s *Settings) { s.ActivityLog = false }); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(data), `"name": "dusk"`) || !strings.Contains(string(data), `"activity_log": false`) {
		t.Errorf("%v: %s", err, data)
	}
}
