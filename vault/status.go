package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"kitekey/vault/internal/disk"
)

// A profile's status is what every mint and every verification changes: verdict,
// cached token, last use. It is in one of up to 32 small files, chosen by the first
// letter of the profile's id, so that a mint reads and writes a thirty-second of
// all status, and listing reads 32 files at most.
//
// Losing a status file is harmless: a file that cannot be read counts as empty, and
// the next mint or verification writes it again.
const (
	statusFolder  = "status"
	statusVersion = 1
	statusHead    = `{"version":1,"profiles":[`
	maxStatus     = 16 << 20
)

type statusFileJSON struct {
	Version  int              `json:"version"`
	Profiles []statusLineJSON `json:"profiles"`
}

// statusLineJSON is one profile's status. KeyHint says which credential it is
// about: the status of another one is ignored.
type statusLineJSON struct {
	ID      string `json:"id"`
	KeyHint string `json:"key_hint,omitempty"`
	statusJSON
}

type statusJSON struct {
	Host      string     `json:"host,omitempty"`
	Verdict   string     `json:"verdict,omitempty"`
	VerdictAt time.Time  `json:"verdict_at,omitzero"`
	HTTP      int        `json:"http_status,omitempty"`
	Message   string     `json:"message,omitempty"`
	Cause     string     `json:"cause,omitempty"`
	Detail    string     `json:"detail,omitempty"`
	LatencyMS int64      `json:"latency_ms,omitempty"`
	SkewMS    int64      `json:"skew_ms,omitempty"`
	Deep      bool       `json:"deep,omitempty"`
	Token     *tokenInfo `json:"token,omitempty"`
	LastUsed  time.Time  `json:"last_used,omitzero"`
}

type tokenInfo struct {
	Minted    time.Time `json:"minted"`
	Deadline  time.Time `json:"deadline"`
	ExpiresIn int64     `json:"expires_in"`
	SkewMS    int64     `json:"skew_ms,omitempty"`
}

func toStatus(p Profile) statusLineJSON {
	s := statusLineJSON{ID: p.ID, KeyHint: p.KeyHint, statusJSON: statusJSON{
		Host: p.Host, Verdict: string(p.Verdict), VerdictAt: utc(p.VerdictAt), HTTP: p.facts.Status, Message: p.facts.Message, Cause: p.facts.Cause, Detail: p.facts.Detail,
		LatencyMS: p.facts.Latency.Milliseconds(), SkewMS: p.facts.Skew.Milliseconds(), Deep: p.facts.Deep, LastUsed: utc(p.LastUsed),
	}}
	if t := p.Token; !t.Deadline.IsZero() {
		s.Token = &tokenInfo{utc(t.Minted), utc(t.Deadline), int64(t.ExpiresIn), t.Skew.Milliseconds()}
	}
	return s
}

// The longest texts of a gateway that are stored, in characters.
const (
	maxMessage = 300
	maxHost    = 255
)

// setStatus validates a status and sets p's fields from it. The file is not
// trusted.
func (p *Profile) setStatus(s statusJSON) {
	p.Host, p.LastUsed = outside(s.Host, maxHost), s.LastUsed
	if p.Verdict = Verdict(s.Verdict); slices.Contains(Verdicts, p.Verdict) {
		p.VerdictAt = s.VerdictAt
		p.facts = verdictFacts{
			Status: s.HTTP, Message: outside(s.Message, maxMessage), Cause: outside(s.Cause, maxMessage), Detail: outside(s.Detail, maxMessage),
			Latency: milliseconds(s.LatencyMS), Skew: milliseconds(s.SkewMS), Deep: s.Deep,
		}
	} else {
		p.Verdict = VerdictNone
	}
	if t := s.Token; t != nil {
		p.Token = TokenInfo{t.Minted, t.Deadline, lifetime(t.ExpiresIn), milliseconds(t.SkewMS)}
	}
}

