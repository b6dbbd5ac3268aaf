package vault

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"kitekey/vault/internal/disk"
)

// Severity says how bad a [Finding] is.
type Severity string

// The severities.
const (
	SeverityOK      Severity = "ok"
	SeverityWarning Severity = "warning" // it works, but the user should look at it
	SeverityProblem Severity = "problem" // something does not work, or is at risk
)

// FindingKind says what a [Finding] is. The comment of each lists the facts that
// it comes with.
type FindingKind string

// The kinds of findings.
const (
	FindingFolder           FindingKind = "folder"            // the data folder can be used: Path
	FindingFolderMissing    FindingKind = "folder-missing"    // the data folder does not exist yet: Path
	FindingFolderUnreadable FindingKind = "folder-unreadable" // Path, Err
	FindingFolderUnwritable FindingKind = "folder-unwritable" // Path, Err
	FindingFolderOpen       FindingKind = "folder-open"       // other users may read or write Paths
	FindingFolderClosed     FindingKind = "folder-closed"     // this user cannot use Paths, which are this user's
	FindingFolderForeign    FindingKind = "folder-foreign"    // Paths in Path belong to another user: Provider
	FindingIndex            FindingKind = "index"             // the index is readable: Count profiles
	FindingNewer            FindingKind = "newer"             // a file or an item is of a newer kitekey: Err, Profile
	FindingStatusDamaged    FindingKind = "status-damaged"    // verdicts and cached tokens in Paths cannot be read
	FindingSettings         FindingKind = "settings"          // the settings cannot be read: Err
	FindingIndexDamaged     FindingKind = "index-damaged"     // Err
	FindingIndexUnreadable  FindingKind = "index-unreadable"  // it may be undamaged: Err
	FindingInterrupted      FindingKind = "interrupted"       // a change to Profile: State
	FindingBusy             FindingKind = "busy"              // another process is changing Profile
	FindingMigration        FindingKind = "migration"         // moving everything from Store to Other was interrupted
	FindingStore            FindingKind = "store"             // Store can be used
	FindingRivals           FindingKind = "rivals"            // other programs, Paths, write to Store's files
	FindingStoreOpen        FindingKind = "store-open"        // another user owns or can write to the folder of Store's files: Path
	FindingDuplicates       FindingKind = "duplicates"        // Count items of Store have the name of another
	FindingKeepsRemoved     FindingKind = "keeps-removed"     // Provider keeps what is removed from Store
	FindingStoreFailed      FindingKind = "store-failed"      // Store, Err
	FindingOtherStore       FindingKind = "other-store"       // Profile is kept in Other while Store is in use
	FindingNoCredential     FindingKind = "no-credential"     // Profile, Err
	FindingInCopy           FindingKind = "in-copy"           // Profile's credential is in Store's copy alone: Err
	FindingItemFailed       FindingKind = "item-failed"       // Profile's item cannot be read now: Err
	FindingItemName         FindingKind = "item-name"         // Profile's item names Item
	FindingStaged           FindingKind = "staged"            // Profile has a staged credential
	FindingCredentials      FindingKind = "credentials"       // Count credentials in Store are readable
	FindingOrphans          FindingKind = "orphans"           // Count items in Store belong to no profile
	FindingOrphansUnknown   FindingKind = "orphans-unknown"   // Store's items cannot be listed: Err
)

// Finding is one fact that a check found.
type Finding struct {
	Kind     FindingKind
	Severity Severity
	Profile  Selector // zero when the finding is not about one
	Item     Selector
	Store    string
	Other    string // another store than Store
	Path     string
	Paths    []string
	Count    int
	State    State
	Provider string // program that keeps Store's items
	Err      error
}

// Check looks at the data folder, the index, the store, and whether index and store
// agree, both ways. It changes nothing. It returns an error only if ctx ends:
// everything that is wrong is in the findings.
func (v *Vault) Check(ctx context.Context) ([]Finding, error) {
	c := checkup{v: v}
	c.folder()
	profiles, indexed := c.index()
	if from, to, pending := MigrationPending(v.dir); pending {
		c.add(Finding{Kind: FindingMigration, Severity: SeverityWarning, Store: from, Other: to})
	}
	if c.answers(ctx) && indexed {
		c.items(ctx, profiles)
		c.orphans(ctx, profiles)
	}
	return c.found, ctx.Err()
}

