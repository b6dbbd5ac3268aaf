package vault_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"

	"kitekey/kite"
	. "kitekey/vault"
)

func newIdentity(t testing.TB) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestEntries_LeaveOutAProfileWithoutCredential(t *testing.T) {
	w, ctx := newFixture(t), t.Context()
	for _, name := range []string{"acme", "acme/live", "coral"} {
		w.mustAdd(t, name)
	}
	w.loseItem(t, "coral")
	entries, err := w.Entries(ctx, []Selector{sel("acme"), sel("coral"), sel("acme/live")})
	if !errors.Is(err, ErrNoCredential) || len(entries) != 2 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
}

// loseItem deletes a profile's item from the store, as another program can.
func (w *fixture) loseItem(t *testing.T, name string) {
	t.Helper()
	if err := w.store.Inner().Delete(t.Context(), mustLookup(t, w.Vault, name).ID); err != nil {
		t.Fatal(err)
	}
}

// addInFull adds acme with everything that a profile can have.
func (w *fixture) addInFull(t *testing.T, label string, life kite.Lifetime) {
	t.Helper()
	ctx := t.Context()
	w.mustAdd(t, "acme")
	_, edited := w.Edit(ctx, sel("acme"), ProfileUpdate{Label: &label, ExpiresIn: &life})
	_, rotated := w.Rotate(ctx, sel("acme"), credential("second"))
	_, _, staged := w.Stage(ctx, sel("acme"), credential("third"))
	if err := errors.Join(edited, rotated, staged); err != nil {
		t.Fatal(err)
	}
}

// backedUp writes profiles to a backup and reads them back.
func (w *fixture) backedUp(t *testing.T, profiles ...Selector) []Entry {
	t.Helper()
	id := newIdentity(t)
	entries, err := w.Entries(t.Context(), profiles)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := WriteBackup(&file, w.clock.now(), entries, id.Recipient()); err != nil {
		t.Fatal(err)
	}
	if !IsAge(file.Bytes()) || bytes.Contains(file.Bytes(), []byte("fake")) {
		t.Error("not encrypted")
	}
	back, err := ReadBackup(file.Bytes(), id)
	if err != nil || len(back) != len(entries) {
		t.Fatalf("%v %v", back, err)
	}
	return back
}

