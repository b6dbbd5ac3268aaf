// Package cli is kitekey's commands: what they read, what they print, and the
// exit code they end with.
//
// # Rules for every command
//
// Requested data goes to stdout. Notes, questions, progress and errors go to
// stderr, as lines that begin with "kitekey: ".
//
// A secret is never an argument. It is typed at a hidden prompt or comes in on
// stdin, and it is printed only if it was asked for.
//
// Without a terminal no command asks: it fails and names the flag to use.
//
// With --json every key is always present, null where there is nothing to say,
// and times are RFC 3339 in UTC. A command that takes several profiles prints
// one JSON object per line, so that one profile and many read the same.
//
// errors.go alone decides the exit code and the advice on what to do next.
package cli

import (
	"context"
	"io"
	"time"

	"kitekey/vault"
)

// System is what a run of kitekey uses of the machine. main passes the real one;
// tests pass parts of their own.
type System struct {
	// Args are the arguments without the program's name.
	Args []string
	// Stdin is read only by commands that say so, and for answers when it is a
	// terminal.
	Stdin io.Reader
	// Stdout takes the data, Stderr everything else.
	Stdout, Stderr io.Writer
	// Environ is the environment in the form of [os.Environ].
	Environ []string
	// Dir is the working folder, where a .kitekey file is looked for.
	Dir string
	// Now is the local wall clock.
	Now func() time.Time
	// Version is what --version prints after "kitekey ".
	Version string
	// Store opens the store called name ("keyring", "file"). If it is nil or returns
	// nil, the real one is opened.
	Store func(name string) (vault.Store, error)
	// WorkFactor is scrypt's work factor for new passphrases, as a power of two; 0
	// means age's default. Tests make it quick.
	WorkFactor int
}

// Main runs one command and returns the exit code. ctx ends when the process is
// told to stop.
func Main(ctx context.Context, sys System) int {
	ctx, interrupt := context.WithCancel(ctx)
	defer interrupt()
	sys.Stdout, sys.Stderr = endableOutput(ctx, sys.Stdout), endableOutput(ctx, sys.Stderr)
	a := &app{System: sys, interrupt: interrupt}
	a.prepare()
	root := newRoot(a, sys.Args)
	root.SetArgs(sys.Args)
	root.SetIn(sys.Stdin)
	out := &checkedWriter{w: sys.Stdout}
	root.SetOut(out) // for help and the version; commands write to a.Stdout
	root.SetErr(sys.Stderr)
	_, err := root.ExecuteContextC(a.withUnlockPrompt(ctx))
	if err != nil && !a.running {
		err = wrongUsage(err)
	}
	if err == nil {
		err = writeError(out.err) // cobra ignores errors of writing help
	}
	if syntax, ok := meantEnv(sys.Args); ok && err != nil {
		_ = a.print("%s", failLines(syntax))
	}
	return a.finish(ctx, err)
}

// checkedWriter keeps the first error of writing, for callers that ignore it.
type checkedWriter struct {
	w   io.Writer
	err error
}

func (c *checkedWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	if c.err == nil {
		c.err = err
	}
	return n, err
}

// app is one run of kitekey: its System and the global flags.
type app struct {
	System
	storeFlag    string      // --store
	prepared     vault.Store // see prepare; nil when there is none
	reason       string      // --reason
	passphraseFD int         // --passphrase-fd, -1 for none
	onScreen     bool        // the screen is open: do not ask on its terminal
	interrupt    func()      // ends the run like a signal
	command      string      // the command that runs, for the activity log
	running      bool        // a command has begun, so its usage was right
	announced    bool        // overrides have been shown
	toldReadable bool        // it has been said that others can read the passphrase's file
}
