//go:build unix

package cli

import (
	"io/fs"
	"syscall"
)

// forOthers reports whether a file has one of the permissions.
func forOthers(info fs.FileInfo, permissions fs.FileMode) bool {
	return info.Mode().Perm()&permissions != 0
}

// owner returns the user who owns a file.
func owner(info fs.FileInfo) (uid int, known bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), true
}
