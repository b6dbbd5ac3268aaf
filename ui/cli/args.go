package cli

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/vault"
)

// directoryFile is the file that names the account to use in a folder.
const directoryFile = ".kitekey"

// errNoneGiven: a command that needs a profile's name got none, and neither
// KITEKEY_PROFILE nor a .kitekey file names one.
var errNoneGiven = errors.New("no profile given: name one (acme or acme/live), set KITEKEY_PROFILE, or write an account's name into a file " + directoryFile)

// selector returns the profile that a command is about: its first argument, or else
// the one that KITEKEY_PROFILE or a .kitekey file names. A profile that was not
// typed is shown on stderr and is never live.
func (a *app) selector(args []string) (vault.Selector, error) {
	if len(args) > 0 {
		return parseSelector(args[0])
	}
	return a.defaultSelector()
}

// selectors is selector for commands that take several.
func (a *app) selectors(args []string) ([]vault.Selector, error) {
	if len(args) == 0 {
		sel, err := a.defaultSelector()
		return []vault.Selector{sel}, err
	}
	if environmentApart(args) {
		return nil, usagef("%s", slashHint)
	}
	var sels []vault.Selector
	seen := make(map[vault.Selector]bool, len(args))
	for _, arg := range args {
		sel, err := parseSelector(arg)
		if err != nil {
			return nil, err
		}
		if !seen[sel] {
			sels = append(sels, sel)
		}
		seen[sel] = true
	}
	return sels, nil
}

// slashHint says how to write what [environmentApart] finds.
const slashHint = "an environment follows its account after a slash, as in acme/live"

// environmentApart reports whether an environment is an argument of its own, as in
// "acme live". Taken for an account, it would leave acme's sandbox as what is meant.
func environmentApart(args []string) bool {
	return len(args) > 1 && slices.ContainsFunc(args[1:], func(arg string) bool {
		_, err := kite.ParseEnvironment(strings.ToLower(arg))
		return err == nil
	})
}

func parseSelector(s string) (vault.Selector, error) {
	sel, err := vault.ParseSelector(s)
	if err != nil {
		return vault.Selector{}, usagef("%w", err)
	}
	return sel, nil
}

func (a *app) defaultSelector() (vault.Selector, error) {
	if s := a.getenv(varProfile); s != "" {
		sel, err := vault.ParseSelector(s)
		if err != nil {
			return sel, usagef("KITEKEY_PROFILE: %w", err)
		}
		if sel.Environment == kite.Live {
			return sel, usagef("KITEKEY_PROFILE names a live profile, and no variable chooses live; name %s on the command line", sel)
		}
		a.note("using %s (KITEKEY_PROFILE)", sel)
		return sel, nil
	}
	path, account, err := a.directoryAccount()
	if err != nil {
		return vault.Selector{}, err
	}
	if account == "" {
		return vault.Selector{}, usagef("%w", errNoneGiven)
	}
	sel := vault.Selector{Account: account, Environment: kite.Sandbox}
	a.note("using %s (%s)", sel, path)
	return sel, nil
}

// directoryAccount reads the nearest .kitekey in the working folder or one above
// it. The file names one account and nothing else. It cannot choose live, because a
// folder may come from another person's repository. A file that belongs to another
// user, or that all can change, is ignored.
func (a *app) directoryAccount() (path, account string, err error) {
	if a.Dir == "" {
		return "", "", nil
	}
	for dir := filepath.Clean(a.Dir); ; dir = filepath.Dir(dir) {
		path := filepath.Join(dir, directoryFile)
		info, err := os.Stat(path)
		switch {
		case err == nil && info.Mode().IsRegular() && !ownFile(path):
			a.note("%s belongs to another user and is ignored", path)
		case err == nil && info.Mode().IsRegular() && openToAll(info):
			a.note("%s can be changed by every user and is ignored; run \"chmod o-w %s\"", path, path)
		case err == nil && info.Mode().IsRegular():
			account, err := readDirectoryFile(path)
			return path, account, err
		case err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission):
			return "", "", usagef("%s: %w", path, err)
		}
		if filepath.Dir(dir) == dir {
			return "", "", nil
		}
	}
}

func readDirectoryFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", usagef("%s: %w", path, err)
	}
	defer f.Close()
	buf := make([]byte, 512)
	n, _ := f.Read(buf)
	line := strings.TrimSpace(string(bytes.TrimPrefix(buf[:n], byteOrderMark)))
	switch {
	case line == "":
		return "", usagef("%s is empty: write the name of one account into it", path)
	case strings.Contains(line, "/"):
		return "", usagef("%s names an environment; write the account's name alone: the file always means its sandbox", path)
	}
	if err := vault.ValidAccount(line); err != nil {
		return "", usagef("%s: %w", path, err)
	}
	return line, nil
}

// argCount checks the number of arguments. Its errors never quote them: an
// argument may be a secret that was passed by mistake.
func argCount(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && (most < 0 || len(args) <= most) {
			return nil
		}
		hint := ""
		switch {
		case len(args) < 2 || most != 1:
		case environmentApart(args):
			hint = "; " + slashHint
		default:
			hint = "; keys and secrets are never given as arguments"
		}
		return usagef("%s takes %s (got %d)%s; see %q", nameOf(cmd), what, len(args), hint, cmd.CommandPath()+" --help")
	}
}

// chosen returns the profiles of a command that takes names or --all.
func (a *app) chosen(args []string, all bool) ([]vault.Selector, *vault.Vault, error) {
	if all && len(args) > 0 {
		return nil, nil, usagef("name profiles or give --all, not both")
	}
	var sels []vault.Selector
	if !all {
		var err error
		if sels, err = a.selectors(args); err != nil {
			if errors.Is(err, errNoneGiven) {
				err = usagef("%w, or give --all", err)
			}
			return nil, nil, err
		}
	}
	v, err := a.open()
	if err != nil || !all {
		return sels, v, err
	}
	profiles, err := v.List()
	for _, p := range profiles {
		sels = append(sels, p.Selector)
	}
	return sels, v, err
}
