// Package source reads and writes credentials where a team keeps them: an
// OpenBao or HashiCorp Vault server, or any program with a command line.
//
// kitekey does not invent a way to share secrets. The engine has the policies,
// the audit log and the versions; kitekey reads a credential when it mints,
// writes one with check-and-set, and keeps nothing of it on this machine.
//
// A [Config] names a source; [Settings] keeps the configs in the data folder and
// [Open] makes a [vault.Source] of one. A source that can be changed is a
// [vault.SourceWriter] too: of the kinds there are, the engine is and a command
// is not.
package source

import (
	"context"
	"time"

	"kitekey/vault"
)

// The kinds of source.
const (
	KindVault   = "vault"   // the KV secrets engine, version 2, of OpenBao or HashiCorp Vault
	KindCommand = "command" // a program that prints one credential; read-only
)

// Kinds lists them.
var Kinds = []string{KindVault, KindCommand}

// System is what a source sees of the machine.
type System struct {
	Getenv  func(string) string
	Environ []string // of a command
	// LookPath finds a command's program; nil is [exec.LookPath].
	LookPath  func(name string) (string, error)
	Home      string      // the user's home folder, for the engine's token file
	Store     vault.Store // keeps the token of "source login"
	UserAgent string
	Now       func() time.Time
	Timeout   time.Duration // of one request, 0 is 3 s; of a command it is ten times that
}

// Open makes a source. It touches neither the network nor the store.
func Open(c Config, sys System) (vault.Source, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if c.Kind == KindCommand {
		return newCommand(c, sys), nil
	}
	return newEngine(c, sys)
}

// Tester is what a source has besides when it can say how it is without reading
// a credential.
type Tester interface {
	// Test looks at everything that can be wrong, one finding each, and stops at
	// what makes the rest pointless. What the policies allow is asked for a profile
	// that is listed, or for one of known.
	Test(ctx context.Context, known ...vault.Selector) []Finding
}

// Finding is one thing that [Tester.Test] looked at.
type Finding struct {
	Check string // "address", "server", "sign-in", "mount", "list", "read", "write"
	OK    bool
	Text  string // what was found
	Err   error  // nil when OK
}
