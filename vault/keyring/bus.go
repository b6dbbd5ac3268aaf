//go:build (dragonfly && cgo) || (freebsd && cgo) || linux || netbsd || openbsd

package keyring

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"kitekey/vault/internal/disk"
)

var errNoBus = errors.New("there is no session bus")

// busAddress returns the address of the session bus: from the environment, or else
// one of the places in the user's runtime folder where systemd and others put it.
// Unlike godbus it never starts a bus and does not change the environment.
func busAddress() (string, error) {
	return findBus(os.Getenv("DBUS_SESSION_BUS_ADDRESS"), runtimeDirs()...)
}

// runtimeDirs are the folders in which the user's bus may be. What XDG_RUNTIME_DIR
// names may be another user's, after su.
func runtimeDirs() []string {
	dirs := []string{fmt.Sprintf("/run/user/%d", os.Getuid())}
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if info, err := os.Stat(dir); err == nil && filepath.IsAbs(dir) {
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) == os.Getuid() {
			dirs = append([]string{dir}, dirs...)
		}
	}
	return dirs
}

// findBus takes the address that the environment has, without the parts that mean
// "start one", or looks into the folders.
func findBus(address string, dirs ...string) (string, error) {
	address = strings.Join(slices.DeleteFunc(strings.Split(address, ";"), func(one string) bool {
		one = strings.TrimSpace(one)
		return one == "" || strings.HasPrefix(one, "autolaunch:")
	}), ";")
	if address != "" && address != "unix:runtime=yes" {
		return address, nil
	}
	for _, dir := range dirs {
		if path := filepath.Join(dir, "bus"); exists(path) {
			return "unix:path=" + path, nil
		}
		data, _ := disk.Read(filepath.Join(dir, "dbus-session"), 64<<10)
		for line := range strings.Lines(string(data)) {
			if address, ok := strings.CutPrefix(line, "DBUS_SESSION_BUS_ADDRESS="); ok {
				return strings.Trim(strings.TrimSpace(address), `'";`), nil
			}
		}
	}
	return "", errNoBus
}

// ended reports whether a bus that the environment names is not there any more, as in a
// shell that is older than the login: one in tmux or screen.
func ended(e *dialError) bool {
	return os.Getenv("DBUS_SESSION_BUS_ADDRESS") != "" && (errors.Is(e.err, fs.ErrNotExist) || errors.Is(e.err, syscall.ECONNREFUSED))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// foreign returns the name of the user who owns the bus at address, "" if that is
// this process's user or cannot be told.
func foreign(address string) string {
	path, ok := socketPath(address)
	if !ok {
		return ""
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrPermission) {
		// Other users cannot look into /run/user/1000, whose name is its user's id.
		if id, ok := strings.CutPrefix(filepath.Dir(path), "/run/user/"); ok && id != strconv.Itoa(os.Getuid()) {
			return userName(id)
		}
		return "another user"
	}
	if err != nil {
		return ""
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Getuid() {
		return userName(strconv.FormatUint(uint64(stat.Uid), 10))
	}
	return ""
}

func userName(id string) string {
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "user " + id
}

// socketPath returns the file of the first address that has one.
func socketPath(address string) (string, bool) {
	for one := range strings.SplitSeq(address, ";") {
		rest, ok := strings.CutPrefix(one, "unix:")
		if !ok {
			continue
		}
		for pair := range strings.SplitSeq(rest, ",") {
			if path, ok := strings.CutPrefix(pair, "path="); ok {
				if plain, err := url.PathUnescape(path); err == nil {
					return plain, true
				}
			}
		}
	}
	return "", false
}
