package secretservice

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path"
	"strings"
)

// Provider returns the name of the program behind the service, "" if the system
// does not tell it.
func (o *Op) Provider() (name string, pid int) {
	var id uint32
	err := o.limited(func(ctx context.Context) error {
		return o.conn.bus.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetConnectionUnixProcessID", 0, Name).Store(&id)
	})
	if err != nil {
		return "", 0
	}
	return processName(int(id)), int(id)
}

// processName reads a program's name from Linux' /proc: that of its file if it can
// be read, or else the first 15 characters, which the kernel keeps.
func processName(pid int) string {
	if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err == nil {
		return strings.TrimSuffix(path.Base(exe), " (deleted)")
	}
	comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return string(bytes.TrimSpace(comm))
}

// SearchesLocked reports whether the program of that name finds items in a locked
// collection. gnome-keyring does (it compares hashes); KWallet and KeePassXC do not
// know what is in theirs.
func SearchesLocked(provider string) bool { return strings.HasPrefix(provider, "gnome-keyring") }

// asksInSearch reports whether the program of that name shows its dialog for unlocking
// within a search: KeePassXC does so for a locked database.
func asksInSearch(provider string) bool {
	return strings.HasPrefix(strings.ToLower(provider), "keepassxc")
}

// KeepsRemoved reports whether the program of that name keeps removed items and
// earlier values by itself: KeePassXC has a recycle bin and a history.
func KeepsRemoved(provider string) bool {
	return strings.HasPrefix(strings.ToLower(provider), "keepassxc")
}
