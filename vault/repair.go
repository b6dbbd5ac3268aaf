package vault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"kitekey/vault/internal/disk"
)

// RepairKind says what a [RepairStep] did. The comment of each lists the facts that
// it comes with.
type RepairKind string

// The kinds of repair steps.
const (
	RepairedStore       RepairKind = "store"       // File of the store was damaged and is put back from its copy
	RepairedFolder      RepairKind = "folder"      // Count files and folders were not usable for this user alone
	RepairedIndex       RepairKind = "index"       // the index was damaged; Count profiles come from its last good copy
	RepairedListing     RepairKind = "listed"      // Profile is listed again; its name was Item, if that name is taken now
	RepairedEmptyItem   RepairKind = "empty-item"  // an item that held nothing was deleted
	RepairLeftItem      RepairKind = "left-item"   // the item named Key, which no profile lists, cannot be read: Err
	RepairIncomplete    RepairKind = "incomplete"  // Store cannot list its items: the newest profiles may be missing
	RepairedInterrupted RepairKind = "interrupted" // Count interrupted changes were finished
	RepairedLeftovers   RepairKind = "leftovers"   // Count files that crashes left were removed
)

// RepairStep is one fact about what a repair did or could not do.
type RepairStep struct {
	Kind    RepairKind
	Profile Selector
	Item    Selector
	Store   string
	File    string
	Key     string
	Count   int
	Err     error
}

// Repair repairs what [Vault.Check] finds and needs no decision, and says what it
// did:
//
//   - an index that is damaged or gone is rebuilt from its last good copy and,
//     where the store can list its items, from the store; the damaged file is
//     kept as index.json.damaged;
//   - items that no profile lists are listed again, and those that hold nothing
//     (a keyring killed while it creates an item leaves an empty one) are deleted.
//     This is done for the items that this data folder has known: others are
//     more likely those of another folder than lost ones, and adopt is needed;
//   - what was interrupted is finished, the data folder is made usable for this user
//     alone, what crashes
//     left in the data folder is swept;
//   - damaged files of a file store give way to their last good copies.
//
// No item that holds a credential is ever deleted, and no profile is dropped
// because its item is missing.
func (v *Vault) Repair(ctx context.Context, adopt bool) (done []RepairStep, err error) {
	n, err := v.ownFolder()
	if n > 0 {
		done = append(done, RepairStep{Kind: RepairedFolder, Count: n})
	}
	if err != nil {
		return done, err
	}
	if r, ok := v.store.(Restorer); ok {
		restored, err := r.Restore(ctx)
		for _, file := range restored {
			done = append(done, RepairStep{Kind: RepairedStore, Store: v.store.Name(), File: file})
		}
		if err != nil {
			return done, err
		}
	}
	// List the store before reading the index: entries are written before items, so
	// a key without an entry cannot be an add in progress.
	keys, err := v.keys(ctx)
	listed := err == nil
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return done, err
	}
	unlock, err := v.index.locks.Lock(ctx, indexLock, disk.IndexWait)
	if err != nil {
		return done, err
	}
	defer func() { unlock() }()
	profiles, err := v.index.load()
	damaged := errors.Is(err, ErrIndexDamaged)
	if err != nil && !damaged {
		return done, err
	}
	if damaged {
		if profiles, err = v.loadBackup(); err != nil {
			return done, err
		}
		done = append(done, RepairStep{Kind: RepairedIndex, Count: len(profiles)})
	}
	orphans := orphanKeys(keys, profiles)
	if !adopt {
		own := v.knownIDs()
		orphans = slices.DeleteFunc(orphans, func(key string) bool { return !own[strings.TrimSuffix(key, tokenSuffix)] })
	}
	adopted, err := v.relist(ctx, &profiles, orphans)
	done = append(done, adopted...)
	if err != nil {
		return done, err
	}
	if damaged || len(adopted) > 0 {
		if damaged {
			// Names may have changed since the copy was made: have every item compared.
			for i := range profiles {
				if profiles[i].State == StateSettled {
					profiles[i].State = StateChanging
				}
			}
		}
		sortProfiles(profiles)
		if err := v.saveRepaired(profiles, damaged); err != nil {
			return done, err
		}
	}
	if damaged && !listed {
		done = append(done, RepairStep{Kind: RepairIncomplete, Store: v.store.Name()})
	}
	unlock()
	unlock = func() {}
	before := v.unsettledHere()
	if err := v.Settle(ctx); err != nil {
		return done, err
	}
	if after := v.unsettledHere(); !damaged && after < before {
		done = append(done, RepairStep{Kind: RepairedInterrupted, Count: before - after})
	}
	return append(done, v.removeTemp()...), nil
}

func (v *Vault) unsettledHere() (n int) {
	profiles, _ := v.index.load()
	for _, p := range profiles {
		if p.State != StateSettled && v.checkStore(p) == nil {
			n++
		}
	}
	return n
}

// loadBackup reads the last good copy of a damaged index. A missing copy is an
// empty one.
func (v *Vault) loadBackup() ([]Profile, error) {
	data, err := disk.Read(filepath.Join(v.dir, indexBackup), maxIndex)
	if err != nil {
		return nil, nil //nolint:nilerr // no copy: only the store is left
	}
	profiles, _, err := v.index.parse(data)
	if errors.Is(err, ErrNewer) {
		return nil, err
	}
	if err != nil {
		return nil, nil //nolint:nilerr // damaged as well
	}
	return profiles, nil
}

