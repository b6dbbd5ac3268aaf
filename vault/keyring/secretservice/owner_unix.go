//go:build unix

package secretservice

import (
	"os"
	"syscall"
)

// checkFile is checkPeer by the owner of the socket's file.
func checkFile(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return checkOwner(stat.Uid)
	}
	return nil
}
