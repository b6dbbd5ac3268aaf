//go:build !windows

package cli

import (
	"os"
	"syscall"
)

// ownFile reports whether the user owns a file, and the link to it if it is one.
func ownFile(path string) bool {
	for _, stat := range []func(string) (os.FileInfo, error){os.Stat, os.Lstat} {
		info, err := stat(path)
		if err != nil {
			return false
		}
		if sys, ok := info.Sys().(*syscall.Stat_t); ok && int64(sys.Uid) != int64(os.Getuid()) {
			return false
		}
	}
	return true
}

// openToAll reports whether every user can change a file. A group is the user's own
// on many systems.
func openToAll(info os.FileInfo) bool { return info.Mode().Perm()&0o002 != 0 }
