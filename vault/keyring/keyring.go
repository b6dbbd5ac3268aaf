// Package keyring is the store in the operating system's own keyring: the Secret
// Service on Linux and the BSDs (gnome-keyring, KWallet, KeePassXC), Keychain on
// macOS, Credential Manager on Windows.
//
// An item has the attributes that go-keyring gives it: the service [Service], and
// as its user name the item's key. So `secret-tool lookup service kitekey username
// KEY` reads the same item, and what earlier versions wrote is found.
//
// # What keyrings do
//
// Each of these has been seen, and has a test:
//
//   - a dismissed prompt is reported as success; so what was written or deleted is
//     looked at again;
//   - a daemon that is killed while it creates an item leaves one with an empty
//     secret; that is a corrupt item, never an empty value;
//   - a daemon that is stopped answers never; so every call has a deadline, which
//     does not run while a person reads a prompt;
//   - KeePassXC asks for each item that is read or overwritten, while the
//     collection is unlocked;
//   - the default collection changes: an item stays where it was, so items are
//     looked for in every collection;
//   - a locked collection may hide what is in it: then nothing is said to be
//     missing.
//
// On Linux and the BSDs the package has a client of its own, in the folder
// secretservice; elsewhere it stands on github.com/zalando/go-keyring.
package keyring

import (
	"errors"
	"time"

	"kitekey/vault"
)

// Name is the store's name in settings and on the command line.
const Name = "keyring"

// Service is the service under which kitekey's items are kept in the operating
// system's keyring; their user name is the item's key.
const Service = "kitekey"

// deadline is how long the keyring may take for one operation without a prompt.
// Measured operations take a few milliseconds; a write to a keyring with thousands of
// items takes about 150 ms.
const deadline = 3 * time.Second

// Store is the [vault.Store] in the keyring. [New] makes one.
type Store struct {
	slot     chan struct{} // holds the one operation that may be under way: two prompts at once confuse
	deadline time.Duration
	platform
}

var _ interface {
	vault.Store
} = (*Store)(nil)

// New returns the keyring of the user's session. It connects at the first call.
func New() *Store { return &Store{slot: make(chan struct{}, 1), deadline: deadline} }

// Name gives [Name].
func (s *Store) Name() string { return Name }

// What a keyring does without saying so.
var (
	errNotWritten = errors.New("the keyring reported success but did not keep it")
	errNotDeleted = errors.New("the keyring reported success but still has it")
	errStuck      = errors.New("an earlier call still hangs")
)

// failure is a [*vault.StoreError] about this store.
func failure(op string, kind error, reason vault.Reason, err error) *vault.StoreError {
	return &vault.StoreError{Op: op, Store: Name, Kind: kind, Reason: reason, Err: err}
}
