//go:build unix

package tui

import (
	"time"

	"golang.org/x/sys/unix"
)

// moreInput reports whether a terminal has input within d.
func moreInput(fd int, d time.Duration) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}} //nolint:gosec // a descriptor
	n, err := unix.Poll(fds, int(d/time.Millisecond))
	return err == nil && n == 1 && fds[0].Revents&unix.POLLIN != 0
}
