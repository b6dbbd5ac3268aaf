package vault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
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
	RepairedItem        RepairKind = "item"        // Profile's credential was in Store's copy alone and is put back
	RepairedListing     RepairKind = "listed"      // Profile is listed again; its name was Item, if that name is taken now
	RepairedName        RepairKind = "name"        // what was listed as Item is Profile, as its item says
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

// Repair repairs what [Vault.Check] finds if it needs no decision, and returns what
// it did:
//
//   - an index that is damaged or gone is rebuilt from its last good copy and,
//     where the store can list its items, from the store; the damaged file is
//     kept as index.json.damaged;
//   - items that no profile lists are listed again, and those that hold nothing
//     (a keyring killed while it creates an item leaves an empty one) are deleted.
//     This is done for the items that this data folder has known: others are
//     more likely those of another folder than lost ones, and adopt is needed;
//   - what was interrupted is finished, the data folder is made usable for this user
//     alone, what crashes left in it is swept;
//   - damaged files of a file store give way to their last good copies, and
//     credentials that only a copy has are put back.
//
// It never deletes an item with a credential, and never drops a profile because its
// item is missing.
func (v *Vault) Repair(ctx context.Context, adopt bool) (done []RepairStep, err error) {
	r := repair{v: v}
	if err := r.ownFolder(); err != nil {
		return r.done, err
	}
	if err := r.restoreStore(ctx); err != nil {
		return r.done, err
	}
	if err := r.rebuildIndex(ctx, adopt); err != nil {
		return r.done, err
	}
	if err := r.recoverItems(ctx); err != nil {
		return r.done, err
	}
	if err := r.nameAfterItems(ctx); err != nil {
		return r.done, err
	}
	if err := r.settle(ctx); err != nil {
		return r.done, err
	}
	r.removeLeftovers()
	return r.done, nil
}

// repair is one run of [Vault.Repair]: each method repairs one thing and adds what
// it did.
type repair struct {
	v        *Vault
	done     []RepairStep
	profiles []Profile // of the index, while it is rebuilt
	damaged  bool      // the index was
}

func (r *repair) add(s RepairStep) { r.done = append(r.done, s) }

// ownFolder makes the data folder usable for this user alone.
func (r *repair) ownFolder() error {
	n, err := r.v.ownFolder()
	if n > 0 {
		r.add(RepairStep{Kind: RepairedFolder, Count: n})
	}
	return err
}

// restoreStore puts the store's last good copies back.
func (r *repair) restoreStore(ctx context.Context) error {
	restorer, ok := r.v.store.(Restorer)
	if !ok {
		return nil
	}
	files, err := restorer.Restore(ctx)
	for _, file := range files {
		r.add(RepairStep{Kind: RepairedStore, Store: r.v.store.Name(), File: file})
	}
	return err
}

// rebuildIndex reads a damaged index from its copy, and lists the store's items that
// are not in the index: those that this data folder has known, or all when adopt is
// set.
func (r *repair) rebuildIndex(ctx context.Context, adopt bool) error {
	// List the store before reading the index: entries are written before items, so
	// a key without an entry cannot be an add in progress.
	keys, err := r.v.keys(ctx)
	listed := err == nil
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	unlock, err := r.v.index.locks.Lock(ctx, indexLock, disk.IndexWait)
	if err != nil {
		return err
	}
	defer unlock()
	if err := r.loadIndex(); err != nil {
		return err
	}
	orphans := orphanKeys(keys, r.profiles)
	if !adopt {
		own := r.v.knownIDs()
		orphans = slices.DeleteFunc(orphans, func(key string) bool { return !own[strings.TrimSuffix(key, tokenSuffix)] })
	}
	before := len(r.profiles)
	if err := r.relist(ctx, orphans); err != nil {
		return err
	}
	if r.damaged || len(r.profiles) > before {
		if err := r.saveIndex(); err != nil {
			return err
		}
	}
	if r.damaged && !listed {
		r.add(RepairStep{Kind: RepairIncomplete, Store: r.v.store.Name()})
	}
	return nil
}

// loadIndex reads the index, or what its last good copy has. The caller holds the
// index's lock.
func (r *repair) loadIndex() (err error) {
	r.profiles, err = r.v.index.load()
	if r.damaged = errors.Is(err, ErrIndexDamaged); !r.damaged {
		return err
	}
	if r.profiles, err = r.v.loadBackup(); err != nil {
		return err
	}
	for i := range r.profiles {
		// Names may have changed since the copy was made: have every item compared.
		if r.profiles[i].State == StateSettled {
			r.profiles[i].State = StateChanging
		}
	}
	r.add(RepairStep{Kind: RepairedIndex, Count: len(r.profiles)})
	return nil
}

// recoverItems puts back credentials that profiles name and only the store's copy has.
func (r *repair) recoverItems(ctx context.Context) error {
	recoverer, ok := r.v.store.(Recoverer)
	if !ok {
		return nil
	}
	profiles, err := r.v.index.load()
	if err != nil {
		return err
	}
	names := map[string]Selector{}
	for _, p := range profiles {
		if p.Source == "" && (p.State == StateSettled || p.State == StateChanging) && r.v.checkStore(p) == nil {
			names[p.ID] = p.Selector
		}
	}
	found, err := recoverer.Recover(ctx, slices.Sorted(maps.Keys(names)))
	for _, key := range found {
		r.add(RepairStep{Kind: RepairedItem, Profile: names[key], Store: r.v.store.Name()})
	}
	return err
}

