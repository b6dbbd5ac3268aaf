package vault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"time"

	"kitekey/kite"
	"kitekey/vault/internal/disk"
)

// indexVersion is the version that is written. Version 1, which can be read too,
// had the contents of a profile's status file in the entries themselves.
const indexVersion = 2

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

	unknown string // fields of a newer kitekey
}

func toEntry(p Profile) entryJSON {
	return entryJSON{
		ID: p.ID, Account: p.Account, Environment: string(p.Environment), Store: p.Store, Source: p.Source, Origin: string(p.Origin),
		Label: p.Label, KeyHint: p.KeyHint, ExpiresIn: int64(p.ExpiresIn), State: string(p.State), Staged: p.Staged, Previous: p.Previous,
		unknown: p.unknown,
	}
}

// fromEntry validates an entry. The file is not trusted: text is cleaned for
// terminals, and numbers out of range become 0.
func fromEntry(e entryJSON) (Profile, error) {
	p := Profile{
		ID: e.ID, Store: e.Store, Source: e.Source, Label: outside(e.Label, MaxLabel), KeyHint: outside(e.KeyHint, 4),
		ExpiresIn: lifetime(e.ExpiresIn), State: State(e.State), Staged: e.Staged, Previous: e.Previous,
		unknown: e.unknown,
	}
	if err := knownAccount(e.Account); err != nil {
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
	case e.Source != "" && ValidName(e.Source) != nil:
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
// size of indented JSON, and it is quick to search. unknown are the fields beside the
// profiles that this kitekey does not know.
func formatIndex(profiles []Profile, unknown string) ([]byte, error) {
	lines := make([]any, len(profiles))
	for i, p := range profiles {
		var err error
		if lines[i], err = toEntry(p).line(); err != nil {
			return nil, err
		}
	}
	data, err := formatLines(indexHead, lines)
	if unknown != "" {
		data = append(bytes.TrimSuffix(data, []byte("}\n")), ","+unknown+"}\n"...)
	}
	return data, err
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
