package words

import (
	"fmt"
	"strings"

	"kitekey/vault"
)

// FindingWords describes a finding of a check in words.
type FindingWords struct {
	Check string // what was looked at: "data folder", "index", "keyring", "acme/live"
	Text  string // what was found
	Fix   string // what to do about it, "" if there is nothing to do
}

const (
	repair = `run "kitekey doctor --repair"`
	adopt  = `run "kitekey doctor --repair --adopt"`

	again = "try again"

	giveBack = `to make it yours again, run "sudo chown -R $(id -un)`
)

// findings has the words for every kind of finding. {path}, {paths}, {profile},
// {item}, {store}, {other}, {name}, {error}, {change} and {count NOUN} stand for
// the finding's facts; {name} is the store's name. {repair}
// is the command that repairs it.
var findings = map[vault.FindingKind]FindingWords{
	vault.FindingFolder:           {"data folder", "{path}, only you can read it", ""},
	vault.FindingFolderMissing:    {"data folder", "{path} is not there yet", ""},
	vault.FindingFolderUnreadable: {"data folder", "{path} cannot be read: {error}", "give yourself access to it again"},
	vault.FindingFolderUnwritable: {"data folder", "{path} cannot be written: {error}", "free some space, give yourself access, or name another folder with KITEKEY_HOME; until then changes cannot be saved"},
	vault.FindingFolderOpen:       {"data folder", "other users may read {paths}", "{repair}"},
	vault.FindingFolderClosed:     {"data folder", "you cannot use {paths}", "{repair}"},
	vault.FindingFolderForeign:    {"data folder", "{paths} belongs to {provider}", "delete files that you do not know; " + giveBack + " {path}\""},
	vault.FindingIndex:            {"index", "{count profile}", ""},
	vault.FindingNewer:            {"version", "{error}", "upgrade kitekey; until then it is left as it is"},
	vault.FindingStatusDamaged:    {"status", "verdicts and cached tokens cannot be read: {paths}", "the next mint or verification writes them again; a folder in their place must be moved away first"},
	vault.FindingSettings:         {"settings", "{error}", "correct the file, or delete it for the defaults"},
	vault.FindingIndexDamaged:     {"index", "{error}", "no credential is lost; to rebuild it, {repair}"},
	vault.FindingIndexUnreadable:  {"index", "{error}", ""},
	vault.FindingInterrupted:      {"{profile}", "{change} was interrupted", "the next command that uses the store finishes it; to do so now, {repair}"},
	vault.FindingBusy:             {"{profile}", "another kitekey is changing it", "wait for it to end"},
	vault.FindingMigration:        {"migration", "moving everything from {store} to {other} was interrupted", `to finish it, run "kitekey store migrate --to {othername}"`},
	vault.FindingStore:            {"{name}", "{store} answers and is unlocked", ""},
	vault.FindingRivals:           {"{name}", "{paths} writes to the same keyring files as this session's {provider}: each overwrites what the other has saved", "end one of the two sessions, or log in to one only; do not start a bus for each SSH session; or " + fileInstead},
	vault.FindingStoreOpen:        {"{name}", "another user owns {path} or can write to it, where {provider} keeps its files: that user can delete or replace them", "make it yours (\"sudo chown\"), then close it to others: run \"chmod go-rwx {path}\""},
	vault.FindingDuplicates:       {"{name}", "{count item} in {store} with the name of another, as a synchronising tool leaves them; the one changed last counts", "the next change of the profile keeps one; or delete the copies in your keyring program"},
	vault.FindingKeepsRemoved:     {"{name}", "{provider} keeps removed entries in its recycle bin and earlier values in an entry's history", ""},
	vault.FindingStoreFailed:      {"{name}", "{error}", ""},
	vault.FindingOtherStore:       {"{profile}", "kept in {other}, while {store} is in use", `to move everything to {store}, run "kitekey store migrate --to {name}"; to use {other}, add --store {othername}`},
	vault.FindingNoCredential:     {"{profile}", "{error}", `to enter the credential again, run "kitekey rotate {profile}"; or run "kitekey remove {profile}"`},
	vault.FindingInCopy:           {"{profile}", "its credential is in the copy of {store} alone: an older file has taken the place of a newer one", "{repair}"},
	vault.FindingItemFailed:       {"{profile}", "{error}", again},
	vault.FindingItemName:         {"{profile}", "its item in {store} says that it is {item}", "{repair}"},
	vault.FindingStaged:           {"{profile}", "a new credential is staged", `to put it in use once the gateway accepts it, run "kitekey verify {profile}"`},
	vault.FindingCredentials:      {"credentials", "{count credential} in {store} readable", ""},
	vault.FindingOrphans:          {"{name}", "{count item} in {store} that no profile here lists", "they may belong to another KITEKEY_HOME; to list them here, " + adopt},
	vault.FindingOrphansUnknown:   {"{name}", "the items of {store} cannot be listed: {error}", again},
}

