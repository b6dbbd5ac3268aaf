package clipboard

import (
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// mark is a file with the token of the newest copy on one clipboard. It tells the
// copies of different processes apart: the helper of an older copy leaves a newer
// copy alone, even if both have the same text.
type mark struct {
	path, token string // path is "" if no folder can hold the file
}

// newMark records that this is the newest copy on the clipboard of that name.
func newMark(clipboard string) mark {
	m := mark{token: rand.Text()}
	dir, err := markDir()
	if err != nil {
		return m
	}
	path := filepath.Join(dir, "kitekey-clipboard-"+strings.Map(fileRune, clipboard))
	// Write a temporary file and rename it: a reader never sees half a token, and a
	// link that another user planted is replaced and not followed.
	temp := path + "-" + m.token
	if os.WriteFile(temp, []byte(m.token), 0o600) != nil || os.Rename(temp, path) != nil {
		_ = os.Remove(temp)
		return m
	}
	m.path = path
	return m
}

// newest reports whether no newer copy has been made on this clipboard.
func (m mark) newest() bool {
	if m.path == "" {
		return true
	}
	token, err := readMark(m.path)
	return err != nil || token == m.token
}

// remove deletes the file, unless it belongs to a newer copy.
func (m mark) remove() {
	if m.path != "" && m.newest() {
		_ = os.Remove(m.path)
	}
}

// readMark reads a mark's file. It waits for nothing: what is not a file is an error.
func readMark(path string) (string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", errors.Join(err, errors.New("it is not a file"))
	}
	token, err := io.ReadAll(io.LimitReader(f, 1<<10))
	return string(token), err
}

// markDir returns a folder that only this user can write to: the session's own, or
// one beside other temporary files. The variables may name another user's, after su or in
// a script, and that user could keep the helper from clearing.
func markDir() (string, error) {
	runtime := os.Getenv("XDG_RUNTIME_DIR")
	if info, err := os.Stat(runtime); err == nil && filepath.IsAbs(runtime) && ownedByUs(info) {
		return runtime, nil
	}
	temp := os.TempDir()
	if info, err := os.Stat(temp); err != nil || !keepsNames(info) {
		return "", errors.Join(err, errors.New(temp+" belongs to another user"))
	}
	dir := filepath.Join(temp, "kitekey-"+strconv.Itoa(os.Getuid()))
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	info, err := os.Lstat(dir)
	if err == nil && (!info.IsDir() || !ownedByUs(info)) {
		err = errors.New(dir + " belongs to another user")
	}
	return dir, err
}

// fileRune replaces characters that a file's name cannot have.
func fileRune(r rune) rune {
	if strings.ContainsRune(`/\:*?"<>| `, r) {
		return '-'
	}
	return r
}
