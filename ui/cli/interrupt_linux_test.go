//go:build !race

package cli_test

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kitekey/kite/simulator"
	"kitekey/ui/terminaltest"
)

// promptly is how long a command may go on after the first signal.
const promptly = 2 * time.Second

// endings are the signals that end a command in good order.
var endings = []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}

// stuck is a command that waits for something that does not come.
type stuck struct {
	args   []string
	env    []string
	stdin  *os.File // nil: a credential
	stdout *os.File // nil: read
	stderr *os.File // nil: read
	home   string   // the data folder; "" is the house's
}

// endAfter starts the command, sends the signal once it waits, and returns how long
// the command went on after that; 0 if it had ended by itself.
func (s stuck) endAfter(h *installation, signal syscall.Signal) (time.Duration, error) {
	cmd := exec.Command(h.binary, s.args...)
	cmd.Env = append(h.env[:len(h.env):len(h.env)], s.env...)
	if s.home != "" {
		cmd.Env = append(cmd.Env, "KITEKEY_HOME="+s.home)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second // what it has started may hold the pipes
	var said lockedBuilder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(credentialOf("coral")), &said, &said
	if s.stdin != nil {
		cmd.Stdin = s.stdin
	}
	if s.stdout != nil {
		cmd.Stdout = s.stdout
	}
	if s.stderr != nil {
		cmd.Stderr = s.stderr
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	pid, ended := cmd.Process.Pid, make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	waitIdle(pid, ended)
	began := time.Now()
	_ = cmd.Process.Signal(signal)
	select {
	case <-ended:
	case <-time.After(5 * promptly):
		_ = syscall.Kill(-pid, syscall.SIGKILL)
		<-ended
		return time.Since(began), fmt.Errorf("it goes on: %s", said.String())
	}
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
		return 0, fmt.Errorf("the signal killed it: %s", said.String())
	}
	if strings.Contains(said.String(), "goroutine ") { // Go's end after SIGQUIT, with exit code 2
		return 0, fmt.Errorf("it crashed: %s", said.String())
	}
	return time.Since(began), nil
}

// waitIdle waits until a process does nothing any more: it waits for something, or
// has ended.
func waitIdle(pid int, ended <-chan struct{}) {
	last, since := "", time.Now()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		select {
		case <-ended:
			return
		case <-time.After(20 * time.Millisecond):
		}
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		fields := strings.Fields(string(stat))
		if len(fields) < 15 {
			return
		}
		if used := fields[13] + " " + fields[14]; used != last || fields[2] == "R" {
			last, since = used, time.Now()
		} else if time.Since(since) > 400*time.Millisecond {
			return
		}
	}
}

type lockedBuilder struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuilder) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuilder) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// endPromptly sends the signals to the commands in turn, one to each. On a busy machine
// a command may take longer than it does: one that is late three times is late.
func endPromptly(t *testing.T, h *installation, commands map[string]stuck) {
	t.Helper()
	slots := make(chan struct{}, 4)
	for i, name := range slices.Sorted(maps.Keys(commands)) {
		s, signal := commands[name], endings[i%len(endings)]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var took time.Duration
			var err error
			for range 3 {
				slots <- struct{}{}
				took, err = s.endAfter(h, signal)
				<-slots
				if err == nil && took <= promptly {
					break
				}
			}
			if err != nil || took > promptly {
				t.Errorf("%v, after %v: %v", signal, took.Round(time.Millisecond), err)
			}
		})
	}
}

func fifoAt(t *testing.T, path string) string {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), ignoreMissing(os.Remove(path)), syscall.Mkfifo(path, 0o600)); err != nil {
		t.Fatal(err)
	}
	return path
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// silentPipe is a pipe that stays open and says nothing.
func silentPipe(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = r.Close(), w.Close() })
	return r
}

// fullPipe is a pipe that takes nothing more.
func fullPipe(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = r.Close(), w.Close() })
	size, err := unix.FcntlInt(w.Fd(), unix.F_SETPIPE_SZ, 4096)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	return w
}

