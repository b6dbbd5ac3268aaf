package vault_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"kitekey/kite"
	. "kitekey/vault"
)

// fakeSource is a team's secret manager in memory.
type fakeSource struct {
	mu    sync.Mutex
	items map[Selector]SourceItem
	reads int
	locks int
}

func (s *fakeSource) Lock() { s.locks++ }

func (s *fakeSource) Name() string { return "team" }

func (s *fakeSource) List(context.Context) (found []Listed, err error) {
	for sel := range s.items {
		found = append(found, Listed{Selector: sel})
	}
	return found, nil
}

func (s *fakeSource) Get(_ context.Context, sel Selector) (SourceItem, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	item, ok := s.items[sel]
	if !ok {
		return SourceItem{}, ErrNotFound
	}
	item.Current = kite.Credential{APIKey: kite.NewSecret(item.Current.APIKey.Reveal()), APISecret: kite.NewSecret(item.Current.APISecret.Reveal())}
	return item, nil
}

func (s *fakeSource) put(sel Selector, c kite.Credential) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items[sel] = SourceItem{Entry: Entry{Selector: sel, Current: c}, Version: s.items[sel].Version + 1}
}

func TestToken_ReadsTheCredentialFromItsSource(t *testing.T) {
	w := newFixture(t)
	ctx := t.Context()
	src := &fakeSource{items: map[Selector]SourceItem{}}
	src.put(sel("acme/live"), credential("team"))
	w.SetSource(func(name string) (Source, error) {
		if name != "team" {
			return nil, ErrSourceUnavailable
		}
		return src, nil
	})
	if _, err := w.Add(ctx, NewProfile{Selector: sel("acme/live"), Source: "team"}); err != nil {
		t.Fatal(err)
	}
	tok, err := w.Token(ctx, sel("acme/live"), TokenRequest{})
	if err != nil || !tok.Minted || !tok.Cached || src.reads != 1 {
		t.Fatalf("%+v %v, %d reads", tok, err, src.reads)
	}
	if got := w.gateway.keys[0]; got != "fake-key-for-tests-team" {
		t.Errorf("minted with %s", got)
	}
	if r := w.Verify(ctx, sel("acme/live"), false); r.Verdict != VerdictOK || src.reads != 2 {
		t.Errorf("%+v, %d reads", r, src.reads)
	}
	if keys, _ := w.store.Keys(ctx); len(keys) != 1 {
		t.Errorf("in the store: %v", keys)
	}
	// Cached tokens can be used without the source.
	w.SetSource(nil)
	if tok, err := w.Token(ctx, sel("acme/live"), TokenRequest{}); err != nil || tok.Minted {
		t.Errorf("%v %v", tok.Minted, err)
	}
	if _, err := w.Token(ctx, sel("acme/live"), TokenRequest{Fresh: true}); !errors.Is(err, ErrSourceUnavailable) {
		t.Errorf("without the source: %v", err)
	}
	if err := w.Remove(ctx, sel("acme/live")); err != nil || len(src.items) != 1 {
		t.Errorf("%v, the source has %d", err, len(src.items))
	}
}

// A colleague has rotated the credential between the read and the mint.
func TestToken_ReadsTheSourceOnceMoreBeforeItSaysRefused(t *testing.T) {
	w := newFixture(t)
	ctx := t.Context()
	src := &fakeSource{items: map[Selector]SourceItem{}}
	src.put(sel("acme"), credential("old"))
	w.SetSource(func(string) (Source, error) { return src, nil })
	if _, err := w.Add(ctx, NewProfile{Selector: sel("acme"), Source: "team"}); err != nil {
		t.Fatal(err)
	}
	w.gateway.refuses = func(key string) bool {
		src.put(sel("acme"), credential("new"))
		return key == "fake-key-for-tests-old"
	}
	if _, err := w.Token(ctx, sel("acme"), TokenRequest{}); err != nil || src.reads != 2 {
		t.Errorf("%v, %d reads", err, src.reads)
	}
	w.gateway.refuses = func(string) bool { return true }
	if _, err := w.Token(ctx, sel("acme"), TokenRequest{Fresh: true}); !errors.Is(err, kite.ErrRefused) || src.reads != 4 {
		t.Errorf("%v, %d reads", err, src.reads)
	}
}

func TestLock_LocksTheSourcesThatWereUsed(t *testing.T) {
	w := newFixture(t)
	src := &fakeSource{}
	w.SetSource(func(string) (Source, error) { return src, nil })
	w.Lock()
	if src.locks != 0 {
		t.Error("a source that was not used is locked")
	}
	if _, err := w.SyncSource(t.Context(), "team"); err != nil {
		t.Fatal(err)
	}
	w.Lock()
	if src.locks != 1 {
		t.Errorf("locked %d times", src.locks)
	}
}
