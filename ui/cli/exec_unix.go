//go:build !windows

package cli

import (
	"fmt"
	"syscall"

	"kitekey/ui/process"
)

// run turns this process into the command, so that nothing of kitekey stands
// between it and its signals, its terminal and its parent. It returns only when
// that fails.
func (a *app) run(path string, argv, environ []string) error {
	// The passphrase's descriptor is among them, perhaps not read yet.
	if err := process.CloseInherited(); err != nil {
		return err
	}
	err := syscall.Exec(path, argv, environ)
	return &codeError{exitNotRunnable, fmt.Sprintf("%s cannot be run: %v", argv[0], err), err}
}
