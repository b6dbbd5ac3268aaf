//go:build linux

package cli_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// someUser is a user without special rights, because root may read everything. In
// continuous integration the tests run as root; elsewhere as the developer.
type someUser struct {
	t      *testing.T
	folder string // its own, with a copy of kitekey in it
}

func newSomeUser(t *testing.T) someUser {
	t.Helper()
	u := someUser{t, t.TempDir()}
	for _, dir := range []string{u.folder, filepath.Dir(u.folder)} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	binary, err := os.ReadFile(build(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(u.folder+"/kitekey", binary, 0o755); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if err := os.Chown(u.folder, uidNobody, uidNobody); err != nil {
			t.Fatal(err)
		}
	}
	return u
}

// uidNobody is the ID of the user "nobody", who owns no files.
const uidNobody = 65534

func (u someUser) command(name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(u.t.Context(), name, args...)
	cmd.Dir, cmd.Env = u.folder, []string{"HOME=" + u.folder, "PATH=" + os.Getenv("PATH")}
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uidNobody, Gid: uidNobody}}
	}
	return cmd
}

// start starts a command that may write cores, waits for its first line and returns
// its process.
func (u someUser) start(command string) *exec.Cmd {
	u.t.Helper()
	cmd := u.command("sh", "-c", "ulimit -c unlimited; exec "+command)
	cmd.Env = append(cmd.Env, "GOTRACEBACK=crash")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewReader(out)
	if _, err := lines.ReadString('\n'); err != nil {
		u.t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	return cmd
}

// canRead returns the ways in which the user can read the memory of a process.
func (u someUser) canRead(pid int) (ways []string) {
	u.t.Helper()
	// Read the first page that is mapped, found through maps as tools do.
	read := fmt.Sprintf(`start=$(sed -n '1s/-.*//p' /proc/%[1]d/maps); test -n "$start" &&
		dd if=/proc/%[1]d/mem of=/dev/null bs=4096 skip=$((0x$start / 4096)) count=1`, pid)
	if u.command("sh", "-c", read).Run() == nil {
		ways = append(ways, "mem")
	}
	if u.command("cat", fmt.Sprintf("/proc/%d/environ", pid)).Run() == nil {
		ways = append(ways, "environ")
	}
	if _, err := exec.LookPath("gdb"); err == nil {
		out, _ := u.command("gdb", "-nx", "-batch", "-p", fmt.Sprint(pid), "-ex", "print 40+2").CombinedOutput()
		if !strings.Contains(string(out), "not permitted") {
			ways = append(ways, "gdb")
		}
	} else {
		u.t.Log("gdb is not installed: attaching was not tried")
	}
	return ways
}

func TestProtect_MemoryIsClosedToOtherProcessesOfTheUser(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	u := newSomeUser(t)
	kitekey := u.start("./kitekey simulator --listen 127.0.0.1:0")
	if ways := u.canRead(kitekey.Process.Pid); len(ways) > 0 {
		t.Errorf("kitekey's memory can be read by %v", ways)
	}
	other := u.start(`sh -c 'echo ready; exec sleep 600'`)
	if ways := u.canRead(other.Process.Pid); len(ways) < 2 {
		t.Errorf("this test cannot even read an ordinary process: %v", ways)
	}
}

func TestProtect_CrashLeavesNoCore(t *testing.T) {
	if testing.Short() {
		t.Skip("crashes processes")
	}
	if pattern, err := os.ReadFile("/proc/sys/kernel/core_pattern"); err != nil || strings.TrimSpace(string(pattern)) != "core" {
		t.Skipf("cores are not left in the working folder here: %s %v", pattern, err)
	}
	u := newSomeUser(t)
	end := func(command string) (cores []string) {
		cmd := u.start(command)
		if err := cmd.Process.Signal(syscall.SIGABRT); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		cores, _ = filepath.Glob(u.folder + "/core*")
		return cores
	}
	if cores := end("./kitekey simulator --listen 127.0.0.1:0"); len(cores) > 0 {
		t.Errorf("kitekey left %v", cores)
	}
	if cores := end(`sh -c 'echo ready; exec sleep 600'`); len(cores) == 0 {
		t.Log("an ordinary process leaves no core here either")
	}
}

// kitekey itself can still use /proc.
func TestProtect_OwnDescriptorsAndChildrenStayUsable(t *testing.T) {
	if testing.Short() {
		t.Skip("opens the file store at its full cost")
	}
	u := newSomeUser(t)
	for name, text := range map[string]string{"passphrase": "correct horse battery\n", "acme.json": credentialOf("acme")} {
		if err := os.WriteFile(filepath.Join(u.folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	script := `export KITEKEY_STORE=file KITEKEY_HOME=$HOME/data
		exec 3<passphrase; KITEKEY_PASSPHRASE_FILE=/dev/fd/3 ./kitekey add acme --stdin --no-verify <acme.json &&
		exec 3<passphrase; KITEKEY_PASSPHRASE_FILE=/proc/self/fd/3 ./kitekey list`
	if out, err := u.command("sh", "-c", script).CombinedOutput(); err != nil || !strings.Contains(string(out), "acme") {
		t.Errorf("%v: %s", err, out)
	}
}

// A project's programs are not started as helpers, not even by packages that are
// initialized before kitekey's own code. As exec's command they are found.
func TestProtect_HelpersAreNotTakenFromAProject(t *testing.T) {
	if testing.Short() {
		t.Skip("drives a real terminal")
	}
	folder := t.TempDir()
	bin := filepath.Join(folder, "node_modules", ".bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	planted := "#!/bin/sh\necho \"$0 $*\" >>" + folder + "/started\n"
	for _, name := range []string{"tmux", "wl-copy", "wl-paste", "xclip", "pass"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(planted), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	h := newInstallation(t, "acme")
	h.env = append(h.env, "PATH="+bin+":node_modules/.bin:"+os.Getenv("PATH"))
	h.must(credentialOf("acme"), "add", "acme", "--stdin")
	inside := append(h.env, "TMUX="+folder+"/socket,1,0", "WAYLAND_DISPLAY=wayland-0", "XDG_RUNTIME_DIR="+folder)
	s := startScreen(t, h.binary, inside, "copy", "acme")
	s.WaitFor("copied")
	started, _ := os.ReadFile(folder + "/started")
	if len(started) > 0 {
		t.Errorf("it started %s", started)
	}
	h.must("", "exec", "acme", "--", "pass", "show")
	if started, err := os.ReadFile(folder + "/started"); err != nil || !strings.HasSuffix(string(started), "/pass show\n") {
		t.Errorf("exec did not find the project's program: %q %v", started, err)
	}
}

// The program of a source, and the programs that it starts by name, are not those
// that a project brings along.
func TestProtect_SourcesAreNotTakenFromAProject(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	folder := t.TempDir()
	project, own := filepath.Join(folder, "node_modules", ".bin"), filepath.Join(folder, "own")
	program := func(dir, name, text string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	planted := "echo \"$0\" >>" + folder + "/started"
	program(project, "get-key", planted)
	program(project, "opens-safe", planted)
	program(own, "get-key", "opens-safe")
	program(own, "opens-safe", `echo '{"api_key":"own-key","api_secret":"own-secret"}'`)
	h := newInstallation(t, "acme")
	h.env = append(h.env, "PATH="+project+":"+own+":"+os.Getenv("PATH"))
	h.must("", "source", "add", "mine", "--kind", "command", "--profile", "acme", "--", "get-key", "{account}")
	code, _, errs := h.run("", "token", "acme")
	if started, err := os.ReadFile(folder + "/started"); err == nil {
		t.Errorf("it started %s", started)
	}
	if code == 0 || !strings.Contains(errs, "origin") && !strings.Contains(errs, "Kitegateway") {
		t.Errorf("it did not read the user's own credential: %d %s", code, errs)
	}
	h.must("", "source", "add", "mine", "--replace", "--no-sync", "--kind", "command", "--", filepath.Join(project, "get-key"), "{account}")
	if code, out, _ := h.run("", "source", "test", "mine"); code == 0 || !strings.Contains(out, "a project's packages") {
		t.Errorf("a project's program as a source: %d %s", code, out)
	}
}
