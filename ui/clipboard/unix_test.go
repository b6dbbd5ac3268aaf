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
