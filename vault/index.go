package vault

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"kitekey/kite"
	"kitekey/vault/internal/disk"
)

// The index's files in the data folder.
const (
	indexFile   = "index.json"
	indexBackup = "index.json.bak" // a second copy, written once index.json is in place
	indexLock   = "index"
	maxIndex    = 64 << 20 // bytes: some 300,000 profiles
)

// index is the list of profiles and how it is stored. What changes rarely, names
// above all, is in index.json, one profile per line; what every mint changes is in
// status files (see statusfile.go). So a mint writes little, and looking up one profile
// parses one line, however many there are.
//
// On disk, readers need no lock because a new file replaces the old one in one
// step. Writers hold a lock while they read, change and replace. A writer that
// changes both files writes the status first, because status that does not fit its
// entry is ignored.
type index struct {
	dir   string // "" keeps it in memory
	locks disk.Locker

	mu       sync.Mutex
	profiles []Profile // only when dir is ""
}

// load reads the index and every profile's status. A missing file is an empty
// index.
func (x *index) load() ([]Profile, error) {
	if x.dir == "" {
		x.mu.Lock()
		defer x.mu.Unlock()
		return slices.Clone(x.profiles), nil
	}
	profiles, _, err := x.loadNames()
	if err != nil {
		return nil, err
	}
	return profiles, x.loadStatus(profiles)
}

// loadNames is load without the status. version is the file's, 0 if it does not
// exist.
func (x *index) loadNames() (profiles []Profile, version int, err error) {
	data, err := x.read()
	if err != nil || data == nil {
		return nil, 0, err
	}
	return x.parse(data)
}

// read reads index.json; nil if it does not exist.
func (x *index) read() ([]byte, error) {
	path := filepath.Join(x.dir, indexFile)
	data, err := disk.Read(path, maxIndex)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Lstat(filepath.Join(x.dir, indexBackup)); err == nil {
			return nil, x.damaged(errors.New("it is gone"))
		}
		return nil, nil
	case errors.Is(err, disk.ErrNotRegular), errors.Is(err, disk.ErrTooLarge):
		return nil, x.damaged(disk.SyscallError(err))
	case errors.Is(err, syscall.ENOTDIR):
		return nil, &DataFolderError{Dir: x.dir, Op: "use", Err: syscall.ENOTDIR}
	case err != nil:
		return nil, fmt.Errorf("read the index: %w", err)
	case len(data) == 0:
		return nil, x.damaged(errors.New("it is empty"))
	}
	return data, nil
}

func (x *index) parse(data []byte) ([]Profile, int, error) {
	profiles, version, err := parseIndex(data)
	var newer *NewerError
	if errors.As(err, &newer) {
		newer.Path = filepath.Join(x.dir, indexFile)
		return nil, version, newer
	}
	if err != nil {
		return nil, version, x.damaged(err)
	}
	return profiles, version, nil
}

func (x *index) damaged(err error) error {
	return fmt.Errorf("%w: %s: %w", ErrIndexDamaged, filepath.Join(x.dir, indexFile), err)
}

// lookup returns one profile with its status. It parses only that profile's line if
// index.json has this kitekey's format.
func (x *index) lookup(sel Selector) (Profile, error) {
	return x.find(entryLine{sel: sel}, func(p Profile) bool { return p.Selector == sel })
}

// byID is lookup by a profile's id.
func (x *index) byID(id string) (Profile, error) {
	return x.find(entryLine{id: id}, func(p Profile) bool { return p.ID == id })
}

func (x *index) find(line entryLine, is func(Profile) bool) (Profile, error) {
	if x.dir == "" {
		x.mu.Lock()
		defer x.mu.Unlock()
		if i := slices.IndexFunc(x.profiles, is); i >= 0 {
			return x.profiles[i], nil
		}
		return Profile{}, ErrNoProfile
	}
	data, err := x.read()
	if err != nil {
		return Profile{}, err
	}
	if data == nil {
		return Profile{}, ErrNoProfile
	}
	p, ok := line.in(data)
	if !ok || !is(p) { // no such line, or another format: read the whole file
		profiles, _, err := x.parse(data)
		if err != nil {
			return Profile{}, err
		}
		i := slices.IndexFunc(profiles, is)
		if i < 0 {
			return Profile{}, ErrNoProfile
		}
		p = profiles[i]
	}
	one := []Profile{p}
	err = x.loadStatus(one)
	return one[0], err
}

// update reads the index, calls change with it and writes what changed, all under
// the lock. It writes nothing if change fails. change may be called more than once.
func (x *index) update(ctx context.Context, change func(profiles *[]Profile) error) error {
	unlock, err := x.locks.Lock(ctx, indexLock, disk.IndexWait)
	if err != nil {
		return err
	}
	defer unlock()
	if x.dir == "" {
		x.mu.Lock()
		defer x.mu.Unlock()
		profiles := slices.Clone(x.profiles)
		if err := change(&profiles); err != nil {
			return err
		}
		sortProfiles(profiles)
		x.profiles = profiles
		return nil
	}
	for {
		names, version, err := x.loadNames()
		if err != nil {
			return err
		}
		before := slices.Clone(names)
		if err := x.loadStatus(before); err != nil {
			return err
		}
		profiles := slices.Clone(before)
		if err := change(&profiles); err != nil {
			return err
		}
		sortProfiles(profiles)
		saved, err := x.saveStatus(ctx, before, profiles, version == 1)
		if err != nil {
			return err
		}
		if !saved { // a mint has changed the same status in between
			continue
		}
		if version == indexVersion && slices.EqualFunc(before, profiles, Profile.sameEntry) {
			return nil
		}
		return x.save(profiles)
	}
}

// sameEntry reports whether two profiles have the same line in index.json.
func (p Profile) sameEntry(q Profile) bool { return toEntry(p) == toEntry(q) }

// change changes one profile. It does not write index.json if only the status
// changes. change may be called more than once.
func (x *index) change(ctx context.Context, id string, change func(*Profile)) (p Profile, err error) {
	if x.dir != "" {
		p, ok, err := x.changeStatus(ctx, id, change)
		if err != nil || ok {
			return p, err
		}
	}
	err = x.update(ctx, func(profiles *[]Profile) error {
		i := findID(*profiles, id)
		if i < 0 {
			return ErrNoProfile
		}
		change(&(*profiles)[i])
		p = (*profiles)[i]
		return nil
	})
	return p, err
}

// save replaces index.json, then its copy. The caller holds the lock.
func (x *index) save(profiles []Profile) error {
	data, err := formatIndex(profiles, x.unknown())
	if err != nil {
		return err
	}
	if err := disk.Replace(filepath.Join(x.dir, indexFile), "", data); err != nil {
		return err
	}
	return disk.Replace(filepath.Join(x.dir, indexBackup), "", data)
}

// sortProfiles sorts by account, sandbox before live.
func sortProfiles(profiles []Profile) {
	slices.SortFunc(profiles, func(a, b Profile) int {
		return cmp.Or(strings.Compare(a.Account, b.Account),
			cmp.Compare(slices.Index(kite.Environments, a.Environment), slices.Index(kite.Environments, b.Environment)))
	})
}

// find returns the position of the profile named sel, -1 if there is none.
func find(profiles []Profile, sel Selector) int {
	return slices.IndexFunc(profiles, func(p Profile) bool { return p.Selector == sel })
}

func findID(profiles []Profile, id string) int {
	return slices.IndexFunc(profiles, func(p Profile) bool { return p.ID == id })
}
