//go:build linux

package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"kitekey/vault/source/sourcetest"
)

// homes are three machines of a team, with one keyring and with a data folder and a
// working folder for each.
type homes struct {
	*installation
	engine sourcetest.Engine
	mount  string
	dir    string
	mu     sync.Mutex
	said   bytes.Buffer // everything that the commands have printed
}

// atEngines runs a test with the stand-in and, if there is one, a real server.
func atEngines(t *testing.T, test func(t *testing.T, e sourcetest.Engine)) {
	t.Run("stand-in", func(t *testing.T) {
		s := sourcetest.New(nil)
		defer s.Close()
		test(t, sourcetest.Engine{Address: s.URL, Root: sourcetest.RootToken})
	})
	t.Run("real", func(t *testing.T) { test(t, sourcetest.StartReal(t).Engine) })
}

func newHomes(t *testing.T, e sourcetest.Engine, merchants ...string) *homes {
	t.Helper()
	h := &homes{installation: newInstallation(t, merchants...), engine: e, mount: e.Mount(t, 2), dir: t.TempDir()}
	h.env = append(h.env, "TMPDIR="+h.folder("tmp"), "BAO_TOKEN="+e.Token(t, sourcetest.Developers(h.mount), "10m"))
	return h
}

func (h *homes) folder(name string) string {
	path := filepath.Join(h.dir, name)
	if err := os.MkdirAll(path, 0o700); err != nil {
		h.t.Fatal(err)
	}
	return path
}

func (h *homes) command(ctx context.Context, machine, stdin string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, h.binary, args...)
	cmd.Dir = h.folder(machine)
	cmd.Env = append(h.env[:len(h.env):len(h.env)], "KITEKEY_HOME="+filepath.Join(cmd.Dir, "home"))
	cmd.Stdin = strings.NewReader(stdin)
	return cmd
}

// on runs a command on a machine and returns its exit code and output.
func (h *homes) on(machine, stdin string, args ...string) (code int, stdout, stderr string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := h.command(ctx, machine, stdin, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exited *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exited) {
		h.t.Errorf("%s: %v", args, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	fmt.Fprintf(&h.said, "%s%s", out.String(), errs.String())
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func (h *homes) must(machine, stdin string, args ...string) string {
	h.t.Helper()
	code, out, errs := h.on(machine, stdin, args...)
	if code != 0 {
		h.t.Fatalf("%s on %s: exit %d: %s%s", args, machine, code, errs, out) // doctor says on stdout what it found
	}
	return out
}

// clean looks for secrets in everything on the machines: files, the keyring, the
// output.
func (h *homes) clean(secrets ...string) {
	h.t.Helper()
	look := func(where string, data []byte) {
		for _, secret := range secrets {
			if bytes.Contains(data, []byte(secret)) {
				h.t.Errorf("%s holds %s…", where, secret[:8])
			}
		}
	}
	files := 0
	err := filepath.WalkDir(h.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		if strings.HasPrefix(d.Name(), "core") {
			h.t.Errorf("a core was left: %s", path)
		}
		data, err := os.ReadFile(path)
		look(path, data)
		files++
		return err
	})
	if err != nil || files < 6 {
		h.t.Errorf("only %d files seen, %v", files, err)
	}
	users := h.keyring.Users("kitekey")
	for _, user := range users {
		if !strings.HasSuffix(user, "-token") {
			h.t.Errorf("the keyring has an item %q", user)
		}
		look("the keyring's "+user, []byte(h.keyring.Lookup("kitekey", user)))
	}
	if len(users) == 0 {
		h.t.Error("the keyring has no token either: this test looks in the wrong place")
	}
	look("what was printed", h.said.Bytes())
}

// secretsOfAll returns the halves of the merchants' credentials.
func secretsOfAll(merchants ...string) (all []string) {
	for _, m := range merchants {
		secrets := secretsOf(m)
		all = append(all, secrets[0], secrets[1])
	}
	return all
}

func TestSource_ThreeHomesShareCredentials(t *testing.T) {
	if testing.Short() {
		t.Skip("three machines at once")
	}
	atEngines(t, func(t *testing.T, e sourcetest.Engine) {
		h := newHomes(t, e, "acme", "acme2", "coral")
		secrets := secretsOfAll("acme", "acme2", "coral")
		add := []string{"source", "add", "team", "--address", e.Address, "--mount", h.mount}
		h.must("a", "", add...)
		h.must("a", credentialOf("acme"), "add", "acme", "--source", "team", "--stdin", "--label", "Acme Ltd")
		h.must("b", "", add...)
		h.must("c", "", add...)

		// One machine verifies while the other two write.
		ctx, stop := context.WithCancel(t.Context())
		var beside sync.WaitGroup
		defer beside.Wait()
		defer stop()
		verified := 0
		beside.Go(func() {
			for ctx.Err() == nil {
				if code, _, errs := h.on("c", "", "verify", "--all", "--json"); code != 0 {
					t.Errorf("verify: exit %d: %s", code, errs)
				}
				verified++
			}
		})
		beside.Go(func() {
			for ctx.Err() == nil {
				for _, secret := range secrets {
					if where := holders(t, secret); len(where) > 0 {
						t.Errorf("%s… is in %v", secret[:8], where)
						return
					}
				}
			}
		})
		for n := range 4 {
			next := []string{"acme2", "acme"}[n%2]
			h.must([]string{"b", "a"}[n%2], credentialOf(next), "rotate", "acme", "--stdin")
			h.must("a", credentialOf("coral"), "add", fmt.Sprint("coral", n), "--source", "team", "--stdin")
			h.must("b", "", "source", "sync", "team")
			h.must("b", "", "edit", fmt.Sprint("coral", n), "--label", fmt.Sprint("Coral ", n))
			h.must("c", "", "token", "acme", "--fresh")
		}
		h.must("b", "", "rename", "coral3", "dune")
		h.must("b", "", "remove", "coral0", "--yes", "--for-team")
		stop()
		beside.Wait()
		if verified == 0 {
			t.Error("nothing was verified meanwhile")
		}
		if out := h.must("c", "", "source", "sync", "team", "--json"); !strings.Contains(out, `"dune/sandbox"`) {
			t.Errorf("c sees %s", out)
		}
		h.must("c", "", "list")
		h.must("c", "", "log")
		h.must("c", "", "doctor")
		h.must("c", "", "exec", "acme", "--", "true")
		h.clean(secrets...)
	})
}

// The command is killed in the middle of a read.
func TestSource_KilledLeavesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	atEngines(t, func(t *testing.T, e sourcetest.Engine) {
		h := newHomes(t, e, "acme")
		h.must("a", "", "source", "add", "team", "--address", e.Address, "--mount", h.mount)
		h.must("a", credentialOf("acme"), "add", "acme", "--source", "team", "--stdin")
		h.must("a", "", "token", "acme")
		for n, signal := range []syscall.Signal{syscall.SIGABRT, syscall.SIGQUIT, syscall.SIGSEGV, syscall.SIGKILL, syscall.SIGTERM} {
			cmd := h.command(t.Context(), "a", "", "token", "acme", "--fresh")
			var said bytes.Buffer
			cmd.Stdout, cmd.Stderr = &said, &said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(4+3*n) * time.Millisecond) // at any point of the read
			_ = cmd.Process.Signal(signal)
			_ = cmd.Wait()
			h.said.Write(said.Bytes())
		}
		h.must("a", "", "token", "acme", "--fresh")
		h.clean(secretsOfAll("acme")...)
	})
}