// checkup is one run of [Vault.Check]: each method looks at one thing and adds what
// it finds.
type checkup struct {
	v     *Vault
	found []Finding
}

func (c *checkup) add(f Finding) { c.found = append(c.found, f) }

// aboutStore adds a finding about the store in use.
func (c *checkup) aboutStore(f Finding) {
	f.Store = c.v.store.Name()
	c.add(f)
}

// writable checks that a file can be written in a folder, as the next change of the
// index will do.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, "check"+disk.TempMark+"*")
	if err != nil {
		return disk.SyscallError(err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(make([]byte, 4096))
	return disk.SyscallError(errors.Join(err, f.Close()))
}

// StoreFacts returns what the store knows about itself, the zero Facts if it is not
// an [Inspector].
func (v *Vault) StoreFacts(ctx context.Context) (Facts, error) {
	if i, ok := v.store.(Inspector); ok {
		return i.Inspect(ctx)
	}
	return Facts{}, nil
}

// answers reports whether the store can be used, and adds what the store knows about
// itself.
func (c *checkup) answers(ctx context.Context) bool {
	err := c.v.Reach(ctx)
	var facts Facts
	if err == nil {
		facts, err = c.v.StoreFacts(ctx)
	}
	if err != nil {
		c.aboutStore(Finding{Kind: FindingStoreFailed, Severity: SeverityProblem, Err: err})
		return false
	}
	c.aboutStore(Finding{Kind: FindingStore, Severity: SeverityOK, Provider: facts.Provider})
	if len(facts.Rivals) > 0 {
		c.aboutStore(Finding{Kind: FindingRivals, Severity: SeverityWarning, Paths: facts.Rivals, Provider: facts.Provider})
	}
	if facts.OpenFolder != "" {
		c.aboutStore(Finding{Kind: FindingStoreOpen, Severity: SeverityWarning, Path: facts.OpenFolder, Provider: facts.Provider})
	}
	if n := len(facts.Duplicates); n > 0 {
		c.aboutStore(Finding{Kind: FindingDuplicates, Severity: SeverityWarning, Count: n})
	}
	if facts.KeepsRemoved {
		c.aboutStore(Finding{Kind: FindingKeepsRemoved, Severity: SeverityOK, Provider: facts.Provider})
	}
	return true
}

// folder checks permissions. Windows protects a user's folders in other ways.
func (c *checkup) folder() {
	dir := c.v.dir
	if dir == "" {
		return
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		c.add(Finding{Kind: FindingFolderMissing, Severity: SeverityOK, Path: dir})
		return
	}
	wrong, err := c.v.permissions()
	f := Finding{Kind: FindingFolder, Severity: SeverityOK, Path: dir}
	switch cannot := writable(dir); {
	case err != nil:
		f.Kind, f.Severity, f.Err = FindingFolderUnreadable, SeverityProblem, disk.SyscallError(err)
	case cannot != nil:
		f.Kind, f.Severity, f.Err = FindingFolderUnwritable, SeverityProblem, cannot
	case len(wrong.foreign) > 0 && !asRoot:
		f.Kind, f.Severity, f.Paths, f.Provider = FindingFolderForeign, SeverityProblem, wrong.foreign, wrong.owner
	case len(wrong.closed) > 0:
		f.Kind, f.Severity, f.Paths = FindingFolderClosed, SeverityProblem, wrong.closed
	case len(wrong.open) > 0:
		f.Kind, f.Severity, f.Paths = FindingFolderOpen, SeverityWarning, wrong.open
	case !modesTell:
		return // the folder works; whether others can read it is not known
	}
	c.add(f)
}

// wrongPaths are the paths in the data folder whose permissions are wrong.
type wrongPaths struct {
	open    []string // others can use them
	closed  []string // the user cannot use them
	foreign []string // they are another user's
	owner   string   // the user whose the last of foreign is
}

// permissions looks at everything in the data folder.
func (v *Vault) permissions() (found wrongPaths, err error) {
	err = filepath.WalkDir(v.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if path != v.dir && errors.Is(err, fs.ErrPermission) {
				return fs.SkipDir // it has been listed already
			}
			return err
		}
		info, err := d.Info()
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return nil //nolint:nilerr // gone since
		}
		if name := disk.Foreign(path); name != "" {
			found.foreign, found.owner = append(found.foreign, path), name
			return nil
		}
		switch mode := info.Mode().Perm(); {
		case v.blocks(path, info), modesTell && ownMode(info)&^mode != 0:
			found.closed = append(found.closed, path)
		case modesTell && mode&0o077 != 0:
			found.open = append(found.open, path)
		}
		return nil
	})
	return found, err
}

