package vault

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"kitekey/kite"
	"kitekey/vault/internal/disk"
)

// The index's files in the data folder.
const (
	indexFile   = "index.json"
	indexBackup = "index.json.bak" // a second copy, written once index.json is in place
	indexLock   = "index"
	maxIndex    = 64 << 20 // bytes: some 300,000 profiles
)

// indexVersion is the version that is written. Version 1, which can be read too,
// had the contents of a profile's status file in the entries themselves.
const indexVersion = 2

// index is the list of profiles and how it is stored. What changes rarely, names
// above all, is in index.json, one profile per line; what every mint changes is in
// status files (see status.go). So a mint writes little, and looking up one profile
// parses one line, however many there are.
//
// On disk, readers need no lock because a new file replaces the old one in one
// step. Writers hold a lock while they read, change and replace. A writer that
// changes both files writes the status first, because status that does not fit its
// entry is ignored.
type index struct {
	dir   string // "" keeps it in memory
	locks disk.Locker

	mu       sync.Mutex
	profiles []Profile // only when dir is ""
}

// indexJSON and entryJSON are index.json's format. Times are UTC, durations are
// whole seconds unless their name says otherwise.
type indexJSON struct {
	Version  int         `json:"version"`
	Profiles []entryJSON `json:"profiles"`
}

// entryJSON begins with the account and the environment because [entryLine] looks
// for them.
type entryJSON struct {
	Account     string `json:"account"`
	Environment string `json:"environment"`
	ID          string `json:"id"`
	Store       string `json:"store"`
	Source      string `json:"source,omitempty"`
	Origin      string `json:"origin,omitempty"` // "" in entries of version 1
	Label       string `json:"label,omitempty"`
	KeyHint     string `json:"key_hint,omitempty"`
	ExpiresIn   int64  `json:"expires_in"`
	State       string `json:"state,omitempty"`
	Staged      bool   `json:"staged,omitempty"`
	Previous    bool   `json:"previous,omitempty"`

	statusJSON // in version 1 only
}

func toEntry(p Profile) entryJSON {
	return entryJSON{
		ID: p.ID, Account: p.Account, Environment: string(p.Environment), Store: p.Store, Source: p.Source, Origin: string(p.Origin),
		Label: p.Label, KeyHint: p.KeyHint, ExpiresIn: int64(p.ExpiresIn), State: string(p.State), Staged: p.Staged, Previous: p.Previous,
	}
}

// fromEntry validates an entry. The file is not trusted: text is cleaned for
// terminals, and numbers out of range become 0.
func fromEntry(e entryJSON) (Profile, error) {
	p := Profile{
		ID: e.ID, Store: e.Store, Source: e.Source, Label: outside(e.Label, MaxLabel), KeyHint: outside(e.KeyHint, 4),
		ExpiresIn: lifetime(e.ExpiresIn), State: State(e.State), Staged: e.Staged, Previous: e.Previous,
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
		return p, fmt.Errorf("%s has an unknown state", p.Selector)
	}
	if p.ExpiresIn == 0 {
		p.ExpiresIn = DefaultExpiresIn
	}
	p.setStatus(e.statusJSON)
	if e.Origin == "" {
		p.Origin = originOfHost(p.Host)
	} else if p.Origin, err = kite.ParseOrigin(e.Origin); err != nil {
		return p, fmt.Errorf("%s names no usable origin", p.Selector)
	}
	return p, nil
}

// originOfHost returns the origin of a credential that was stored before origins
// were recorded: that of the gateway of its last verdict.
func originOfHost(host string) kite.Origin {
	if host == "" {
		return kite.OriginKitegateway
	}
	for _, env := range kite.Environments {
		if u, err := url.Parse(env.BaseURL()); err == nil && u.Host == host {
			return kite.OriginKitegateway
		}
	}
	return kite.OriginOverride
}

// outside cleans text from a file or from the network for terminals and cuts it to
// limit characters. All such text passes through here before it is stored or shown.
func outside(text string, limit int) string {
	text = kite.CleanText(text)
	if len(text) <= limit {
		return text
	}
	if r := []rune(text); len(r) > limit {
		text = string(r[:limit])
	}
	return text
}

