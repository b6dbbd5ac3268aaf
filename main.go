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
)

// version, commit and date are set by the release build. A build from a checkout
// or with "go install" finds them in the binary's build information.
var version, commit, date string

func main() {
	// What fails here fails on an old kernel: kitekey then works with less protection.
	_ = process.Protect()
	_ = process.CloseInherited()
	// First of all, because the clipboard helper must hold nothing of its caller's.
	if len(os.Args) == 2 && os.Args[1] == clipboard.HelperArg {
		os.Exit(clipboard.Helper(os.Stdin, os.Stdout))
	}
	os.Exit(run())
}

func run() int {
	// With it Bubble Tea writes everything it draws into a file.
	_ = os.Unsetenv("TEA_TRACE")
	// With GODEBUG=http2debug Go's HTTP client logs each header, secrets included.
	log.SetOutput(io.Discard)

	ctx, stop := signal.NotifyContext(context.Background(), endings()...)
	defer stop()
	// A second ctrl-c ends what does not listen to the first.
	context.AfterFunc(ctx, stop)

	dir, _ := os.Getwd() // "" when it is gone: then there is no .kitekey file either
	return cli.Main(ctx, cli.System{
		Args:    os.Args[1:],
		Stdin:   os.Stdin,
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
		Environ: os.Environ(),
		Dir:     dir,
		Now:     time.Now,
		Version: cli.Version(version, commit, date),
	})
}

// endings are the signals that end kitekey in good order. What the caller had
// ignored, as nohup does with HUP, stays ignored.
func endings() []os.Signal {
	var signals []os.Signal
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			signals = append(signals, s)
		}
	}
	return signals
}
