package process

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const protected = "debuggers cannot attach to it, and it leaves no core file"

// protect uses PROC_TRACE_CTL with PROC_TRACE_CTL_DISABLE_EXEC, see procctl(2). An
// execve resets it.
func protect() error {
	const (
		pPID                    = 0
		procTraceCtl            = 7
		procTraceCtlDisableExec = 3
	)
	mode := int32(procTraceCtlDisableExec)
	_, _, errno := unix.Syscall6(unix.SYS_PROCCTL, pPID, uintptr(unix.Getpid()), procTraceCtl, uintptr(unsafe.Pointer(&mode)), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
