package vault

import (
	"context"
	"errors"
)

// Source is where a profile's credential comes from when the store does not hold
// it: a team's secret manager. What it holds is read when it is needed and never
// kept on this machine; the cached token stays in the store.
//
// A source must be safe for concurrent use and bound its own calls in time. Its
// errors match one of [ErrNotFound], [ErrConflict], [ErrReadOnly] and
// [ErrSourceUnavailable], or are the context's own.
type Source interface {
	// Name is what settings and people call it.
	Name() string
	// List gives the profiles that it has, without reading a credential.
	List(ctx context.Context) ([]Selector, error)
	// Get reads one profile. ErrNotFound when there is nothing, or no credential
	// in what there is.
	Get(ctx context.Context, sel Selector) (SourceItem, error)
}

// SourceWriter is what a [Source] has besides when it can be changed.
type SourceWriter interface {
	// Put writes a profile, provided that the source still has item.Version of it;
	// 0 means that it has none. ErrConflict when it has another.
	Put(ctx context.Context, item SourceItem) error
	// Delete removes a profile for everyone who uses the source, provided that the
	// source still has that version of it.
	Delete(ctx context.Context, sel Selector, version int64) error
}

// SourceItem is a profile as a source holds it.
type SourceItem struct {
	Entry
	Version int64 // of the source's own counting, from 1
	Rest    any   // what else the source holds there; Put writes it back
}

// What can be wrong with a source.
var (
	// ErrConflict: the source holds another version than the one that was read.
	ErrConflict = errors.New("changed by someone else in the meantime")
	// ErrReadOnly: the source cannot be written by kitekey.
	ErrReadOnly = errors.New("read-only")
	// ErrSourceUnavailable: the source could not be used; its credential was not
	// read or written, unless the error says that this is not known.
	ErrSourceUnavailable = errors.New("source unavailable")
)
