//go:build !windows

package cli

import (
	"errors"
	"fmt"
	"syscall"

	"kitekey/ui/process"
)

// run replaces this process with the command, so that kitekey is not between the
// command and its signals, its terminal and its parent. It returns only if that
// fails.
func (a *app) run(path string, argv, environ []string) error {
	// One of them may be the passphrase's, not yet read.
	if err := process.CloseInherited(); err != nil {
		return err
	}
	err := syscall.Exec(path, argv, environ)
	if errors.Is(err, syscall.ENOENT) { // the file is there: findCommand has seen it
		return &codeError{exitNotRunnable, argv[0] + " cannot be run: the interpreter or loader that it names does not exist", err}
	}
	return &codeError{exitNotRunnable, fmt.Sprintf("%s cannot be run: %v", argv[0], err), err}
}
