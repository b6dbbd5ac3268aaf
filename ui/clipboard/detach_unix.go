//go:build !windows

package clipboard

import "syscall"

// sigpipe is ignored by the helper: the caller may be gone when it answers.
const sigpipe = syscall.SIGPIPE

// detached puts the helper in a session of its own, so that neither the end of
// the caller's terminal nor a ctrl-c in it reaches the helper.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

func rootDir() string { return "/" }
