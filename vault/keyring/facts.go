//go:build (dragonfly && cgo) || (freebsd && cgo) || linux || netbsd || openbsd

package keyring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"kitekey/vault"
	"kitekey/vault/internal/disk"
	"kitekey/vault/keyring/secretservice"
)

// Inspect implements [vault.Inspector]. It never prompts the user.
func (s *Store) Inspect(ctx context.Context) (facts vault.Facts, err error) {
	err = s.use(ctx, vault.OpOpen, "", func(u *use) error {
		name, pid := u.Provider()
		facts.Provider, facts.KeepsRemoved = name, secretservice.KeepsRemoved(name)
		if secretservice.SearchesLocked(name) {
			facts.Rivals = rivals("/proc", pid)
		}
		for _, path := range storage(name, foldersOf("/proc", pid)) {
			if openToOthers(path, os.Getuid()) {
				facts.OpenFolder = path
				break
			}
		}
		hidden, err := u.hidden()
		if err != nil && !errors.Is(err, secretservice.ErrNoCollection) {
			return err
		}
		facts.Hidden = len(hidden)
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

// userFolders are where a program looks for its files.
type userFolders struct{ data, config, cache string }

// foldersOf returns the folders of another process, or this one's if its environment
// cannot be read.
func foldersOf(proc string, pid int) userFolders {
	if f, ok := readFolders(proc, pid); ok {
		return f
	}
	return newUserFolders(os.Getenv)
}

func readFolders(proc string, pid int) (userFolders, bool) {
	env, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "environ"))
	if err != nil {
		return userFolders{}, false
	}
	values := map[string]string{}
	for pair := range bytes.SplitSeq(env, []byte{0}) {
		name, value, _ := strings.Cut(string(pair), "=")
		values[name] = value
	}
	return newUserFolders(func(name string) string { return values[name] }), true
}

func newUserFolders(getenv func(string) string) userFolders {
	folder := func(name string, below ...string) string {
		home := getenv("HOME")
		if dir := getenv(name); dir != "" || home == "" {
			return dir
		}
		return filepath.Join(append([]string{home}, below...)...)
	}
	return userFolders{folder("XDG_DATA_HOME", ".local", "share"), folder("XDG_CONFIG_HOME", ".config"), folder("XDG_CACHE_HOME", ".cache")}
}

// keyringFolder returns the folder in which a gnome-keyring daemon keeps its
// keyrings, "" if its environment cannot be read.
func keyringFolder(proc string, pid int) string {
	if f, ok := readFolders(proc, pid); ok && f.data != "" {
		return resolved(filepath.Join(f.data, "keyrings"))
	}
	return ""
}

func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// storage returns the files and folders in which a provider keeps secrets, as far as
// they are known.
func storage(provider string, f userFolders) (paths []string) {
	switch {
	case f.data != "" && secretservice.SearchesLocked(provider):
		paths = []string{filepath.Join(f.data, "keyrings")}
	case f.data != "" && (strings.HasPrefix(provider, "kwalletd") || strings.HasPrefix(provider, "ksecretd")):
		paths = []string{filepath.Join(f.data, "kwalletd")}
	case secretservice.KeepsRemoved(provider): // KeePassXC
		for _, dir := range []string{f.cache, f.config} { // its local and its roaming settings
			if dir == "" {
				continue
			}
			text, _ := disk.Read(filepath.Join(dir, "keepassxc", "keepassxc.ini"), 1<<20)
			for _, database := range keepassDatabases(text) {
				paths = append(paths, database, filepath.Dir(database))
			}
		}
	}
	for i := range paths {
		paths[i] = resolved(paths[i])
	}
	return paths
}

// keepassDatabases finds the databases that KeePassXC had open, in its settings.
func keepassDatabases(settings []byte) (found []string) {
	for line := range strings.Lines(string(settings)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if name != "LastActiveDatabase" && name != "LastOpenedDatabases" {
			continue
		}
		for path := range strings.SplitSeq(value, ", ") {
			if path = strings.Trim(path, `"`); filepath.IsAbs(path) && !slices.Contains(found, path) {
				found = append(found, path)
			}
		}
	}
	return found
}

// openToOthers reports whether another user owns a file or folder or can write to it.
func openToOthers(path string, uid int) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) != uid || info.Mode().Perm()&0o022 != 0
}
