package vault

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"

	"kitekey/kite"
)

// A backup is one age file of JSON: every credential that a profile has, with the
// profile's label and default token life. It has no tokens and no verdicts, which
// are outdated by the time it is needed.

const (
	backupMark    = "kitekey-backup"
	backupVersion = 1
	maxBackup     = 64 << 20 // bytes, decrypted
)

// ErrNotBackup reports that an age file is not a backup written by kitekey.
var ErrNotBackup = errors.New("it is not a backup of kitekey's")

// Entry is a profile with its credentials, outside of the vault: from or for a
// backup, or for an import.
type Entry struct {
	Selector
	Label      string
	ExpiresIn  kite.Lifetime   // 0 means DefaultExpiresIn
	Current    kite.Credential // the credential in use
	Previous   kite.Credential // zero if there is none, as is Staged
	ReplacedAt time.Time
	Staged     kite.Credential
	Origin     kite.Origin // the gateway that it belongs to, "" if that is not known
}

type backupJSON struct {
	Format   string            `json:"format"`
	Version  int               `json:"version"`
	Created  time.Time         `json:"created"`
	Profiles []backupEntryJSON `json:"profiles"`
}

type backupEntryJSON struct {
	Label       string          `json:"label,omitempty"`
	ExpiresIn   int64           `json:"expires_in"`  // seconds
	Credentials json.RawMessage `json:"credentials"` // as in the store
}

// Entries reads the credentials of profiles for a backup. The caller logs
// ActionExported once the backup is written. The error is that of the first profile
// that cannot be read. Entries still reads the others unless the store as a whole
// does not work.
func (v *Vault) Entries(ctx context.Context, sels []Selector) (entries []Entry, err error) {
	if err := v.Settle(ctx); err != nil {
		return nil, err
	}
	for _, sel := range sels {
		e, readErr := v.entry(ctx, sel)
		if readErr != nil {
			v.Record(ActionExported, sel, readErr)
		}
		if readErr != nil {
			err = errors.Join(err, readErr)
			if storeDown(readErr) || ctx.Err() != nil {
				return nil, readErr
			}
			continue
		}
		entries = append(entries, e)
	}
	return entries, err
}

func (v *Vault) entry(ctx context.Context, sel Selector) (Entry, error) {
	p, err := v.Lookup(sel)
	if err != nil {
		return Entry{}, err
	}
	c, err := v.read(ctx, p)
	if err != nil {
		return Entry{}, err
	}
	return Entry{p.Selector, p.Label, p.ExpiresIn, c.Current, c.Previous, c.ReplacedAt, c.Staged, c.originOf(p)}, nil
}

func (e Entry) credentials() credentials {
	return credentials{Selector: e.Selector, Current: e.Current, Previous: e.Previous, ReplacedAt: e.ReplacedAt, Staged: e.Staged, Origin: e.Origin}
}

// WriteBackup writes entries to w, encrypted to the recipients.
func WriteBackup(w io.Writer, created time.Time, entries []Entry, to ...age.Recipient) error {
	raw := backupJSON{Format: backupMark, Version: backupVersion, Created: created.UTC().Truncate(time.Second)}
	for _, e := range entries {
		data, err := e.credentials().encode()
		if err != nil {
			return err
		}
		raw.Profiles = append(raw.Profiles, backupEntryJSON{e.Label, int64(e.ExpiresIn), data})
	}
	plain, err := encodePayload(raw)
	if err != nil {
		return err
	}
	sealed, err := age.Encrypt(w, to...)
	if err != nil {
		return err
	}
	if _, err := sealed.Write(plain); err != nil {
		return err
	}
	return sealed.Close()
}

// IsAge reports whether data begins as an age file does, armored or not.
func IsAge(data []byte) bool {
	data = bytes.TrimSpace(data)
	return bytes.HasPrefix(data, []byte("age-encryption.org/")) || bytes.HasPrefix(data, []byte(armor.Header))
}

// ReadBackup is the inverse of WriteBackup. It fails with
// [age.ErrIncorrectIdentity] if none of the identities opens the file, and with
// ErrNotBackup if it is not a backup.
func ReadBackup(data []byte, with ...age.Identity) ([]Entry, error) {
	var r io.Reader = bytes.NewReader(data)
	if trimmed := bytes.TrimSpace(data); bytes.HasPrefix(trimmed, []byte(armor.Header)) {
		r = armor.NewReader(bufio.NewReader(bytes.NewReader(trimmed)))
	}
	r, err := age.Decrypt(r, with...)
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxBackup+1))
	if err != nil {
		return nil, fmt.Errorf("it is damaged or cut short: %w", err)
	}
	return parseBackup(plain)
}

