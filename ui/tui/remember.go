package tui

import (
	"time"

	"kitekey/vault"
)

// stateFile is the file in the data folder with the screen's state.
const (
	stateFile    = "screen.json"
	stateVersion = 1
)

// remembered is the state of the screen when it was last closed. It has no
// account's name.
type remembered struct {
	Version int       `json:"version"`
	Profile string    `json:"profile,omitempty"` // id of the profile that was used last
	At      time.Time `json:"at,omitzero"`       // when it was used
	Order   string    `json:"order,omitempty"`
	Filter  string    `json:"filter,omitempty"`
}

// memory is the state of the last run, and that of this one.
type memory struct {
	last  remembered
	newer bool // a newer kitekey has written it, and it stays as it is
}

// recall reads the state of the last run. It ignores a file that cannot be read or
// that a newer kitekey has written.
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

// used records that a profile was used in this run.
func (a *app) used(id string) { a.memory.last.Profile, a.memory.last.At = id, a.now }

// chooseLastUsed puts the cursor on the profile that was used last, here or by a
// command, when the screen opens. It clears a filter that hides the profile.
func (a *app) chooseLastUsed() {
	if a.o.Demo {
		return // the demo begins at the first profile
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
