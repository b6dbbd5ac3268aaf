//go:build !windows

package clipboard

import (
	"io"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// findTTY finds the device of the terminal w. It returns the zero tty if w is not a
// terminal. /dev/tty names each process's own terminal and is useless to the
// helper, so if w is /dev/tty, findTTY looks at the standard files instead.
func findTTY(w io.Writer) tty {
	f, ok := w.(*os.File)
	if !ok {
		return tty{}
	}
	for _, f := range []*os.File{f, os.Stdin, os.Stderr, os.Stdout} {
		if device := ttyName(f); device != "" {
			leader, err := unix.Getsid(0)
			if err != nil {
				return tty{}
			}
			return tty{device, leader}
		}
	}
	return tty{}
}

// ttyName does what ttyname(3) does: it finds the device with the number of the
// open file.
func ttyName(f *os.File) string {
	number, ok := deviceNumber(f.Stat())
	if !ok {
		return ""
	}
	for _, pattern := range []string{"/dev/pts/[0-9]*", "/dev/tty?*"} {
		names, _ := filepath.Glob(pattern)
		for _, name := range names {
			if n, ok := deviceNumber(os.Stat(name)); ok && n == number {
				return name
			}
		}
	}
	return ""
}

func deviceNumber(info os.FileInfo, err error) (uint64, bool) {
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return 0, false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return uint64(stat.Rdev), true
}

// sameTerminal reports whether the device is still the same terminal.
func (t tty) sameTerminal() bool {
	return syscall.Kill(t.Leader, 0) != syscall.ESRCH
}

// open opens the device for writing without making it this process's controlling
// terminal, and without waiting for a terminal that is stopped.
func (t tty) open() (*os.File, error) {
	return os.OpenFile(t.Device, os.O_WRONLY|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
}
