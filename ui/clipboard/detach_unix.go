//go:build !windows

package clipboard

import (
	"io/fs"
	"os"
	"syscall"
)

// sigpipe is ignored by the helper: the caller may be gone when it answers.
const sigpipe = syscall.SIGPIPE

// detached puts the helper into a session of its own, so that neither the end of
// the caller's terminal nor a ctrl-c in it reaches the helper.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

func rootDir() string { return "/" }

// nonblock opens a pipe without waiting for its other end.
const nonblock = syscall.O_NONBLOCK

// keepsNames reports whether other users cannot replace this user's files in a folder,
// such as /tmp.
func keepsNames(folder fs.FileInfo) bool {
	stat, ok := folder.Sys().(*syscall.Stat_t)
	return ok && (stat.Uid == 0 || int(stat.Uid) == os.Getuid()) &&
		(folder.Mode().Perm()&0o022 == 0 || folder.Mode()&fs.ModeSticky != 0)
}

// ownedByUs reports whether only this user can write to the file.
func ownedByUs(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid() && info.Mode().Perm()&0o022 == 0
}
