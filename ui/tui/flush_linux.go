package tui

import "golang.org/x/sys/unix"

// flushInput drops what has come from the terminal and was not read.
func flushInput(fd int) { _ = unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCIFLUSH) }
