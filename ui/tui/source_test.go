package tui

import (
	"context"
	"sync"
	"testing"

	"kitekey/kite"
	"kitekey/vault"
)

// teamSource is a team's secret manager in memory.
type teamSource struct {
	mu    sync.Mutex
	items map[vault.Selector]vault.SourceItem
	err   error
}

func (s *teamSource) Name() string { return "team" }

func (s *teamSource) List(context.Context) (found []vault.Listed, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for sel := range s.items {
		found = append(found, vault.Listed{Selector: sel})
	}
	return found, s.err
}

func (s *teamSource) Get(_ context.Context, sel vault.Selector) (vault.SourceItem, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	item, ok := s.items[sel]
	if !ok || s.err != nil {
		return item, s.err
	}
	item.Current = kite.Credential{APIKey: item.Current.APIKey.Clone(), APISecret: item.Current.APISecret.Clone()}
	return item, nil
}

func (s *teamSource) Put(_ context.Context, item vault.SourceItem) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.items[item.Selector].Version != item.Version {
		return vault.ErrConflict
	}
	item.Version++
	s.items[item.Selector] = item
	return s.err
}

func (s *teamSource) Delete(_ context.Context, sel vault.Selector, _ int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.items, sel)
	return s.err
}

func (s *teamSource) has(sel vault.Selector) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.items[sel]
	return ok
}

func withTeam(s *teamSource) setup {
	return setup{empty: true, source: s, options: func(o *Options) {
		o.Sources = func() ([]string, error) { return []string{"team"}, nil }
	}}
}

func TestSource_RefreshListsItsProfilesAndTheyMint(t *testing.T) {
	acme := vault.Selector{Account: "acme", Environment: kite.Sandbox}
	s := &teamSource{items: map[vault.Selector]vault.SourceItem{acme: {Version: 1, Entry: vault.Entry{Selector: acme, Origin: kite.OriginOverride, Current: kite.Credential{
		APIKey: kite.NewSecret("sim-key-acme-sandbox"), APISecret: kite.NewSecret("sim-secret-acme-sandbox"),
	}}}}}
	drive(t, withTeam(s), func(t *testing.T, d *driver) {
		d.press("R").sees("team: 1 new", "acme", "source", "team, shared with the team")
		d.press("v").sees("acme/sandbox works")
		d.press("c").sees("header of acme/sandbox copied")
		if keys, err := d.store.Keys(t.Context()); err != nil || len(keys) != 1 {
			t.Errorf("the store holds %v, %v", keys, err)
		}
		// Only from this list; the source lists it again.
		d.press("d").sees("from this list", "for the team", "which other people use too").press("l").sees("keeps the credential").press("y")
		d.sees("acme/sandbox taken off this list")
		if !s.has(acme) {
			t.Error("gone from the source")
		}
		d.press("R").sees("team: 1 new").press("d", "t").sees("This removes the credential").press("y")
		if s.has(acme) {
			t.Error("still in the source")
		}
		s.err = vault.ErrSourceUnavailable
		d.press("R").sees("source unavailable")
	})
}

func TestSource_RefreshSaysWhenThereIsNone(t *testing.T) {
	s := withTeam(&teamSource{})
	s.options = func(o *Options) { o.Sources = func() ([]string, error) { return nil, nil } }
	drive(t, s, func(t *testing.T, d *driver) { d.press("R").sees("no source is set up") })
	drive(t, setup{}, func(t *testing.T, d *driver) { d.press("R").sees("there are no sources here") })
}
