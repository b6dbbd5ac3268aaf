//go:build !windows

package cli

import (
	"fmt"
	"syscall"
)

// run turns this process into the command, so that nothing of kitekey stands
// between it and its signals, its terminal and its parent. It returns only when
// that fails.
func (a *app) run(path string, argv, environ []string) error {
	if a.passphraseFD > 2 { // nobody may have asked for what it holds
		syscall.CloseOnExec(a.passphraseFD)
	}
	err := syscall.Exec(path, argv, environ)
	return &codeError{exitNotRunnable, fmt.Sprintf("%s cannot be run: %v", argv[0], err), err}
}