// modesTell is false on Windows, where the access list of the user's folder, and
// not the mode of a file, says who can read it.
const modesTell = runtime.GOOS != "windows"

// asRoot: root can use everyone's files.
var asRoot = os.Geteuid() == 0

// ownMode is the mode that one of our files or folders should have, from the one it
// has: the user can use it, and no other.
func ownMode(info fs.FileInfo) fs.FileMode {
	if info.IsDir() {
		return 0o700
	}
	return info.Mode().Perm()&0o100 | 0o600
}

// blocks reports whether a file is where the folder of the locks should be.
func (v *Vault) blocks(path string, info fs.FileInfo) bool {
	return !info.IsDir() && path == filepath.Join(v.dir, disk.Folder)
}

// index reads the index and the settings. ok is false if the index cannot be read.
func (c *checkup) index() (profiles []Profile, ok bool) {
	v := c.v
	profiles, err := v.index.load()
	switch {
	case errors.Is(err, ErrNewer):
		c.add(Finding{Kind: FindingNewer, Severity: SeverityProblem, Err: err})
		return nil, false
	case err != nil && !errors.Is(err, ErrIndexDamaged):
		c.add(Finding{Kind: FindingIndexUnreadable, Severity: SeverityProblem, Err: err})
		return nil, false
	case err != nil:
		c.add(Finding{Kind: FindingIndexDamaged, Severity: SeverityProblem, Err: err})
		return nil, false
	}
	c.add(Finding{Kind: FindingIndex, Severity: SeverityOK, Count: len(profiles)})
	if paths := v.index.damagedStatus(); len(paths) > 0 {
		c.add(Finding{Kind: FindingStatusDamaged, Severity: SeverityWarning, Paths: paths})
	}
	if _, err := LoadSettings(v.dir); v.dir != "" && err != nil {
		f := Finding{Kind: FindingSettings, Severity: SeverityProblem, Err: err}
		if errors.Is(err, ErrNewer) {
			f.Kind = FindingNewer
		}
		c.add(f)
	}
	for _, p := range profiles {
		if p.State == StateSettled {
			continue
		}
		f := Finding{Kind: FindingBusy, Severity: SeverityWarning, Profile: p.Selector, State: p.State}
		if unlock, ok, _ := v.locks.TryLock(p.ID); ok {
			unlock()
			f.Kind = FindingInterrupted
		}
		c.add(f)
	}
	return profiles, true
}