// lifetime returns n seconds as a lifetime, 0 if n is out of range.
func lifetime(n int64) kite.Lifetime {
	if n < 0 || n > int64(kite.MaxLifetime) {
		return 0
	}
	return kite.Lifetime(n)
}

// utc drops the zone and the monotonic reading.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Round(0)
}

// load reads the index and every profile's status. A missing file is an empty
// index.
func (x *index) load() ([]Profile, error) {
	if x.dir == "" {
		x.mu.Lock()
		defer x.mu.Unlock()
		return slices.Clone(x.profiles), nil
	}
	profiles, _, err := x.loadNames()
	if err != nil {
		return nil, err
	}
	return profiles, x.loadStatus(profiles)
}

// loadNames is load without the status. version is the file's, 0 if it does not
// exist.
func (x *index) loadNames() (profiles []Profile, version int, err error) {
	data, err := x.read()
	if err != nil || data == nil {
		return nil, 0, err
	}
	return x.parse(data)
}

// read reads index.json; nil if it does not exist.
func (x *index) read() ([]byte, error) {
	path := filepath.Join(x.dir, indexFile)
	data, err := disk.Read(path, maxIndex)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Lstat(filepath.Join(x.dir, indexBackup)); err == nil {
			return nil, x.damaged(errors.New("it is gone"))
		}
		return nil, nil
	case errors.Is(err, disk.ErrNotRegular), errors.Is(err, disk.ErrTooLarge):
		return nil, x.damaged(disk.SyscallError(err))
	case errors.Is(err, syscall.ENOTDIR):
		return nil, &DataFolderError{Dir: x.dir, Op: "use", Err: syscall.ENOTDIR}
	case err != nil:
		return nil, fmt.Errorf("read the index: %w", err)
	case len(data) == 0:
		return nil, x.damaged(errors.New("it is empty"))
	}
	return data, nil
}

func (x *index) parse(data []byte) ([]Profile, int, error) {
	profiles, version, err := parseIndex(data)
	var newer *NewerError
	if errors.As(err, &newer) {
		newer.Path = filepath.Join(x.dir, indexFile)
		return nil, version, newer
	}
	if err != nil {
		return nil, version, x.damaged(err)
	}
	return profiles, version, nil
}

func (x *index) damaged(err error) error {
	return fmt.Errorf("%w: %s: %w", ErrIndexDamaged, filepath.Join(x.dir, indexFile), err)
}

// lookup returns one profile with its status. It parses only that profile's line if
// index.json has this kitekey's format.
func (x *index) lookup(sel Selector) (Profile, error) {
	return x.find(entryLine{sel: sel}, func(p Profile) bool { return p.Selector == sel })
}

// byID is lookup by a profile's id.
func (x *index) byID(id string) (Profile, error) {
	return x.find(entryLine{id: id}, func(p Profile) bool { return p.ID == id })
}

func (x *index) find(line entryLine, is func(Profile) bool) (Profile, error) {
	if x.dir == "" {
		x.mu.Lock()
		defer x.mu.Unlock()
		if i := slices.IndexFunc(x.profiles, is); i >= 0 {
			return x.profiles[i], nil
		}
		return Profile{}, ErrNoProfile
	}
	data, err := x.read()
	if err != nil {
		return Profile{}, err
	}
	if data == nil {
		return Profile{}, ErrNoProfile
	}
	p, ok := line.in(data)
	if !ok || !is(p) { // no such line, or another format: read the whole file
		profiles, _, err := x.parse(data)
		if err != nil {
			return Profile{}, err
		}
		i := slices.IndexFunc(profiles, is)
		if i < 0 {
			return Profile{}, ErrNoProfile
		}
		p = profiles[i]
	}
	one := []Profile{p}
	err = x.loadStatus(one)
	return one[0], err
}

// entryLine finds the line of one profile in an index.
type entryLine struct {
	sel Selector
	id  string
}

