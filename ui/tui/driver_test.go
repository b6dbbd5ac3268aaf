package tui

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	"kitekey/kite"
	"kitekey/kite/simulator"
	"kitekey/ui/clipboard"
	"kitekey/vault"
	"kitekey/vault/storetest"
)

// driver runs the real program on a fake clock: it types keys, waits until
// everything is at rest, and reads the screen.
type driver struct {
	t       *testing.T
	program *tea.Program
	app     *app // read it through look, or when the program has ended
	vault   *vault.Vault
	sim     *simulator.Simulator
	store   *storetest.Faulty
	clip    *testClipboard
	cancel  context.CancelFunc
	done    chan struct{}
	keys    int           // pressed so far
	ticks   atomic.Int64  // ticks so far
	msgs    []string      // every message, as a debugger would print it
	jump    time.Duration // added to the wall clock, for sleep or a wrong clock
	mu      sync.Mutex
}

// wall returns the local clock.
func (d *driver) wall() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Now().Add(d.jump)
}

// inProcess answers requests by calling the simulator without a socket, because a
// synctest bubble cannot use one.
type inProcess struct{ handler http.Handler }

func (tr inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = recover() }() // http.ErrAbortHandler: the connection is dropped
		tr.handler.ServeHTTP(w, r)
	}()
	select {
	case <-done:
	case <-r.Context().Done():
		<-done
		return nil, r.Context().Err()
	}
	if w.Code == 0 || w.Body.Len() == 0 && w.Header().Get("Content-Type") == "" {
		return nil, io.ErrUnexpectedEOF
	}
	return w.Result(), nil
}

// testClipboard records what was copied.
type testClipboard struct {
	mu      sync.Mutex
	text    string
	clearAt time.Time
	copies  int
	caveat  string
	err     error
	stays   error // why the clipboard cannot be cleared in time
	ended   context.CancelFunc
	end     context.Context // of the last copy
}

func (c *testClipboard) Copy(_ context.Context, secret []byte, clearAt time.Time) (clipboard.Receipt, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return clipboard.Receipt{}, c.err
	}
	c.text, c.clearAt = string(secret), clearAt
	c.copies++
	if c.ended != nil {
		c.ended()
	}
	c.end, c.ended = context.WithDeadline(context.Background(), clearAt)
	return clipboard.Receipt{Way: "X11", ClearsAt: clearAt, Caveat: c.caveat}, nil
}

func (c *testClipboard) Clear(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text = ""
	if c.ended != nil {
		c.ended()
	}
	return nil
}

func (c *testClipboard) Wait(ctx context.Context) error {
	c.mu.Lock()
	end, stays := c.end, c.stays
	c.mu.Unlock()
	if stays != nil || end == nil {
		return stays
	}
	select {
	case <-end.Done():
	case <-ctx.Done():
	}
	return ctx.Err()
}

func (c *testClipboard) held() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text
}

// setup is the state in which a test starts.
type setup struct {
	width, height int
	empty         bool // no profiles
	options       func(*Options)
	before        func(*driver)
	profile       colorprofile.Profile
	jump          time.Duration
	source        vault.Source // the only source
	keeper        *testKeeper  // nil if the store cannot stay unlocked
}

// seed adds the profiles of the tests.
func seed(d *driver) {
	labels := map[string]string{"acme": "Acme Stores Ltd", "borealis": "Boréalis Café", "coral": "珊瑚商店", "dune": "Dune Outfitters"}
	for i, m := range simulator.DefaultMerchants() {
		verdict := vault.VerdictOK
		if i == 2 || i == 5 {
			verdict = vault.VerdictNone
		}
		_, err := d.vault.Add(d.t.Context(), vault.NewProfile{
			Selector: vault.Selector{Account: m.Account, Environment: m.Environment}, Label: labels[m.Account],
			Credential: m.Credential, Verdict: verdict,
		})
		if err != nil {
			d.t.Fatal(err)
		}
	}
}

// drive runs f against a running program in a bubble of fake time.
func drive(t *testing.T, s setup, f func(t *testing.T, d *driver)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if s.width == 0 {
			s.width, s.height = 120, 40
		}
		if s.profile == 0 {
			s.profile = colorprofile.TrueColor
		}
		d := &driver{t: t, done: make(chan struct{}), jump: s.jump, store: storetest.NewFaulty(nil), clip: &testClipboard{}}
		d.sim = simulator.New(simulator.Options{})
		var store vault.Store = d.store
		if s.keeper != nil {
			store = keepingStore{d.store, s.keeper}
		}
		v, err := vault.Open(vault.Options{Store: store, Now: d.wall, Command: "screen", Gateway: func(e kite.Environment) vault.Gateway {
			return &kite.Client{Environment: e, Now: d.wall, BaseURL: simulatorURL(e), Transport: inProcess{d.sim}}
		}, Source: func(string) (vault.Source, error) { return s.source, nil }})
		if err != nil {
			t.Fatal(err)
		}
		d.vault = v
		if !s.empty {
			seed(d)
		}
		if s.before != nil {
			s.before(d)
		}
		o := Options{Vault: v, Clipboard: d.clip, Now: d.wall, Version: "test", Environ: []string{"TERM=xterm-256color"}}
		if s.options != nil {
			s.options(&o)
		}
		ctx, cancel := context.WithCancel(t.Context())
		d.cancel = cancel
		a := newApp(ctx, o)
		a.lock.overwriteFreed = func() {} // slow, and of no use on a fake screen
		d.app = a
		d.program = tea.NewProgram(a, tea.WithContext(ctx), tea.WithInput(nil), tea.WithOutput(io.Discard),
			tea.WithoutSignalHandler(), tea.WithWindowSize(s.width, s.height), tea.WithColorProfile(s.profile),
			tea.WithEnvironment(o.Environ), tea.WithoutRenderer(), tea.WithFPS(1), tea.WithFilter(d.record))
		go func() {
			defer close(d.done)
			_, _ = d.program.Run()
		}()
		d.settle()
		f(t, d)
		cancel()
		<-d.done
		d.noSecretsInMessages()
	})
}

