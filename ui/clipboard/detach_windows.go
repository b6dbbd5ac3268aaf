package clipboard

import (
	"io/fs"
	"os"
	"syscall"
)

// sigpipe does not exist on Windows, where a broken pipe is an error of the write.
const sigpipe = syscall.SIGINT

// detachedProcess is DETACHED_PROCESS: no console, so closing the caller's does
// not end the helper.
// https://learn.microsoft.com/windows/win32/procthread/process-creation-flags
const detachedProcess = 0x00000008

func detached() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		CreationFlags: detachedProcess | syscall.CREATE_NEW_PROCESS_GROUP,
		HideWindow:    true,
	}
}

func rootDir() string { return os.Getenv("SYSTEMROOT") }

const nonblock = 0

// keepsNames is always true, and so is ownedByUs: the folder for temporary files belongs
// to the user.
func keepsNames(fs.FileInfo) bool { return true }

func ownedByUs(fs.FileInfo) bool { return true }
