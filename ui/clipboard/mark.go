package clipboard

import (
	"crypto/rand"
	"errors"
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
	token, err := os.ReadFile(m.path)
	return err != nil || string(token) == m.token
}

// remove deletes the file, unless it belongs to a newer copy.
func (m mark) remove() {
	if m.path != "" && m.newest() {
		_ = os.Remove(m.path)
	}
}

// markDir returns a folder that only this user can write to: the session's own, or
// one beside other temporary files.
func markDir() (string, error) {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return dir, nil
	}
	dir := filepath.Join(os.TempDir(), "kitekey-"+strconv.Itoa(os.Getuid()))
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
