package words

import (
	"errors"
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
	vault.FindingStore, vault.FindingRivals, vault.FindingStoreOpen, vault.FindingDuplicates, vault.FindingKeepsRemoved, vault.FindingStoreFailed, vault.FindingOtherStore, vault.FindingNoCredential, vault.FindingItemFailed,
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

func TestRepairStep_HasWordsForEveryKind(t *testing.T) {
	for _, kind := range []vault.RepairKind{
		vault.RepairedStore, vault.RepairedFolder, vault.RepairedIndex, vault.RepairedListing, vault.RepairedEmptyItem, vault.RepairLeftItem, vault.RepairIncomplete,
		vault.RepairedInterrupted, vault.RepairedLeftovers,
	} {
		if got := RepairStep(vault.RepairStep{Kind: kind, Store: "keyring", Count: 3}); got == "" || got == string(kind) {
			t.Errorf("%s has no words: %q", kind, got)
		}
	}
}
