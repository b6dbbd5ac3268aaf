package sourcetest

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// RealVariable is the variable with the path of a built
// kitekey/vault/source/vaulttest, which is a real server. ".ci/team" builds it and
// runs the tests that need it.
const RealVariable = "KITEKEY_TEST_VAULT"

// Real is a real server in a process of its own.
type Real struct {
	Engine
	dir, listen string
	cmd         *exec.Cmd
	stdin       io.Closer
}

// StartReal starts a real server. It skips the test if there is none.
func StartReal(t testing.TB) *Real {
	t.Helper()
	program := os.Getenv(RealVariable)
	if program == "" {
		t.Skip("needs a real server: run .ci/team, or set " + RealVariable + " to the program that it builds")
	}
	r := &Real{dir: t.TempDir(), listen: "127.0.0.1:0"}
	r.Engine.Unseal = r.unseal
	r.start(t)
	t.Cleanup(func() { _ = r.stdin.Close(); _ = r.cmd.Wait() })
	return r
}

func (r *Real) start(t testing.TB) {
	t.Helper()
	r.cmd = exec.Command(os.Getenv(RealVariable), "-dir", r.dir, "-listen", r.listen)
	r.cmd.Stderr = os.Stderr
	stdin, err := r.cmd.StdinPipe()
	must(t, err)
	stdout, err := r.cmd.StdoutPipe()
	must(t, err)
	must(t, r.cmd.Start())
	r.stdin = stdin
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	must(t, err)
	var said struct{ Address, Root string }
	must(t, json.Unmarshal(line, &said))
	r.Address, r.Root = said.Address, said.Root
	r.listen = said.Address[len("http://"):] // the same address again after a restart
}

// Kill ends the server at once, as a crash does.
func (r *Real) Kill(t testing.TB) {
	t.Helper()
	must(t, r.cmd.Process.Kill())
	_ = r.cmd.Wait()
}

// Restart starts the server again with the same storage, at the same address.
func (r *Real) Restart(t testing.TB) {
	t.Helper()
	r.start(t)
}

func (r *Real) unseal(t *testing.T) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(r.dir, "keys.json"))
	must(t, err)
	var k struct{ Unseal []byte }
	must(t, json.Unmarshal(data, &k))
	r.Call(t, http.MethodPut, "sys/unseal", map[string]string{"key": base64.StdEncoding.EncodeToString(k.Unseal)})
	// Mounts are available a moment after unsealing.
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if status, _ := r.As(t, r.Root, http.MethodGet, "sys/mounts", nil); status == http.StatusOK {
			return
		}
	}
	t.Fatal("not unsealed within 10 s")
}

func writeFile(path, text string) error { return os.WriteFile(path, []byte(text), 0o600) }