// Of two commands at the same time one succeeds, and the other says that it did
// not.
func TestSource_RotatingAtOnceTellsOfConflicts(t *testing.T) {
	if testing.Short() {
		t.Skip("a campaign")
	}
	atEngines(t, func(t *testing.T, e sourcetest.Engine) {
		h := newHomes(t, e, "m0", "m1", "m2", "m3")
		add := []string{"source", "add", "team", "--address", e.Address, "--mount", h.mount}
		h.must("a", "", add...)
		h.must("a", credentialOf("m0"), "add", "acme", "--source", "team", "--stdin")
		h.must("b", "", add...)
		wins, conflicts := 0, 0
		for n := range 12 {
			var wg sync.WaitGroup
			codes, texts := [2]int{}, [2]string{}
			for i, machine := range []string{"a", "b"} {
				wg.Go(func() {
					codes[i], _, texts[i] = h.on(machine, credentialOf(fmt.Sprint("m", (2*n+i+1)%4)), "rotate", "acme", "--stdin")
				})
			}
			wg.Wait()
			for i, code := range codes {
				if code == 0 {
					wins++
				} else {
					conflicts++
					if !strings.Contains(texts[i], "meanwhile") && !strings.Contains(texts[i], "changed elsewhere") && !strings.Contains(texts[i], "in use already") {
						t.Errorf("exit %d: %s", code, texts[i])
					}
				}
			}
		}
		t.Logf("%d rotations, %d conflicts told", wins, conflicts)
		if wins == 0 {
			t.Error("no rotation went through")
		}
		status, reply := e.As(t, e.Root, http.MethodGet, h.mount+"/data/kitegateway/acme/sandbox", nil)
		if status != http.StatusOK {
			t.Fatal(status)
		}
		fields := reply["data"].(map[string]any)["data"].(map[string]any)
		for m := range 4 {
			if secrets := secretsOf(fmt.Sprint("m", m)); fields["api_key"] == secrets[0] && fields["api_secret"] != secrets[1] {
				t.Error("the credential is torn")
			}
		}
		h.must("a", "", "token", "acme")
		h.clean(secretsOfAll("m0", "m1", "m2", "m3")...)
	})
}
