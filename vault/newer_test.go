package vault_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	. "kitekey/vault"
)

// No command changes what a newer kitekey has written, not even a repair.
func TestNewerFormats_AreLeftAlone(t *testing.T) {
	commands := map[string]func(context.Context, *fixture) error{
		"Add": func(ctx context.Context, w *fixture) error {
			return second(w.Add(ctx, NewProfile{Selector: sel("dune"), Credential: credential("d")}))
		},
		"Token": func(ctx context.Context, w *fixture) error {
			return second(w.Token(ctx, sel("acme"), TokenRequest{Fresh: true}))
		},
		"Verify": func(ctx context.Context, w *fixture) error { return w.Verify(ctx, sel("acme"), false).Err },
		"Rotate": func(ctx context.Context, w *fixture) error {
			return second(w.Rotate(ctx, sel("acme"), credential("new")))
		},
		"Replace": func(ctx context.Context, w *fixture) error {
			return second(w.Replace(ctx, sel("acme"), credential("new")))
		},
		"Rollback": func(ctx context.Context, w *fixture) error { return second(w.Rollback(ctx, sel("acme"))) },
		"Rename":   func(ctx context.Context, w *fixture) error { return w.Rename(ctx, "acme", "dune") },
		"Remove":   func(ctx context.Context, w *fixture) error { return w.Remove(ctx, sel("acme")) },
		"Repair":   func(ctx context.Context, w *fixture) error { return second(w.Repair(ctx, false)) },
		"adopt":    func(ctx context.Context, w *fixture) error { return second(w.Repair(ctx, true)) },
		"Edit": func(ctx context.Context, w *fixture) error {
			label := "L"
			return second(w.Edit(ctx, sel("acme"), ProfileUpdate{Label: &label}))
		},
		"Forget":         func(ctx context.Context, w *fixture) error { return w.Forget(ctx, sel("acme")) },
		"ChangeSettings": func(ctx context.Context, w *fixture) error { return ChangeSettings(ctx, w.dir, func(*Settings) {}) },
	}
	file := func(name ...string) func(*fixture, Profile) (func() string, error) {
		return func(w *fixture, p Profile) (func() string, error) {
			path := filepath.Join(append([]string{w.dir}, name...)...)
			if name[0] == "status" {
				path = filepath.Join(w.dir, "status", p.ID[:1]+".json")
			}
			err := os.MkdirAll(filepath.Dir(path), 0o700)
			if err != nil {
				return nil, err
			}
			err = os.WriteFile(path, []byte(`{"version":99,"profiles":{"a":1},"activity_log":[]}`), 0o600)
			return func() string { data, _ := os.ReadFile(path); return string(data) }, err
		}
	}
	for format, c := range map[string]struct {
		plant func(*fixture, Profile) (read func() string, err error)
		does  []string // the commands that must fail; the others may succeed
	}{
		"index.json":    {file("index.json"), []string{"Add", "Token", "Verify", "Rotate", "Replace", "Rollback", "Rename", "Remove", "Repair", "adopt", "Edit", "Forget"}},
		"status":        {file("status"), []string{"Add", "Token", "Verify", "Rotate", "Replace", "Rollback", "Rename", "Remove", "Edit", "Forget"}},
		"settings.json": {file("settings.json"), []string{"ChangeSettings"}},
		"item": {func(w *fixture, p Profile) (func() string, error) {
			err := w.store.Set(t.Context(), p.ID, []byte(`{"v":99,"current":"elsewhere"}`))
			return func() string { data, _ := w.store.Get(t.Context(), p.ID); return string(data) }, err
		}, []string{"Token", "Verify", "Rotate", "Replace", "Rollback", "Rename", "Remove"}},
	} {
		for name, do := range commands {
			w := newFixture(t)
			p := w.mustAdd(t, "acme")
			read, err := c.plant(w, p)
			if err != nil {
				t.Fatal(err)
			}
			before := read()
			err = do(t.Context(), w)
			must := false
			for _, does := range c.does {
				must = must || does == name
			}
			if must && !errors.Is(err, ErrNewer) {
				t.Errorf("%s, %s: %v", format, name, err)
			}
			if got := read(); got != before || before == "" {
				t.Errorf("%s, %s: touched: %q, was %q", format, name, got, before)
			}
		}
	}
}

func TestCheckVersion_TakesWhatItCannotReadForNewer(t *testing.T) {
	for _, newer := range []string{`3`, `99`, `99999999999999999999`, `2.1`, `"2"`, `"3.0"`, `""`, `2e3`, `{"major":3}`, `[3]`, `true`} {
		for _, key := range []string{"version", "v"} {
			if err := CheckVersion([]byte(`{"a":{},"`+key+`":`+newer+`}`), 2); !errors.Is(err, ErrNewer) {
				t.Errorf("%s %s: %v", key, newer, err)
			}
		}
	}
	for _, other := range []string{`{"version":1}`, `{"v":2}`, `{"version":0}`, `{"version":-7}`, `{"version":null}`, `{}`, ``, `[`, `{"version":3`} {
		if err := CheckVersion([]byte(other), 2); err != nil {
			t.Errorf("%s: %v", other, err)
		}
	}
}

func TestParseBackup_RefusesNewerFormats(t *testing.T) {
	for _, plain := range []string{
		`{"format":"kitekey-backup","version":2,"profiles":{}}`, `{"format":"kitekey-backup","version":"1.5","profiles":[]}`,
		`{"format":"kitekey-backup","version":1,"profiles":[{"expires_in":1,"credentials":{"v":2,"current":[]}}]}`,
	} {
		if _, err := ParseBackup([]byte(plain)); !errors.Is(err, ErrNewer) {
			t.Errorf("%s: %v", plain, err)
		}
	}
}
