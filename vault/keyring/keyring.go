// Package keyring is the store in the operating system's own keyring: the Secret
// Service on Linux and the BSDs (gnome-keyring, KWallet, KeePassXC), Keychain on
// macOS, Credential Manager on Windows.
//
// An item has the attributes that go-keyring gives it: the service [Service], and
// the item's key as its user name. So `secret-tool lookup service kitekey username
// KEY` reads the same item, and items of earlier versions are found.
//
// # What keyrings do
//
// A test covers each of these:
//
//   - a keyring reports a dismissed prompt as success, so every write and every
//     deletion is checked;
//   - a daemon that is killed while it creates an item leaves one with an empty
//     secret, which is a corrupt item and never an empty value;
//   - a daemon that is stopped never answers, so every call has a deadline, which
//     does not run while the user reads a prompt;
//   - KeePassXC asks for each item that is read or overwritten, even if the
//     collection is unlocked;
//   - the default collection changes but items stay where they are, so items are
//     looked for in every collection;
//   - a locked collection may hide its items, so no item is said to be missing
//     while one is locked.
//
// On Linux and the BSDs the package has a client of its own, in the folder
// secretservice; elsewhere it uses github.com/zalando/go-keyring.
package keyring

import (
	"errors"
	"time"

	"kitekey/vault"
)

// Name is the store's name in settings and on the command line.
const Name = "keyring"

// Service is the service attribute of kitekey's items in the operating system's
// keyring. Their user name is the item's key.
const Service = "kitekey"

// deadline is how long the keyring may take for one operation without a prompt.
// Measured operations take a few milliseconds; a write to a keyring with thousands of
// items takes about 150 ms.
const deadline = 3 * time.Second

// Store is the [vault.Store] in the keyring. [New] makes one.
type Store struct {
	slot     chan struct{} // held by the operation under way: two prompts at once would confuse
	deadline time.Duration
	platform
}

var _ interface {
	vault.Store
} = (*Store)(nil)

// New returns the keyring of the user's session. It connects at the first call.
func New() *Store { return &Store{slot: make(chan struct{}, 1), deadline: deadline} }

// Name returns [Name].
func (s *Store) Name() string { return Name }

// Failures that a keyring does not report itself.
var (
	errNotWritten = errors.New("the keyring reported success but did not keep it")
	errNotDeleted = errors.New("the keyring reported success but still has it")
	errStuck      = errors.New("an earlier call still hangs")
)

// failure is a [*vault.StoreError] about this store.
func failure(op string, kind error, reason vault.Reason, err error) *vault.StoreError {
	return &vault.StoreError{Op: op, Store: Name, Kind: kind, Reason: reason, Err: err}
}
