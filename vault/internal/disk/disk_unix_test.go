//go:build unix

package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
)

func TestReplace_KeepsALinkAndReplacesWhatItLeadsTo(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	file, link, backup := filepath.Join(elsewhere, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "backup")
	if err := errors.Join(os.Symlink(file, filepath.Join(elsewhere, "second")), os.Symlink(filepath.Join("..", filepath.Base(elsewhere), "second"), link)); err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"the first, while the link leads nowhere", "the second"} {
		if err := Replace(link, backup, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(file); err != nil || string(data) != content {
			t.Errorf("%q %v", data, err)
		}
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link has gone: %v %v", info, err)
	}
	if data, err := os.ReadFile(backup); err != nil || string(data) != "the first, while the link leads nowhere" {
		t.Errorf("backup: %q %v", data, err)
	}
}

func TestReplace_FollowsNoLinkOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make another user's link")
	}
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := errors.Join(os.WriteFile(file, []byte("root's"), 0o600), os.Symlink(file, link), os.Lchown(link, 65534, 65534)); err != nil {
		t.Fatal(err)
	}
	if err := Replace(link, "", []byte("new")); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "root's" {
		t.Errorf("the link was followed: %q %v", data, err)
	}
}

// Another user may have put a file into our folder while that was open to others: a list
// of sources names programs to run.
func TestRead_RefusesAnotherUsersFile(t *testing.T) {
	if os.Geteuid() != 0 || runtime.GOOS != "linux" {
		t.Skip("only root can make another user's file, and only Linux changes one thread's user")
	}
	const user, other = 65534, 1
	dir := t.TempDir()
	if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(filepath.Dir(dir), 0o755)); err != nil {
		t.Fatal(err)
	}
	want := map[int]error{0: nil, user: nil, other: ErrForeign}
	for uid := range want {
		path := filepath.Join(dir, strconv.Itoa(uid))
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chmod(path, 0o666), os.Chown(path, uid, -1)); err != nil {
			t.Fatal(err)
		}
	}
	got := map[int]error{}
	appended := map[int]error{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
		// Only this thread: syscall.Setuid changes all.
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETREUID, ^uintptr(0), user, 0); errno != 0 {
			t.Error(errno)
			return
		}
		for uid := range want {
			path := filepath.Join(dir, strconv.Itoa(uid))
			f, _, err := openRegular(path)
			got[uid] = err
			_ = f.Close()
			f, err = OpenAppend(path)
			appended[uid] = err
			_ = f.Close()
		}
	}()
	<-done
	for uid, want := range want {
		if !errors.Is(got[uid], want) || !errors.Is(appended[uid], want) {
			t.Errorf("a file of uid %d: %v, %v; want %v", uid, got[uid], appended[uid], want)
		}
	}
	if _, err := Read(filepath.Join(dir, strconv.Itoa(other)), 10); err != nil {
		t.Errorf("root: %v", err)
	}
}

// Under "sudo kitekey", root works in a user's folder and must not lock the user
// out.
func TestFiles_InheritTheOwnerOfTheirFolder(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	home := t.TempDir()
	if err := os.Chown(home, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(home, "config", "kitekey")
	locks := FileLocks{Dir: filepath.Join(dir, Folder)}
	unlock, ok, err := locks.TryLock("index")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	unlock()
	f, err := OpenAppend(filepath.Join(dir, "log"))
	if err := errors.Join(err, f.Close(), Replace(filepath.Join(dir, "index.json"), filepath.Join(dir, "index.json.bak"), nil)); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(home, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if err == nil && info.Sys().(*syscall.Stat_t).Uid != 65534 {
			t.Errorf("%s is root's", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

type syncer struct{ error }

func (s syncer) Sync() error { return s.error }

func TestSynced_IgnoresAFileSystemThatCannotSync(t *testing.T) {
	for _, err := range []error{nil, syscall.EINVAL, &fs.PathError{Op: "sync", Path: "/mnt/share", Err: syscall.EINVAL}, syscall.ENOTSUP, syscall.ENOSYS} {
		if got := synced(syncer{err}); got != nil {
			t.Errorf("%v: %v", err, got)
		}
	}
	for _, err := range []error{syscall.EIO, syscall.ENOSPC} {
		if got := synced(syncer{err}); !errors.Is(got, err) {
			t.Errorf("%v was hidden: %v", err, got)
		}
	}
}

func TestLock_RefusesAFileInTheFoldersPlace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "locks")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := (FileLocks{Dir: file}).TryLock("index"); !errors.Is(err, ErrFolder) {
		t.Error(err)
	}
}

// As root, with KITEKEY_HOME=/tmp, kitekey would shut every other user out of /tmp.
func TestOwn_LeavesSharedFoldersAlone(t *testing.T) {
	dir := t.TempDir()
	shared := os.ModeSticky | 0o777
	if err := os.Chmod(dir, shared); err != nil {
		t.Fatal(err)
	}
	if err := Own(dir); !errors.Is(err, ErrShared) {
		t.Errorf("error %v, want %v", err, ErrShared)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode() != os.ModeDir|shared {
		t.Errorf("its mode is now %v, %v", info.Mode(), err)
	}
	setgid := os.ModeSetgid | 0o770
	if err := os.Chmod(dir, setgid); err != nil {
		t.Fatal(err)
	}
	if err := Own(dir); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode() != os.ModeDir|os.ModeSetgid|0o750 {
		t.Errorf("its mode is now %v, %v", info.Mode(), err)
	}
}
