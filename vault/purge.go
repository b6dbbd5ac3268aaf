package vault

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// expiredTokens lists up to limit profiles other than except whose cached tokens
// have expired. It looks into except's own file and one more, or into all while
// they are small. Over time it looks into every file.
func (x *index) expiredTokens(now time.Time, except string, limit int) (found []Profile) {
	expired := func(t TokenInfo) bool { return !t.Deadline.IsZero() && !t.Unexpired(now) }
	if x.dir == "" {
		profiles, _ := x.load()
		for _, p := range profiles {
			if p.ID != except && expired(p.Token) && len(found) < limit {
				found = append(found, p)
			}
		}
		return found
	}
	for _, shard := range x.shardsToPurge(except) {
		lines, err := x.readStatus(shard)
		if err != nil {
			continue
		}
		for id, line := range lines {
			var seen Profile
			seen.setStatus(line.statusJSON)
			if id == except || !expired(seen.Token) {
				continue
			}
			if len(found) == limit {
				return found
			}
			if p, err := x.byID(id); err == nil && expired(p.Token) {
				found = append(found, p)
			}
		}
	}
	return found
}

func (x *index) shardsToPurge(own string) (shards []string) {
	entries, err := os.ReadDir(filepath.Join(x.dir, statusFolder))
	if err != nil {
		return nil
	}
	const small = 64 << 10
	size := int64(0)
	for _, e := range entries {
		shard, ok := strings.CutSuffix(e.Name(), ".json")
		info, err := e.Info()
		if !ok || err != nil {
			continue
		}
		size += info.Size()
		shards = append(shards, shard)
	}
	if size <= small || len(shards) == 0 {
		return shards
	}
	return []string{statusShard(own), shards[rand.IntN(len(shards))]}
}

// purgeLimit bounds how many expired tokens one caller deletes.
const purgeLimit = 8

// startPurge deletes expired tokens of other profiles while the caller waits for
// the gateway. stop ends it, so that the caller's own token is not delayed.
func (v *Vault) startPurge(ctx context.Context, except string) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		v.purgeExpired(ctx, v.index.expiredTokens(v.now(), except, purgeLimit))
	}()
	return func() {
		cancel()
		<-done
	}
}

// purgeExpired deletes expired tokens from the store, of profiles that no other
// caller is working on.
func (v *Vault) purgeExpired(ctx context.Context, profiles []Profile) {
	for _, p := range profiles {
		if ctx.Err() != nil {
			return
		}
		if v.checkStore(p) != nil || p.State != StateSettled {
			continue
		}
		unlock, ok, err := v.locks.TryLock(p.ID)
		if err != nil || !ok {
			continue
		}
		again, err := v.Lookup(p.Selector)
		down := err == nil && again.ID == p.ID && !again.Token.Unexpired(v.now()) && storeDown(v.forget(ctx, p))
		unlock()
		if down {
			return // the store will not delete the others either
		}
	}
}
