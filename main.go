// Command kitekey is a terminal credential manager for the Kitegateway payment API.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"kitekey/ui/cli"
	"kitekey/ui/clipboard"
	"kitekey/ui/process"
	"kitekey/ui/safepath"
)

// version, commit and date are set by the release build. A build from a checkout
// or with "go install" finds them in the binary's build information.
var version, commit, date string

func main() {
	// Both can fail on an old kernel. kitekey then runs with less protection.
	_ = process.Protect()
	_ = process.CloseInherited()
	// Do this first: the helper must not inherit our signal handling.
	if len(os.Args) == 2 && os.Args[1] == clipboard.HelperArg {
		os.Exit(clipboard.Helper(os.Stdin, os.Stdout))
	}
	os.Exit(run())
}

func run() int {
	// GODEBUG=http2debug makes net/http log every header, secrets included.
	log.SetOutput(io.Discard)
	// Other settings in it weaken TLS, such as tlsrsakex and tls10server. The command
	// that exec starts still gets it.
	_ = os.Unsetenv("GODEBUG")

	// Writing to a pipe that its reader has closed then fails and does not end the process:
	// a proxy goes on with the payments under way, and api reports what became of its call.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)

	ctx, stop := signal.NotifyContext(context.Background(), endings()...)
	defer stop()
	// Restore the default signals, so that a second ctrl-c kills a hung process.
	context.AfterFunc(ctx, stop)

	dir, _ := os.Getwd() // "" if it was deleted: then there is no .kitekey file either
	return cli.Main(ctx, cli.System{
		Args:    os.Args[1:],
		Stdin:   os.Stdin,
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
		Environ: safepath.Environ(),
		Dir:     dir,
		Now:     time.Now,
		Version: cli.Version(version, commit, date),
	})
}

// endings returns the signals that end kitekey in good order. A signal that the
// caller ignores, as nohup does with HUP, stays ignored.
func endings() []os.Signal {
	var signals []os.Signal
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		if !signal.Ignored(s) {
			signals = append(signals, s)
		}
	}
	return signals
}