// saveRepaired replaces the index and keeps a damaged one under another name.
func (v *Vault) saveRepaired(profiles []Profile, damaged bool) error {
	if !damaged {
		return v.index.save(profiles)
	}
	for _, name := range []string{indexFile, indexBackup} {
		path := filepath.Join(v.dir, name)
		if data, err := disk.Read(path, maxIndex); err == nil {
			if _, _, err = parseIndex(data); err == nil {
				continue // this one is not damaged
			}
		}
		if err := disk.SetAside(path); err != nil {
			return err
		}
	}
	return v.index.save(profiles)
}

// knownIDs returns the ids of the profiles that this data folder has had, from what
// is left of its index, from its status files and from its locks.
func (v *Vault) knownIDs() map[string]bool {
	ids := map[string]bool{}
	if v.dir == "" {
		return ids
	}
	texts := []string{indexFile, indexBackup, migrationFile}
	entries, _ := os.ReadDir(filepath.Join(v.dir, statusFolder))
	for _, e := range entries {
		texts = append(texts, filepath.Join(statusFolder, e.Name()))
	}
	for _, name := range texts {
		data, err := disk.Read(filepath.Join(v.dir, name), maxIndex)
		if err != nil {
			continue
		}
		for _, quoted := range idInText.FindAll(data, -1) {
			ids[string(quoted[1:len(quoted)-1])] = true
		}
	}
	entries, _ = os.ReadDir(filepath.Join(v.dir, disk.Folder))
	for _, e := range entries {
		ids[strings.TrimSuffix(e.Name(), ".lock")] = true
	}
	return ids
}

var idInText = regexp.MustCompile(`"[a-z2-7]{16}"`)

// relist lists orphans again and deletes those that are empty.
func (v *Vault) relist(ctx context.Context, profiles *[]Profile, orphans []string) (done []RepairStep, err error) {
	for _, key := range orphans {
		if strings.HasSuffix(key, tokenSuffix) {
			// A cached token can be minted again.
			if err := v.deleteItem(ctx, key); err != nil {
				return done, err
			}
			continue
		}
		data, err := v.store.Get(ctx, key)
		defer clear(data)
		empty := errors.Is(err, ErrEmpty) || err == nil && len(data) == 0
		if err != nil && !empty {
			if errors.Is(err, ErrNotFound) {
				continue // removed meanwhile
			}
			return done, err
		}
		if empty {
			if err := v.deleteItem(ctx, key); err != nil {
				return done, err
			}
			done = append(done, RepairStep{Kind: RepairedEmptyItem})
			continue
		}
		c, err := decodeCredentials(data)
		if err != nil {
			done = append(done, RepairStep{Kind: RepairLeftItem, Key: key, Err: err})
			continue
		}
		p := Profile{ID: key, Selector: freeName(*profiles, c.Selector), Store: v.store.Name(), ExpiresIn: DefaultExpiresIn, State: StateChanging}
		p.syncFrom(c)
		*profiles = append(*profiles, p)
		done = append(done, RepairStep{Kind: RepairedListing, Profile: p.Selector, Item: c.Selector})
	}
	return done, nil
}

// freeName returns sel if it is free, or else the account with the first free
// number appended.
func freeName(profiles []Profile, sel Selector) Selector {
	account := sel.Account
	for n := 2; find(profiles, sel) >= 0; n++ {
		suffix := fmt.Sprintf("-%d", n)
		sel.Account = account[:min(len(account), MaxAccount-len(suffix))] + suffix
	}
	return sel
}

// sweepAge is the age from which a crash's leftovers are removed: a process that is
// still at work would be done with them by then.
const sweepAge = time.Hour

// removeTemp removes old temporary files and the locks of profiles that no longer
// exist.
func (v *Vault) removeTemp() (done []RepairStep) {
	if v.dir == "" {
		return nil
	}
	swept := 0
	old := func(e fs.DirEntry) bool {
		info, err := e.Info()
		return err == nil && v.now().Sub(info.ModTime()) > sweepAge
	}
	for _, dir := range []string{v.dir, filepath.Join(v.dir, statusFolder)} {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if strings.Contains(e.Name(), disk.TempMark) && old(e) && os.Remove(filepath.Join(dir, e.Name())) == nil {
				swept++
			}
		}
	}
	profiles, err := v.index.load()
	if err != nil {
		return nil
	}
	locks, _ := os.ReadDir(filepath.Join(v.dir, disk.Folder))
	for _, e := range locks {
		id := strings.TrimSuffix(strings.TrimSuffix(e.Name(), ".lock"), ".failed")
		if !validID(id) || !old(e) || slices.ContainsFunc(profiles, func(p Profile) bool { return p.ID == id }) {
			continue
		}
		if unlock, ok, _ := v.locks.TryLock(id); ok {
			v.failures.clear(id)
			v.locks.Discard(id)
			unlock()
			swept++
		}
	}
	if swept > 0 {
		done = append(done, RepairStep{Kind: RepairedLeftovers, Count: swept})
	}
	return done
}
