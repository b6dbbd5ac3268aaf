package proxy

import (
	"context"
	"flag"
	"io"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/kite/simulator"
)

var soakRequests = flag.Int64("soak", 0, "how many requests TestSoak_NoRequestFailsAndMemoryStays makes; 270000 take a minute or two")

// TestSoak_NoRequestFailsAndMemoryStays makes many requests with tokens that live 4
// s. None may fail, and memory may not grow. It runs only on request:
//
//	go test ./kite/proxy -run Soak -soak 270000 -v
func TestSoak_NoRequestFailsAndMemoryStays(t *testing.T) {
	if *soakRequests == 0 {
		t.Skip("on demand: -soak 270000")
	}
	sim := simulator.New(simulator.Options{})
	if err := sim.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	client := &kite.Client{BaseURL: sim.BaseURL(kite.Sandbox)}
	defer client.CloseIdleConnections()
	cred, _ := sim.Credential("acme", kite.Sandbox)
	p, err := New(Options{Client: client, Log: func(Record) {}, Token: func(ctx context.Context, _ bool) (kite.Token, error) {
		return client.Mint(ctx, cred, 4)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer p.Close(context.Background())
	transport := &http.Transport{MaxIdleConnsPerHost: benchConnections}
	defer transport.CloseIdleConnections()
	hc := &http.Client{Transport: transport}
	var left, failed atomic.Int64
	run := func(requests int64) {
		left.Store(requests)
		var wg sync.WaitGroup
		for range benchConnections {
			wg.Go(func() {
				for left.Add(-1) >= 0 {
					resp, err := hc.Get(p.URL().Reveal() + kite.BalancesPath)
					if err != nil {
						failed.Add(1)
						continue
					}
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
					if resp.StatusCode != http.StatusOK {
						failed.Add(1)
					}
				}
			})
		}
		wg.Wait()
	}
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	start := time.Now()
	run(*soakRequests / 10)
	early, goroutines := heap(), runtime.NumGoroutine()
	run(*soakRequests - *soakRequests/10)
	late := heap()
	t.Logf("%d requests in %v, %d tokens, %d failed; heap %d KiB after a tenth and %d KiB at the end",
		*soakRequests, time.Since(start).Round(time.Second), sim.Count().Mints, failed.Load(), early>>10, late>>10)
	if failed.Load() > 0 {
		t.Errorf("%d requests failed", failed.Load())
	}
	if late > early+2<<20 {
		t.Errorf("the heap grew from %d to %d KiB", early>>10, late>>10)
	}
	if n := runtime.NumGoroutine(); n > goroutines+5 {
		t.Errorf("%d goroutines, and %d after a tenth", n, goroutines)
	}
}
