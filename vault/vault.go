// Package vault stores the user's profiles, credentials and cached tokens, and does
// everything that can be done with them.
//
// # Two places
//
// The index (index.json in the data folder) lists the profiles and holds no
// secret, so that listing asks no keyring and raises no prompt. The [Store]
// holds the secrets: under each profile's random id one item with its
// credential, and under "<id>-token" its cached token.
//
// What every mint changes (verdict, cached token, last use) is in small status
// files beside the index, so that work on one profile does not rewrite the others.
// Losing a status file costs a mint, nothing else.
//
// # Nothing is sent elsewhere
//
// A credential has an origin: Kitegateway, or an override on this machine. It is
// sent to that origin alone; see [OriginError].
//
// # Newer formats
//
// A file or an item that a newer kitekey wrote is never changed, not even by a
// repair: see [NewerError].
//
// # Nothing is lost
//
// Kitegateway shows an api_secret once, so a write counts only when it has been
// read back, and every change follows one order: say in the index what is about
// to happen ("adding", "removing", "changing"), do it in the store, say that it
// is done. A process that ends in between leaves an unsettled entry, and the next
// call that uses the store settles it: an item that was written is kept and
// listed, one that was being removed goes. A lock per profile, which ends with
// its process, tells an interrupted change from one that is still under way.
//
// # Many processes
//
// Several kitekeys at once are normal. The index is replaced atomically under a
// lock. Callers that need a token of one profile at the same time share one mint:
// the second waits for the profile's lock and gets the first one's token, or its
// failure.
//
// # Errors
//
// An error says what failed, in facts: a kind for errors.Is, and a type with fields
// where a front end can use them. No error names a command, a flag or a key.
package vault

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"kitekey/kite"
	"kitekey/vault/internal/disk"
)

// Gateway is the part of the API that the vault needs; [*kite.Client] has it.
type Gateway interface {
	Host() string
	Origin() kite.Origin
	Way() string // callers with different ways to the gateway do not share a failure
	Mint(ctx context.Context, cred kite.Credential, expiresIn kite.Lifetime) (kite.Token, error)
	Balances(ctx context.Context, tok kite.Token) ([]kite.Balance, error)
}

// Options are the parts that [Open] needs.
type Options struct {
	Dir     string // data folder, created when needed; "" keeps the index in memory and writes nothing
	Store   Store
	Gateway func(kite.Environment) Gateway
	Source  func(name string) (Source, error) // opens a profile's source; nil if there are none
	Now     func() time.Time                  // nil is time.Now
	Command string                            // the command in the activity log: "token", "screen"
	Reason  string                            // the reason in the activity log, if the user gave one
}

// Vault is safe for concurrent use, by several processes too.
type Vault struct {
	dir      string
	store    Store
	gateway  func(kite.Environment) Gateway
	source   func(name string) (Source, error)
	opened   sync.Map // the sources that were used, by name
	now      func() time.Time
	index    *index
	locks    disk.Locker // one per profile, named by its id
	activity *activityLog
	failures failureLog
}

// Open reads neither the index nor the store, and creates nothing: the first change
// creates a missing data folder. Open fails with ErrDataFolder if another user owns
// the folder, because that user can put anything into it.
func Open(o Options) (*Vault, error) {
	v := &Vault{dir: o.Dir, store: o.Store, gateway: o.Gateway, source: o.Source, now: o.Now}
	if v.store == nil || v.gateway == nil {
		return nil, errors.New("vault: Options.Store and Options.Gateway are needed")
	}
	if v.now == nil {
		v.now = time.Now
	}
	if v.dir == "" {
		locks := disk.NewMemoryLocks()
		v.locks, v.index = locks, &index{locks: locks}
		v.activity = &activityLog{command: o.Command, reason: reasonOf(o.Reason)}
		v.failures = newFailureLog("")
		return v, nil
	}
	if err := disk.Own(v.dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, &DataFolderError{Dir: v.dir, Op: "use", Err: err}
	}
	locks := disk.FileLocks{Dir: filepath.Join(v.dir, disk.Folder)}
	v.locks, v.index = locks, &index{dir: v.dir, locks: locks}
	v.activity = &activityLog{dir: v.dir, locks: locks, command: o.Command, reason: reasonOf(o.Reason), limit: activityLimit}
	v.failures = newFailureLog(filepath.Join(v.dir, disk.Folder))
	return v, nil
}

// StoreName returns the store's name.
func (v *Vault) StoreName() string { return v.store.Name() }

// Dir returns the data folder, "" if there is none.
func (v *Vault) Dir() string { return v.dir }

// Lock makes a store that stays unlocked forget it, in this process and for later
// commands, and a source its token. The next call unlocks it again.
func (v *Vault) Lock() {
	if l, ok := v.store.(Locker); ok {
		l.Lock()
	}
	for _, env := range kite.Environments {
		// A connection keeps the header it sent last.
		if c, ok := v.gateway(env).(interface{ CloseIdleConnections() }); ok {
			c.CloseIdleConnections()
		}
	}
	v.opened.Range(func(_, src any) bool {
		if l, ok := src.(interface{ Lock() }); ok {
			l.Lock()
		}
		return true
	})
}

