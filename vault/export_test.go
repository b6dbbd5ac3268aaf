package vault

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"kitekey/kite"
	"kitekey/vault/internal/disk"
)

// The tests are in package vault_test, because storetest and the stores import
// vault. Some of them need these unexported parts.

type (
	Credentials = credentials
	ActivityLog = activityLog
)

const (
	ActivityFile     = activityFile
	ActivityPrevious = activityPrevious
	IndexBackup      = indexBackup
	IndexFile        = indexFile
	IndexLock        = indexLock
	MaxQueue         = maxQueue
	SettingsFile     = settingsFile
	SweepAge         = sweepAge
	TokenSuffix      = tokenSuffix
	VerifyAtOnce     = verifyAtOnce
)

var (
	Aboutf            = aboutf
	DecodeCredentials = decodeCredentials
	DecodeToken       = decodeToken
	Find              = find
	FreeName          = freeName
	NewID             = newID
	OrphanKeys        = orphanKeys
	ParseActivities   = parseActivities
	ParseBackup       = parseBackup
	SameCredential    = sameCredential
	Storable          = storable
	TokenKey          = tokenKey
	Writable          = writable
)

// FormatIndex is formatIndex without unknown fields.
func FormatIndex(profiles []Profile) ([]byte, error) { return formatIndex(profiles, "") }

// ParseIndex is parseIndex without the version.
func ParseIndex(data []byte) ([]Profile, error) {
	profiles, _, err := parseIndex(data)
	return profiles, err
}

// BusyLog makes the log's queue that of a log whose lines are being written, until the
// channel is closed.
func (v *Vault) BusyLog() chan struct{} {
	v.activity.idle = make(chan struct{})
	return v.activity.idle
}

func (c credentials) Encode() ([]byte, error) { return c.encode() }

func NewActivityLog(dir string, limit int64) *ActivityLog {
	return &activityLog{dir: dir, locks: disk.FileLocks{Dir: filepath.Join(dir, disk.Folder)}, limit: limit}
}

func (l *activityLog) Append(a Activity) error { return l.append(a) }

func (l *activityLog) Read() ([]Activity, error) { return l.read() }

func (v *Vault) SetStore(s Store)                            { v.store = s }
func (v *Vault) CurrentStore() Store                         { return v.store }
func (v *Vault) SetGateway(g func(kite.Environment) Gateway) { v.gateway = g }
func (v *Vault) SetSource(s func(string) (Source, error))    { v.source = s }
func (v *Vault) Locks() disk.Locker                          { return v.locks }
func (v *Vault) OwnFolder() error                            { _, err := v.ownFolder(); return err }
func (v *Vault) SaveIndex(profiles []Profile) error {
	return v.index.update(context.Background(), func(p *[]Profile) error { *p = profiles; return nil })
}

func (v *Vault) UpdateIndex(ctx context.Context, change func(*[]Profile) error) error {
	return v.index.update(ctx, change)
}

func (v *Vault) StageOnly(ctx context.Context, sel Selector, cred kite.Credential) (Profile, kite.Credential, error) {
	return v.stage(ctx, sel, cred)
}

func (v *Vault) ReadItem(ctx context.Context, p Profile) (Credentials, error) { return v.read(ctx, p) }

func (v *Vault) WriteItem(ctx context.Context, p Profile, c Credentials) error {
	return v.write(ctx, p, c)
}

func (v *Vault) ChangeEntry(ctx context.Context, id string, change func(*Profile)) (Profile, error) {
	return v.change(ctx, id, change)
}

func (v *Vault) Stage(ctx context.Context, sel Selector, cred kite.Credential) (Profile, kite.Credential, error) {
	return v.stage(ctx, sel, cred)
}

// ScanAndJSON reads lines as those of the index and of a status file: what the
// scanner makes of them, "" where it leaves them to encoding/json, and what that does.
func ScanAndJSON(lines string) map[string][2]string {
	text := func(v any, err error) string { data, _ := json.Marshal(v); return fmt.Sprint(string(data), err) }
	var entries []entryJSON
	var index indexJSON
	var states []statusLineJSON
	var status statusFileJSON
	out := map[string][2]string{}
	scanned := ""
	if scanLines([]byte(indexHead+lines), indexHead, func(s *scanner) { entries = append(entries, entryJSON{}); s.entry(&entries[len(entries)-1]) }) {
		scanned = text(entries, nil)
	}
	err := json.Unmarshal([]byte(indexHead+lines), &index)
	out["index"] = [2]string{scanned, text(index.Profiles, err)}
	if scanned = ""; scanLines([]byte(statusHead+lines), statusHead, func(s *scanner) { states = append(states, statusLineJSON{}); s.status(&states[len(states)-1]) }) {
		scanned = text(states, nil)
	}
	err = json.Unmarshal([]byte(statusHead+lines), &status)
	out["status"] = [2]string{scanned, text(status.Profiles, err)}
	return out
}

// KnownAccount exports knownAccount.
func KnownAccount(name string) error { return knownAccount(name) }
