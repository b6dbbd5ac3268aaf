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

// Inspect implements [vault.Inspector]. It never prompts the user.
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

// rivals finds other gnome-keyring daemons of this user that keep their keyrings in
// the same folder as the one with the given process id. Each daemon has whole
// keyrings in memory and writes whole files, so they overwrite each other's
// changes.
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
		if len(args) == 0 || !keepsSecrets(args) {
			continue // without arguments it has ended, and is not reaped yet
		}
		if folder := keyringFolder(proc, other); folder == own || folder == "" || own == "" {
			found = append(found, fmt.Sprintf("gnome-keyring-daemon (process %d)", other))
		}
	}
	return found
}

// keepsSecrets reports whether a gnome-keyring-daemon with that command line serves
// secrets; some serve only SSH keys.
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

// keyringFolder returns the folder in which a gnome-keyring daemon keeps its
// keyrings, "" if its environment cannot be read.
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

// keyringFolderOf returns the folder in which a gnome-keyring daemon with these
// values of HOME and XDG_DATA_HOME keeps its keyrings, "" if there are none.
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

// openToOthers reports whether another user owns a folder or can write to it.
func openToOthers(folder string, uid int) bool {
	info, err := os.Stat(folder)
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) != uid || info.Mode().Perm()&0o022 != 0
}
