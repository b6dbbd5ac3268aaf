package vault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kitekey/kite"
	"kitekey/kite/simulator"
	. "kitekey/vault"
)

// crowdGate is a gateway in memory below a real [kite.Client]. It takes latency for
// an answer, refuses some keys, and lets perSecond requests through.
type crowdGate struct {
	latency   time.Duration
	perSecond int // 0 means no limit
	hopeless  string

	mu                  sync.Mutex
	second              int64
	inSecond            int
	running, mostAtOnce int
	turnedAway          int
}

func (g *crowdGate) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	g.running++
	g.mostAtOnce = max(g.mostAtOnce, g.running)
	now := time.Now()
	if now.Unix() != g.second {
		g.second, g.inSecond = now.Unix(), 0
	}
	g.inSecond++
	limited := g.perSecond > 0 && g.inSecond > g.perSecond ||
		g.hopeless != "" && strings.Contains(string(body), g.hopeless)
	if limited {
		g.turnedAway++
	}
	g.mu.Unlock()
	select {
	case <-time.After(g.latency):
	case <-r.Context().Done():
	}
	g.mu.Lock()
	g.running--
	g.mu.Unlock()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}

	status := http.StatusOK
	reply := fmt.Sprintf(`{"code":200,"status":"success","message":"Token generated","data":{"token":"JWT a.b.c","expires":%d}}`, now.Add(time.Minute).Unix())
	header := http.Header{"Content-Type": {"application/json"}, "Date": {now.UTC().Format(http.TimeFormat)}}
	switch {
	case limited:
		status, reply = http.StatusTooManyRequests, `{"code":"too_many","status":"error","message":"Slow down","data":null}`
		header.Set("Retry-After", "1")
	case strings.Contains(string(body), "bad"):
		status, reply = http.StatusUnauthorized, `{"code":"unauthorized","status":"error","message":"Invalid","data":null}`
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(reply)), Request: r}, nil
}

// crowd returns a vault of n profiles with the gate. Every seventh is refused.
func crowd(t testing.TB, n int, gate *crowdGate) (*Vault, []Selector) {
	t.Helper()
	client := &kite.Client{Transport: gate}
	v, err := Open(Options{Store: NewMemory(), Gateway: func(kite.Environment) Gateway { return client }})
	if err != nil {
		t.Fatal(err)
	}
	sels := make([]Selector, n)
	for i := range sels {
		sels[i] = Selector{fmt.Sprintf("shop%03d", i), kite.Sandbox}
		key := fmt.Sprintf("fake-key-%03d", i)
		if i%7 == 0 {
			key = fmt.Sprintf("fake-bad-%03d", i)
		}
		cred := kite.Credential{APIKey: kite.NewSecret(key), APISecret: kite.NewSecret("fake-secret")}
		if _, err := v.Add(t.Context(), NewProfile{Selector: sels[i], Credential: cred}); err != nil {
			t.Fatal(err)
		}
	}
	return v, sels
}

// verdicts verifies all profiles, and checks that each was reported once and with
// the right verdict.
func verdicts(t *testing.T, v *Vault, sels []Selector, except map[Selector]Verdict) {
	t.Helper()
	got := map[Selector]Verdict{}
	v.VerifyAll(t.Context(), sels, false, func(r Report) {
		if _, twice := got[r.Selector]; twice {
			t.Errorf("%s was reported twice", r.Selector)
		}
		got[r.Selector] = r.Verdict
	})
	for i, sel := range sels {
		want := VerdictOK
		if i%7 == 0 {
			want = VerdictRejected
		}
		if other, ok := except[sel]; ok {
			want = other
		}
		if got[sel] != want {
			t.Errorf("%s: %q, want %q", sel, got[sel], want)
		}
		if p, err := v.Lookup(sel); err != nil || p.Verdict != want {
			t.Errorf("%s: the index says %q, %v", sel, p.Verdict, err)
		}
	}
}

func TestVerifyAll_RunsEightAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := &crowdGate{latency: 100 * time.Millisecond}
		v, sels := crowd(t, 200, gate)
		began := time.Now()
		verdicts(t, v, sels, nil)
		if took := time.Since(began); took > 200/8*130*time.Millisecond {
			t.Errorf("200 took %v, want 2.5s or little more", took)
		}
		if gate.mostAtOnce != 8 {
			t.Errorf("%d at once, want 8", gate.mostAtOnce)
		}
	})
}