func (l entryLine) in(data []byte) (Profile, bool) {
	if !bytes.HasPrefix(data, []byte(indexHead)) || !bytes.HasSuffix(data, []byte(indexTail)) {
		return Profile{}, false
	}
	what := `"id":"` + l.id + `",`
	if l.id == "" {
		what = `"account":"` + l.sel.Account + `","environment":"` + string(l.sel.Environment) + `",`
	}
	at := bytes.Index(data, []byte(what))
	if at < 0 {
		return Profile{}, false
	}
	start := bytes.LastIndexByte(data[:at], '{')
	end := bytes.IndexByte(data[at:], '\n')
	if start < 0 || end < 0 {
		return Profile{}, false
	}
	var e entryJSON
	if json.Unmarshal(data[start:at+end], &e) != nil {
		return Profile{}, false
	}
	p, err := fromEntry(e)
	return p, err == nil
}

// parseIndex reads index.json and refuses what no version of kitekey can have
// written. The error is a [*NewerError] if a newer version has written it.
func parseIndex(data []byte) (profiles []Profile, version int, err error) {
	raw, err := decodeIndex(data)
	if err != nil {
		return nil, raw.Version, err
	}
	profiles = make([]Profile, 0, len(raw.Profiles))
	ids, names := make(map[string]bool, len(raw.Profiles)), make(map[Selector]bool, len(raw.Profiles))
	for _, e := range raw.Profiles {
		p, err := fromEntry(e)
		if err != nil {
			return nil, raw.Version, err
		}
		if ids[p.ID] || names[p.Selector] {
			return nil, raw.Version, fmt.Errorf("%s is in it twice", p.Selector)
		}
		ids[p.ID], names[p.Selector] = true, true
		profiles = append(profiles, p)
	}
	return profiles, raw.Version, nil
}

func decodeIndex(data []byte) (raw indexJSON, err error) {
	raw = indexJSON{Version: indexVersion, Profiles: make([]entryJSON, 0, bytes.Count(data, []byte{'\n'}))}
	if scanLines(data, indexHead, func(s *scanner) {
		var e entryJSON
		s.entry(&e)
		raw.Profiles = append(raw.Profiles, e)
	}) {
		return raw, nil
	}
	raw = indexJSON{}
	err = decodeVersioned(data, &raw, &raw.Version, indexVersion)
	return raw, err
}

// decodeVersioned reads JSON with a version. A newer version is a [*NewerError],
// whatever else the file holds.
func decodeVersioned(data []byte, into any, version *int, newest int) error {
	if err := CheckVersion(data, newest); err != nil {
		return err
	}
	err := json.Unmarshal(data, into)
	if err == nil && *version < 1 {
		return errors.New("it has no version")
	}
	return err
}

const (
	indexHead = `{"version":2,"profiles":[`
	indexTail = "]}\n"
)

// formatIndex writes one profile per line: a person can read it, it is half the
// size of indented JSON, and it is quick to search.
func formatIndex(profiles []Profile) ([]byte, error) {
	lines := make([]any, len(profiles))
	for i, p := range profiles {
		lines[i] = toEntry(p)
	}
	return formatLines(indexHead, lines)
}

func formatLines(head string, lines []any) ([]byte, error) {
	var buf bytes.Buffer
	buf.WriteString(head)
	enc := json.NewEncoder(&buf) // ends each entry with a line break
	enc.SetEscapeHTML(false)
	for i, line := range lines {
		buf.WriteByte("\n,"[min(i, 1)])
		if err := enc.Encode(line); err != nil {
			return nil, err
		}
	}
	buf.WriteString(indexTail)
	return buf.Bytes(), nil
}

// StoreInUse reads from the data folder which store its profiles are in: the store
// of the index's first profile, "" if there is none. It reads little more than the
// first lines of the index.
func StoreInUse(dir string) string {
	for _, name := range []string{indexFile, indexBackup} {
		if store := firstStore(filepath.Join(dir, name)); store != "" {
			return store
		}
	}
	return ""
}