func TestBackup_RestoresAllOfAProfile(t *testing.T) {
	w, other, ctx := newFixture(t), newFixture(t), t.Context()
	label, life := "Acme Stores Ltd", kite.Lifetime(90)
	w.addInFull(t, label, life)
	w.mustAdd(t, "acme/live")
	steps, err := other.PlanImport(ctx, w.backedUp(t, sel("acme"), sel("acme/live")))
	if err != nil || len(steps) != 2 || steps[0].Finding != ImportNew {
		t.Fatalf("%+v %v", steps, err)
	}
	for _, s := range steps {
		if err := other.Import(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	p := mustLookup(t, other.Vault, "acme")
	if p.Label != label || p.ExpiresIn != life || !p.Staged || !p.Previous || p.Verdict != VerdictNone || p.State != StateSettled {
		t.Errorf("%+v", p)
	}
	mine, _ := w.ReadItem(ctx, mustLookup(t, w.Vault, "acme"))
	theirs, err := other.ReadItem(ctx, p)
	if err != nil || !SameCredential(mine.Current, theirs.Current) || !SameCredential(mine.Previous, theirs.Previous) ||
		!SameCredential(mine.Staged, theirs.Staged) || mine.ReplacedAt.Unix() != theirs.ReplacedAt.Unix() {
		t.Errorf("not the same: %v", err)
	}
	if !SameCredential(theirs.Current, credential("second")) || !SameCredential(theirs.Staged, credential("third")) {
		t.Error("not what it was")
	}
}

func TestImport_TellsNewFromConflict(t *testing.T) {
	w, ctx := newFixture(t), t.Context()
	for _, name := range []string{"same", "other", "lost"} {
		w.mustAdd(t, name)
	}
	w.loseItem(t, "lost")
	steps, err := w.PlanImport(ctx, []Entry{
		{Selector: sel("new"), Current: credential("new")}, {Selector: sel("same"), Current: credential("same")},
		{Selector: sel("other"), Current: credential("x"), Previous: credential("y")}, {Selector: sel("lost"), Current: credential("z")},
	})
	if err != nil {
		t.Fatal(err)
	}
	var found []ImportFinding
	for _, s := range steps {
		found = append(found, s.Finding)
		if err := w.Import(ctx, s); err != nil {
			t.Error(err)
		}
	}
	if want := []ImportFinding{ImportNew, ImportSame, ImportConflict, ImportLost}; !slices.Equal(found, want) {
		t.Errorf("%v", found)
	}
	// The credential that was replaced is the previous one.
	c, err := w.ReadItem(ctx, mustLookup(t, w.Vault, "other"))
	if err != nil || !SameCredential(c.Current, credential("x")) || !SameCredential(c.Previous, credential("other")) {
		t.Errorf("%v", err)
	}
	if c, err = w.ReadItem(ctx, mustLookup(t, w.Vault, "lost")); err != nil || !SameCredential(c.Current, credential("z")) {
		t.Error(err)
	}
}

func TestPlanImport_ReturnsAFailureOfTheStore(t *testing.T) {
	w, ctx := newFixture(t), t.Context()
	w.mustAdd(t, "same")
	w.store.On(onlyOn("read", &StoreError{Op: "read", Store: "memory", Kind: ErrLocked}), nil)
	if _, err := w.PlanImport(ctx, []Entry{{Selector: sel("same"), Current: credential("same")}}); !errors.Is(err, ErrLocked) {
		t.Error(err)
	}
}

func TestReadBackup_RefusesOtherFiles(t *testing.T) {
	id := newIdentity(t)
	sealed := func(plain string) []byte {
		var b bytes.Buffer
		w, _ := age.Encrypt(&b, id.Recipient())
		_, _ = w.Write([]byte(plain))
		_ = w.Close()
		return b.Bytes()
	}
	const one = `{"expires_in":300,"credentials":{"v":1,"account":"acme","environment":"live","current":{"api_key":"canary","api_secret":"s"}}}`
	good := sealed(`{"format":"kitekey-backup","version":1,"profiles":[` + one + `]}`)
	if entries, err := ReadBackup(good, id); err != nil || len(entries) != 1 {
		t.Fatal(err)
	}
	var text bytes.Buffer
	aw := armor.NewWriter(&text)
	_, _ = aw.Write(good)
	_ = aw.Close()
	if entries, err := ReadBackup(append([]byte("\n "), text.Bytes()...), id); err != nil || len(entries) != 1 || !IsAge(text.Bytes()) {
		t.Errorf("armored: %v", err)
	}
	if _, err := ReadBackup(good, newIdentity(t)); !errors.Is(err, age.ErrIncorrectIdentity) {
		t.Errorf("another key: %v", err)
	}
	if _, err := ReadBackup(good[:len(good)-5], id); err == nil {
		t.Error("cut short")
	}
	for name, plain := range map[string]string{
		"text":         "canary",
		"other JSON":   `{"api_key":"canary"}`,
		"other format": `{"format":"x","version":1}`,
		"others' v":    `{"format":"x","v":[]}`,
		"twice":        `{"format":"kitekey-backup","version":1,"profiles":[` + one + "," + one + `]}`,
		"no secret":    `{"format":"kitekey-backup","version":1,"profiles":[` + strings.Replace(one, `"s"`, `""`, 1) + `]}`,
		"bad key":      `{"format":"kitekey-backup","version":1,"profiles":[` + strings.Replace(one, `"s"`, `"a\nb"`, 1) + `]}`,
		"bad account":  `{"format":"kitekey-backup","version":1,"profiles":[` + strings.Replace(one, "acme", "../x", 1) + `]}`,
	} {
		if _, err := ReadBackup(sealed(plain), id); !errors.Is(err, ErrNotBackup) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseBackup(f *testing.F) {
	f.Add([]byte(`{"format":"kitekey-backup","version":1,"profiles":[{"expires_in":300,"label":"x","credentials":{"v":1,"account":"acme","environment":"live","current":{"api_key":"k","api_secret":"s"},"staged":{"api_key":"k","api_secret":"t"}}}]}`))
	f.Fuzz(func(t *testing.T, plain []byte) {
		entries, err := ParseBackup(plain)
		if err != nil && !errors.Is(err, ErrNotBackup) && !errors.Is(err, ErrNewer) {
			t.Error(err)
		}
		for _, e := range entries {
			if Storable(e.Current) != nil || KnownAccount(e.Account) != nil || e.Environment != kite.Live && e.Environment != kite.Sandbox {
				t.Errorf("%+v", e)
			}
		}
	})
}
