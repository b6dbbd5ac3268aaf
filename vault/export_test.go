package vault

import (
	"context"
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
	FormatIndex       = formatIndex
	FreeName          = freeName
	HasCredential     = hasCredential
	NewID             = newID
	OrphanKeys        = orphanKeys
	ParseActivities   = parseActivities
	ParseBackup       = parseBackup
	SameCredential    = sameCredential
	Storable          = storable
	TokenKey          = tokenKey
	Unsettled         = unsettled
	Writable          = writable
)

// ParseIndex is parseIndex without the version.
func ParseIndex(data []byte) ([]Profile, error) {
	profiles, _, err := parseIndex(data)
	return profiles, err
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