func firstStore(path string) string {
	head, err := disk.ReadHead(path, 64<<10)
	if err != nil {
		return ""
	}
	if store, ok := firstLineStore(head); ok {
		return store
	}
	dec := json.NewDecoder(bytes.NewReader(head))
	var first entryJSON
	for { // skip to the list
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

// firstLineStore is firstStore for an index as this kitekey writes it, in which a
// field's name with its quotes is nowhere but at the field.
func firstLineStore(head []byte) (store string, ok bool) {
	line, ok := bytes.CutPrefix(head, []byte(indexHead+"\n"))
	if !ok {
		return "", false
	}
	line, _, _ = bytes.Cut(line, []byte("\n"))
	_, rest, _ := bytes.Cut(line, []byte(`"store":"`))
	name, _, ok := bytes.Cut(rest, []byte(`"`))
	return string(name), ok && CheckKey(string(name)) == nil
}

// update reads the index, calls change with it and writes what changed, all under
// the lock. It writes nothing if change fails. change may be called more than once.
func (x *index) update(ctx context.Context, change func(profiles *[]Profile) error) error {
	unlock, err := x.locks.Lock(ctx, indexLock, disk.IndexWait)
	if err != nil {
		return err
	}
	defer unlock()
	if x.dir == "" {
		x.mu.Lock()
		defer x.mu.Unlock()
		profiles := slices.Clone(x.profiles)
		if err := change(&profiles); err != nil {
			return err
		}
		sortProfiles(profiles)
		x.profiles = profiles
		return nil
	}
	for {
		names, version, err := x.loadNames()
		if err != nil {
			return err
		}
		before := slices.Clone(names)
		if err := x.loadStatus(before); err != nil {
			return err
		}
		profiles := slices.Clone(before)
		if err := change(&profiles); err != nil {
			return err
		}
		sortProfiles(profiles)
		saved, err := x.saveStatus(ctx, before, profiles, version == 1)
		if err != nil {
			return err
		}
		if !saved { // a mint has changed the same status in between
			continue
		}
		if version == indexVersion && slices.EqualFunc(before, profiles, Profile.sameEntry) {
			return nil
		}
		return x.save(profiles)
	}
}

// sameEntry reports whether two profiles have the same line in index.json.
func (p Profile) sameEntry(q Profile) bool { return toEntry(p) == toEntry(q) }

// change changes one profile. It does not write index.json if only the status
// changes. change may be called more than once.
func (x *index) change(ctx context.Context, id string, change func(*Profile)) (p Profile, err error) {
	if x.dir != "" {
		p, ok, err := x.changeStatus(ctx, id, change)
		if err != nil || ok {
			return p, err
		}
	}
	err = x.update(ctx, func(profiles *[]Profile) error {
		i := findID(*profiles, id)
		if i < 0 {
			return ErrNoProfile
		}
		change(&(*profiles)[i])
		p = (*profiles)[i]
		return nil
	})
	return p, err
}

// save replaces index.json, then its copy. The caller holds the lock.
func (x *index) save(profiles []Profile) error {
	data, err := formatIndex(profiles)
	if err != nil {
		return err
	}
	if err := disk.Replace(filepath.Join(x.dir, indexFile), "", data); err != nil {
		return err
	}
	return disk.Replace(filepath.Join(x.dir, indexBackup), "", data)
}

// sortProfiles sorts by account, sandbox before live.
func sortProfiles(profiles []Profile) {
	slices.SortFunc(profiles, func(a, b Profile) int {
		return cmp.Or(strings.Compare(a.Account, b.Account),
			cmp.Compare(slices.Index(kite.Environments, a.Environment), slices.Index(kite.Environments, b.Environment)))
	})
}

// find returns the position of the profile named sel, -1 if there is none.
func find(profiles []Profile, sel Selector) int {
	return slices.IndexFunc(profiles, func(p Profile) bool { return p.Selector == sel })
}

func findID(profiles []Profile, id string) int {
	return slices.IndexFunc(profiles, func(p Profile) bool { return p.ID == id })
}
