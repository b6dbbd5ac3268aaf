package vault

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
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

// The longest texts of a gateway that are stored, in characters.
const (
	maxMessage = 300
	maxHost    = 255
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
