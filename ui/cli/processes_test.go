//go:build linux

package cli_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/kite/simulator"
	"kitekey/vault/keyring/keyringtest"
)

// installation is a data folder, a keyring and a simulator for real kitekey processes.
type installation struct {
	t       testing.TB
	keyring *keyringtest.Keyring
	sim     *simulator.Simulator
	binary  string
	home    string
	env     []string
}

func newInstallation(t testing.TB, merchants ...string) *installation {
	t.Helper()
	h := &installation{t: t, binary: build(t), keyring: keyringtest.Start(t), home: filepath.Join(t.TempDir(), "home")}
	var o simulator.Options
	for _, name := range merchants {
		o.Merchants = append(o.Merchants, merchantOf(name))
	}
	h.sim = simulator.New(o)
	if err := h.sim.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.sim.Close() })
	h.env = append(append(os.Environ(), h.keyring.Env()...), "KITEKEY_HOME="+h.home,
		"KITEKEY_SANDBOX_URL="+h.sim.BaseURL(kite.Sandbox), "KITEKEY_LIVE_URL="+h.sim.BaseURL(kite.Live))
	return h
}

// run runs a command. A command that hangs is killed after a minute, with code -1.
func (h *installation) run(stdin string, args ...string) (code int, stdout, stderr string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, h.binary, args...)
	var out, errs bytes.Buffer
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = h.env, strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	var exited *exec.ExitError
	if err != nil && !errors.As(err, &exited) {
		h.t.Errorf("%s: %v", args, err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func (h *installation) must(stdin string, args ...string) string {
	h.t.Helper()
	code, out, errs := h.run(stdin, args...)
	if code != 0 {
		h.t.Errorf("%s: exit %d: %s", args, code, errs)
	}
	return out
}

func credentialOf(merchant string) string {
	secrets := secretsOf(merchant)
	return fmt.Sprintf(`{"api_key":%q,"api_secret":%q}`, secrets[0], secrets[1])
}

// thisRun is a part of every credential of the merchants below. Some tests read the
// command lines of all processes, and must not find those of another run on the
// same machine.
var thisRun = strings.ToLower(rand.Text()[:8])

// merchantOf returns a merchant of the sandbox with a credential that no other run
// has.
func merchantOf(name string) simulator.Merchant {
	m := simulator.NewMerchant(name, kite.Sandbox)
	m.Credential = kite.Credential{
		APIKey:    kite.NewSecret("sim-key-" + name + "-" + thisRun),
		APISecret: kite.NewSecret("sim-secret-" + name + "-" + thisRun),
	}
	return m
}

// While the keyring's daemon is frozen no command may hang. When it continues, a
// call that was given up must not take effect.
func TestCommands_EndWhenTheKeyringIsFrozen(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a deadline")
	}
	h := newInstallation(t, "acme", "coral")
	h.must(credentialOf("acme"), "add", "acme", "--stdin")
	token := h.must("", "token", "acme")
	before := h.keyring.Users("kitekey")
	h.keyring.StopDaemon()
	var wg sync.WaitGroup
	for _, c := range []struct {
		code  int
		stdin string
		args  []string
	}{
		{6, "", []string{"token", "acme"}},
		{6, "", []string{"token", "acme", "--fresh"}},
		{6, "", []string{"token", "acme", "--no-cache"}},
		{6, "", []string{"env", "acme"}},
		{6, "", []string{"exec", "acme", "--", "true"}},
		{6, "", []string{"copy", "acme"}},
		{6, "", []string{"verify", "acme"}},
		{6, "", []string{"forget", "acme"}},
		{6, "", []string{"remove", "acme", "--yes"}},
		{6, "", []string{"rename", "acme", "dune"}},
		{6, "", []string{"doctor"}},
		{6, "", []string{"rotate", "acme", "--rollback"}},
		{6, credentialOf("coral"), []string{"rotate", "acme", "--stdin"}},
		{6, credentialOf("coral"), []string{"add", "coral", "--stdin", "--no-verify"}},
		{0, "", []string{"list"}},
	} {
		wg.Go(func() {
			began := time.Now()
			code, _, errs := h.run(c.stdin, c.args...)
			t.Logf("%-28s exit %d after %.1f s", strings.Join(c.args, " "), code, time.Since(began).Seconds())
			if code != c.code {
				t.Errorf("%s: exit %d: %s", c.args, code, errs)
			}
			if code == 6 && c.args[0] != "doctor" && !strings.Contains(errs, "did not answer in time") {
				t.Errorf("%s says: %s", c.args, errs)
			}
		})
	}
	wg.Wait()
	h.keyring.ContinueDaemon()
	if got := h.must("", "token", "acme"); got != token {
		t.Error("the cached token changed while the keyring was frozen")
	}
	if after := h.keyring.Users("kitekey"); !slices.Equal(before, after) {
		t.Errorf("items before %v, after %v", before, after)
	}
	h.must("", "doctor", "--offline")
}

// The data folder is lost, and the keyring still has every credential.
func TestDoctor_RebuildsTheIndexFromTheKeyring(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	h := newInstallation(t, "acme", "coral")
	h.must(credentialOf("acme"), "add", "acme", "--stdin", "--label", "Acme")
	h.must(credentialOf("coral"), "add", "coral", "--stdin")
	token := h.must("", "token", "acme")
	if err := os.RemoveAll(h.home); err != nil {
		t.Fatal(err)
	}
	if code, out, _ := h.run("", "doctor", "--offline"); code != 1 || !strings.Contains(out, "3 items in the keyring that no profile here lists") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	h.must("", "doctor", "--repair", "--adopt", "--offline")
	list := h.must("", "list")
	if !strings.Contains(list, "acme/sandbox") || !strings.Contains(list, "coral/sandbox") || strings.Count(list, "\n") != 3 {
		t.Errorf("rebuilt:\n%s", list)
	}
	if again := h.must("", "token", "acme"); again == token || !strings.HasPrefix(again, "JWT ") {
		t.Error("no new token")
	}
	h.must("", "token", "coral")
}

// Eight processes run at once. No change may be lost, and a token that all of them
// need must be minted only once.
func TestProcesses_LoseNoChangeAndShareOneMint(t *testing.T) {
	if testing.Short() {
		t.Skip("eight processes for some seconds")
	}
	const n = 8
	h := newInstallation(t, "shared")
	h.must(credentialOf("shared"), "add", "shared", "--stdin", "--no-verify")
	parallel := func(do func(i int)) {
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() { do(i) })
		}
		wg.Wait()
	}

	tokens := make([]string, n)
	parallel(func(i int) { tokens[i] = h.must("", "token", "shared") })
	if got := h.sim.Count().Mints; got != 1 {
		t.Errorf("%d mints for %d processes", got, n)
	}
	for _, tok := range tokens {
		if tok != tokens[0] || tok == "" {
			t.Error("not all got the same token")
		}
	}

	parallel(func(i int) {
		kept, gone := fmt.Sprintf("kept%d", i), fmt.Sprintf("gone%d", i)
		h.must(credentialOf("shared"), "add", kept, "--stdin", "--no-verify")
		h.must(credentialOf("shared"), "add", gone, "--stdin", "--no-verify")
		h.must("", "token", kept, "--expires-in", "1h")
		h.must("", "token", gone)
		h.must("", "edit", kept, "--label", kept)
		h.must("", "remove", gone, "--yes")
		h.must("", "rename", kept, "new-"+kept)
	})
	list := h.must("", "list")
	for i := range n {
		if name := fmt.Sprintf("new-kept%d/sandbox", i); !strings.Contains(list, name) || strings.Contains(list, fmt.Sprintf("gone%d", i)) {
			t.Errorf("%s is not as it should be:\n%s", name, list)
		}
	}
	if lines := strings.Count(list, "\n"); lines != n+2 {
		t.Errorf("%d lines:\n%s", lines, list)
	}
	// Eight profiles and the shared one, each with a token.
	if users := h.keyring.Users("kitekey"); len(users) != 2*(n+1) {
		t.Errorf("%d items: %v", len(users), users)
	}
	h.must("", "doctor", "--offline")
}
