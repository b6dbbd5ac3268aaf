package tui

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"kitekey/kite"
	"kitekey/vault"
)

// What a second costs, and a key, with a thousand profiles of which fifty count
// down, on 120 by 40: go test ./ui/tui -run '^$' -bench .

func benchmark(b *testing.B, before string, msg func(i int) tea.Msg) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	a := still(b, 1000, 50, &now)
	a.o.LockAfter = -1
	a.Update(tea.WindowSizeMsg{Width: 120, Height: 40})
	for _, r := range before {
		a.Update(keyNamed(string(r)))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		now = now.Add(time.Millisecond)
		a.Update(msg(i))
		_ = a.View()
		i++
	}
}

func BenchmarkTick(b *testing.B) { benchmark(b, "", func(int) tea.Msg { return tickMsg{} }) }

func BenchmarkTickOnBoard(b *testing.B) { benchmark(b, "t", func(int) tea.Msg { return tickMsg{} }) }

func BenchmarkMove(b *testing.B) {
	benchmark(b, "", func(i int) tea.Msg { return keyNamed([]string{"down", "down", "up"}[i%3]) })
}

func BenchmarkFilterKey(b *testing.B) {
	benchmark(b, "/", func(i int) tea.Msg { return keyNamed([]string{"m", "1", "backspace", "backspace"}[i%4]) })
}

func BenchmarkHelp(b *testing.B) {
	benchmark(b, "?", func(i int) tea.Msg { return keyNamed([]string{"down", "up"}[i%2]) })
}

func BenchmarkVerifyAll(b *testing.B) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	a := still(b, 1000, 50, &now)
	a.Update(tea.WindowSizeMsg{Width: 120, Height: 40})
	run := &verifyRun{results: map[vault.Selector]vault.Report{}, arrived: make(chan verifiedMsg)}
	for i := range a.list.profiles {
		run.sels = append(run.sels, a.list.profiles[i].Selector)
	}
	a.push(run)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		a.Update(verifiedMsg{run: run, from: run.arrived, report: vault.Report{Selector: run.sels[i%1000], Verdict: vault.Verdicts[i%3]}})
		_ = a.View()
		i++
	}
}

// countingWriter is a terminal that counts what it is sent.
type countingWriter struct{ n atomic.Int64 }

func (w *countingWriter) Write(p []byte) (int, error) {
	w.n.Add(int64(len(p)))
	return len(p), nil
}

// A second of countdown writes little: at most 40 bytes for each row that changes,
// with the large clock, the title and the cursor's movements. With 20 rows on a wide
// screen the larger clock makes that 50, which is 1,000 bytes a second in all.
func TestCountdown_WritesFewBytesPerSecond(t *testing.T) {
	for _, tt := range []struct {
		profile             colorprofile.Profile
		width, height, rows int
		most                float64 // bytes a row
	}{
		{colorprofile.TrueColor, 120, 40, 30, 40}, {colorprofile.ANSI256, 120, 40, 30, 40}, {colorprofile.ASCII, 120, 40, 30, 40},
		{colorprofile.TrueColor, 200, 50, 20, 50}, {colorprofile.ASCII, 200, 50, 20, 50},
	} {
		t.Run(fmt.Sprintf("%v %d×%d", tt.profile, tt.width, tt.height), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v, err := vault.Open(vault.Options{Store: vault.NewMemory(), Gateway: func(kite.Environment) vault.Gateway { return minter{} }})
				if err != nil {
					t.Fatal(err)
				}
				for i := range tt.rows {
					sel := vault.Selector{Account: fmt.Sprintf("m%02d", i), Environment: kite.Sandbox}
					cred := kite.Credential{APIKey: kite.NewSecret("fake-key"), APISecret: kite.NewSecret("fake-secret")}
					if _, err := v.Add(t.Context(), vault.NewProfile{Selector: sel, Credential: cred, ExpiresIn: 3600}); err != nil {
						t.Fatal(err)
					}
					if _, err := v.Token(t.Context(), sel, vault.TokenRequest{}); err != nil {
						t.Fatal(err)
					}
				}
				out := &countingWriter{}
				a := newApp(t.Context(), Options{Vault: v, Clipboard: &testClipboard{}, LockAfter: -1})
				program := tea.NewProgram(a, tea.WithContext(t.Context()), tea.WithInput(nil), tea.WithOutput(out), tea.WithoutSignalHandler(),
					tea.WithWindowSize(tt.width, tt.height), tea.WithColorProfile(tt.profile), tea.WithEnvironment([]string{"TERM=xterm-256color"}), tea.WithFPS(framesPerSecond))
				ended := make(chan struct{})
				go func() { defer close(ended); _, _ = program.Run() }()
				time.Sleep(2500 * time.Millisecond)
				synctest.Wait()
				before := out.n.Load()
				const seconds = 20
				time.Sleep(seconds * time.Second)
				synctest.Wait()
				perSecond := float64(out.n.Load()-before) / seconds
				perRow := perSecond / float64(tt.rows)
				t.Logf("%.0f bytes a second, %.1f a row", perSecond, perRow)
				if perRow > tt.most {
					t.Errorf("%.1f bytes a row and second, and %.0f are allowed", perRow, tt.most)
				}
				program.Quit()
				<-ended
			})
		})
	}
}

// minter is a gateway that mints at once.
type minter struct{ noGateway }

func (minter) Mint(_ context.Context, _ kite.Credential, life kite.Lifetime) (kite.Token, error) {
	now := time.Now().Round(0)
	return kite.Token{Value: kite.NewSecret("JWT fake"), Expires: now.Add(life.Duration()), Minted: now, Requested: life}, nil
}

func TestModel_OfAThousandProfilesIsSmall(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	a := still(t, 1000, 50, &now)
	a.Update(tea.WindowSizeMsg{Width: 120, Height: 40})
	v := a.View()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(a)
	runtime.KeepAlive(v)
	mb := float64(int64(after.HeapAlloc)-int64(before.HeapAlloc)) / (1 << 20)
	t.Logf("%.1f MB for the model and a frame", mb)
	if mb > 10 {
		t.Errorf("%.1f MB", mb)
	}
}
