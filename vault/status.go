package vault

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"kitekey/vault/internal/disk"
)

// loadStatus completes profiles that were read from index.json.
func (x *index) loadStatus(profiles []Profile) error {
	byID, shards := make(map[string]int, len(profiles)), map[string]bool{}
	for i, p := range profiles {
		byID[p.ID] = i
		shards[statusShard(p.ID)] = true
	}
	for shard := range shards {
		lines, err := x.statusLines(shard)
		if err != nil {
			return err
		}
		for i := range lines {
			line := &lines[i]
			if at, ok := byID[line.ID]; ok && statusShard(line.ID) == shard {
				profiles[at].applyStatus(line)
			}
		}
	}
	return nil
}

// changeStatus is change for changes to the status alone. If the change affects
// more, ok is false and nothing is changed.
func (x *index) changeStatus(ctx context.Context, id string, change func(*Profile)) (p Profile, ok bool, err error) {
	if !validID(id) {
		return p, false, ErrNoProfile
	}
	shard := statusShard(id)
	unlock, err := x.locks.Lock(ctx, statusLock(shard), disk.IndexWait)
	if err != nil {
		return p, false, err
	}
	defer unlock()
	before, err := x.byID(id)
	if err != nil {
		return p, false, err
	}
	p = before
	change(&p)
	switch {
	case !p.sameEntry(before):
		return Profile{}, false, nil
	case p.sameStatus(before):
		return p, true, nil
	}
	lines, err := x.readStatus(shard)
	if err != nil {
		return p, false, err
	}
	lines[id] = toStatus(p)
	return p, true, x.writeStatus(shard, lines)
}

// saveStatus writes the status of profiles that differ, and drops that of profiles
// that no longer exist. It saves nothing if another process has changed the status
// since before was read. With all, the status of version 1 entries moves to its
// files.
func (x *index) saveStatus(ctx context.Context, before, after []Profile, all bool) (saved bool, err error) {
	was := make(map[string]Profile, len(before))
	for _, p := range before {
		was[p.ID] = p
	}
	edits := editsOf(was, after, all)
	shards := slices.Sorted(maps.Keys(edits))
	for _, shard := range shards {
		unlock, err := x.locks.Lock(ctx, statusLock(shard), disk.IndexWait)
		if err != nil {
			return false, err
		}
		defer unlock()
	}
	for _, shard := range shards {
		lines, err := x.readStatus(shard)
		if err != nil {
			return false, err
		}
		if !edits[shard].apply(lines, was) {
			return false, nil
		}
		if err := x.writeStatus(shard, lines); err != nil {
			return false, fmt.Errorf("write the status: %w", err)
		}
	}
	return true, nil
}

// statusEdits has the profiles whose status is to be written by their id, nil for
// one that is to be dropped.
type statusEdits map[string]*Profile

// editsOf returns the edits of each status file. was has the profiles as they were.
func editsOf(was map[string]Profile, after []Profile, all bool) map[string]statusEdits {
	shards := map[string]statusEdits{}
	edit := func(id string, p *Profile) {
		shard := statusShard(id)
		if shards[shard] == nil {
			shards[shard] = statusEdits{}
		}
		shards[shard][id] = p
	}
	gone := maps.Clone(was)
	for i := range after {
		p := &after[i]
		q, ok := was[p.ID]
		delete(gone, p.ID)
		if ok && !p.sameStatus(q) || (all || !ok) && p.hasStatus() {
			edit(p.ID, p)
		}
	}
	for id := range gone {
		edit(id, nil)
	}
	return shards
}

// apply makes the edits in a status file's lines. It reports false if a line no
// longer says what was read of it.
func (e statusEdits) apply(lines map[string]statusLineJSON, was map[string]Profile) bool {
	for id, p := range e {
		if p == nil {
			delete(lines, id)
			continue
		}
		if q, ok := was[id]; ok {
			now := q
			if line, ok := lines[id]; ok {
				now.applyStatus(&line)
			}
			if !now.sameStatus(q) {
				return false
			}
		}
		lines[id] = toStatus(*p)
	}
	return true
}

// changeMany is change for many profiles with one write per status file. A change
// that affects more than the status is made on its own. Failures are ignored.
func (x *index) changeMany(ctx context.Context, changes map[string]func(*Profile)) {
	shards := map[string][]string{}
	for _, id := range slices.Sorted(maps.Keys(changes)) {
		if x.dir == "" || !validID(id) {
			_, _ = x.change(ctx, id, changes[id])
			continue
		}
		shards[statusShard(id)] = append(shards[statusShard(id)], id)
	}
	for shard, ids := range shards {
		for _, id := range x.changeShard(ctx, shard, ids, changes) {
			_, _ = x.change(ctx, id, changes[id])
		}
	}
}

// changeShard makes the changes that affect the status alone, and returns the
// profiles of the other changes.
func (x *index) changeShard(ctx context.Context, shard string, ids []string, changes map[string]func(*Profile)) (left []string) {
	unlock, err := x.locks.Lock(ctx, statusLock(shard), disk.IndexWait)
	if err != nil {
		return nil
	}
	defer unlock()
	lines, err := x.readStatus(shard)
	if err != nil {
		return nil
	}
	for _, id := range ids {
		before, err := x.byID(id)
		if err != nil {
			continue
		}
		p := before
		changes[id](&p)
		if !p.sameEntry(before) {
			left = append(left, id)
			continue
		}
		lines[id] = toStatus(p)
	}
	_ = x.writeStatus(shard, lines)
	return left
}