// nameAfterItems gives profiles that have another profile's item the name in that item.
func (r *repair) nameAfterItems(ctx context.Context) error {
	profiles, err := r.v.index.load()
	if err != nil {
		return err
	}
	names := map[string]Selector{}
	for _, p := range profiles {
		if p.State != StateSettled || p.Source != "" || r.v.checkStore(p) != nil {
			continue
		}
		c, err := r.v.read(ctx, p)
		c.erase()
		var other *OtherItemError
		if errors.As(err, &other) {
			names[p.ID] = other.Item
		} else if storeDown(err) || ctx.Err() != nil {
			return err
		}
	}
	if len(names) == 0 {
		return nil
	}
	return r.v.index.update(ctx, func(profiles *[]Profile) error {
		right := slices.DeleteFunc(slices.Clone(*profiles), func(p Profile) bool { return names[p.ID] != Selector{} })
		for _, p := range *profiles {
			if item, ok := names[p.ID]; ok {
				was := p.Selector
				p.setSelector(freeName(right, item))
				p.State = StateChanging // settle makes the item agree, and deletes the cached token
				right = append(right, p)
				r.add(RepairStep{Kind: RepairedName, Profile: p.Selector, Item: was})
			}
		}
		sortProfiles(right)
		*profiles = right
		return nil
	})
}

// settle finishes what was interrupted.
func (r *repair) settle(ctx context.Context) error {
	before := r.unsettled()
	if err := r.v.Settle(ctx); err != nil {
		return err
	}
	if after := r.unsettled(); !r.damaged && after < before {
		r.add(RepairStep{Kind: RepairedInterrupted, Count: before - after})
	}
	return nil
}

// unsettled counts the profiles in this store with an interrupted change.
func (r *repair) unsettled() (n int) {
	profiles, _ := r.v.index.load()
	for _, p := range profiles {
		if p.State != StateSettled && r.v.checkStore(p) == nil {
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

// saveIndex replaces the index and keeps a damaged one under another name.
func (r *repair) saveIndex() error {
	sortProfiles(r.profiles)
	if !r.damaged {
		return r.v.index.save(r.profiles)
	}
	for _, name := range []string{indexFile, indexBackup} {
		path := filepath.Join(r.v.dir, name)
		if data, err := disk.Read(path, maxIndex); err == nil {
			if _, _, err = parseIndex(data); err == nil {
				continue // this one is not damaged
			}
		}
		if err := disk.SetAside(path); err != nil {
			return err
		}
	}
	return r.v.index.save(r.profiles)
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
func (r *repair) relist(ctx context.Context, orphans []string) error {
	for _, key := range orphans {
		if strings.HasSuffix(key, tokenSuffix) {
			// A cached token can be minted again.
			if err := r.v.deleteItem(ctx, key); err != nil {
				return err
			}
			continue
		}
		if err := r.relistItem(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

func (r *repair) relistItem(ctx context.Context, key string) error {
	data, err := r.v.store.Get(ctx, key)
	defer clear(data)
	switch {
	case errors.Is(err, ErrEmpty), err == nil && len(data) == 0:
		if err := r.v.deleteItem(ctx, key); err != nil {
			return err
		}
		r.add(RepairStep{Kind: RepairedEmptyItem})
		return nil
	case errors.Is(err, ErrNotFound):
		return nil // removed meanwhile
	case err != nil:
		return err
	}
	c, err := decodeCredentials(data)
	if err != nil {
		r.add(RepairStep{Kind: RepairLeftItem, Key: key, Err: err})
		return nil
	}
	p := Profile{ID: key, Selector: freeName(r.profiles, c.Selector), Store: r.v.store.Name(), ExpiresIn: DefaultExpiresIn, State: StateChanging}
	p.syncFrom(c)
	r.profiles = append(r.profiles, p)
	r.add(RepairStep{Kind: RepairedListing, Profile: p.Selector, Item: c.Selector})
	return nil
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

// removeLeftovers removes old temporary files and the locks of profiles that no
// longer exist.
func (r *repair) removeLeftovers() {
	if r.v.dir == "" {
		return
	}
	if n := r.removeTemp() + r.removeLocks(); n > 0 {
		r.add(RepairStep{Kind: RepairedLeftovers, Count: n})
	}
}

func (r *repair) old(e fs.DirEntry) bool {
	info, err := e.Info()
	return err == nil && r.v.now().Sub(info.ModTime()) > sweepAge
}

func (r *repair) removeTemp() (n int) {
	for _, dir := range []string{r.v.dir, filepath.Join(r.v.dir, statusFolder)} {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if strings.Contains(e.Name(), disk.TempMark) && r.old(e) && os.Remove(filepath.Join(dir, e.Name())) == nil {
				n++
			}
		}
	}
	return n
}

func (r *repair) removeLocks() (n int) {
	profiles, err := r.v.index.load()
	if err != nil {
		return 0
	}
	entries, _ := os.ReadDir(filepath.Join(r.v.dir, disk.Folder))
	for _, e := range entries {
		id := strings.TrimSuffix(strings.TrimSuffix(e.Name(), ".lock"), ".failed")
		if !validID(id) || !r.old(e) || findID(profiles, id) >= 0 {
			continue
		}
		if unlock, ok, _ := r.v.locks.TryLock(id); ok {
			r.v.failures.clear(id)
			r.v.locks.Discard(id)
			unlock()
			n++
		}
	}
	return n
}
