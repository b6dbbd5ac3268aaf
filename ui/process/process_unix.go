//go:build unix && !linux

package process

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// closeInherited goes by /dev/fd, which lists what is open, or where it lists
// 0 to 2 alone (FreeBSD without fdescfs) by number.
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