// NeedsPassphrase reports whether the store's next call will ask for a passphrase.
func (v *Vault) NeedsPassphrase() bool {
	l, ok := v.store.(Locker)
	return ok && l.Locked()
}

// Unlock opens a store with its passphrase, so that it does not ask for it. The
// error is ErrWrongPassphrase if it is not the right one.
func (v *Vault) Unlock(ctx context.Context, passphrase kite.Secret) error {
	u, ok := v.store.(Unlocker)
	if !ok {
		return nil
	}
	return u.Unlock(ctx, passphrase)
}

// CanKeep reports whether the store is opened by a passphrase and can stay unlocked
// for later commands.
func (v *Vault) CanKeep() bool {
	_, ok := v.store.(Keeper)
	return ok
}

// KeepUnlocked asks for the passphrase and keeps the store unlocked for every
// command of this user, until the returned time or Lock. The error is ErrCannotKeep
// if the store or this machine cannot do it.
func (v *Vault) KeepUnlocked(ctx context.Context, life time.Duration) (until time.Time, err error) {
	k, ok := v.store.(Keeper)
	if !ok {
		return time.Time{}, ErrCannotKeep
	}
	return k.KeepUnlocked(ctx, life)
}

// KeepOpen is KeepUnlocked for a store that was just unlocked in this process: it
// does not ask.
func (v *Vault) KeepOpen(life time.Duration) (until time.Time, err error) {
	k, ok := v.store.(Keeper)
	if !ok {
		return time.Time{}, ErrCannotKeep
	}
	return k.KeepOpen(life)
}

// KeptUntil returns the time until which the store is unlocked for every command.
func (v *Vault) KeptUntil() (until time.Time, ok bool) {
	if k, can := v.store.(Keeper); can {
		return k.KeptUntil()
	}
	return time.Time{}, false
}

// List returns every profile, sorted by account, sandbox first. It reads only the
// index, never the store.
func (v *Vault) List() ([]Profile, error) {
	profiles, err := v.index.load()
	hosts := map[kite.Environment]string{}
	for _, env := range kite.Environments {
		hosts[env] = v.gateway(env).Host()
	}
	for i := range profiles {
		profiles[i].forHost(hosts[profiles[i].Environment])
	}
	return profiles, err
}

// Lookup returns the profile of that name from the index. The error is a
// [*NoProfileError] if there is none.
func (v *Vault) Lookup(sel Selector) (Profile, error) {
	p, err := v.index.lookup(sel)
	if errors.Is(err, ErrNoProfile) {
		profiles, err := v.index.load()
		if err != nil {
			return Profile{}, err
		}
		return Profile{}, About(sel, &NoProfileError{Near: nearMisses(profiles, sel), Empty: len(profiles) == 0})
	}
	if err != nil {
		return Profile{}, err
	}
	p.forHost(v.gateway(p.Environment).Host())
	return p, nil
}

// nearMisses lists the profiles that the user may have meant: the same account in
// the other environment, or a similar name.
func nearMisses(profiles []Profile, sel Selector) (near []Selector) {
	for _, p := range profiles {
		if p.Account == sel.Account || distance(p.Account, sel.Account) <= 1+len(sel.Account)/4 ||
			len(sel.Account) >= 2 && strings.HasPrefix(p.Account, sel.Account) {
			near = append(near, p.Selector)
		}
		if len(near) == 3 {
			break
		}
	}
	return near
}

// distance returns the Levenshtein distance between short names.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// lockProfile takes the lock of sel's profile and reads its entry again, which
// may have changed while waiting.
func (v *Vault) lockProfile(ctx context.Context, sel Selector) (Profile, func(), error) {
	p, unlock, _, err := v.waitForProfile(ctx, sel)
	return p, unlock, err
}

// waitForProfile is lockProfile; waited reports whether another caller had the lock.
func (v *Vault) waitForProfile(ctx context.Context, sel Selector) (_ Profile, unlock func(), waited bool, err error) {
	p, err := v.Lookup(sel)
	if err != nil {
		return Profile{}, nil, false, err
	}
	unlock, ok, err := v.locks.TryLock(p.ID)
	waited = err == nil && !ok
	if waited {
		// The holder may wait for a store that does not answer. Ask the store first, so
		// that callers do not wait for it one after another.
		if err = v.Reach(ctx); err == nil {
			unlock, err = v.locks.Lock(ctx, p.ID, disk.ProfileWait)
		}
	}
	var busy *disk.BusyError
	if errors.As(err, &busy) {
		err = &BusyError{Waited: busy.Waited}
	}
	if err != nil {
		return Profile{}, nil, waited, About(sel, err)
	}
	again, err := v.Lookup(sel)
	if err == nil && again.ID == p.ID && again.State != StateSettled && v.checkStore(again) == nil {
		// The last holder died during a change: finish that first.
		if err = v.settleLocked(ctx, again); err == nil {
			again, err = v.Lookup(sel)
		}
	}
	if err == nil && again.ID != p.ID {
		err = aboutf(sel, "another kitekey replaced it just now: try again: %w", ErrBusy)
	}
	if err != nil {
		unlock()
		return Profile{}, nil, waited, err
	}
	return again, unlock, waited, nil
}

