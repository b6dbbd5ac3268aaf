package tui

import (
	"time"

	"kitekey/vault"
)

// stateFile is where the screen remembers how it was left, in the data folder.
const (
	stateFile    = "screen.json"
	stateVersion = 1
)

// remembered is how the screen was left. It names no account.
type remembered struct {
	Version int       `json:"version"`
	Profile string    `json:"profile,omitempty"` // id of the one that was used last
	At      time.Time `json:"at,omitzero"`       // when
	Order   string    `json:"order,omitempty"`
	Filter  string    `json:"filter,omitempty"`
}

// memory is what the screen knows of its earlier runs.
type memory struct {
	last  remembered
	newer bool // it is a newer kitekey's, and stays as it is
}

// recall reads how the screen was left. What cannot be read, or was written by a
// newer kitekey, is as if it were not there.
func (a *app) recall() {
	dir := a.o.Vault.Dir()
	if dir == "" {
		return
	}
	var r remembered
	if err := vault.ReadState(dir, stateFile, &r); err != nil || r.Version > stateVersion {
		a.memory.newer = r.Version > stateVersion
		return
	}
	a.memory.last = r
	for o := range orders {
		if o.String() == r.Order {
			a.list.sortBy = o
		}
	}
	a.list.filter.SetValue(r.Filter)
}

// remember stores the state of the screen for the next start. It ignores errors: the
// state does not matter enough to report them.
func (a *app) remember() {
	dir := a.o.Vault.Dir()
	if dir == "" || a.memory.newer || !a.list.loaded {
		return
	}
	r := a.memory.last
	r.Version, r.Order, r.Filter = stateVersion, a.list.sortBy.String(), a.list.filter.Value()
	_ = vault.WriteState(dir, stateFile, r)
}

// used notes that a profile was used here.
func (a *app) used(id string) { a.memory.last.Profile, a.memory.last.At = id, a.now }

// chooseLastUsed puts the cursor on the profile that was used last, here or by a
// command, when the screen opens. A filter that would hide it is cleared.
func (a *app) chooseLastUsed() {
	if a.o.Demo {
		return // its story begins at the first
	}
	last, at := "", time.Time{}
	for i := range a.list.profiles {
		p := &a.list.profiles[i]
		if p.LastUsed.After(at) {
			last, at = p.ID, p.LastUsed
		}
	}
	if r := a.memory.last; r.At.After(at) && a.profileByID(r.Profile) != nil {
		last = r.Profile
	}
	if last != "" {
		a.list.reach(last, a.now)
	}
	if len(a.list.rows) == 0 && a.list.filtered() {
		a.list.clearFilter(a.now)
	}
}
