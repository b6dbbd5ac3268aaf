//go:build linux

package cli_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"kitekey/ui/terminaltest"
	"kitekey/vault/source/sourcetest"
)

// copiesIn returns how often each of texts is in the memory of a process, and where.
func copiesIn(t *testing.T, pid int, texts ...string) (counts []int, where []string) {
	t.Helper()
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer maps.Close()
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	counts, where = make([]int, len(texts)), make([]string, len(texts))
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		var from, to uint64
		var mode string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &mode); err != nil || mode[0] != 'r' || strings.Contains(lines.Text(), "[v") {
			continue
		}
		region := make([]byte, to-from)
		n, _ := mem.ReadAt(region, int64(from))
		region = region[:n]
		for i, text := range texts {
			for at := 0; ; at++ {
				next := bytes.Index(region[at:], []byte(text))
				if next < 0 {
					break
				}
				at += next
				counts[i]++
				where[i] += fmt.Sprintf("\n%x %s\n%s", from+uint64(at), lines.Text(), hex.Dump(region[max(0, at-64):min(len(region), at+len(text)+64)]))
			}
		}
	}
	return counts, where
}

// canReadMemory skips a test if this user cannot read the memory of a kitekey.
func canReadMemory(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root reads kitekey's memory")
	}
}

const aPassphrase = "correct-horse-battery-staple-7421"

// storeKey returns the key that the passphrase opens.
func storeKey(t *testing.T, dir string) string {
	t.Helper()
	sealed, err := os.Open(filepath.Join(dir, "identity.age"))
	if err != nil {
		t.Fatal(err)
	}
	defer sealed.Close()
	with, err := age.NewScryptIdentity(aPassphrase)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := age.Decrypt(sealed, with)
	if err != nil {
		t.Fatal(err)
	}
	key, err := io.ReadAll(opened)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(key))
}

// typed are the ways to enter a secret into a field.
var typed = map[string]func(s *terminaltest.Terminal, text string){
	"typed": func(s *terminaltest.Terminal, text string) {
		for _, r := range text {
			s.Type(string(r))
			time.Sleep(2 * time.Millisecond)
		}
	},
	"pasted": func(s *terminaltest.Terminal, text string) { s.Type("\x1b[200~" + text + "\x1b[201~") },
}

// The test looks for what was typed, minted and shown in the whole memory of a
// screen that has been locked for five seconds. It finds them while the screen is
// in use, which shows that it looks in the right place.
func TestMemory_HoldsNothingTypedAfterLocking(t *testing.T) {
	if testing.Short() {
		t.Skip("drives a real terminal")
	}
	t.Parallel()
	canReadMemory(t)
	for how, enter := range typed {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			h := newInstallation(t, "acme")
			h.env = append(h.env, "KITEKEY_STORE=file")
			passphrase := filepath.Join(t.TempDir(), "passphrase")
			if err := os.WriteFile(passphrase, []byte(aPassphrase), 0o600); err != nil {
				t.Fatal(err)
			}
			asks := h.env
			h.env = append(h.env, "KITEKEY_PASSPHRASE_FILE="+passphrase)
			h.must(credentialOf("acme"), "add", "other", "--stdin")
			s := startScreen(t, h.binary, asks)
			s.WaitFor("Passphrase of the file store")
			s.WaitRaw()
			s.Type(aPassphrase + "\r")
			s.WaitFor("other / sandbox")
			s.Type("Z")
			s.WaitFor("kitekey is locked")
			s.WaitFor("passphrase")
			enter(s, aPassphrase)
			s.Type("\r")
			s.WaitFor("other / sandbox")

			s.Type("a")
			s.WaitFor("Add a credential")
			s.Type("acme\r\r\r")
			enter(s, secretsOf("acme")[0])
			s.Type("\r")
			enter(s, secretsOf("acme")[1])
			s.Type("\r")
			s.WaitFor("enter verify and save")
			s.Type("\r")
			s.WaitFor("acme / sandbox")
			s.Type("s")
			s.WaitFor(secretsOf("acme")[1])
			lockingForgets(t, s, 2, secret{"api_key", secretsOf("acme")[0]}, secret{"api_secret", secretsOf("acme")[1]},
				secret{"passphrase", aPassphrase}, secret{"store's key", storeKey(t, h.home)})
		})
	}
}

type secret struct{ name, value string }

