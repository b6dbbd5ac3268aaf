package vault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"kitekey/vault/internal/disk"
)

// Severity says how bad a [Finding] is.
type Severity string

// The levels.
const (
	SeverityOK      Severity = "ok"
	SeverityWarning Severity = "warning" // it works, but somebody should look
	SeverityProblem Severity = "problem" // something does not work, or is at risk
)

// Finding is one thing that a check-up looked at.
type Finding struct {
	Check    string // what was looked at: "data folder", "index", "keyring", "acme/live"
	Severity Severity
	Text     string // what was found, for a person
	Fix      string // what to do about it, "" when nothing is to be done
}

const repairCommand = `"kitekey doctor --repair"`

// Check looks after the data folder, the index, the store, and whether index and
// store agree, both ways. It changes nothing. The error is only ctx's: what is
// wrong is in the findings.
func (v *Vault) Check(ctx context.Context) ([]Finding, error) {
	var found []Finding
	found = append(found, v.checkFolder()...)
	profiles, indexFindings := v.checkIndex()
	found = append(found, indexFindings...)
	if from, to, pending := MigrationPending(v.dir); pending {
		found = append(found, Finding{"migration", SeverityWarning, fmt.Sprintf("moving everything from the %s to the %s was interrupted", from, to),
			fmt.Sprintf(`"kitekey store migrate --to %s" finishes it`, to)})
	}
	storeFinding := v.examineStore(ctx)
	found = append(found, storeFinding)
	if storeFinding.Severity != SeverityProblem && indexFindings[0].Severity != SeverityProblem {
		found = append(found, v.checkItems(ctx, profiles)...)
		found = append(found, v.checkOrphans(ctx, profiles)...)
	}
	return found, ctx.Err()
}

// writable tries to keep a little in a folder, as the next change of the index
// will.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, "check"+disk.TempMark+"*")
	if err != nil {
		return disk.Cause(err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(make([]byte, 4096))
	return disk.Cause(errors.Join(err, f.Close()))
}

// checkFolder looks at permissions. Windows keeps a user's folders from others
// by other means.
func (v *Vault) checkFolder() []Finding {
	if v.dir == "" || runtime.GOOS == "windows" {
		return nil
	}
	var open []string
	err := filepath.WalkDir(v.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && d.Type()&fs.ModeSymlink == 0 && info.Mode().Perm()&0o077 != 0 {
			open = append(open, path)
		}
		return nil
	})
	cannot := writable(v.dir)
	switch {
	case err != nil:
		return []Finding{{"data folder", SeverityProblem, fmt.Sprintf("%s cannot be read: %v", v.dir, err), "give yourself access to it again"}}
	case cannot != nil:
		return []Finding{{"data folder", SeverityProblem, fmt.Sprintf("%s cannot be written: %v", v.dir, cannot), "free some space or give yourself access; until then nothing new is kept"}}
	case len(open) > 0:
		return []Finding{{"data folder", SeverityWarning, "others may read " + strings.Join(open, ", "), repairCommand}}
	}
	return []Finding{{"data folder", SeverityOK, v.dir + ", yours alone", ""}}
}

func (v *Vault) checkIndex() ([]Profile, []Finding) {
	profiles, err := v.index.load()
	if err != nil {
		text, _, _ := strings.Cut(err.Error(), "; no credential is lost")
		return nil, []Finding{{"index", SeverityProblem, text, repairCommand + " rebuilds it; no credential is lost"}}
	}
	found := []Finding{{"index", SeverityOK, count(len(profiles), "profile"), ""}}
	for _, p := range profiles {
		if p.State == StateSettled {
			continue
		}
		text := fmt.Sprintf("%s was interrupted", map[State]string{StateAdding: "adding it", StateChanging: "a change", StateRemoving: "its removal"}[p.State])
		if unlock, ok, _ := v.locks.TryLock(p.ID); ok {
			unlock()
		} else {
			text = "another kitekey is at work on it"
		}
		found = append(found, Finding{p.Selector.String(), SeverityWarning, text, "the next command that uses the store finishes it; " + repairCommand + " does so now"})
	}
	return profiles, found
}

