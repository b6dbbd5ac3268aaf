package proxy

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"slices"
	"sync"
	"testing"
	"time"

	"kitekey/kite"
)

const benchConnections = 16

// BenchmarkBesideReverseProxy sends the same requests through the proxy and through
// a bare [httputil.ReverseProxy] before the same gateway, in turns. It reports the
// proxy's requests per second and 99th percentile as a ratio to the other's: 1 is
// as fast, more is faster.
//
//	go test ./kite/proxy -run '^$' -bench Beside -benchtime 60000x -count 3
func BenchmarkBesideReverseProxy(b *testing.B) {
	reply := []byte(`{"code":200,"status":"success","message":"Balances","data":[{"currency":"UGX","balance":1250000}]}`)
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(reply)
	}))
	defer gateway.Close()

	client := &kite.Client{BaseURL: gateway.URL + "/v1"}
	defer client.CloseIdleConnections()
	ours, err := New(Options{Client: client, Token: func(context.Context, bool) (kite.Token, error) { return living(canary), nil }, Log: func(Record) {}})
	if err != nil {
		b.Fatal(err)
	}
	if err := ours.Start("127.0.0.1:0"); err != nil {
		b.Fatal(err)
	}
	defer ours.Close(context.Background())

	base, _, _ := client.ProxyTransport()
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = benchConnections
	defer transport.CloseIdleConnections()
	bare := httptest.NewServer(&httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(base)
		r.Out.Header.Set("Authorization", "JWT "+canary)
	}})
	defer bare.Close()

	const rounds = 8
	perRound := max(b.N/rounds, benchConnections)
	var oursTook, bareTook time.Duration
	var oursAll, bareAll []time.Duration
	load(b, ours.URL().Reveal(), benchConnections) // warm
	load(b, bare.URL, benchConnections)
	b.ResetTimer()
	for range rounds {
		took, each := load(b, ours.URL().Reveal(), perRound)
		oursTook, oursAll = oursTook+took, append(oursAll, each...)
		took, each = load(b, bare.URL, perRound)
		bareTook, bareAll = bareTook+took, append(bareAll, each...)
	}
	b.ReportMetric(float64(len(oursAll))/oursTook.Seconds(), "req/s")
	b.ReportMetric(bareTook.Seconds()/oursTook.Seconds(), "req/s-ratio")
	b.ReportMetric(float64(percentile(bareAll))/float64(percentile(oursAll)), "p99-ratio")
}

// load makes n requests over benchConnections connections.
func load(b *testing.B, url string, n int) (took time.Duration, each []time.Duration) {
	b.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: benchConnections, MaxConnsPerHost: benchConnections}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	all := make([][]time.Duration, benchConnections)
	var wg sync.WaitGroup
	start := time.Now()
	for i := range all {
		wg.Go(func() {
			for range n / benchConnections {
				began := time.Now()
				resp, err := client.Get(url + kite.BalancesPath)
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					b.Error(resp.Status)
					return
				}
				all[i] = append(all[i], time.Since(began))
			}
		})
	}
	wg.Wait()
	return time.Since(start), slices.Concat(all...)
}

func percentile(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)*99/100]
}
