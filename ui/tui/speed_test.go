//go:build unix

package tui

import (
	"bytes"
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/vault"
)

// Figures that depend on the wall clock, compared with those of an empty Bubble Tea
// program at the same frame rate:
//
//	go test ./ui/tui -run '^$' -bench 'FirstFrame|Idle' -benchtime 20x

// nothing is an empty program.
type nothing struct{}

func (nothing) Init() tea.Cmd                         { return nil }
func (m nothing) Update(tea.Msg) (tea.Model, tea.Cmd) { return m, nil }
func (nothing) View() tea.View                        { return tea.NewView("ready") }

// watcher is a terminal that tells when a text was written to it.
type watcher struct {
	text []byte
	seen chan struct{}
	done bool
}

func (w *watcher) Write(p []byte) (int, error) {
	if !w.done && bytes.Contains(p, w.text) {
		w.done = true
		close(w.seen)
	}
	return len(p), nil
}

func runUntil(b *testing.B, m tea.Model, text string, then func()) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	w := &watcher{text: []byte(text), seen: make(chan struct{})}
	p := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(nil), tea.WithOutput(w), tea.WithoutSignalHandler(),
		tea.WithWindowSize(120, 40), tea.WithEnvironment([]string{"TERM=xterm-256color", "COLORTERM=truecolor"}), tea.WithFPS(framesPerSecond))
	ended := make(chan struct{})
	go func() { defer close(ended); _, _ = p.Run() }()
	<-w.seen
	if then != nil {
		then()
	}
	b.StopTimer()
	p.Quit()
	<-ended
	b.StartTimer()
}

// onDisk returns a vault with an index file of n profiles, live of them with a
// token.
func onDisk(b *testing.B, n, live int) *vault.Vault {
	b.Helper()
	v, err := vault.Open(vault.Options{Dir: b.TempDir(), Store: vault.NewMemory(), Gateway: func(kite.Environment) vault.Gateway { return minter{} }})
	if err != nil {
		b.Fatal(err)
	}
	for i := range n {
		sel := vault.Selector{Account: fmt.Sprintf("merchant-%03d", i), Environment: kite.Sandbox}
		cred := kite.Credential{APIKey: kite.NewSecret("fake-key"), APISecret: kite.NewSecret("fake-secret")}
		if _, err := v.Add(b.Context(), vault.NewProfile{Selector: sel, Credential: cred, ExpiresIn: 3600}); err != nil {
			b.Fatal(err)
		}
		if i < live {
			if _, err := v.Token(b.Context(), sel, vault.TokenRequest{}); err != nil {
				b.Fatal(err)
			}
		}
	}
	return v
}

func BenchmarkFirstFrame(b *testing.B) {
	b.Run("empty", func(b *testing.B) {
		for b.Loop() {
			runUntil(b, nothing{}, "ready", nil)
		}
	})
	b.Run("1000-profiles", func(b *testing.B) {
		v := onDisk(b, 1000, 0)
		for b.Loop() {
			runUntil(b, newApp(b.Context(), Options{Vault: v, Clipboard: &testClipboard{}}), "merchant-000", nil)
		}
	})
}

// BenchmarkIdle reports the share of one core that a running program uses without
// input.
func BenchmarkIdle(b *testing.B) {
	measure := func(b *testing.B, m tea.Model, text string) {
		for b.Loop() {
			runUntil(b, m, text, func() {
				time.Sleep(time.Second)
				const span = 10 * time.Second
				before := cpu(b)
				time.Sleep(span)
				b.ReportMetric(100*float64(cpu(b)-before)/float64(span), "%cpu")
			})
		}
	}
	b.Run("empty", func(b *testing.B) { measure(b, nothing{}, "ready") })
	b.Run("20-countdowns", func(b *testing.B) {
		v := onDisk(b, 20, 20)
		measure(b, newApp(b.Context(), Options{Vault: v, Clipboard: &testClipboard{}}), "merchant-000")
	})
}

func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
