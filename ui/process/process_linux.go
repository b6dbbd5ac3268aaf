package process

import (
	"math"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

const protected = "other programs of this user cannot read its memory, and it leaves no core file"

// protect uses PR_SET_DUMPABLE, see prctl(2). An execve resets it. A limit on core
// files (RLIMIT_CORE) would be inherited by children.
func protect() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }

func closeInherited() error {
	err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	if err == nil {
		return nil
	}
	// The kernel is older than 5.11.
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}
