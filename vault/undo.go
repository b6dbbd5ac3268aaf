package vault

import (
	"slices"
	"time"
)

// UndoTime is how long [Removals] keep a removed profile.
const UndoTime = 10 * time.Minute

// Removals are the removed profiles that [Vault.PutBack] can still add again, newest
// last. The zero value is empty. It is not safe for concurrent use.
type Removals struct{ kept []removal }

type removal struct {
	profile *Removed
	until   time.Time
}

// Add keeps a removed profile for [UndoTime] from now.
func (r *Removals) Add(p *Removed, now time.Time) {
	r.kept = append(r.kept, removal{p, now.Add(UndoTime)})
}

// Last returns the profile that was removed last, nil if none is kept.
func (r *Removals) Last() *Removed {
	if len(r.kept) == 0 {
		return nil
	}
	return r.kept[len(r.kept)-1].profile
}

// Drop erases one profile, after it has been put back.
func (r *Removals) Drop(p *Removed) {
	p.Erase()
	r.kept = slices.DeleteFunc(r.kept, func(k removal) bool { return k.profile == p })
}

// Expire erases the profiles whose time is over.
func (r *Removals) Expire(now time.Time) {
	for len(r.kept) > 0 && !r.kept[0].until.After(now) {
		r.Drop(r.kept[0].profile)
	}
}

// Erase erases all of them.
func (r *Removals) Erase() {
	for _, k := range r.kept {
		k.profile.Erase()
	}
	r.kept = nil
}
