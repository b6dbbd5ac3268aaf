package words

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"kitekey/kite"
	"kitekey/vault"
)

// findingKinds are the vault's kinds of findings. The test fails if a kind in the
// table is missing here.
var findingKinds = []vault.FindingKind{
	vault.FindingFolder, vault.FindingFolderMissing, vault.FindingFolderUnreadable, vault.FindingFolderUnwritable, vault.FindingFolderOpen,
	vault.FindingFolderClosed, vault.FindingFolderForeign, vault.FindingIndexUnreadable,
	vault.FindingIndex, vault.FindingNewer, vault.FindingStatusDamaged, vault.FindingSettings, vault.FindingIndexDamaged, vault.FindingInterrupted, vault.FindingBusy, vault.FindingMigration,
	vault.FindingStore, vault.FindingRivals, vault.FindingStoreOpen, vault.FindingDuplicates, vault.FindingKeepsRemoved, vault.FindingStoreFailed, vault.FindingOtherStore, vault.FindingNoCredential, vault.FindingInCopy, vault.FindingItemFailed,
	vault.FindingItemName, vault.FindingStaged, vault.FindingCredentials, vault.FindingOrphans, vault.FindingOrphansUnknown,
}

func TestFinding_FillsEveryPlaceholder(t *testing.T) {
	acme := vault.Selector{Account: "acme", Environment: kite.Live}
	if len(findings) != len(findingKinds) {
		t.Errorf("%d kinds in the table, %d in the vault", len(findings), len(findingKinds))
	}
	for _, kind := range findingKinds {
		w := Finding(vault.Finding{
			Kind: kind, Profile: acme, Item: acme, Store: "keyring", Other: "file", Path: "/p", Paths: []string{"/p", "/q"},
			Count: 2, State: vault.StateAdding, Err: vault.About(acme, errors.New("a cause")),
		})
		if w.Check == "" || w.Text == "" || strings.ContainsAny(w.Check+w.Text+w.Fix, "{}") || strings.Contains(w.Text, "acme/live: a cause") {
			t.Errorf("%s: %+v", kind, w)
		}
	}
	w := Finding(vault.Finding{Kind: vault.FindingCredentials, Store: "file", Count: 1})
	if w.Text != "1 credential in the file store readable" {
		t.Errorf("%+v", w)
	}
}

// A check never recommends the check, and says what helps when the store's error tells.
func TestFinding_RecommendsWhatHelps(t *testing.T) {
	store := func(kind error, reason vault.Reason) error {
		return &vault.StoreError{Op: vault.OpRead, Store: "keyring", Kind: kind, Reason: reason, Err: errors.New("input/output error")}
	}
	for _, c := range []struct {
		kind vault.FindingKind
		err  error
		want string
	}{
		{vault.FindingStoreFailed, store(vault.ErrUnavailable, ""), "correct that, then try again"},
		{vault.FindingStoreFailed, store(vault.ErrLocked, vault.ReasonDismissed), "allow the access when the keyring asks, then try again"},
		{vault.FindingItemFailed, store(vault.ErrLocked, vault.ReasonDismissed), "allow the access when the keyring asks, then try again"},
		{vault.FindingOrphansUnknown, store(vault.ErrLocked, vault.ReasonHidden), "unlock every keyring, wallet or database in your keyring program, then try again"},
		{vault.FindingItemFailed, errors.New("no store"), "try again"},
	} {
		f := vault.Finding{Kind: c.kind, Store: "keyring", Err: c.err}
		if runtime.GOOS == "darwin" && c.want == "correct that, then try again" {
			continue // there the keychain may be locked
		}
		if w := Finding(f); w.Fix != c.want {
			t.Errorf("%s: %v: fix %q", c.kind, c.err, w.Fix)
		}
	}
}

// What unlocks one keyring does nothing for another.
func TestStoreAdvice_NamesTheProgramToUnlock(t *testing.T) {
	for provider, want := range map[string]string{"kwalletd5": "KWallet", "ksecretd": "KWallet", "keepassxc": "KeePassXC"} {
		got := StoreAdvice(&vault.StoreError{Op: vault.OpRead, Store: "keyring", Kind: vault.ErrLocked, Provider: provider})
		if !strings.Contains(got, want) || strings.Contains(got, "gnome-keyring") {
			t.Errorf("%s: %q", provider, got)
		}
	}
}

func TestRemains_SaysWhatMayStay(t *testing.T) {
	for want, facts := range map[string]vault.Facts{
		"": {Provider: "gnome-keyring-daemon"},
		"; a copy in 2 locked collections, if there is one, stays": {Provider: "kwalletd5", Hidden: 2},
	} {
		if got := Remains(facts); got != want {
			t.Errorf("%+v: %q", facts, got)
		}
	}
	if got := Remains(vault.Facts{Provider: "keepassxc", KeepsRemoved: true, Hidden: 1}); !strings.Contains(got, "recycle bin") || !strings.Contains(got, "1 locked collection,") {
		t.Errorf("%q", got)
	}
}

func TestRepairStep_HasWordsForEveryKind(t *testing.T) {
	for _, kind := range []vault.RepairKind{
		vault.RepairedStore, vault.RepairedFolder, vault.RepairedIndex, vault.RepairedItem, vault.RepairedListing, vault.RepairedName, vault.RepairedEmptyItem, vault.RepairLeftItem, vault.RepairIncomplete,
		vault.RepairedInterrupted, vault.RepairedLeftovers,
	} {
		if got := RepairStep(vault.RepairStep{Kind: kind, Store: "keyring", Count: 3}); got == "" || got == string(kind) {
			t.Errorf("%s has no words: %q", kind, got)
		}
	}
}
