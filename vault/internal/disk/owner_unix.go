//go:build unix

package disk

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// ErrForeign: a folder or a file belongs to another user, who can put anything into it.
var ErrForeign = errors.New("belongs to another user")

// ErrShared: a folder is meant for the files of all users, as /tmp is.
var ErrShared = errors.New("is shared with other users, as /tmp is")

// Own makes sure that no other user can write to a folder of ours: it removes the
// write permission of others. It fails if dir is no folder, with ErrForeign if another
// user owns it, and with ErrShared if it is one in which all users make files: others
// need its permissions. Root may use a folder of any user.
func Own(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() { // such as /dev/null, whose mode is not ours to change
		return syscall.ENOTDIR
	}
	uid := os.Geteuid()
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && uid != 0 && int(stat.Uid) != uid {
		return fmt.Errorf("it %w (uid %d)", ErrForeign, stat.Uid)
	}
	if mode := info.Mode(); mode.Perm()&0o022 != 0 {
		if mode&os.ModeSticky != 0 {
			return fmt.Errorf("it %w", ErrShared)
		}
		if err := os.Chmod(dir, mode&^0o022); err != nil {
			return fmt.Errorf("other users can write to it, and that cannot be changed: %w", SyscallError(err))
		}
	}
	return nil
}

// checkOwner returns an ErrForeign for a file of another user, who may have put it into
// our folder while that was open to others. Root may use files of any user.
func checkOwner(path string, info os.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if uid := os.Geteuid(); ok && uid != 0 && stat.Uid != 0 && int(stat.Uid) != uid {
		return fmt.Errorf("%s %w (uid %d)", path, ErrForeign, stat.Uid)
	}
	return nil
}

// ours reports whether a file is this user's.
func ours(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// Foreign names the user to whom a file, or else the folder that it would be in,
// belongs: "" when that is this one, or cannot be told.
func Foreign(path string) string {
	info, err := os.Lstat(path)
	if err != nil {
		info, err = os.Lstat(filepath.Dir(path))
	}
	if err != nil || ours(info) {
		return ""
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	id := strconv.FormatUint(uint64(stat.Uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "user " + id
}

// inherit gives what root has just made at path to the owner of the folder that it is
// in: a file of root's in a user's folder shuts the user out after one "sudo kitekey".
func inherit(path string) {
	if os.Geteuid() != 0 {
		return
	}
	info, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || stat.Uid == 0 {
		return
	}
	// The user may have put a link there meanwhile.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	_ = f.Chown(int(stat.Uid), int(stat.Gid))
	_ = f.Close()
}
