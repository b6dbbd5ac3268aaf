//go:build !windows

package cli

import (
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
	return &codeError{exitNotRunnable, fmt.Sprintf("%s cannot be run: %v", argv[0], err), err}
}
