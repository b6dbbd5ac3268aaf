package tui

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kitekey/kite"
	"kitekey/kite/simulator"
	"kitekey/vault"
	"kitekey/vault/storetest"
)

// talk has a conversation in plain mode and returns what was said.
func talk(t *testing.T, empty bool, before func(*driver, *Options), lines ...string) (said string, d *driver) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { said, d = talkNow(t, empty, before, lines...) })
	return said, d
}

func talkNow(t *testing.T, empty bool, before func(*driver, *Options), lines ...string) (said string, d *driver) {
	d = &driver{t: t, store: storetest.NewFaulty(nil), clip: &testClipboard{}, sim: simulator.New(simulator.Options{})}
	v, err := vault.Open(vault.Options{Store: d.store, Gateway: func(e kite.Environment) vault.Gateway {
		return &kite.Client{Environment: e, BaseURL: simulatorURL(e), Transport: inProcess{d.sim}}
	}})
	if err != nil {
		t.Fatal(err)
	}
	d.vault = v
	if !empty {
		seed(d)
	}
	var out bytes.Buffer
	o := Options{Vault: v, Clipboard: d.clip, Input: strings.NewReader(strings.Join(lines, "\n") + "\n"), Output: &out}
	if before != nil {
		before(d, &o)
	}
	if err := RunPlain(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	said = out.String()
	if strings.Contains(said, "\x1b") || strings.Contains(said, "\r") {
		t.Errorf("plain mode moves the cursor: %q", said)
	}
	for _, secret := range []string{"sim-key", "sim-secret", "eyJ"} {
		if strings.Contains(said, secret) {
			t.Errorf("%q was said", secret)
		}
	}
	return said, d
}

func wants(t *testing.T, said string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(said, text) {
			t.Errorf("%q was not said in:\n%s", text, said)
		}
	}
}

func TestPlainMainJob(t *testing.T) {
	said, d := talk(t, false, nil, "1", "t", "c", "t", "c token", "m 90s", "v", "l coral", "nonsense", "x", "q")
	wants(t, said, "1: acme sandbox, Acme Stores Ltd, works.", "acme sandbox has no token", "New token of acme sandbox, good for 5 min",
		"Its header is in the clipboard (X11) until", "token unexpired for another", "Its token is in the clipboard", "good for 1 min 30 s", "acme sandbox: works.", "It means:",
		"5: coral LIVE, 珊瑚商店, works.", `"nonsense" is neither`, "Taken out of the clipboard")
	if d.count("acme").Mints != 3 { // c, m, v
		t.Errorf("%d mints", d.count("acme").Mints)
	}
}

func TestPlainLiveGate(t *testing.T) {
	said, d := talk(t, false, nil, "acme/live", "c", "wrong", "c", "acme", "c", "q")
	wants(t, said, "acme LIVE, works", "This is LIVE: real money", "That is not its name; nothing was done", "New token of acme LIVE")
	if strings.Count(said, "This is LIVE") != 2 || d.count("acme/live").Mints != 1 {
		t.Errorf("the gate: asked %d times, %d mints", strings.Count(said, "This is LIVE"), d.count("acme/live").Mints)
	}
}

func TestPlainAdd(t *testing.T) {
	said, d := talk(t, true, nil, "a", "Acme", "acme", "", "sim-key-acme-sandbox", "wrong", "r", "sim-secret-acme-sandbox", "c", "q")
	wants(t, said, "No accounts here yet", `try "acme"`, "the api_key is empty", "Not accepted:", "acme sandbox added", "Its header is in the clipboard")
	if list, _ := d.vault.List(); len(list) != 1 {
		t.Errorf("%d profiles", len(list))
	}
}