// lockingForgets locks the screen and counts the secrets in its memory before and
// after. The first inUse of them must be there before, or the counting finds nothing.
func lockingForgets(t *testing.T, s *terminaltest.Terminal, inUse int, secrets ...secret) {
	t.Helper()
	values := make([]string, len(secrets))
	for i, secret := range secrets {
		values[i] = secret.value
	}
	counts, _ := copiesIn(t, s.Pid(), values...)
	for i, secret := range secrets {
		t.Logf("in use: %d copies of the %s", counts[i], secret.name)
		if i < inUse && counts[i] == 0 {
			t.Errorf("this test does not find the %s where it must be", secret.name)
		}
	}
	s.Type("Z")
	s.WaitFor("kitekey is locked")
	time.Sleep(5 * time.Second)
	counts, where := copiesIn(t, s.Pid(), values...)
	for i, n := range counts {
		if n > 0 {
			t.Errorf("locked: %d copies of the %s%s", n, secrets[i].name, where[i])
		}
	}
}

// TestMemory_KeepsNoCopyPerRedraw redraws a screen that shows a secret thirty times
// and counts the copies of the secret before and after, and again when it is hidden.
func TestMemory_KeepsNoCopyPerRedraw(t *testing.T) {
	if testing.Short() {
		t.Skip("drives a real terminal")
	}
	t.Parallel()
	canReadMemory(t)
	h := newInstallation(t, "acme")
	h.must(credentialOf("acme"), "add", "acme", "--stdin")
	secrets := secretsOf("acme")[:2]
	s := startScreen(t, h.binary, h.env)
	s.WaitFor("acme / sandbox")
	s.Type("s")
	s.WaitFor(secrets[1])
	time.Sleep(time.Second) // the task that read it has ended
	before, _ := copiesIn(t, s.Pid(), secrets...)
	if before[0] == 0 || before[1] == 0 {
		t.Fatalf("this test does not find what must be there: %v", before)
	}
	for range 15 {
		s.Type("?")
		s.WaitFor("Actions")
		s.Type("\x1b")
		s.Wait(func() error {
			if strings.Contains(s.Screen(), "Actions") {
				return fmt.Errorf("the list of actions is still there")
			}
			return nil
		})
	}
	after, _ := copiesIn(t, s.Pid(), secrets...)
	t.Logf("copies of the api_key and the api_secret: %v at first, %v after 30 redraws", before, after)
	if after[0] > before[0] || after[1] > before[1] {
		t.Errorf("redrawing leaves copies: %v at first, %v after 30 redraws", before, after)
	}
	s.WaitFor(secrets[1])
	s.Type("s")
	s.WaitFor("····")
	time.Sleep(5 * time.Second)
	hidden, where := copiesIn(t, s.Pid(), secrets...)
	for i, n := range hidden {
		if n > 0 {
			t.Errorf("hidden: %d copies of %s%s", n, secrets[i], where[i])
		}
	}
}

// A screen that is locked keeps nothing of a source: neither the credential that was
// read, nor what else is in the secret, nor the engine's token.
func TestMemory_HoldsNothingOfASourceAfterLocking(t *testing.T) {
	if testing.Short() {
		t.Skip("drives a real terminal")
	}
	t.Parallel()
	canReadMemory(t)
	h := newInstallation(t, "acme")
	server := sourcetest.New(nil)
	defer server.Close()
	e := sourcetest.Engine{Address: server.URL, Root: sourcetest.RootToken}
	e.Call(t, http.MethodPost, "sys/mounts/secret", map[string]any{"type": "kv", "options": map[string]string{"version": "2"}})
	credential := secretsOf("acme")
	e.Call(t, http.MethodPost, "secret/data/kitegateway/acme/sandbox", map[string]any{"data": map[string]string{
		"api_key": credential[0], "api_secret": credential[1], "origin": "override", "webhook": "whsec-0815-4711-fffe",
	}})
	token := e.Token(t, sourcetest.Developers("secret"), "1h")
	h.must("", "source", "add", "team", "--no-sync", "--address", server.URL)
	h.must(token, "source", "login", "team", "--stdin")
	h.must("", "source", "sync", "team")
	s := startScreen(t, h.binary, h.env)
	s.WaitFor("acme / sandbox")
	s.Type("s")
	s.WaitFor(credential[1])
	lockingForgets(t, s, 2, secret{"api_secret", credential[1]}, secret{"token", token}, secret{"api_key", credential[0]},
		secret{"other field", "whsec-0815-4711-fffe"})
}
