package handout

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/kite/simulator"
	"kitekey/ui/clipboard"
	"kitekey/vault"
)

// board is a clipboard for tests.
type board struct {
	text    string
	clearAt time.Time
	copies  int
	err     error
}

func (b *board) Copy(_ context.Context, secret []byte, clearAt time.Time) (clipboard.Receipt, error) {
	if b.err != nil {
		return clipboard.Receipt{}, b.err
	}
	b.text, b.clearAt, b.copies = string(secret), clearAt, b.copies+1
	return clipboard.Receipt{Way: clipboard.X11, ClearsAt: clearAt}, nil
}

type inProcess struct{ handler http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	return w.Result(), nil
}

// newFixture returns a vault with acme in both environments, over the simulator.
func newFixture(t *testing.T) (*Tokens, *board, *simulator.Simulator) {
	t.Helper()
	sim := simulator.New(simulator.Options{})
	v, err := vault.Open(vault.Options{Store: vault.NewMemory(), Gateway: func(e kite.Environment) vault.Gateway {
		base := "http://127.0.0.1:1/v1"
		if e == kite.Live {
			base = "http://127.0.0.1:1/live/v1"
		}
		return &kite.Client{Environment: e, BaseURL: base, Transport: inProcess{sim}}
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []vault.Selector{acmeSandbox, acmeLive} {
		cred, _, err := kite.ParseCredential("sim-key-acme-"+string(s.Environment), "sim-secret-acme-"+string(s.Environment))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Add(t.Context(), vault.NewProfile{Selector: s, Credential: cred}); err != nil {
			t.Fatal(err)
		}
	}
	b := &board{}
	return &Tokens{Vault: v, Guard: &Guard{}, Clipboard: b, BaseURL: kite.Environment.BaseURL}, b, sim
}

func TestGive_HandsNothingOfLiveOutUnasked(t *testing.T) {
	for name, give := range map[string]func(*Tokens) error{
		"mint": func(h *Tokens) error { _, err := h.Give(t.Context(), Request{Profile: acmeLive}); return err },
		"copy": func(h *Tokens) error {
			_, err := h.Give(t.Context(), Request{Profile: acmeLive, As: Header})
			return err
		},
		"token": func(h *Tokens) error {
			_, err := h.Token(t.Context(), Run, acmeLive, vault.TokenRequest{})
			return err
		},
		"copy text": func(h *Tokens) error {
			_, err := h.Copy(t.Context(), kite.NewSecret("x"), time.Now().Add(time.Hour), 0, acmeSandbox, acmeLive)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			h, b, sim := newFixture(t)
			if err := give(h); !errors.Is(err, ErrNotConfirmed) {
				t.Errorf("not asked: %v", err)
			}
			if n := sim.CountOf("acme", kite.Live).Mints; n != 0 || b.copies != 0 {
				t.Errorf("%d mints, %d copies", n, b.copies)
			}
			q, _ := h.Guard.Question(Copy, acmeLive)
			h.Guard.Answer(q, "acme/live")
			if err := give(h); err != nil {
				t.Errorf("with its name: %v", err)
			}
		})
	}
}

func TestGive_CopiesAndSaysWhat(t *testing.T) {
	h, b, _ := newFixture(t)
	given, err := h.Give(t.Context(), Request{Profile: acmeSandbox, As: Header, ClearAfter: 45 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if !given.Minted || !given.Cached || given.Copied() != "header of acme/sandbox" || given.Life() != "5 min" || given.Receipt.Way != clipboard.X11 {
		t.Errorf("%+v %s %s", given, given.Copied(), given.Life())
	}
	if !strings.HasPrefix(b.text, "Authorization: JWT ") {
		t.Error("no header was copied")
	}
	if d := time.Until(b.clearAt); d > 45*time.Second || d < 40*time.Second {
		t.Errorf("cleared in %v", d)
	}
	given, err = h.Give(t.Context(), Request{Profile: acmeSandbox, As: Curl})
	if err != nil || given.Minted || !strings.Contains(b.text, "curl") || !strings.HasSuffix(strings.SplitN(b.text, curlPath, 2)[0], "/v1") {
		t.Errorf("%v %+v", err, given)
	}
	if !b.clearAt.Equal(given.Token.Deadline) {
		t.Errorf("without a time of its own it is cleared at %v, the token expires at %v", b.clearAt, given.Token.Deadline)
	}
	if _, err = h.Give(t.Context(), Request{Profile: acmeSandbox, As: Token}); err != nil || !strings.HasPrefix(b.text, "JWT ") {
		t.Errorf("%v", err)
	}
	if list, err := h.Vault.Activities(nil, 100); err == nil {
		copies := 0
		for _, e := range list {
			if e.Action == vault.ActionCopied {
				copies++
			}
		}
		if copies != 3 {
			t.Errorf("%d copies in the log", copies)
		}
	}
}

// A copy never outlives its token.
func TestGive_CapsTheCopyByTheToken(t *testing.T) {
	h, b, _ := newFixture(t)
	given, err := h.Give(t.Context(), Request{Profile: acmeSandbox, As: Header, ClearAfter: time.Hour,
		Token: vault.TokenRequest{Fresh: true, ExpiresIn: kite.LifetimeOf(20 * time.Second)}})
	if err != nil || !b.clearAt.Equal(given.Token.Deadline) {
		t.Errorf("%v: cleared at %v, the token expires at %v", err, b.clearAt, given.Token.Deadline)
	}
}

func TestGive_KeepsTheTokenWhenCopyingFails(t *testing.T) {
	h, b, _ := newFixture(t)
	b.err = errors.New("no clipboard here")
	given, err := h.Give(t.Context(), Request{Profile: acmeSandbox, As: Header})
	var failed *CopyError
	if !errors.As(err, &failed) || !given.Minted || given.Token.Deadline.IsZero() {
		t.Errorf("%v %+v", err, given)
	}
}

func TestGive_MintsWithoutCopying(t *testing.T) {
	h, b, _ := newFixture(t)
	if given, err := h.Give(t.Context(), Request{Profile: acmeSandbox}); err != nil || !given.Minted || b.copies != 0 {
		t.Errorf("%v %+v %d", err, given, b.copies)
	}
}
