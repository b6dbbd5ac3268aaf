package process

import (
	"math"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

const protected = "other programs of this user cannot read its memory, and it leaves no core file"

// protect goes by PR_SET_DUMPABLE, which an execve sets back: prctl(2). The limit
// on core files (RLIMIT_CORE) would be the child's too.
func protect() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }

func closeInherited() error {
	err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	if err == nil {
		return nil
	}
	// A kernel before 5.11.
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