// settled finishes an interrupted change of p, if there is one.
func (v *Vault) settled(ctx context.Context, p Profile) (Profile, error) {
	if p.State == StateSettled || v.checkStore(p) != nil {
		return p, nil
	}
	if err := v.settleOne(ctx, p); err != nil {
		return p, err
	}
	return v.Lookup(p.Selector)
}

// change updates the index entry with that id. The error is ErrNoProfile if there
// is none.
func (v *Vault) change(ctx context.Context, id string, change func(*Profile)) (p Profile, err error) {
	return v.index.change(ctx, id, change)
}

// deleteEntry removes the entry with that id from the index.
func (v *Vault) deleteEntry(ctx context.Context, id string) error {
	return v.index.update(ctx, func(profiles *[]Profile) error {
		if i := findID(*profiles, id); i >= 0 {
			*profiles = append((*profiles)[:i], (*profiles)[i+1:]...)
		}
		return nil
	})
}

// checkStore fails if the profile's secrets are in another store: what this one
// holds or lacks means nothing then.
func (v *Vault) checkStore(p Profile) error {
	if p.Store == v.store.Name() {
		return nil
	}
	return About(p.Selector, &OtherStoreError{Store: p.Store, InUse: v.store.Name()})
}

// checkStores keeps all profiles of a data folder in one store, so that a user need
// not remember which profile is where.
func (v *Vault) checkStores(profiles []Profile) error {
	for _, p := range profiles {
		if err := v.checkStore(p); err != nil {
			return err
		}
	}
	return nil
}

// CheckStore fails with ErrOtherStore if the data folder's profiles are kept in
// another store, so that none can be added to this one.
func (v *Vault) CheckStore() error {
	profiles, err := v.index.load()
	if err != nil {
		return err
	}
	return v.checkStores(profiles)
}

// read reads a profile's item. The error is ErrNoCredential if it is missing or
// unreadable.
func (v *Vault) read(ctx context.Context, p Profile) (credentials, error) {
	if p.Source != "" {
		return v.readSource(ctx, p)
	}
	if err := v.checkStore(p); err != nil {
		return credentials{}, err
	}
	data, err := v.store.Get(ctx, p.ID)
	defer clear(data)
	if err == nil {
		var c credentials
		if c, err = decodeCredentials(data); err == nil && v.isItemOf(p, c.Selector) {
			return c, nil
		} else if err == nil {
			c.erase()
			return credentials{}, About(p.Selector, &OtherItemError{c.Selector})
		}
		if errors.Is(err, ErrNewer) {
			return credentials{}, About(p.Selector, err)
		}
		err = failed(v.store, OpRead, ErrCorrupt, err)
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return credentials{}, aboutf(p.Selector, "%w: %w: it was deleted elsewhere, or the store's file was damaged", ErrNoCredential, err)
	case errors.Is(err, ErrCorrupt):
		return credentials{}, aboutf(p.Selector, "%w: %w", ErrNoCredential, err)
	}
	return credentials{}, About(p.Selector, err)
}

// isItemOf reports whether an item that has a profile's id and another name may be that
// profile's: its account may be renamed now, or was since p was read. An environment never
// changes. Otherwise another program has changed the index, and a payment would be made
// from another account.
func (v *Vault) isItemOf(p Profile, item Selector) bool {
	if item.Environment != p.Environment {
		return false
	}
	if item == p.Selector || p.State != StateSettled {
		return true
	}
	profiles, err := v.index.load()
	i := findID(profiles, p.ID)
	return err == nil && i >= 0 && (profiles[i].Selector == item || profiles[i].State != StateSettled)
}

// placeOf returns where a profile's item is: "the keyring", "the source team".
func (v *Vault) placeOf(p Profile) string {
	if p.Source != "" {
		return "the source " + p.Source
	}
	return "the " + nounOf(v.store)
}

// write stores a profile's item in the store, or in its source.
func (v *Vault) write(ctx context.Context, p Profile, c credentials) error {
	if p.Source != "" {
		return v.writeSource(ctx, p, c)
	}
	data, err := c.encode()
	if err != nil {
		return err
	}
	defer clear(data)
	if len(data) > MaxPayload {
		return failed(v.store, OpWrite, ErrTooBig, nil)
	}
	return v.store.Set(ctx, p.ID, data)
}
