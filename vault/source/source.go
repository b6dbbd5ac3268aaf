// Package source reads and writes credentials that a team keeps elsewhere: in an
// OpenBao or HashiCorp Vault server, or in any program with a command line.
//
// kitekey has no way of its own to share secrets. The engine has the policies, the
// audit log and the versions. kitekey reads a credential when it mints, writes it
// with check-and-set, and keeps none of it on this machine.
//
// A [Config] describes a source. The configs are in the data folder; [Open] makes a
// [vault.Source] of one. A source that can be changed is also a
// [vault.SourceWriter]: the engine is, a command is not.
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

// Kinds lists the kinds of source.
var Kinds = []string{KindVault, KindCommand}

// System is what a source uses of the machine.
type System struct {
	Getenv func(string) string
	// Vet says why a file that is trusted, or that holds a secret, is not used: others
	// can change it. nil checks nothing.
	Vet     func(path string, secret bool) error
	Environ []string // of a command
	// LookPath finds a command's program; nil is [exec.LookPath].
	LookPath  func(name string) (string, error)
	Home      string      // the user's home folder, for the engine's token file
	Store     vault.Store // keeps the token of "source login"
	UserAgent string
	Now       func() time.Time
	// Progress is called by a List that needs many requests, with how many of its folders,
	// and then of its names, are asked for. At the end done is total. nil is none.
	Progress func(done, total int)
	Timeout  time.Duration // of one request, 0 means 3 s; a command gets ten times that
}

// Open returns the source that a config describes. It uses neither the network nor
// the store.
func Open(c Config, sys System) (vault.Source, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if c.Kind == KindCommand {
		return newCommand(c, sys), nil
	}
	return newEngine(c, sys)
}

// Tester is a [vault.Source] that can check itself without reading a credential.
type Tester interface {
	// Test checks everything that can be wrong, with one finding each, and stops if
	// the rest would be pointless. It asks what the policies allow for a profile that
	// is listed, or for one of known.
	Test(ctx context.Context, known ...vault.Selector) []Finding
}

// Finding is the result of one check of [Tester.Test].
type Finding struct {
	Check string // "address", "server", "sign-in", "mount", "list", "read", "write"
	OK    bool
	Text  string // what was found
	Err   error  // nil when OK
}

func (s System) vet(path string, secret bool) error {
	if s.Vet == nil {
		return nil
	}
	return s.Vet(path, secret)
}
