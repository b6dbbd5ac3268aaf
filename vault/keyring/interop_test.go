//go:build linux

package keyring

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gokeyring "github.com/zalando/go-keyring"

	"kitekey/vault"
	"kitekey/vault/keyring/keyringtest"
)

// Items can be exchanged between this client, go-keyring (which earlier versions of
// kitekey used) and libsecret.
func TestStore_SharesItems(t *testing.T) {
	d := keyringtest.Start(t)
	d.Use()
	s, ctx := patientKeyring(t), t.Context()
	const accented = "ключ – 🔑 \"quoted\"\n"

	if err := s.Set(ctx, "ours", []byte(accented)); err != nil {
		t.Fatal(err)
	}
	if got, err := gokeyring.Get(Service, "ours"); err != nil || got != accented {
		t.Errorf("go-keyring reads %q, %v", got, err)
	}
	if got := d.Lookup(Service, "ours"); got != accented {
		t.Errorf("secret-tool reads %q", got)
	}

	if err := gokeyring.Set(Service, "theirs", accented); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get(ctx, "theirs"); err != nil || string(got) != accented {
		t.Errorf("what go-keyring wrote is %q, %v", got, err)
	}
	d.Store("libsecret's", accented, "service", Service, "username", "tool")
	if got, err := s.Get(ctx, "tool"); err != nil || string(got) != accented {
		t.Errorf("what secret-tool wrote is %q, %v", got, err)
	}
	if keys, err := s.Keys(ctx); err != nil || !slices.Equal(keys, []string{"ours", "theirs", "tool"}) {
		t.Errorf("Keys = %v, %v", keys, err)
	}

	// Each replaces the other's item and does not create a second one.
	if err := s.Set(ctx, "theirs", []byte("replaced here")); err != nil {
		t.Fatal(err)
	}
	if got, err := gokeyring.Get(Service, "theirs"); err != nil || got != "replaced here" {
		t.Errorf("go-keyring reads %q, %v", got, err)
	}
	if err := gokeyring.Set(Service, "ours", "replaced there"); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get(ctx, "ours"); err != nil || string(got) != "replaced there" {
		t.Errorf("Get = %q, %v", got, err)
	}
	if users := d.Users(Service); len(users) != 3 {
		t.Errorf("items: %v", users)
	}
	if err := s.Delete(ctx, "theirs"); err != nil {
		t.Fatal(err)
	}
	if _, err := gokeyring.Get(Service, "theirs"); err == nil {
		t.Error("go-keyring still finds what was deleted")
	}
	if err := gokeyring.Delete(Service, "ours"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(ctx, "ours"); kindOf(err) != vault.ErrNotFound {
		t.Errorf("what go-keyring deleted: %v", err)
	}
}

// trace is what a monitor of the bus prints.
type trace struct {
	mu   sync.Mutex
	text strings.Builder
}

func (tr *trace) Write(p []byte) (int, error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.text.Write(p)
}

func (tr *trace) String() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.text.String()
}

func (tr *trace) waitFor(t *testing.T, text string) {
	t.Helper()
	for range 1000 {
		if strings.Contains(tr.String(), text) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("the monitor does not print %q", text)
}

// Every program of the user can take a trace of the bus. It must not show a
// credential that is written, read, or read back.
func TestStore_ShowsNoSecretOnTheBus(t *testing.T) {
	t.Parallel()
	keyringtest.Need(t, "dbus-monitor")
	d := keyringtest.Start(t)
	const canary = "canary-8d7f2b-canary"
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var trace trace
	monitor := exec.CommandContext(ctx, "dbus-monitor", "--address", d.Address())
	monitor.Stdout = &trace
	if err := monitor.Start(); err != nil {
		t.Fatal(err)
	}
	s := keyringOn(t, d.Bus)
	trace.waitFor(t, "NameAcquired") // its own: it is listening
	if err := s.Set(t.Context(), "one", []byte(canary)); err != nil {
		t.Fatal(err)
	}
	if err := s.Set(t.Context(), "one", []byte(canary+"-2")); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get(t.Context(), "one"); err != nil || string(got) != canary+"-2" {
		t.Fatalf("%q, %v", got, err)
	}
	if err := s.Delete(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	trace.waitFor(t, "member=Delete")
	cancel()
	_ = monitor.Wait()
	text := trace.String()
	for _, want := range []string{"OpenSession", "CreateItem", "SetSecret", "GetSecret", "dh-ietf1024"} {
		if !strings.Contains(text, want) {
			t.Errorf("the trace has no %s: it proves nothing", want)
		}
	}
	hexed := strings.ReplaceAll(strings.ToLower(text), " ", "")
	var inHex strings.Builder
	for _, b := range []byte(canary) {
		inHex.WriteString(string("0123456789abcdef"[b>>4]) + string("0123456789abcdef"[b&15]))
	}
	if strings.Contains(text, canary) || strings.Contains(hexed, inHex.String()) {
		t.Error("the secret is in the trace")
	}
}