func parseBackup(plain []byte) ([]Entry, error) {
	var raw backupJSON
	if len(plain) > maxBackup {
		return nil, ErrNotBackup
	}
	err := decodeVersioned(plain, &raw, &raw.Version, backupVersion)
	var newer *NewerError
	switch {
	case errors.As(err, &newer) && isBackup(plain):
		newer.What = "the backup"
		return nil, newer
	case err != nil || raw.Format != backupMark:
		return nil, ErrNotBackup
	}
	var entries []Entry
	for i, p := range raw.Profiles {
		c, err := decodeCredentials(p.Credentials)
		if err == nil {
			err = errors.Join(storable(c.Current), storableIfAny(c.Previous), storableIfAny(c.Staged))
		}
		if errors.Is(err, ErrNewer) {
			return nil, err
		}
		if err != nil {
			return nil, fmt.Errorf("%w: profile %d of %d: %w", ErrNotBackup, i+1, len(raw.Profiles), err)
		}
		if slices.ContainsFunc(entries, func(e Entry) bool { return e.Selector == c.Selector }) {
			return nil, fmt.Errorf("%w: %s is in it twice", ErrNotBackup, c.Selector)
		}
		e := Entry{c.Selector, "", lifetime(p.ExpiresIn), c.Current, c.Previous, c.ReplacedAt, c.Staged, cmp.Or(c.Origin, kite.OriginKitegateway)}
		if e.Label, err = CleanLabel(p.Label); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrNotBackup, e.Selector, err)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// isBackup reports whether a file is a backup of any version, and not another program's.
func isBackup(plain []byte) bool {
	var raw struct {
		Format string `json:"format"`
	}
	return json.Unmarshal(plain, &raw) == nil && raw.Format == backupMark
}

func storableIfAny(c kite.Credential) error {
	if !c.Complete() {
		return nil
	}
	return storable(c)
}

// ImportStep is what importing one entry will do.
type ImportStep struct {
	Entry   Entry
	Finding ImportFinding
	Present Profile // the profile of that name, zero for ImportNew
	Source  string  // the source for a new profile's credential, "" for the store
}

// ImportFinding tells how an entry compares with what the vault has.
type ImportFinding string

// The results of comparing an entry with the vault.
const (
	ImportNew      ImportFinding = "new"      // the vault has no profile of that name
	ImportSame     ImportFinding = "same"     // the vault has the same credential
	ImportConflict ImportFinding = "conflict" // the vault has another credential
	ImportLost     ImportFinding = "lost"     // the profile has lost its credential
)

// PlanImport compares entries with what the vault has, and changes nothing.
func (v *Vault) PlanImport(ctx context.Context, entries []Entry) ([]ImportStep, error) {
	if err := v.CheckStore(); err != nil {
		return nil, err
	}
	if err := v.Settle(ctx); err != nil {
		return nil, err
	}
	var steps []ImportStep
	for _, e := range entries {
		p, err := v.Lookup(e.Selector)
		if errors.Is(err, ErrNoProfile) {
			steps = append(steps, ImportStep{Entry: e, Finding: ImportNew})
			continue
		}
		if err != nil {
			return nil, err
		}
		step := ImportStep{Entry: e, Finding: ImportConflict, Present: p}
		switch c, err := v.read(ctx, p); {
		case errors.Is(err, ErrNoCredential):
			step.Finding = ImportLost
		case err != nil:
			return nil, err
		case sameCredential(c.Current, e.Current):
			step.Finding = ImportSame
		}
		steps = append(steps, step)
	}
	return steps, nil
}

// Import carries out a step. It adds a new profile with all its credentials. It
// replaces a lost or different credential with the entry's, and keeps a different
// one as the previous. It does nothing if both are the same.
func (v *Vault) Import(ctx context.Context, s ImportStep) error {
	e := s.Entry
	switch s.Finding {
	case ImportNew:
		_, err := v.Add(ctx, NewProfile{Selector: e.Selector, Label: e.Label, ExpiresIn: e.ExpiresIn, Credential: e.Current, Origin: e.Origin, Source: s.Source, extra: e.credentials()})
		return err
	case ImportConflict, ImportLost:
		_, err := v.replace(ctx, e.Selector, e.Current, e.Origin)
		return err
	}
	return nil
}
