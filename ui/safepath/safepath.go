// Package safepath takes folders in which others can put programs out of PATH, for
// the helpers that kitekey starts by name: wl-copy, tmux, a password manager. They
// get to see secrets.
//
// It does so when the program is loaded, because other packages start helpers when
// they are: Lip Gloss asks tmux for its colors. Go initializes packages in the order
// of their import paths as soon as what they import is ready
// (https://go.dev/ref/spec#Package_initialization), so this one comes before os/exec
// as long as it imports nothing that os/exec does not import. A test in ui/cli plants
// a tmux.
package safepath

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// original is the environment that the program was started with.
var original = os.Environ()

func init() {
	if path, ok := os.LookupEnv("PATH"); ok {
		_ = os.Setenv("PATH", Clean(path))
	}
}

// Environ is the environment with PATH as the user has it, for the commands that
// the user names.
func Environ() []string { return slices.Clone(original) }

// Clean is a PATH without its unsafe folders: see [Unsafe].
func Clean(path string) string {
	folders := slices.DeleteFunc(filepath.SplitList(path), func(dir string) bool { return Unsafe(dir) != nil })
	return strings.Join(folders, string(filepath.ListSeparator))
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
func Unsafe(dir string) error {
	switch {
	case !filepath.IsAbs(dir):
		return errors.New("it is relative to the working folder")
	case slices.Contains(strings.Split(filepath.ToSlash(filepath.Clean(dir)), "/"), "node_modules"):
		return errors.New("a project's packages are in it")
	}
	real, err := filepath.EvalSymlinks(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // nothing is found there
	}
	if err != nil {
		return err
	}
	for path := real; ; path = filepath.Dir(path) {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		// In a folder with the sticky bit, as /tmp, others can add names but not take
		// away what is above the folder of PATH.
		if othersCanWrite(info) && (path == real || info.Mode()&fs.ModeSticky == 0) {
			return errors.New("other users can write to " + path)
		}
		if path == filepath.Dir(path) {
			return nil
		}
	}
}
