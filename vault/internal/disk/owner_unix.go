//go:build unix

package disk

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// ErrForeign: a folder belongs to another user, who can put anything into it.
var ErrForeign = errors.New("belongs to another user")

// Own makes sure that no other user can put files into a folder of ours: it takes
// the permission to write from others, and fails with ErrForeign when the folder is
// another user's. Root may use everyone's.
func Own(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	uid := os.Geteuid()
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && uid != 0 && int(stat.Uid) != uid {
		return fmt.Errorf("it %w (uid %d)", ErrForeign, stat.Uid)
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		if err := os.Chmod(dir, mode&^0o022); err != nil {
			return fmt.Errorf("other users can write to it, and that cannot be changed: %w", SyscallError(err))
		}
	}
	return nil
}
