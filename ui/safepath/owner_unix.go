//go:build unix

package safepath

import (
	"io/fs"
	"os"
	"syscall"
)

// othersCanWrite reports whether every user can write to a folder or a program, or one
// who is neither this user nor root owns it. Of a symbolic link only the owner counts.
func othersCanWrite(info fs.FileInfo) bool {
	if info.Mode()&fs.ModeSymlink == 0 && info.Mode().Perm()&0o002 != 0 {
		return true
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Uid != 0 && int(stat.Uid) != os.Geteuid()
}
