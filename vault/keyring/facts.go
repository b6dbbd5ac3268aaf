//go:build (dragonfly && cgo) || (freebsd && cgo) || linux || netbsd || openbsd

package keyring

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"kitekey/vault"
	"kitekey/vault/keyring/secretservice"
)

// Inspect implements [vault.Inspector]. It asks the person nothing.
func (s *Store) Inspect(ctx context.Context) (facts vault.Facts, err error) {
	err = s.use(ctx, vault.OpOpen, "", func(u *use) error {
		name, pid := u.Provider()
		facts.Provider, facts.KeepsRemoved = name, secretservice.KeepsRemoved(name)
		if secretservice.SearchesLocked(name) {
			facts.Rivals = rivals("/proc", pid)
			folder := keyringFolder("/proc", pid)
			if folder == "" {
				folder = keyringFolderOf(os.Getenv("HOME"), os.Getenv("XDG_DATA_HOME"))
			}
			if openToOthers(folder, os.Getuid()) {
				facts.OpenFolder = folder
			}
		}
		unlocked, _, err := u.Search(u.attributes)
		if err != nil {
			return err
		}
		seen := map[string]bool{}
		for _, item := range unlocked {
			attributes, err := u.Attributes(item)
			if gone(err) {
				continue
			}
			if err != nil {
				return err
			}
			key := attributes["username"]
			if seen[key] && !slices.Contains(facts.Duplicates, key) {
				facts.Duplicates = append(facts.Duplicates, key)
			}
			seen[key] = true
		}
		return nil
	})
	return facts, err
}

// rivals finds other gnome-keyrings of this user that keep their keyrings in the
// same folder as the one with the given process id. Each has the whole of a keyring
// in memory and writes the whole file, so that what one has written the next write
// of the other takes away.
func rivals(proc string, pid int) []string {
	own := keyringFolder(proc, pid)
	entries, err := os.ReadDir(proc)
	if err != nil || pid == 0 {
		return nil
	}
	var found []string
	for _, e := range entries {
		other, err := strconv.Atoi(e.Name())
		if err != nil || other == pid {
			continue
		}
		comm, _ := os.ReadFile(filepath.Join(proc, e.Name(), "comm"))
		if !strings.HasPrefix(string(comm), "gnome-keyring-d") {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); !ok || int(stat.Uid) != os.Getuid() {
			continue
		}
		args, _ := os.ReadFile(filepath.Join(proc, e.Name(), "cmdline"))
		if !keepsSecrets(args) {
			continue
		}
		if folder := keyringFolder(proc, other); folder == own || folder == "" || own == "" {
			found = append(found, fmt.Sprintf("gnome-keyring-daemon (process %d)", other))
		}
	}
	return found
}

// keepsSecrets reports whether a gnome-keyring-daemon with that command line
// serves secrets; some serve SSH keys alone.
func keepsSecrets(cmdline []byte) bool {
	for arg := range bytes.SplitSeq(cmdline, []byte{0}) {
		for _, flag := range []string{"--components=", "-c"} {
			if list, ok := strings.CutPrefix(string(arg), flag); ok && list != "" {
				return slices.Contains(strings.Split(list, ","), "secrets")
			}
		}
	}
	return true
}

// keyringFolder is where a gnome-keyring keeps its keyrings, "" when its
// environment cannot be read.
func keyringFolder(proc string, pid int) string {
	env, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "environ"))
	if err != nil {
		return ""
	}
	home, data := "", ""
	for pair := range bytes.SplitSeq(env, []byte{0}) {
		name, value, _ := strings.Cut(string(pair), "=")
		switch name {
		case "HOME":
			home = value
		case "XDG_DATA_HOME":
			data = value
		}
	}
	return keyringFolderOf(home, data)
}

// keyringFolderOf is where a gnome-keyring with these values of HOME and
// XDG_DATA_HOME keeps its keyrings, "" when there are none.
func keyringFolderOf(home, data string) string {
	if data == "" && home != "" {
		data = filepath.Join(home, ".local", "share")
	}
	if data == "" {
		return ""
	}
	folder := filepath.Join(data, "keyrings")
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		return real
	}
	return folder
}

// openToOthers reports whether a folder is not the user's alone: another owns it, or others
// can write to it.
func openToOthers(folder string, uid int) bool {
	info, err := os.Stat(folder)
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) != uid || info.Mode().Perm()&0o022 != 0
}
