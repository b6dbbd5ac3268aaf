//go:build linux

package cli_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test looks for the credential, the token and the proxy's own secret wherever
// other programs can look, and in the trace of goroutines that Go prints on a
// signal.
func TestProxy_ShowsNoSecret(t *testing.T) {
	t.Parallel()
	h := newInstallation(t, "acme")
	h.must(credentialOf("acme"), "add", "acme", "--stdin")
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
	_ = cmd.Process.Signal(syscall.SIGABRT)
	rest, _ := io.ReadAll(lines)
	_ = cmd.Wait() // it fails, as intended
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

// server is a command that serves until it is stopped.
type server struct {
	*exec.Cmd
	stdout *bufio.Reader
	first  string // the first line of stdout
}

// serve starts a command of h and waits for its first line. Its notes go to stderr.
func (h *installation) serve(stderr io.Writer, args ...string) *server {
	h.t.Helper()
	s := &server{Cmd: exec.Command(h.binary, args...)}
	s.Env, s.Stderr = h.env, stderr
	out, err := s.StdoutPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		h.t.Fatal(err)
	}
	hung := time.AfterFunc(time.Minute, func() { _ = s.Process.Kill() })
	h.t.Cleanup(func() {
		hung.Stop()
		_ = s.Process.Kill()
		_, _ = s.Process.Wait()
	})
	s.stdout = bufio.NewReader(out)
	line, err := s.stdout.ReadString('\n')
	if err != nil {
		h.t.Fatalf("%v prints nothing: %v", args, err)
	}
	s.first = strings.TrimSpace(line)
	return s
}

func (s *server) end(t *testing.T) {
	t.Helper()
	_ = s.Process.Signal(syscall.SIGINT)
	if err := s.Wait(); err != nil {
		t.Errorf("%v ends with %v", s.Args, err)
	}
}

// A pipe on stderr that is not read is full after some hundred lines.
func TestServers_GoOnWithAFullPipeOnStderr(t *testing.T) {
	if testing.Short() {
		t.Skip("some thousand requests")
	}
	h := newInstallation(t, "acme")
	h.must(credentialOf("acme"), "add", "acme", "--stdin")
	client := &http.Client{Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	for name, args := range map[string][]string{
		"proxy":     {"proxy", "acme"},
		"simulator": {"simulator", "--listen", "127.0.0.1:0"},
	} {
		t.Run(name, func(t *testing.T) {
			unread, theirs, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer unread.Close()
			s := h.serve(theirs, args...)
			_ = theirs.Close()
			url := s.first
			if _, value, ok := strings.Cut(url, "="); ok { // export KITEKEY_SANDBOX_URL=…
				url = value
			}
			for i := range 3000 {
				resp, err := client.Get(url + "/data/wallets/balances")
				if err != nil {
					t.Fatalf("request %d: %v", i, err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
			s.end(t)
		})
	}
}

// A log that is not read any more, as that of "kitekey proxy 2>&1 | head", does not
// end the payments under way.
func TestServers_GoOnWithoutAReaderOfStderr(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a program")
	}
	h := newInstallation(t, "acme")
	h.must(credentialOf("acme"), "add", "acme", "--stdin")
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s := h.serve(write, "proxy", "acme")
	_, _ = write.Close(), read.Close()
	for range 3 {
		resp, err := http.Get(s.first + "/data/wallets/balances")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		time.Sleep(10 * time.Millisecond) // the log line is written after the reply
	}
	s.end(t)
}

func TestProxy_KeepURLIsTheSameAtEachRun(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	h := newInstallation(t, "acme", "other")
	h.must(credentialOf("acme"), "add", "acme", "--stdin")
	urlOf := func(args ...string) string {
		s := h.serve(io.Discard, append([]string{"proxy", "acme"}, args...)...)
		s.end(t)
		return s.first
	}
	first := urlOf("--keep-url")
	if again := urlOf("--keep-url"); again != first {
		t.Errorf("%s, then %s", first, again)
	}
	if other := urlOf(); other == first {
		t.Error("a proxy without --keep-url has the kept URL")
	}
	// A rotation keeps it too.
	h.must(credentialOf("other"), "rotate", "acme", "--stdin")
	if again := urlOf("--keep-url"); again != first {
		t.Errorf("%s, and after a rotation %s", first, again)
	}
	replaced := urlOf("--new-url")
	if replaced == first || path.Base(replaced) == path.Base(first) {
		t.Errorf("--new-url gives %s after %s", replaced, first)
	}
	if again := urlOf("--keep-url"); again != replaced {
		t.Errorf("%s, then %s", replaced, again)
	}
	// If another program has its port, it says so and takes no other port.
	s := h.serve(io.Discard, "proxy", "acme", "--keep-url")
	if code, _, errs := h.run("", "proxy", "acme", "--keep-url"); code != 1 || !strings.Contains(errs, "--new-url takes another port") {
		t.Errorf("exit %d: %s", code, errs)
	}
	s.end(t)
	// A port that is asked for is the one that is used, and kept from then on. If it is in
	// use, a new URL would not help.
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		if code, _, errs := h.run("", "proxy", "acme", "--keep-url", "--listen", address); code != 1 || strings.Contains(errs, "--new-url") {
			t.Errorf("exit %d: %s", code, errs)
		}
		_ = l.Close()
		asked := urlOf("--keep-url", "--listen", address)
		if kept := urlOf("--keep-url"); !strings.HasPrefix(asked, "http://"+address+"/") || kept != asked {
			t.Errorf("asked for %s: %s, then %s", address, asked, kept)
		}
	}
}
