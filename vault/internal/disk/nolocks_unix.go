//go:build unix

package disk

import (
	"errors"
	"syscall"
)

// noLocks reports whether err means that the file system has no locks at all.
func noLocks(err error) bool {
	return errors.Is(err, syscall.ENOLCK) || errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.ENOTSUP) || errors.Is(err, syscall.EOPNOTSUPP)
}