// Reach checks whether the store can be used now: it asks for an item that does not
// exist.
func (v *Vault) Reach(ctx context.Context) error {
	if p, ok := v.store.(Pinger); ok {
		return p.Ping(ctx)
	}
	if _, err := v.store.Get(ctx, "doctor"); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

// Probe reports why the store is not there, without asking the user anything. A store
// that is locked is there.
func (v *Vault) Probe(ctx context.Context) error {
	if p, ok := v.store.(Prober); ok {
		return p.Probe(ctx)
	}
	return v.Reach(ctx)
}

// items checks that every profile's item exists and can be read.
func (c *checkup) items(ctx context.Context, profiles []Profile) {
	good := 0
	for _, p := range profiles {
		if p.State != StateSettled || p.Source != "" {
			continue // do not read a team's source without need
		}
		f := Finding{Profile: p.Selector, Severity: SeverityWarning}
		item, err := c.v.read(ctx, p)
		var other *OtherItemError
		switch {
		case errors.As(err, &other):
			f.Kind, f.Severity, f.Item = FindingItemName, SeverityProblem, other.Item
		case errors.Is(err, ErrOtherStore):
			f.Kind, f.Other = FindingOtherStore, p.Store
		case errors.Is(err, ErrNewer):
			f.Kind, f.Severity, f.Err = FindingNewer, SeverityProblem, err
		case errors.Is(err, ErrNoCredential):
			f.Kind, f.Severity, f.Err = FindingNoCredential, SeverityProblem, err
			if c.recoverable(ctx, p.ID) {
				f.Kind = FindingInCopy
			}
		case err != nil:
			f.Kind, f.Severity, f.Err = FindingItemFailed, SeverityProblem, err
			c.aboutStore(f)
			return
		case item.Staged.Complete():
			good++
			f.Kind = FindingStaged
		default:
			good++
			continue
		}
		c.aboutStore(f)
	}
	if good > 0 {
		c.aboutStore(Finding{Kind: FindingCredentials, Severity: SeverityOK, Count: good})
	}
}

// recoverable reports whether an item that is missing is in the store's copy.
func (c *checkup) recoverable(ctx context.Context, key string) bool {
	r, ok := c.v.store.(Recoverer)
	if !ok {
		return false
	}
	found, err := r.Recoverable(ctx, []string{key})
	return err == nil && len(found) > 0
}

// orphans looks for items that no profile lists, if the store can list its items.
func (c *checkup) orphans(ctx context.Context, profiles []Profile) {
	keys, err := c.v.keys(ctx)
	if errors.Is(err, errors.ErrUnsupported) {
		return
	}
	if err != nil {
		c.aboutStore(Finding{Kind: FindingOrphansUnknown, Severity: SeverityProblem, Err: err})
		return
	}
	if n := len(orphanKeys(keys, profiles)); n > 0 {
		c.aboutStore(Finding{Kind: FindingOrphans, Severity: SeverityWarning, Count: n})
	}
}

// keys lists the store's items that may be kitekey's. The error is
// errors.ErrUnsupported if the store cannot list them.
func (v *Vault) keys(ctx context.Context) ([]string, error) {
	lister, ok := v.store.(Lister)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	keys, err := lister.Keys(ctx)
	return slices.DeleteFunc(keys, func(key string) bool { return !validID(strings.TrimSuffix(key, tokenSuffix)) }), err
}

func orphanKeys(keys []string, profiles []Profile) []string {
	listed := make(map[string]bool, len(profiles))
	for _, p := range profiles {
		listed[p.ID] = true
	}
	var orphans []string
	for _, key := range keys {
		if !listed[strings.TrimSuffix(key, tokenSuffix)] {
			orphans = append(orphans, key)
		}
	}
	return orphans
}

// ownFolder makes the data folder usable for this user, and for no other. It counts what
// was not so.
func (v *Vault) ownFolder() (count int, err error) {
	if v.dir == "" {
		return 0, nil
	}
	err = filepath.WalkDir(v.dir, func(path string, d fs.DirEntry, err error) error {
		if path == v.dir && errors.Is(err, fs.ErrNotExist) {
			return nil // it does not exist yet
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return nil //nolint:nilerr // gone since
		}
		if v.blocks(path, info) {
			if err := errors.Join(os.Chmod(path, ownMode(info)), disk.SetAside(path)); err != nil {
				return err
			}
			count++
			if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			return nil
		}
		mode := ownMode(info)
		if !modesTell || info.Mode().Perm() == mode {
			return nil
		}
		if err := os.Chmod(path, mode); err != nil {
			return disk.Refused(path, err)
		}
		count++
		return nil
	})
	return count, err
}
