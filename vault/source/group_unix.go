//go:build !windows

package source

import (
	"os"
	"os/exec"
	"syscall"
)

// endWithChildren has the children of a program end with it when its time is over. It
// needs a process group of its own for that, and a terminal stops a program of another
// group that asks for a PIN. So at a terminal the children may go on.
func endWithChildren(cmd *exec.Cmd) {
	if tty, err := os.OpenFile("/dev/tty", os.O_RDWR|syscall.O_NOCTTY, 0); err == nil {
		_ = tty.Close()
		return
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
