//go:build linux

package cli_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"os/exec"
	"path"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestProxyShowsNoSecret runs the proxy as a process and looks for the pair, the
// token and the proxy's own secret wherever others can look, the trace that Go
// prints when a process is made to dump its goroutines included.
func TestProxyShowsNoSecret(t *testing.T) {
	h := newHouse(t, "acme")
	h.must(pairOf("acme"), "add", "acme", "--stdin")
	token := strings.TrimPrefix(strings.TrimSpace(h.must("", "token", "acme")), "JWT ")
	canaries := append(secretsOf("acme"), token)
	watch := watchProcesses(t)
	watch.look(canaries...)

	cmd := exec.Command(h.binary, "proxy", "acme")
	var said bytes.Buffer
	cmd.Env, cmd.Stderr = h.env, &said
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	hung := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer hung.Stop()
	lines := bufio.NewReader(stdout)
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatalf("no URL: %v\n%s", err, said.String())
	}
	url := strings.TrimSpace(line)
	canaries = append(canaries, path.Base(url))
	watch.look(canaries...)

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, tail := range []string{"/data/wallets/balances", "/no/such/thing?key=" + token, "/auth/token", "x/data"} {
		resp, err := client.Get(url + tail)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if tail == "/data/wallets/balances" && resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", resp.Status, body)
		}
		for _, canary := range canaries {
			if strings.Contains(string(body), canary) {
				t.Errorf("%q is in the reply to %s: %s", canary, tail, body)
			}
		}
	}
	_ = cmd.Process.Signal(syscall.SIGQUIT)
	rest, _ := io.ReadAll(lines)
	_ = cmd.Wait() // it ends badly: that was asked for
	watch.stop()
	if !strings.Contains(said.String(), "goroutine ") || !strings.Contains(said.String(), "GET /no/such/thing 404") {
		t.Errorf("neither log nor trace:\n%s", said.String())
	}
	for _, canary := range canaries {
		if strings.Contains(said.String()+string(rest), canary) {
			t.Errorf("%q was printed:\n%s", canary, said.String())
		}
	}
	filesHave(t, envOf(h.env, "KITEKEY_HOME"), canaries...)
}
