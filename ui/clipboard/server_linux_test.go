package clipboard

import (
	"crypto/rand"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

func TestDisplayAddress_IsWhereXgbConnects(t *testing.T) {
	for display, want := range map[string]string{
		":0": "unix /tmp/.X11-unix/X0", ":12.1": "unix /tmp/.X11-unix/X12", "unix:1": "unix /tmp/.X11-unix/X1",
		"localhost:10.0": "tcp localhost:6010", "tcp/host:1": "tcp host:6001", "[::1]:2": "tcp [::1]:6002", "/tmp/launch/x:0": "unix /tmp/launch/x:0",
	} {
		if network, address := displayAddress(display); network+" "+address != want {
			t.Errorf("%s: %s %s, want %s", display, network, address, want)
		}
	}
}

func TestOnThisMachine_RefusesAnotherMachine(t *testing.T) {
	for there, want := range map[string]bool{"127.0.0.1": true, "::1": true, "192.0.2.1": true, "192.0.2.2": false, "2001:db8::2": false} {
		if err := onThisMachine(net.ParseIP("192.0.2.1"), net.ParseIP(there)); (err == nil) != want {
			t.Errorf("%s: %v", there, err)
		}
	}
}

// Another user can listen at the address of a display that has ended.
func TestCheckServer_RefusesAnotherUsers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can listen as another user")
	}
	const other = 65534
	path := filepath.Join("/tmp", "kk"+rand.Text()) // t.TempDir is closed to other users
	done := make(chan net.Listener)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, ^uintptr(0), other, ^uintptr(0)); errno != 0 {
			t.Error(errno)
		}
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Error(err)
		}
		done <- l
	}()
	l := <-done
	if l == nil {
		return
	}
	t.Cleanup(func() { _ = l.Close() })
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := checkServer(conn.(*net.UnixConn), 1000); err == nil || !strings.Contains(err.Error(), "uid 65534") {
		t.Errorf("another user's: %v", err)
	}
	for _, euid := range []int{other, 0} {
		if err := checkServer(conn.(*net.UnixConn), euid); err != nil {
			t.Errorf("for uid %d: %v", euid, err)
		}
	}
	// A user to whom it does not belong.
	t.Setenv("WAYLAND_DISPLAY", path)
	failed := make(chan error, 2)
	go func() {
		runtime.LockOSThread()
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, ^uintptr(0), 1, ^uintptr(0)); errno != 0 {
			t.Error(errno)
		}
		_, _, err := holdTmux(path+",1,0", []byte("secret"))
		failed <- err
		_, _, err = holdWayland([]byte("secret"))
		failed <- err
	}()
	for _, variable := range []string{"TMUX", "WAYLAND_DISPLAY"} {
		if err := <-failed; err == nil || !strings.Contains(err.Error(), variable+" is not used") {
			t.Errorf("%s: %v", variable, err)
		}
	}
}
