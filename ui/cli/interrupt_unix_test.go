//go:build !windows

package cli_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The first signal ends a command that waits for the other end of a pipe to be
// opened or written to.
func TestSignal_EndsCommandsThatWaitForAPipe(t *testing.T) {
	sim, environ := world(t)
	add(t, environ, sim, "acme/sandbox")
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	backup := filepath.Join(t.TempDir(), "backup.age")
	if err := os.WriteFile(backup, []byte("age-encryption.org/v1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	silentEnd, theirEnd, err := os.Pipe() // stdin that stays open and sends nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = silentEnd.Close(), theirEnd.Close() })
	for name, c := range map[string]struct {
		args  []string
		env   string
		stdin *os.File
	}{
		"import":            {args: []string{"import", fifo, "--yes"}},
		"import identity":   {args: []string{"import", backup, "--identity", fifo}},
		"import stdin":      {args: []string{"import", "-", "--yes"}, stdin: silentEnd},
		"add --stdin":       {args: []string{"add", "coral", "--stdin"}, stdin: silentEnd},
		"verify --stdin":    {args: []string{"verify", "--stdin"}, stdin: silentEnd},
		"inspect":           {args: []string{"inspect"}, stdin: silentEnd},
		"backup passphrase": {args: []string{"export", "--backup-passphrase-file", fifo}},
		"store passphrase":  {args: []string{"add", "coral", "--store", "file", "--stdin", "--no-verify"}, env: "KITEKEY_PASSPHRASE_FILE=" + fifo},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command("kitekey", c.args...)
			cmd.Env = append(environ[:len(environ):len(environ)], "KITEKEY_HOME="+envOf(environ, "KITEKEY_HOME"))
			if c.env != "" {
				cmd.Env = append(cmd.Env, c.env, "KITEKEY_HOME="+t.TempDir())
			}
			if cmd.Stdin = strings.NewReader(`{"api_key":"some-key","api_secret":"some-secret"}`); c.stdin != nil {
				cmd.Stdin = c.stdin
			}
			var said strings.Builder
			cmd.Stderr = &said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			time.Sleep(500 * time.Millisecond) // it cannot report that it is waiting
			_ = cmd.Process.Signal(os.Interrupt)
			select {
			case err := <-ended:
				var exited *exec.ExitError
				if !errors.As(err, &exited) || exited.ExitCode() != 130 {
					t.Errorf("%v, want exit code 130: %s", err, said.String())
				}
			case <-time.After(10 * time.Second): // it takes 2 s on an idle machine
				_ = cmd.Process.Kill()
				t.Errorf("it goes on after the signal: %s", said.String())
			}
		})
	}
}