// Finding returns the words for a finding.
func Finding(f vault.Finding) FindingWords {
	w, ok := findings[f.Kind]
	if !ok {
		w = FindingWords{Check: string(f.Kind), Text: "{error}"}
	}
	fill := func(text string) string {
		if at := strings.Index(text, "{count "); at >= 0 {
			noun, _, _ := strings.Cut(text[at+len("{count "):], "}")
			text = strings.Replace(text, "{count "+noun+"}", Count(f.Count, noun), 1)
		}
		errText := ""
		if f.Err != nil {
			errText = vault.WithoutProfile(f.Profile, f.Err).Error()
		}
		return strings.NewReplacer(
			"{path}", f.Path, "{paths}", strings.Join(f.Paths, ", "), "{profile}", f.Profile.String(), "{item}", f.Item.String(),
			"{store}", Store(f.Store), "{name}", f.Store, "{other}", Store(f.Other), "{othername}", f.Other,
			"{error}", errText, "{provider}", f.Provider, "{change}", changes[f.State], "{repair}", repair,
		).Replace(text)
	}
	w = FindingWords{Check: fill(w.Check), Text: fill(w.Text), Fix: fill(w.Fix)}
	switch advice := StoreAdvice(f.Err); {
	case f.Err == nil:
	case advice != "" && w.Fix == again:
		w.Fix = advice
	case w.Fix == "":
		by := Commands("")
		w.Fix = NextStep(f.Err, by)
		if strings.HasPrefix(w.Fix, by.Doctor+" says") { // it has just said it
			w.Fix = "correct that, then " + again
		}
	}
	return w
}

// RepairFixes reports whether a repair is the fix for such a finding.
func RepairFixes(kind vault.FindingKind) bool {
	return strings.Contains(findings[kind].Fix, "{repair}")
}

var changes = map[vault.State]string{
	vault.StateAdding: "adding it", vault.StateChanging: "a change", vault.StateRemoving: "its removal",
}

// RepairStep returns the words for what a repair did.
func RepairStep(s vault.RepairStep) string {
	switch s.Kind {
	case vault.RepairedFolder:
		return "made " + Count(s.Count, "file") + " in the data folder private"
	case vault.RepairedStore:
		return s.File + " was damaged and has been put back from its copy"
	case vault.RepairedItem:
		return "put the credential of " + s.Profile.String() + " back from the copy of " + Store(s.Store)
	case vault.RepairedIndex:
		return "took " + Count(s.Count, "profile") + " from the index's last good copy"
	case vault.RepairedListing:
		text := "listed " + s.Profile.String() + " again"
		if s.Profile != s.Item {
			text += ", which was " + s.Item.String() + ": that name is taken"
		}
		return text
	case vault.RepairedName:
		return "listed " + s.Item.String() + " as " + s.Profile.String() + ", as its item says"
	case vault.RepairedEmptyItem:
		return "deleted an item that held nothing"
	case vault.RepairLeftItem:
		return fmt.Sprintf("left the item %s alone: no profile lists it, and kitekey cannot read it: %v", s.Key, s.Err)
	case vault.RepairIncomplete:
		return "profiles added just before the damage may be missing: " + Store(s.Store) + " cannot list its items here"
	case vault.RepairedInterrupted:
		return "finished " + Count(s.Count, "interrupted change")
	case vault.RepairedLeftovers:
		return "removed " + Count(s.Count, "leftover file")
	}
	return string(s.Kind)
}
