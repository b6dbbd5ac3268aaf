package vault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kitekey/kite"
	. "kitekey/vault"
	"kitekey/vault/storetest"
)

func actions(t *testing.T, v *Vault, sel *Selector) (list []string) {
	t.Helper()
	all, err := v.Activities(sel, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		list = append(list, fmt.Sprintf("%s %s %s", a.Selector, a.Action, a.Result))
	}
	return list
}

func TestActivity_RecordsEveryUse(t *testing.T) {
	for name, w := range map[string]*fixture{"on disk": newFixture(t), "in memory": newFixtureIn(t, "", storetest.NewFaulty(nil))} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			w.mustAdd(t, "acme")
			w.mustAdd(t, "coral/live")
			_, _ = w.Token(ctx, sel("acme"), TokenRequest{})
			_, _ = w.Token(ctx, sel("acme"), TokenRequest{}) // from the cache
			_ = w.Verify(ctx, sel("coral/live"), false)
			_, _ = w.Credential(ctx, sel("acme"))
			_, _ = w.Rotate(ctx, sel("acme"), credential("new"))
			_, _ = w.Rollback(ctx, sel("acme"))
			w.Record(ActionCopied, sel("acme"), nil)
			w.gateway.err = &kite.Error{Kind: kite.ErrRefused, Status: 401, Message: "no such fake-key-for-tests-acme"}
			_, _ = w.Token(ctx, sel("acme"), TokenRequest{Fresh: true})
			w.gateway.err = context.Canceled
			_, _ = w.Token(ctx, sel("acme"), TokenRequest{Fresh: true})
			_, _ = w.Token(ctx, sel("unknown"), TokenRequest{})
			_ = w.Remove(ctx, sel("acme"))
			want := []string{
				"acme/sandbox added ok", "acme/sandbox minted ok", "acme/sandbox handed out ok", "acme/sandbox revealed ok", "acme/sandbox rotated ok",
				"acme/sandbox rolled back ok", "acme/sandbox copied ok", "acme/sandbox minted rejected",
				"acme/sandbox minted cancelled", "acme/sandbox removed ok",
			}
			one := sel("acme")
			if got := actions(t, w.Vault, &one); !slices.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if got := actions(t, w.Vault, nil); len(got) != len(want)+2 {
				t.Errorf("all: %q", got)
			}
			last, err := w.Activities(nil, 2)
			if err != nil || len(last) != 2 || last[1].Action != ActionRemoved || !last[1].At.Equal(w.clock.now()) {
				t.Errorf("%+v %v", last, err)
			}
			if w.dir == "" {
				return
			}
			data, err := os.ReadFile(filepath.Join(w.dir, ActivityFile))
			if err != nil || bytes.Contains(data, []byte("fake")) || bytes.Contains(data, []byte("JWT")) {
				t.Errorf("%s %v", data, err)
			}
		})
	}
}

// changes are a profile's entries: what was done, from what to what.
func changes(t *testing.T, v *Vault, name string) (list []string) {
	t.Helper()
	one := sel(name)
	all, err := v.Activities(&one, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", a.Action, a.Result, a.From, a.To)))
	}
	return list
}