func simulatorURL(e kite.Environment) string {
	if e == kite.Live {
		return "http://127.0.0.1:1/live/v1"
	}
	return "http://127.0.0.1:1/v1"
}

// probe runs a function in the program's own loop, so that a test can read the
// model without a race.
type probe struct {
	look func(*app)
	done chan struct{}
}

func (d *driver) look(f func(*app)) {
	p := probe{f, make(chan struct{})}
	d.program.Send(p)
	select {
	case <-p.done:
	case <-d.done:
	}
}

func (d *driver) record(m tea.Model, msg tea.Msg) tea.Msg {
	if p, ok := msg.(probe); ok {
		p.look(m.(*app))
		close(p.done)
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := msg.(tickMsg); ok {
		d.ticks.Add(1)
	}
	switch msg.(type) {
	case tea.KeyPressMsg, tea.PasteMsg: // what the user types may be a secret
	default:
		d.msgs = append(d.msgs, fmt.Sprintf("%#v", msg))
	}
	return msg
}

// settle waits until everything is at rest, without letting time pass.
func (d *driver) settle() { synctest.Wait() }

// press presses keys, in Bubble Tea's names: "a", "enter", "ctrl+s".
func (d *driver) press(keys ...string) *driver {
	for _, k := range keys {
		d.keys++
		d.program.Send(keyNamed(k))
		d.settle()
	}
	return d
}

// write types a text, a key at a time.
func (d *driver) write(text string) *driver {
	for _, r := range text {
		d.press(string(r))
	}
	return d
}

func (d *driver) paste(text string) *driver {
	d.program.Send(tea.PasteMsg{Content: text})
	d.settle()
	return d
}

// sleep lets fake time pass.
func (d *driver) sleep(by time.Duration) *driver {
	time.Sleep(by)
	d.settle()
	return d
}

// leap moves the wall clock while nothing runs, as when a laptop is suspended.
func (d *driver) leap(by time.Duration) {
	d.mu.Lock()
	d.jump += by
	d.mu.Unlock()
}

func (d *driver) send(msg tea.Msg) *driver {
	d.program.Send(msg)
	d.settle()
	return d
}

// screen returns the screen without colours.
func (d *driver) screen() string { return ansi.Strip(d.view().Content) }

// selectProfile moves the cursor to a profile, key by key.
func (d *driver) selectProfile(sel string) *driver {
	d.t.Helper()
	d.press("home")
	for range 1000 {
		var chosen string
		last := true
		d.look(func(a *app) {
			if p := a.chosen(); p != nil {
				chosen, last = p.Selector.String(), a.list.cursor == len(a.list.rows)-1
			}
		})
		if chosen == sel {
			return d
		}
		if last {
			break
		}
		d.press("down")
	}
	d.t.Fatalf("%s is not in the list:\n%s", sel, d.screen())
	return d
}

// dialog checks the title of the dialog that has the keys, "" for none.
func (d *driver) dialog(title string) *driver {
	d.t.Helper()
	got := ""
	d.look(func(a *app) {
		if top := a.dialog(); top != nil {
			got = top.title()
		}
	})
	if got != title {
		d.t.Fatalf("the dialog is %q, not %q:\n%s", got, title, d.screen())
	}
	return d
}

// footer returns the last line of the screen.
func (d *driver) footer() string {
	screen := d.screen()
	return strings.TrimSpace(screen[strings.LastIndexByte(screen, '\n')+1:])
}

// view is what the terminal gets.
func (d *driver) view() (v tea.View) {
	d.look(func(a *app) {
		v = a.View()
		if shown := a.reveal.standIns.replace([]byte(v.Content)); shown != nil {
			v.Content = string(shown)
		}
	})
	return v
}

func (d *driver) sees(texts ...string) *driver {
	d.t.Helper()
	for _, text := range texts {
		if !strings.Contains(d.screen(), text) {
			d.t.Fatalf("the screen lacks %q:\n%s", text, d.screen())
		}
	}
	return d
}

func (d *driver) lacks(texts ...string) *driver {
	d.t.Helper()
	for _, text := range texts {
		if strings.Contains(d.screen(), text) {
			d.t.Fatalf("the screen shows %q:\n%s", text, d.screen())
		}
	}
	return d
}

// noSecretsInMessages checks that no message through Update held a secret of the
// simulator.
func (d *driver) noSecretsInMessages() {
	d.t.Helper()
	for _, m := range d.msgs {
		if strings.Contains(m, "sim-secret") || strings.Contains(m, "sim-key") || strings.Contains(m, "eyJ") || strings.Contains(m, "quite a long") {
			d.t.Errorf("a secret went through a message: %.200s", m)
		}
	}
}

func (d *driver) count(sel string) simulator.Counts {
	s, err := vault.ParseSelector(sel)
	if err != nil {
		d.t.Fatal(err)
	}
	return d.sim.CountOf(s.Account, s.Environment)
}