func TestVerifyAll_KeepsToTheRateLimit(t *testing.T) {
	for _, perSecond := range []int{1, 2, 10} {
		synctest.Test(t, func(t *testing.T) {
			gate := &crowdGate{latency: 50 * time.Millisecond, perSecond: perSecond}
			v, sels := crowd(t, 60, gate)
			began := time.Now()
			verdicts(t, v, sels, nil)
			took, ideal := time.Since(began), time.Duration(60/perSecond)*time.Second
			if took > 4*ideal+30*time.Second {
				t.Errorf("at %d per second it took %v", perSecond, took)
			}
			t.Logf("%d per second: %v (ideal %v), %d requests turned away", perSecond, took, ideal, gate.turnedAway)
		})
	}
}

// A profile that never gets through does not delay the others, and gets a verdict
// in the end.
func TestVerifyAll_OneThatFailsDoesNotDelayOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := &crowdGate{latency: 10 * time.Millisecond, hopeless: "fake-key-005"}
		v, sels := crowd(t, 30, gate)
		began := time.Now()
		verdicts(t, v, sels, map[Selector]Verdict{sels[5]: VerdictRateLimited})
		if took := time.Since(began); took > 2*time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}

func TestVerifyAll_EndsWhenCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := &crowdGate{latency: time.Second}
		v, sels := crowd(t, 50, gate)
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		began := time.Now()
		v.VerifyAll(ctx, sels, false, func(Report) {
			if n++; n == 10 {
				cancel()
			}
		})
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("it went on for %v", took)
		}
		if n < 10 || n > 16 {
			t.Errorf("%d reports, want the 10 before the end and those beside it", n)
		}
		cancel()
	})
}

// A store that hangs is not asked for every profile.
func TestVerifyAll_AsksAHangingStoreOnce(t *testing.T) {
	w := newFixture(t)
	for i := range 40 {
		w.mustAdd(t, fmt.Sprintf("shop%03d", i))
	}
	w.store.On(func(string, string) error {
		return &StoreError{Op: "read", Store: "keyring", Kind: ErrTimeout}
	}, nil)
	profiles, err := w.List()
	if err != nil {
		t.Fatal(err)
	}
	var sels []Selector
	for _, p := range profiles {
		sels = append(sels, p.Selector)
	}
	n := 0
	w.VerifyAll(t.Context(), sels, false, func(r Report) {
		n++
		if r.Verdict != VerdictUnavailable || !errors.Is(r.Err, ErrTimeout) || r.KeyHint == "" {
			t.Errorf("%+v", r)
		}
		if text := r.Err.Error(); strings.Contains(text, "shop") && !strings.Contains(text, r.Selector.String()) {
			t.Errorf("%s: told of another: %v", r.Selector, text)
		}
	})
	if asked := len(w.store.Calls()); n != 40 || asked > VerifyAtOnce {
		t.Errorf("%d reports, the store was asked %d times", n, asked)
	}
}

// BenchmarkVerifyAll200 verifies 200 profiles against a simulator that takes 100 ms
// for an answer, with the index on disk. ×ideal is the time divided by that of
// eight at a time with no other work.
func BenchmarkVerifyAll200(b *testing.B) {
	const latency = 100 * time.Millisecond
	var merchants []simulator.Merchant
	for i := range 200 {
		merchants = append(merchants, simulator.NewMerchant(fmt.Sprintf("shop%03d", i), kite.Sandbox))
	}
	sim := simulator.New(simulator.Options{Merchants: merchants})
	if err := sim.Start("127.0.0.1:0"); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(sim.Close)
	client := &kite.Client{BaseURL: sim.BaseURL(kite.Sandbox)}
	b.Cleanup(client.CloseIdleConnections)
	v, err := Open(Options{Dir: b.TempDir(), Store: NewMemory(), Gateway: func(kite.Environment) Gateway { return client }})
	if err != nil {
		b.Fatal(err)
	}
	var sels []Selector
	for _, m := range merchants {
		sel := Selector{m.Account, m.Environment}
		if _, err := v.Add(b.Context(), NewProfile{Selector: sel, Credential: m.Credential}); err != nil {
			b.Fatal(err)
		}
		sels = append(sels, sel)
	}
	sim.Set("", kite.Sandbox, simulator.Behavior{Latency: latency})
	ok := 0
	for b.Loop() {
		v.VerifyAll(b.Context(), sels, false, func(r Report) {
			if r.Verdict == VerdictOK {
				ok++
			}
		})
	}
	if ok != b.N*len(sels) {
		b.Fatalf("%d of %d work", ok, b.N*len(sels))
	}
	ideal := float64(len(sels)) / VerifyAtOnce * float64(latency) * float64(b.N)
	b.ReportMetric(float64(b.Elapsed())/ideal, "×ideal")
}
