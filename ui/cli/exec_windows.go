package cli

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
)

// run starts the command and waits, because Windows cannot replace a process. The
// console sends ctrl-c to both; kitekey ignores it and waits for the command.
func (a *app) run(path string, argv, environ []string) error {
	cmd := exec.Command(path, argv[1:]...)
	cmd.Args[0] = argv[0]
	cmd.Env = environ
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.Stdin, file(a.Stdout), file(a.Stderr)
	err := cmd.Run()
	var exited *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exited):
		return exitSilently(exited.ExitCode())
	}
	return &codeError{exitNotRunnable, fmt.Sprintf("%s cannot be run: %v", argv[0], err), err}
}

// file is the stream itself: a command that is given anything else gets a pipe.
func file(w io.Writer) io.Writer {
	if e, ok := w.(endable); ok {
		return e.to
	}
	return w
}