func TestActivity_FollowsTheNamesOfAProfile(t *testing.T) {
	w := newFixture(t)
	ctx := t.Context()
	w.mustAdd(t, "acme")
	w.mustAdd(t, "acme/live")
	w.mustAdd(t, "other")
	if err := w.Rename(ctx, "acme", "coral"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Token(ctx, sel("coral"), TokenRequest{}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Move(ctx, sel("coral"), sel("dune/live")); err != nil {
		t.Fatal(err)
	}
	w.mustAdd(t, "acme") // another one of the first's name
	for name, want := range map[string][]string{
		"dune/live":  {"added ok", "renamed ok acme/sandbox coral/sandbox", "minted ok", "renamed ok coral/sandbox dune/live"},
		"coral/live": {"added ok", "renamed ok acme/live coral/live"},
		"acme":       {"added ok", "renamed ok acme/sandbox coral/sandbox", "added ok"},
		"other":      {"added ok"},
	} {
		if got := changes(t, w.Vault, name); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// A renaming that failed is logged under the name that holds, and the other name's
// entries are not the profile's.
func TestActivity_OfARenamingThatFailed(t *testing.T) {
	w := newFixture(t)
	ctx := t.Context()
	w.mustAdd(t, "acme")
	w.store.On(onlyOn("read", &StoreError{Op: "read", Store: "keyring", Kind: ErrLocked}), nil)
	if err := w.Rename(ctx, "acme", "coral"); !errors.Is(err, ErrLocked) {
		t.Fatal(err)
	}
	if _, err := w.Move(ctx, sel("acme"), sel("acme/live")); !errors.Is(err, ErrLocked) {
		t.Fatal(err)
	}
	w.store.On(nil, nil)
	w.mustAdd(t, "coral")
	want := []string{"added ok", "renamed store-locked acme/sandbox coral/sandbox", "renamed store-locked acme/sandbox acme/live"}
	if got := changes(t, w.Vault, "acme"); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := changes(t, w.Vault, "coral"); !slices.Equal(got, []string{"added ok"}) {
		t.Errorf("coral: %q", got)
	}
}

func TestActivity_AMigrationSaysFromAndTo(t *testing.T) {
	w := newFixture(t)
	w.mustAdd(t, "acme")
	from := w.store.Name()
	if _, err := w.Migrate(t.Context(), storetest.NewFaulty(nil).Named("file"), nil); err != nil {
		t.Fatal(err)
	}
	if got, want := changes(t, w.Vault, "acme"), []string{"added ok", "moved ok " + from + " file"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Lines of an earlier kitekey have neither from nor to, and its renaming two of them.
func TestActivity_ReadsLinesOfAnEarlierKitekey(t *testing.T) {
	w := newFixture(t)
	w.mustAdd(t, "acme")
	line := `{"at":"2026-01-02T03:04:05Z","account":"%s","environment":"sandbox","action":"renamed","command":"rename","result":"ok"}` + "\n"
	err := os.WriteFile(filepath.Join(w.dir, ActivityFile), fmt.Appendf(nil, line+line, "acme", "coral"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"acme", "coral"} {
		if got := changes(t, w.Vault, name); !slices.Equal(got, []string{"renamed ok"}) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// Many processes write at once while the file is put aside again and again.
func TestActivity_IsBounded(t *testing.T) {
	dir := t.TempDir()
	open := func() *ActivityLog {
		return NewActivityLog(dir, 4096)
	}
	writers, each := 6, 60
	if os.Getenv("KITEKEY_TEST_WINE") != "" {
		writers = 2 // more would wait longer for Wine's slow locks than a line may wait
	}
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			l := open()
			for range each {
				if err := l.Append(Activity{Selector: sel(fmt.Sprintf("w%d", i)), Action: ActionMinted, Result: "ok", At: time.Unix(1, 0)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	total := 0
	for _, name := range []string{ActivityFile, ActivityPrevious} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || len(data) > 4096 {
			t.Errorf("%s: %d bytes, %v", name, len(data), err)
		}
		lines := bytes.Count(data, []byte("\n"))
		if n := len(ParseActivities(bytes.NewReader(data))); n != lines || lines == 0 {
			t.Errorf("%s: %d of %d lines are whole", name, n, lines)
		}
		total += lines
	}
	all, err := open().Read()
	if err != nil || len(all) != total {
		t.Errorf("read %d of %d: %v", len(all), total, err)
	}
}

// A line that a crash cut short does not damage others.
func TestActivity_CrashCostsOneLine(t *testing.T) {
	w := newFixture(t)
	w.mustAdd(t, "acme")
	path := filepath.Join(w.dir, ActivityFile)
	data, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, append(data, data[:20]...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.mustAdd(t, "coral")
	if got := actions(t, w.Vault, nil); !slices.Equal(got, []string{"acme/sandbox added ok", "coral/sandbox added ok"}) {
		t.Errorf("%q", got)
	}
}

// A failure of the log does not make anything else fail.
func TestActivity_FailureStopsNothing(t *testing.T) {
	w := newFixture(t)
	if err := os.MkdirAll(filepath.Join(w.dir, ActivityFile), 0o700); err != nil {
		t.Fatal(err)
	}
	w.mustAdd(t, "acme")
	if _, err := w.Activities(nil, 10); err == nil {
		t.Error("a log that cannot be read reads as empty")
	}
}

func TestSettings_DamagedOnesAreKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home")
	if s, err := LoadSettings(dir); err != nil || s != DefaultSettings {
		t.Errorf("%+v %v", s, err)
	}
	if err := ChangeSettings(t.Context(), dir, func(s *Settings) { s.ActivityLog = false }); err != nil {
		t.Fatal(err)
	}
	if s, err := LoadSettings(dir); err != nil || s.ActivityLog {
		t.Errorf("%+v %v", s, err)
	}
	for _, text := range []string{"", "{", `{"version":2}`} {
		if err := os.WriteFile(filepath.Join(dir, SettingsFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadSettings(dir); err == nil {
			t.Errorf("%q was taken", text)
		}
		if err := ChangeSettings(t.Context(), dir, func(*Settings) {}); err == nil {
			t.Errorf("%q was overwritten", text)
		}
	}
	if err := errors.Join(os.WriteFile(filepath.Join(dir, SettingsFile), []byte(`{"version":1}`), 0o600)); err != nil {
		t.Fatal(err)
	}
	if s, err := LoadSettings(dir); err != nil || !s.ActivityLog {
		t.Errorf("%+v %v", s, err)
	}
}

func FuzzParseActivities(f *testing.F) {
	f.Add([]byte(`{"at":"2026-01-02T03:04:05Z","account":"acme","environment":"live","action":"minted","command":"token","result":"ok"}` + "\n{"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, a := range ParseActivities(bytes.NewReader(data)) {
			if KnownAccount(a.Account) != nil || a.At.IsZero() {
				t.Errorf("%+v", a)
			}
		}
	})
}

func TestLogLater_CountsWhatCouldNotBeWritten(t *testing.T) {
	w := newFixture(t)
	w.mustAdd(t, "acme")
	path := filepath.Join(w.dir, ActivityFile)
	if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		w.LogLater(Activity{Selector: sel("acme"), Action: ActionRequested}, nil)
	}
	if lost := w.Flush(); lost != 5 {
		t.Errorf("%d lost, want 5", lost)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	w.LogLater(Activity{Selector: sel("acme"), Action: ActionRequested}, nil)
	if lost := w.Flush(); lost != 0 {
		t.Errorf("%d lost on a disk that works", lost)
	}
	if got := actions(t, w.Vault, nil); !slices.Equal(got, []string{"acme/sandbox requested ok"}) {
		t.Errorf("%q", got)
	}
}

// A disk that is busy does not hold the caller up, and what does not fit the queue is
// counted.
func TestLogLater_DoesNotWaitForTheDisk(t *testing.T) {
	w := newFixture(t)
	w.mustAdd(t, "acme")
	written := w.BusyLog()
	for range MaxQueue + 7 {
		w.LogLater(Activity{Selector: sel("acme"), Action: ActionRequested}, nil)
	}
	close(written)
	if lost := w.Flush(); lost != 7 {
		t.Errorf("%d lost, want 7", lost)
	}
}