// homeWith is a copy of the data folder with a pipe in the place of one file.
func homeWith(t *testing.T, h *installation, name string) string {
	t.Helper()
	home := filepath.Join(t.TempDir(), "home")
	if err := os.CopyFS(home, os.DirFS(h.home)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(home, 0o700); err != nil {
		t.Fatal(err)
	}
	fifoAt(t, filepath.Join(home, name))
	return home
}

// TestSignal_EndsEachKindOfWait: the first signal ends a command within two
// seconds, whatever it waits for.
func TestSignal_EndsEachKindOfWait(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for commands that wait")
	}
	h := newInstallation(t, "acme", "coral")
	h.must(credentialOf("acme"), "add", "acme", "--stdin")
	dir := t.TempDir()
	fifo := fifoAt(t, filepath.Join(dir, "fifo"))
	backup, passphrase := filepath.Join(dir, "backup.age"), filepath.Join(dir, "passphrase")
	if err := errors.Join(os.WriteFile(backup, []byte("age-encryption.org/v1\n"), 0o600), os.WriteFile(passphrase, []byte("a long passphrase\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	silent, full := silentPipe(t), fullPipe(t)
	commands := map[string]stuck{
		"import a pipe":                 {args: []string{"import", fifo, "--yes"}},
		"import with an identity":       {args: []string{"import", backup, "--identity", fifo}},
		"import stdin":                  {args: []string{"import", "-", "--yes"}, stdin: silent},
		"add --stdin":                   {args: []string{"add", "coral", "--stdin"}, stdin: silent},
		"rotate --stdin":                {args: []string{"rotate", "acme", "--stdin"}, stdin: silent},
		"verify --stdin":                {args: []string{"verify", "--stdin"}, stdin: silent},
		"inspect":                       {args: []string{"inspect"}, stdin: silent},
		"a backup's passphrase":         {args: []string{"export", "--backup-passphrase-file", fifo}},
		"the store's passphrase":        {args: []string{"add", "coral", "--store", "file", "--stdin", "--no-verify"}, env: []string{"KITEKEY_PASSPHRASE_FILE=" + fifo}, home: filepath.Join(dir, "new")},
		"unlock":                        {args: []string{"unlock"}, env: []string{"KITEKEY_PASSPHRASE_FILE=" + fifo}},
		"network ca":                    {args: []string{"network", "ca", fifo}},
		"api --data":                    {args: []string{"api", "acme", "POST", "/x", "--data", "@" + fifo}},
		"simulator":                     {args: []string{"simulator", "--listen", "127.0.0.1:0"}},
		"simulator, full pipe":          {args: []string{"simulator", "--listen", "127.0.0.1:0"}, stdout: full, stderr: full},
		"proxy":                         {args: []string{"proxy", "acme"}},
		"proxy, full pipe":              {args: []string{"proxy", "acme"}, stdout: full, stderr: full},
		"list into a full pipe":         {args: []string{"list"}, stdout: full},
		"list --json into a full pipe":  {args: []string{"list", "--json"}, stdout: full, stderr: full},
		"token into a full pipe":        {args: []string{"token", "acme"}, stdout: full, stderr: full},
		"verify into a full pipe":       {args: []string{"verify", "acme"}, stdout: full, stderr: full},
		"doctor into a full pipe":       {args: []string{"doctor", "--offline"}, stdout: full, stderr: full},
		"log into a full pipe":          {args: []string{"log"}, stdout: full},
		"help into a full pipe":         {args: []string{"help"}, stdout: full, stderr: full},
		"version into a full pipe":      {args: []string{"version"}, stdout: full, stderr: full},
		"completion into a full pipe":   {args: []string{"completion", "bash"}, stdout: full, stderr: full},
		"an error into a full pipe":     {args: []string{"token", "nothing"}, stderr: full},
		"a usage error into a full one": {args: []string{"nothing"}, stderr: full},
	}
	for _, name := range []string{"index.json", "settings.json", "activity.jsonl", "ca.pem", "sources.json", "locks/index.lock", "locks/sources.lock"} {
		home := homeWith(t, h, name)
		for _, line := range []string{"token acme", "add coral --stdin", "doctor --offline"} {
			commands[name+" is a pipe: "+line] = stuck{args: strings.Fields(line), home: home}
		}
	}
	endPromptly(t, h, commands)
}

// TestSignal_EndsCommandsOnAFileStoreOfPipes: as above, for the files of the file
// store and the locks of a profile.
func TestSignal_EndsCommandsOnAFileStoreOfPipes(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for commands that wait")
	}
	h := newInstallation(t, "acme", "coral")
	passphrase := filepath.Join(t.TempDir(), "passphrase")
	if err := os.WriteFile(passphrase, []byte("a long passphrase\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.env = append(h.env, "KITEKEY_STORE=file", "KITEKEY_PASSPHRASE_FILE="+passphrase)
	h.must(credentialOf("acme"), "add", "acme", "--stdin")
	locks, err := filepath.Glob(filepath.Join(h.home, "locks", "*"))
	if err != nil || len(locks) == 0 {
		t.Fatalf("no locks: %v", err)
	}
	commands := map[string]stuck{}
	names := []string{"vault.age", "identity.age"}
	for _, lock := range locks {
		names = append(names, filepath.Join("locks", filepath.Base(lock)))
	}
	for _, name := range names {
		home := homeWith(t, h, name)
		for _, line := range []string{"token acme --fresh", "add coral --stdin --no-verify", "remove acme --yes"} {
			commands[name+" is a pipe: "+line] = stuck{args: strings.Fields(line), home: home}
		}
	}
	endPromptly(t, h, commands)
}

// TestSignal_EndsCommandsThatWaitForOthers: gateways, sources and locks that do not
// answer.
func TestSignal_EndsCommandsThatWaitForOthers(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for commands that wait")
	}
	h := newInstallation(t, "acme", "coral")
	h.must(credentialOf("acme"), "add", "acme", "--stdin")
	// A source that answers at first.
	slow := filepath.Join(t.TempDir(), "slow")
	if err := os.WriteFile(slow, []byte("#!/bin/sh\ntest -e $0.now && exec sleep 60\necho \"$1\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	deaf, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and never answers
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = deaf.Close() })
	h.must("", "source", "add", "slow", "--kind", "command", "--profile", "dune", "--", slow, credentialOf("coral"), "{account}")
	if err := os.WriteFile(slow+".now", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h.must("", "source", "add", "deaf", "--no-sync", "--address", "http://"+deaf.Addr().String())
	h.sim.Set("", "sandbox", simulator.Behavior{Failure: simulator.Hang})
	held, err := os.Open(filepath.Join(h.home, "locks", "index.lock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = held.Close() })
	full := fullPipe(t)
	token := []string{"BAO_TOKEN=t"}
	commands := map[string]stuck{
		"token":              {args: []string{"token", "acme", "--fresh"}},
		"token, full stderr": {args: []string{"token", "acme", "--fresh"}, stderr: full},
		"copy":               {args: []string{"copy", "acme", "--fresh"}},
		"env":                {args: []string{"env", "acme", "--fresh"}},
		"exec before it has": {args: []string{"exec", "acme", "--fresh", "--", "true"}},
		"verify":             {args: []string{"verify", "acme"}},
		"verify --all":       {args: []string{"verify", "--all"}},
		"api":                {args: []string{"api", "acme", "GET", "/x"}},
		"proxy":              {args: []string{"proxy", "acme"}},
		"add":                {args: []string{"add", "coral", "--stdin"}},
		"rotate":             {args: []string{"rotate", "acme", "--stdin"}},
		"doctor":             {args: []string{"doctor"}},
		"a slow command":     {args: []string{"token", "dune"}},
		"source sync":        {args: []string{"source", "sync", "deaf"}, env: token},
		"source test, deaf":  {args: []string{"source", "test", "deaf"}, env: token},
		"source login":       {args: []string{"source", "login", "deaf", "--stdin"}},
	}
	t.Run("gateways and sources", func(t *testing.T) { endPromptly(t, h, commands) })
	if err := unix.Flock(int(held.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	t.Run("a lock", func(t *testing.T) {
		endPromptly(t, h, map[string]stuck{
			"add":    {args: []string{"add", "coral", "--stdin", "--no-verify"}},
			"rename": {args: []string{"rename", "acme", "other"}},
			"remove": {args: []string{"remove", "acme", "--yes"}},
			"edit":   {args: []string{"edit", "acme", "--label", "x"}},
		})
	})
	if err := unix.Flock(int(held.Fd()), unix.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	h.keyring.StopDaemon()
	defer h.keyring.ContinueDaemon()
	t.Run("the keyring", func(t *testing.T) {
		endPromptly(t, h, map[string]stuck{
			"token":  {args: []string{"token", "acme"}},
			"add":    {args: []string{"add", "coral", "--stdin", "--no-verify"}},
			"remove": {args: []string{"remove", "acme", "--yes"}},
			"doctor": {args: []string{"doctor", "--offline"}},
		})
	})
}

// TestSignal_EndsPrompts: a command that asks at a terminal ends with the first
// signal, and leaves the terminal as it was.
func TestSignal_EndsPrompts(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for commands that wait")
	}
	h := newInstallation(t, "acme")
	h.must(credentialOf("acme"), "add", "acme", "--stdin")
	for line, waits := range map[string]string{
		"add coral":          "api_key",
		"remove acme":        "acme/sandbox",
		"rotate acme":        "api_key",
		"--plain":            "Type list",
		"export -o /tmp/out": "assphrase",
		"":                   "acme / sandbox",
	} {
		t.Run(line, func(t *testing.T) {
			for _, signal := range endings {
				var took time.Duration
				for range 3 {
					s := terminaltest.Start(t, terminaltest.Program{Path: h.binary, Args: strings.Fields(line), Env: append(h.env[:len(h.env):len(h.env)], "TERM=xterm-256color"), Emulate: true, Cols: 110, Rows: 32})
					s.WaitFor(waits)
					waitIdle(s.Pid(), s.Exited())
					began := time.Now()
					s.Signal(signal)
					s.WaitExit(130)
					if took = time.Since(began); took <= promptly {
						break
					}
				}
				if took > promptly {
					t.Errorf("%v: it went on for %v", signal, took)
				}
			}
		})
	}
}
