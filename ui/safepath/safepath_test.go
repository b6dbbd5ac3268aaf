package safepath

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestUnsafeProgram_IsWhatOthersCanChange(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file's mode does not tell there")
	}
	root := t.TempDir()
	program := func(folder string, folderMode, mode os.FileMode) string {
		dir := filepath.Join(root, folder)
		path := filepath.Join(dir, "program")
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(path, nil, 0o755), os.Chmod(path, mode), os.Chmod(dir, folderMode)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, loose := program("good", 0o755, 0o755), program("loose", 0o777, 0o755)
	link := filepath.Join(root, "link")
	if err := os.Symlink(loose, link); err != nil {
		t.Fatal(err)
	}
	if err := UnsafeProgram(good); err != nil {
		t.Error(err)
	}
	for name, path := range map[string]string{
		"in a folder of all": loose, "a link to it": link, "written by all": program("file", 0o755, 0o777),
		"of a project": program("node_modules/.bin", 0o755, 0o755), "relative": "program", "not there": filepath.Join(root, "nothing"),
	} {
		if UnsafeProgram(path) == nil {
			t.Errorf("%s: %s counts as safe", name, path)
		}
	}
}

func TestClean_LeavesOutWhereOthersPutPrograms(t *testing.T) {
	root := t.TempDir()
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	folder := func(name string, mode os.FileMode) string {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, missing := folder("good", 0o755), filepath.Join(root, "not there")
	unsafe := []string{"", ".", "bin", "../bin", folder("project/node_modules/.bin", 0o755)}
	if runtime.GOOS != "windows" {
		folder("loose", 0o777)
		link := filepath.Join(root, "link")
		if err := os.Symlink(folder("open", 0o777|os.ModeSticky), link); err != nil {
			t.Fatal(err)
		}
		// Others can put another one in the place of a link in a folder of theirs.
		loose := filepath.Join(root, "loose", "link")
		if err := os.Symlink(filepath.Join(root, "good"), loose); err != nil {
			t.Fatal(err)
		}
		fine := filepath.Join(root, "fine")
		if err := os.Symlink(filepath.Join(root, "good"), fine); err != nil {
			t.Fatal(err)
		}
		unsafe = append(unsafe, folder("world", 0o777), folder("loose/below", 0o755), link, link+"/../good/../open", loose)
		good = strings.Join([]string{good, fine, root + "/good/", folder("shared/below", 0o755)}, string(filepath.ListSeparator))
		folder("shared", 0o777|os.ModeSticky)
		if os.Getuid() == 0 {
			another := folder("another", 0o755)
			if err := os.Chown(another, 65534, 65534); err != nil {
				t.Fatal(err)
			}
			unsafe = append(unsafe, another)
		}
	}
	want := strings.Join([]string{good, missing}, string(filepath.ListSeparator))
	given := want + string(filepath.ListSeparator) + strings.Join(unsafe, string(filepath.ListSeparator))
	if got := Clean(given); got != want {
		t.Errorf("of\n%q\nis left\n%q, want\n%q", given, got, want)
	}
	for _, dir := range unsafe {
		if Unsafe(dir) == nil {
			t.Errorf("%q counts as safe", dir)
		}
	}
}

func TestReplaceable_IsBelowAFolderOfOthers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file's mode does not tell there")
	}
	root := t.TempDir()
	folder := func(name string, mode os.FileMode) string {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(path, 0o700), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	open := folder("open", 0o777)
	own := folder("open/kitekey", 0o700)
	link := filepath.Join(root, "link")
	if err := os.Symlink(open, link); err != nil {
		t.Fatal(err)
	}
	folder("sticky", 0o777|os.ModeSticky)
	for path, want := range map[string]bool{
		own: true, filepath.Join(link, "kitekey"): true, filepath.Join(open, "none"): false,
		folder("kitekey", 0o700): false, folder("sticky/kitekey", 0o700): false,
	} {
		if err := Replaceable(path); (err != nil) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
}
