// Package safepath removes the folders from PATH in which other users can put
// programs, for the helpers that kitekey starts by name: wl-copy, tmux, a password
// manager. Helpers see secrets.
//
// It does so when the program is initialized, because other packages start helpers
// then: Lip Gloss asks tmux for its colors. Go initializes packages in the order of
// their import paths as soon as their imports are initialized
// (https://go.dev/ref/spec#Package_initialization), so this package comes before
// os/exec as long as it imports nothing that os/exec does not import. A test in
// ui/cli puts a false tmux into PATH.
package safepath

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// original is the environment with which the program was started.
var original = os.Environ()

func init() {
	path := os.Getenv("PATH")
	if clean := Clean(path); clean != path {
		_ = os.Setenv("PATH", clean)
	}
}

// Environ returns the environment with the user's own PATH, for the commands that
// the user names.
func Environ() []string { return slices.Clone(original) }

// Clean returns a PATH without its unsafe folders: see [Unsafe].
func Clean(path string) string {
	seen := folders{} // most are below the same few
	kept := slices.DeleteFunc(filepath.SplitList(path), func(dir string) bool { return seen.unsafe(dir) != nil })
	return strings.Join(kept, string(filepath.ListSeparator))
}

// UnsafeProgram returns an error if the program at path, which is absolute, may not be
// run as a helper: other users can change it, or it is in a folder that is [Unsafe].
func UnsafeProgram(path string) error {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	for _, dir := range []string{filepath.Dir(path), filepath.Dir(real)} {
		if err := Unsafe(dir); err != nil {
			return err
		}
	}
	info, err := os.Stat(real)
	if err == nil && othersCanWrite(info) {
		err = errors.New("other users can write to " + real)
	}
	return err
}

// Unsafe returns an error if no helper may be run from dir, a folder of PATH: dir is
// relative, is in a project's node_modules, or can be changed by other users.
func Unsafe(dir string) error { return folders{}.unsafe(dir) }

// Replaceable returns an error if other users can put another folder in the place of
// dir, because they can write to one of the folders above it.
func Replaceable(dir string) error {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil // it is not there
	}
	return folders{}.changeable(real)
}

// folders holds what [os.Lstat] said of each path, so that it is asked once.
type folders map[string]fs.FileInfo

func (seen folders) lstat(path string) (info fs.FileInfo, err error) {
	info, ok := seen[path]
	if !ok {
		if info, err = os.Lstat(path); err == nil {
			seen[path] = info
		}
	}
	return info, err
}

func (seen folders) unsafe(dir string) error {
	switch {
	case !filepath.IsAbs(dir):
		return errors.New("it is relative to the working folder")
	case slices.Contains(strings.Split(filepath.ToSlash(filepath.Clean(dir)), "/"), "node_modules"):
		return errors.New("a project's packages are in it")
	}
	err := seen.changeable(dir)
	if err == errLink || err == nil && dir != filepath.Clean(dir) {
		if dir, err = filepath.EvalSymlinks(dir); err == nil {
			err = seen.changeable(dir)
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a folder that cannot be read has no helpers
	}
	return err
}

var errLink = errors.New("there is a symbolic link in the path")

// changeable returns an error if other users can change what is in dir. It does not
// follow symbolic links: errLink says that there is one, and that others can change
// no part of the path itself.
func (seen folders) changeable(dir string) error {
	var link error
	for path := dir; ; path = filepath.Dir(path) {
		info, err := seen.lstat(path)
		if err != nil {
			return err
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			link = errLink
		}
		// In a folder with the sticky bit, as /tmp, others can add names but not take
		// away what is above the folder of PATH.
		if othersCanWrite(info) && (path == dir || info.Mode()&fs.ModeSticky == 0) {
			return errors.New("other users can write to " + path)
		}
		if path == filepath.Dir(path) {
			return link
		}
	}
}
