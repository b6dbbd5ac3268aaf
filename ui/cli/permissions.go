package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// ownFile reports whether the user owns a file, and the link to it if it is one.
func ownFile(path string) bool {
	for _, stat := range []func(string) (fs.FileInfo, error){os.Stat, os.Lstat} {
		info, err := stat(path)
		if err != nil {
			return false
		}
		if uid, known := owner(info); known && uid != os.Getuid() {
			return false
		}
	}
	return true
}

// openToAll reports whether every user can change a file. A group is the user's own
// on many systems.
func openToAll(info fs.FileInfo) bool { return forOthers(info, 0o002) }

// changeable says why others can change a file or a folder, nil if they cannot.
func changeable(info fs.FileInfo) error {
	if openToAll(info) {
		return errors.New("every user can change it")
	}
	if uid, known := owner(info); known && uid != 0 && uid != os.Geteuid() {
		return fmt.Errorf("it belongs to another user (uid %d)", uid)
	}
	return nil
}
