//go:build unix && !linux

package process

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// closeInherited reads the open descriptors from /dev/fd. If that lists only 0 to 2
// (FreeBSD without fdescfs), it goes through all numbers.
func closeInherited() error {
	entries, _ := os.ReadDir("/dev/fd")
	highest := 255
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil {
			highest = max(highest, fd)
		}
	}
	for fd := 3; fd <= highest; fd++ {
		unix.CloseOnExec(fd)
	}
	return nil
}