// milliseconds returns n ms, 0 if that is out of range.
func milliseconds(n int64) time.Duration {
	const most = int64(100 * 365 * 24 * time.Hour / time.Millisecond)
	if n < -most || n > most {
		return 0
	}
	return time.Duration(n) * time.Millisecond
}

// statusShard returns the name of the file with a profile's status.
func statusShard(id string) string { return id[:1] }

func (x *index) statusPath(shard string) string {
	return filepath.Join(x.dir, statusFolder, shard+".json")
}

func statusLock(shard string) string { return "status-" + shard }

// readStatus reads one status file. It may have lines of profiles that no longer
// exist. It fails only if the file has a newer version.
func (x *index) readStatus(shard string) (map[string]statusLineJSON, error) {
	list, err := x.statusLines(shard)
	lines := make(map[string]statusLineJSON, len(list))
	for _, line := range list {
		lines[line.ID] = line
	}
	return lines, err
}

func (x *index) statusLines(shard string) ([]statusLineJSON, error) {
	data, err := disk.Read(x.statusPath(shard), maxStatus)
	if err != nil {
		return nil, nil //nolint:nilerr // missing or unreadable: as good as empty
	}
	raw, err := decodeStatus(data)
	var newer *NewerError
	if errors.As(err, &newer) {
		newer.Path = x.statusPath(shard)
		return nil, newer
	}
	if err != nil {
		return nil, nil //nolint:nilerr // as above
	}
	return raw.Profiles, nil
}

func decodeStatus(data []byte) (raw statusFileJSON, err error) {
	raw = statusFileJSON{Version: statusVersion, Profiles: make([]statusLineJSON, 0, bytes.Count(data, []byte{'\n'}))}
	if scanLines(data, statusHead, func(s *scanner) {
		var line statusLineJSON
		s.status(&line)
		raw.Profiles = append(raw.Profiles, line)
	}) {
		return raw, nil
	}
	raw = statusFileJSON{}
	err = decodeVersioned(data, &raw, &raw.Version, statusVersion)
	return raw, err
}

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

// applyStatus sets p's status from its line.
func (p *Profile) applyStatus(line *statusLineJSON) {
	p.clearVerdict()
	p.Host, p.Token = "", TokenInfo{}
	if line.KeyHint == p.KeyHint {
		p.setStatus(line.statusJSON)
	} else {
		p.LastUsed = line.LastUsed
	}
}

// sameStatus reports whether two profiles have the same line in a status file.
func (p Profile) sameStatus(q Profile) bool {
	a, b := toStatus(p), toStatus(q)
	if a.Token != nil && b.Token != nil && *a.Token == *b.Token {
		a.Token = b.Token
	}
	return a == b
}

// hasStatus reports whether p's status has anything to store.
func (p Profile) hasStatus() bool { return !p.sameStatus(Profile{ID: p.ID, KeyHint: p.KeyHint}) }

// writeStatus replaces a status file. The caller holds its lock.
func (x *index) writeStatus(shard string, lines map[string]statusLineJSON) error {
	path := x.statusPath(shard)
	out := make([]any, 0, len(lines))
	for _, id := range slices.Sorted(maps.Keys(lines)) {
		out = append(out, lines[id])
	}
	data, err := formatLines(statusHead, out)
	if err != nil {
		return err
	}
	err = disk.Replace(path, "", data)
	if errors.Is(err, fs.ErrNotExist) {
		if err = disk.MakeFolder(filepath.Dir(path)); err == nil {
			err = disk.Replace(path, "", data)
		}
	}
	return err
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

// damagedStatus lists the status files that cannot be read.
func (x *index) damagedStatus() (paths []string) {
	entries, err := os.ReadDir(filepath.Join(x.dir, statusFolder))
	if x.dir == "" || err != nil {
		return nil
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		path := filepath.Join(x.dir, statusFolder, e.Name())
		data, err := disk.Read(path, maxStatus)
		var raw statusFileJSON
		if err == nil {
			err = decodeVersioned(data, &raw, &raw.Version, statusVersion)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			paths = append(paths, path)
		}
	}
	return paths
}
