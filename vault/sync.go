package vault

import (
	"context"
	"slices"
)

// Sync is the result of [Vault.SyncSource].
type Sync struct {
	New     []Selector // listed now
	Gone    []Selector // no longer listed, because the source does not have them any more
	Renamed []Listed   // listed under the new name, with their tokens and verdicts
	Taken   []Profile  // profiles kept elsewhere, whose names the source has too
	Same    int
	Ignored []string // names in the source that no profile can have
}

// Ignorer is a Source that has seen names in its last List that no profile can have.
type Ignorer interface{ Ignored() []string }

// SyncSource updates the list of profiles from a source. It reads names and no
// credential.
func (v *Vault) SyncSource(ctx context.Context, source string) (Sync, error) {
	src, err := v.Source(source)
	if err != nil {
		return Sync{}, err
	}
	listed, err := src.List(ctx)
	if err != nil {
		return Sync{}, err
	}
	var s syncing
	var ignored []string
	if i, ok := src.(Ignorer); ok {
		ignored = i.Ignored()
	}
	err = v.index.update(ctx, func(profiles *[]Profile) error {
		s = syncing{source: source, listed: listed, there: make(map[Selector]bool, len(listed))}
		for _, l := range listed {
			s.there[l.Selector] = true
		}
		s.renamings(*profiles)
		*profiles = slices.DeleteFunc(*profiles, s.isGone)
		s.rename(*profiles)
		*profiles = s.add(*profiles, v)
		return nil
	})
	if err != nil {
		return Sync{}, err
	}
	for _, l := range s.Renamed {
		v.Log(Activity{Selector: l.Selector, Action: ActionRenamed, From: l.Was.String(), To: l.Selector.String()}, nil)
	}
	for _, p := range s.gone {
		v.Record(ActionRemoved, p.Selector, nil)
		v.locks.Discard(p.ID)
	}
	// Ignore failures with tokens: they expire.
	ctx = context.WithoutCancel(ctx)
	for _, p := range s.gone {
		_ = v.deleteItem(ctx, tokenKey(p.ID))
	}
	for _, p := range s.moved {
		_ = v.renameToken(ctx, p, s.renamed[p.Selector])
	}
	s.Ignored = ignored
	return s.Sync, nil
}

// syncing is the list while it is being updated from a source.
type syncing struct {
	Sync
	source  string
	listed  []Listed
	there   map[Selector]bool
	renamed map[Selector]Selector // old to new
	gone    []Profile
	moved   []Profile // as they were before they were renamed
}

// renamings finds the profiles that the source has renamed.
func (s *syncing) renamings(profiles []Profile) {
	s.renamed = map[Selector]Selector{}
	for _, l := range s.listed {
		i, was := find(profiles, l.Selector), find(profiles, l.Was)
		if i < 0 && was >= 0 && !s.there[l.Was] && profiles[was].Source == s.source {
			s.renamed[l.Was] = l.Selector
		}
	}
}

// isGone reports whether the source no longer has a profile, and records it.
func (s *syncing) isGone(p Profile) bool {
	_, renamed := s.renamed[p.Selector]
	if p.Source != s.source || p.State != StateSettled || s.there[p.Selector] || renamed {
		return false
	}
	s.gone = append(s.gone, p)
	s.Gone = append(s.Gone, p.Selector)
	return true
}

func (s *syncing) rename(profiles []Profile) {
	for i := range profiles {
		p := &profiles[i]
		to, ok := s.renamed[p.Selector]
		if !ok || p.Source != s.source {
			continue
		}
		s.Renamed = append(s.Renamed, Listed{to, p.Selector})
		s.moved = append(s.moved, *p)
		p.setSelector(to)
	}
}

// add lists the profiles that are new in the source.
func (s *syncing) add(profiles []Profile, v *Vault) []Profile {
	for _, l := range s.listed {
		switch i := find(profiles, l.Selector); {
		case i < 0:
			p := v.linked(s.source, l.Selector)
			p.Label = accountLabel(profiles, p.Account)
			profiles = append(profiles, p)
			s.New = append(s.New, l.Selector)
		case profiles[i].Source != s.source:
			s.Taken = append(s.Taken, profiles[i])
		default:
			s.Same++
		}
	}
	s.Same -= len(s.Renamed)
	return profiles
}
