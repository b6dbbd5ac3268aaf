//go:build !windows

package clipboard

import (
	"syscall"
	"testing"
)

func hangUp(t *testing.T, pid int) {
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
		t.Error(err)
	}
}

// controlling makes standard input the controlling terminal of a session of its own.
func controlling() *syscall.SysProcAttr { return controllingFrom(0) }

// controllingFrom does so with another standard file.
func controllingFrom(fd int) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: fd}
}
