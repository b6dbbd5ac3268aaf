package tui

import "golang.org/x/sys/unix"

// flushInput drops input from the terminal that was not read.
func flushInput(fd int) { _ = unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCIFLUSH) }
