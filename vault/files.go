package vault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// replaceFile puts data in path's place so that a crash at any moment leaves the
// old content or the new one, whole: a temporary file in the same folder, synced,
// renamed over the old one, and the folder synced. With backup, what was there
// before is kept under that name. The caller holds the lock that guards path.
func replaceFile(path, backup string, data []byte) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("cannot write %s: %w", path, cause(err))
		}
	}()
	dir := filepath.Dir(path)
	sweepTemp(dir, filepath.Base(path))
	f, err := os.CreateTemp(dir, filepath.Base(path)+tempMark+"*") // 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already when all went well
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if backup != "" {
		if err = keepBackup(path, backup); err != nil {
			return err
		}
	}
	if err = sharing(func() error { return os.Rename(f.Name(), path) }); err != nil {
		return err
	}
	return syncDir(dir)
}

// cause is what the system said, without the name of a temporary file that tells
// nobody anything.
func cause(err error) error {
	var inner *fs.PathError
	if errors.As(err, &inner) {
		return inner.Err
	}
	return err
}

// sharing does a file operation again for a while when Windows refuses it:
// replacing a file fails there as long as somebody else reads it, and reading
// while it is replaced. Other systems know no such thing.
func sharing(do func() error) error {
	for end := time.Now().Add(2 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		err := do()
		const violation = syscall.Errno(32) // ERROR_SHARING_VIOLATION
		refused := errors.Is(err, fs.ErrPermission) || errors.Is(err, violation)
		if runtime.GOOS != "windows" || !refused || time.Now().After(end) {
			return err
		}
	}
}

// tempMark is in the names of temporary files, so that those a crash left behind
// can be told from everything else.
const tempMark = ".tmp-"

// sweepTemp removes what earlier crashes left of base's temporary files.
func sweepTemp(dir, base string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), base+tempMark) {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// keepBackup gives the file at path a second name. A link costs nothing and the
// file is about to be replaced, not changed; where links are not possible it is
// copied.
func keepBackup(path, backup string) error {
	tmp := backup + tempMark + "link"
	_ = os.Remove(tmp)
	err := os.Link(path, tmp)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // nothing to keep yet
	case err != nil:
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(tmp, data, 0o600); err != nil {
			return err
		}
	}
	err = sharing(func() error { return os.Rename(tmp, backup) })
	_ = os.Remove(tmp) // renaming a link onto one to the same file leaves both
	return err
}

// syncDir makes a rename last. Windows has no such call, and needs none.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// folderError is for a data folder that cannot be made.
func folderError(dir string, err error) error {
	return fmt.Errorf("cannot make the data folder %s: %w; KITEKEY_HOME names another", dir, cause(err))
}