// Reach tells whether the store can be used now: it asks for an item that cannot
// be there.
func (v *Vault) Reach(ctx context.Context) error {
	if _, err := v.store.Get(ctx, "doctor"); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

func (v *Vault) examineStore(ctx context.Context) Finding {
	err := v.Reach(ctx)
	if err == nil {
		return Finding{v.store.Name(), SeverityOK, "answers, unlocked", ""}
	}
	f := Finding{v.store.Name(), SeverityProblem, err.Error(), ""}
	var se *StoreError
	if errors.As(err, &se) && se.Hint != "" {
		f.Fix = se.Hint
		f.Text = strings.TrimSuffix(f.Text, "; "+se.Hint)
	}
	return f
}

// checkItems looks whether every profile's item is there and readable.
func (v *Vault) checkItems(ctx context.Context, profiles []Profile) []Finding {
	var found []Finding
	good := 0
	for _, p := range profiles {
		if p.State != StateSettled {
			continue
		}
		c, err := v.read(ctx, p)
		name := p.Selector.String()
		switch {
		case errors.Is(err, ErrOtherStore):
			found = append(found, Finding{name, SeverityWarning, "kept in the " + p.Store + " store, while " + v.store.Name() + " is in use",
				fmt.Sprintf(`"kitekey store migrate --to %s" moves everything here, or use "--store %s"`, v.store.Name(), p.Store)})
		case errors.Is(err, ErrNoCredential):
			found = append(found, Finding{name, SeverityProblem, strings.TrimPrefix(err.Error(), name+": "),
				fmt.Sprintf(`give it one with "kitekey rotate %s", or "kitekey remove %s"`, name, name)})
		case err != nil:
			return append(found, Finding{name, SeverityProblem, err.Error(), "try again"})
		case c.Selector != p.Selector:
			found = append(found, Finding{name, SeverityWarning, "its item says that it is " + c.Selector.String(), repairCommand})
		default:
			good++
			if hasCredential(c.Staged) {
				found = append(found, Finding{name, SeverityWarning, "a new credential is staged and waits for the gateway", fmt.Sprintf(`"kitekey verify %s" finishes it`, name)})
			}
		}
	}
	if good > 0 {
		found = append(found, Finding{"credentials", SeverityOK, count(good, "credential") + " in the " + v.store.Name() + " readable", ""})
	}
	return found
}

// checkOrphans looks for items that no profile lists, where the store can tell.
func (v *Vault) checkOrphans(ctx context.Context, profiles []Profile) []Finding {
	keys, err := v.keys(ctx)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return []Finding{{v.store.Name(), SeverityProblem, "its items cannot be listed: " + err.Error(), "try again"}}
	}
	orphans := orphanKeys(keys, profiles)
	if len(orphans) == 0 {
		return nil
	}
	return []Finding{{v.store.Name(), SeverityWarning, count(len(orphans), "item") + " that no profile here lists", `if they are not another KITEKEY_HOME's, "kitekey doctor --repair --adopt" lists them here`}}
}

// keys lists the store's items that can be kitekey's; errors.ErrUnsupported
// where the store cannot say.
func (v *Vault) keys(ctx context.Context) ([]string, error) {
	lister, ok := v.store.(Lister)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	keys, err := lister.Keys(ctx)
	return slices.DeleteFunc(keys, func(key string) bool { return !validID(strings.TrimSuffix(key, tokenSuffix)) }), err
}

func orphanKeys(keys []string, profiles []Profile) []string {
	listed := make(map[string]bool, len(profiles))
	for _, p := range profiles {
		listed[p.ID] = true
	}
	var orphans []string
	for _, key := range keys {
		if !listed[strings.TrimSuffix(key, tokenSuffix)] {
			orphans = append(orphans, key)
		}
	}
	return orphans
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// mendPermissions takes others' access to the data folder away.
func (v *Vault) mendPermissions() error {
	if v.dir == "" || runtime.GOOS == "windows" {
		return nil
	}
	return filepath.WalkDir(v.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil || d.Type()&fs.ModeSymlink != 0 || info.Mode().Perm()&0o077 == 0 {
			return nil //nolint:nilerr // gone since, or somebody else's
		}
		return os.Chmod(path, info.Mode().Perm()&^0o077)
	})
}
