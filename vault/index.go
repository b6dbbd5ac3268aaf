package vault

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"kitekey/kite"
	"kitekey/vault/internal/disk"
)

// The index's files in the data folder.
const (
	indexFile   = "index.json"
	indexBackup = "index.json.bak" // the last good index.json before the present one
	indexLock   = "index"
)

const indexVersion = 1

// index is the list of profiles and how it is kept. On disk, readers need no
// lock because a new index replaces the old one in one step; writers hold one
// around reading, changing and replacing.
type index struct {
	dir   string // "" keeps it in memory
	locks disk.Locker

	mu       sync.Mutex
	profiles []Profile // only when dir is ""
}

// indexJSON and entryJSON are index.json's format. Times are UTC, durations
// whole seconds but for the skew.
type indexJSON struct {
	Version  int         `json:"version"`
	Profiles []entryJSON `json:"profiles"`
}

type entryJSON struct {
	ID          string     `json:"id"`
	Account     string     `json:"account"`
	Environment string     `json:"environment"`
	Store       string     `json:"store"`
	Source      string     `json:"source,omitempty"`
	Label       string     `json:"label,omitempty"`
	KeyHint     string     `json:"key_hint,omitempty"`
	ExpiresIn   int64      `json:"expires_in"`
	Host        string     `json:"host,omitempty"`
	Verdict     string     `json:"verdict,omitempty"`
	VerdictAt   time.Time  `json:"verdict_at,omitzero"`
	Token       *tokenInfo `json:"token,omitempty"`
	LastUsed    time.Time  `json:"last_used,omitzero"`
	State       string     `json:"state,omitempty"`
	Staged      bool       `json:"staged,omitempty"`
	Previous    bool       `json:"previous,omitempty"`
}

type tokenInfo struct {
	Minted    time.Time `json:"minted"`
	Deadline  time.Time `json:"deadline"`
	ExpiresIn int64     `json:"expires_in"`
	SkewMS    int64     `json:"skew_ms,omitempty"`
}

func toEntry(p Profile) entryJSON {
	e := entryJSON{
		ID: p.ID, Account: p.Account, Environment: string(p.Environment), Store: p.Store, Source: p.Source, Label: p.Label, KeyHint: p.KeyHint,
		ExpiresIn: int64(p.ExpiresIn), Host: p.Host, Verdict: string(p.Verdict), VerdictAt: utc(p.VerdictAt),
		LastUsed: utc(p.LastUsed), State: string(p.State), Staged: p.Staged, Previous: p.Previous,
	}
	if t := p.Token; !t.Deadline.IsZero() {
		e.Token = &tokenInfo{utc(t.Minted), utc(t.Deadline), int64(t.ExpiresIn), t.Skew.Milliseconds()}
	}
	return e
}

// fromEntry reads an entry. Whoever could write the file could not only have
// written nonsense: what is shown is made fit for a terminal, and what would
// overflow a duration is taken for nothing.
func fromEntry(e entryJSON) (Profile, error) {
	p := Profile{
		ID: e.ID, Store: e.Store, Source: e.Source, Label: truncate(kite.CleanText(e.Label), MaxLabel), KeyHint: truncate(kite.CleanText(e.KeyHint), 4),
		ExpiresIn: lifetime(e.ExpiresIn), Host: e.Host, Verdict: Verdict(e.Verdict), VerdictAt: e.VerdictAt, LastUsed: e.LastUsed, State: State(e.State),
		Staged: e.Staged, Previous: e.Previous,
	}
	if err := ValidAccount(e.Account); err != nil {
		return p, err
	}
	env, err := kite.ParseEnvironment(e.Environment)
	if err != nil {
		return p, err
	}
	p.Selector = Selector{e.Account, env}
	switch {
	case !validID(e.ID):
		return p, fmt.Errorf("%s has no usable id", p.Selector)
	case CheckKey(e.Store) != nil:
		return p, fmt.Errorf("%s names no store", p.Selector)
	case e.Source != "" && ValidAccount(e.Source) != nil:
		return p, fmt.Errorf("%s names no usable source", p.Selector)
	case !slices.Contains([]State{StateSettled, StateAdding, StateChanging, StateRemoving}, p.State):
		return p, fmt.Errorf("%s is in a state that there is not", p.Selector)
	}
	if p.ExpiresIn == 0 {
		p.ExpiresIn = DefaultExpiresIn
	}
	if !slices.Contains(Verdicts, p.Verdict) {
		p.Verdict, p.VerdictAt = VerdictNone, time.Time{}
	}
	if t := e.Token; t != nil {
		p.Token = TokenInfo{t.Minted, t.Deadline, lifetime(t.ExpiresIn), time.Duration(t.SkewMS) * time.Millisecond}
	}
	return p, nil
}

// lifetime is n seconds as a lifetime, 0 when n is out of range.
func lifetime(n int64) kite.Lifetime {
	if n < 0 || n > int64(kite.MaxLifetime) {
		return 0
	}
	return kite.Lifetime(n)
}