func TestPlainAddSurvivesTheStore(t *testing.T) {
	said, d := talk(t, true, func(d *driver, o *Options) {
		d.store.On(storetest.Fail("keyring", vault.ErrLocked), nil)
		o.Input = &hooked{Reader: strings.NewReader("a\nacme\nsim-key-acme-sandbox\nsim-secret-acme-sandbox\nr\nq\n"), before: "r\n", do: func() { d.store.Heal() }}
	})
	wants(t, said, "Not saved: ", "What you typed is still here", "acme sandbox added")
	_ = d
}

// hooked hands out one line at a time and does something before one of them.
type hooked struct {
	io.Reader
	before string
	do     func()
	rest   []byte
}

func (h *hooked) Read(p []byte) (int, error) {
	if h.rest == nil {
		h.rest, _ = io.ReadAll(h.Reader)
	}
	if len(h.rest) == 0 {
		return 0, io.EOF
	}
	n := bytes.IndexByte(h.rest, '\n') + 1
	if string(h.rest[:n]) == h.before {
		h.do()
	}
	n = copy(p, h.rest[:n])
	h.rest = h.rest[n:]
	return n, nil
}

func TestPlainSaysWhatWentWrong(t *testing.T) {
	said, _ := talk(t, false, func(d *driver, _ *Options) { d.store.On(storetest.Fail("keyring", vault.ErrLocked), nil) }, "1", "c", "q")
	wants(t, said, "Failed: ", "the keyring is locked")
}

func TestPlainSandboxOnly(t *testing.T) {
	said, _ := talk(t, false, func(_ *driver, o *Options) { o.SandboxOnly, o.Demo = true, true }, "acme/live", "a", "neu/live", "", "q")
	wants(t, said, "This is a demonstration", "for the sandbox only")
	if strings.Contains(strings.ReplaceAll(said, "live profiles are not", ""), "LIVE") {
		t.Errorf("live is spoken of:\n%s", said)
	}
}

// A notice comes by itself before a token that is used here expires, and ctx ends
// a conversation that waits for a line.
func TestPlainNoticeAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, keyboard := io.Pipe()
		out := &syncBuffer{}
		d := &driver{t: t, store: storetest.NewFaulty(nil), clip: &testClipboard{}, sim: simulator.New(simulator.Options{})}
		v, err := vault.Open(vault.Options{Store: d.store, Gateway: func(e kite.Environment) vault.Gateway {
			return &kite.Client{Environment: e, BaseURL: simulatorURL(e), Transport: inProcess{d.sim}}
		}})
		if err != nil {
			t.Fatal(err)
		}
		d.vault = v
		seed(d)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- RunPlain(ctx, Options{Vault: v, Clipboard: d.clip, Input: in, Output: out}) }()
		_, _ = io.WriteString(keyboard, "1\nc\n")
		time.Sleep(4*time.Minute + time.Second)
		synctest.Wait()
		if !strings.Contains(out.String(), "Notice: the token of acme sandbox expires in 1 min.") {
			t.Errorf("no notice in:\n%s", out.String())
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
		_ = keyboard.Close()
	})
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// What is not going to be said must not keep the program busy either.
func TestPlainWaitsWithoutNotices(t *testing.T) {
	now := time.Now()
	acme := vault.Selector{Account: "acme", Environment: kite.Sandbox}
	p := &plain{
		o:        Options{Now: func() time.Time { return now }},
		profiles: []vault.Profile{{Selector: acme, Token: vault.TokenInfo{Deadline: now.Add(15 * time.Second), ExpiresIn: 5 * 60}}},
		watched:  map[vault.Selector]bool{acme: true}, warned: map[vault.Selector]time.Time{},
	}
	if wait := p.nextNotice(false); wait != 0 {
		t.Errorf("a low token is told after %v", wait)
	}
	if wait := p.nextNotice(true); wait < time.Second {
		t.Errorf("at a hidden prompt: looks again after %v", wait)
	}
	p.o.NoNotices = true
	if wait := p.nextNotice(false); wait < time.Second {
		t.Errorf("without notices: looks again after %v", wait)
	}
}