// briefly cuts text to n characters.
func truncate(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n])
	}
	return text
}

// utc drops the zone and the monotonic reading.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Round(0)
}

// load reads the index. No file at all is an empty index.
func (x *index) load() ([]Profile, error) {
	if x.dir == "" {
		x.mu.Lock()
		defer x.mu.Unlock()
		return slices.Clone(x.profiles), nil
	}
	var data []byte
	err := disk.RetrySharingViolation(func() (err error) {
		data, err = os.ReadFile(filepath.Join(x.dir, indexFile))
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(x.dir, indexBackup)); err == nil {
			return nil, x.damaged(errors.New("index.json is gone"))
		}
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the index: %w", err)
	}
	profiles, err := parseIndex(data)
	if err != nil {
		return nil, x.damaged(err)
	}
	return profiles, nil
}

func (x *index) damaged(err error) error {
	return fmt.Errorf("%w: %s: %w",
		ErrIndexDamaged, filepath.Join(x.dir, indexFile), err)
}

// parseIndex reads the format and refuses what no kitekey can have written.
func parseIndex(data []byte) ([]Profile, error) {
	var raw indexJSON
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, err
	}
	if raw.Version != indexVersion {
		return nil, fmt.Errorf("its version is %d and this kitekey reads %d: was it written by another release?", raw.Version, indexVersion)
	}
	profiles := make([]Profile, 0, len(raw.Profiles))
	ids, names := make(map[string]bool, len(raw.Profiles)), make(map[Selector]bool, len(raw.Profiles))
	for _, e := range raw.Profiles {
		p, err := fromEntry(e)
		if err != nil {
			return nil, err
		}
		if ids[p.ID] || names[p.Selector] {
			return nil, fmt.Errorf("%s is in it twice", p.Selector)
		}
		ids[p.ID], names[p.Selector] = true, true
		profiles = append(profiles, p)
	}
	return profiles, nil
}

// formatIndex writes one profile per line: fit to be read by a person, and half
// the size of indented JSON, which every command would have to read.
func formatIndex(profiles []Profile) ([]byte, error) {
	var buf bytes.Buffer
	fmt.Fprintf(&buf, `{"version":%d,"profiles":[`, indexVersion)
	enc := json.NewEncoder(&buf) // ends each entry with a line break
	enc.SetEscapeHTML(false)
	for i, p := range profiles {
		buf.WriteByte("\n,"[min(i, 1)])
		if err := enc.Encode(toEntry(p)); err != nil {
			return nil, err
		}
	}
	buf.WriteString("]}\n")
	return buf.Bytes(), nil
}

// StoreInUse tells from the data folder alone which store the profiles in it are
// kept in: what the index says of the first one, "" without any. Little more than
// the index's first lines is read.
func StoreInUse(dir string) string {
	for _, name := range []string{indexFile, indexBackup} {
		if store := firstStore(filepath.Join(dir, name)); store != "" {
			return store
		}
	}
	return ""
}

func firstStore(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	dec := json.NewDecoder(f)
	var first entryJSON
	for { // up to the list
		t, err := dec.Token()
		if err != nil {
			return ""
		}
		if t == json.Delim('[') {
			break
		}
	}
	if !dec.More() || dec.Decode(&first) != nil {
		return ""
	}
	return first.Store
}

// update reads the index, lets change work on it and replaces it, all under the
// lock. Nothing is written when change fails.
func (x *index) update(ctx context.Context, change func(profiles *[]Profile) error) error {
	unlock, err := x.locks.Lock(ctx, indexLock, disk.IndexWait)
	if err != nil {
		return err
	}
	defer unlock()
	profiles, err := x.load()
	if err != nil {
		return err
	}
	if err := change(&profiles); err != nil {
		return err
	}
	sortProfiles(profiles)
	return x.save(profiles)
}

// save replaces the index. The caller holds the lock.
func (x *index) save(profiles []Profile) error {
	if x.dir == "" {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.profiles = slices.Clone(profiles)
		return nil
	}
	data, err := formatIndex(profiles)
	if err != nil {
		return err
	}
	return disk.Replace(filepath.Join(x.dir, indexFile), filepath.Join(x.dir, indexBackup), data)
}

// sortProfiles puts accounts in order, sandbox before live.
func sortProfiles(profiles []Profile) {
	slices.SortFunc(profiles, func(a, b Profile) int {
		return cmp.Or(strings.Compare(a.Account, b.Account),
			cmp.Compare(slices.Index(kite.Environments, a.Environment), slices.Index(kite.Environments, b.Environment)))
	})
}

// find gives the position of the profile named sel, -1 when there is none.
func find(profiles []Profile, sel Selector) int {
	return slices.IndexFunc(profiles, func(p Profile) bool { return p.Selector == sel })
}

func findID(profiles []Profile, id string) int {
	return slices.IndexFunc(profiles, func(p Profile) bool { return p.ID == id })
}
