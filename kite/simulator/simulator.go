// Package simulator is Kitegateway as its documentation describes it, in this
// process and on loopback: for the demo, for developers who want something to
// point an integration at, and for tests.
//
// One listener serves both environments, the sandbox below /v1 and live below
// /live/v1. It knows a few merchants with made-up credentials and balances, signs
// real JWTs (HS256, with a key that is made at the start), enforces their expiry,
// and answers in the documented envelopes, with the documented codes in words for
// errors. Besides minting it has the documented calls that need no money: wallet
// balances, a request to pay that is checked, accepted and goes nowhere, and its
// callback.
//
// What goes wrong in the real world can be made to go wrong here while it runs:
// see [Behavior]. A body that the documentation does not allow is refused, and what
// the documentation leaves open is answered strictly: an expires_in that is not a
// positive whole number is a 400.
package simulator

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"kitekey/kite"
	"kitekey/kite/internal/loopback"
)

// Merchant is one business account in one environment. Two Merchants with the same
// account are its two credentials; the balances are those of the first.
type Merchant struct {
	Account     string
	Environment kite.Environment
	Credential  kite.Credential
	Balances    []kite.Balance
}

// Counts says how often something was asked for. A connection that sends no request
// is not counted.
type Counts struct {
	Requests int // all of them
	Mints    int // tokens handed out
	Calls    int // calls with a token that was accepted
}

// Record is one answered request, for a log. It holds no secret.
type Record struct {
	Time         time.Time
	Method, Path string // the path is a [kite.PathTemplate]
	Account      string // "" when the caller was not recognised
	Environment  kite.Environment
	Status       int // 0 when the connection was dropped
}

// Options are all optional.
type Options struct {
	Merchants []Merchant       // nil = DefaultMerchants()
	Now       func() time.Time // nil = time.Now
	Log       func(Record)     // called after each request, by several goroutines at once
}

// Simulator is a simulated Kitegateway. It is an [http.Handler] as well, for use
// without a listener.
type Simulator struct {
	now       func() time.Time
	log       func(Record)
	key       []byte // signs the tokens
	merchants []Merchant
	mux       *http.ServeMux

	mu       sync.Mutex
	behavior map[profile]Behavior
	windows  map[profile]*window
	counts   map[profile]Counts
	payments map[string]payment
	// references has the payment for each merchant_reference.
	references map[string]string
	revoked    map[profile]int // how often a merchant's tokens have been revoked

	server   loopback.Server
	listener net.Listener
	closing  chan struct{}
	close    sync.Once
}

// profile names a merchant: an account in one environment. The empty account
// stands for the whole environment.
type profile struct {
	account     string
	environment kite.Environment
}

// New returns a simulator that does not listen yet.
func New(o Options) *Simulator {
	s := &Simulator{
		now:        o.Now,
		log:        o.Log,
		key:        make([]byte, 32),
		merchants:  o.Merchants,
		mux:        http.NewServeMux(),
		behavior:   map[profile]Behavior{},
		windows:    map[profile]*window{},
		counts:     map[profile]Counts{},
		payments:   map[string]payment{},
		references: map[string]string{},
		revoked:    map[profile]int{},
		closing:    make(chan struct{}),
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.merchants == nil {
		s.merchants = DefaultMerchants()
	}
	_, _ = rand.Read(s.key) // never fails
	s.routes()
	return s
}

// Start listens on addr, "127.0.0.1:0" for any free port, and serves until
// [Simulator.Close]. Only loopback addresses are accepted.
func (s *Simulator) Start(addr string) error {
	if s.listener != nil {
		return errors.New("the simulator has been started already")
	}
	l, err := loopback.Listen(addr)
	if err != nil {
		return err
	}
	s.listener = l
	s.server.Handler = s
	s.server.Serve(l)
	return nil
}

// Addr is the address that is listened on, with its port; "" before Start.
func (s *Simulator) Addr() string {
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// BaseURL returns the URL that replaces the environment's documented base URL; see
// [kite.ParseBaseURL]. Call it after Start.
func (s *Simulator) BaseURL(env kite.Environment) string {
	if env == kite.Live {
		return "http://" + s.Addr() + "/live/v1"
	}
	return "http://" + s.Addr() + "/v1"
}

// Close ends every request and stops listening.
func (s *Simulator) Close() {
	s.close.Do(func() { close(s.closing) })
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // at once
	s.server.Close(ctx)
}

// Merchants returns the merchants that the simulator knows.
func (s *Simulator) Merchants() []Merchant { return s.merchants }

// Credential returns the credential of a merchant. ok is false if no merchant has
// the account and the environment.
func (s *Simulator) Credential(account string, env kite.Environment) (c kite.Credential, ok bool) {
	for _, m := range s.merchants {
		if m.Account == account && m.Environment == env {
			return m.Credential, true
		}
	}
	return kite.Credential{}, false
}

// Count sums up every request so far, those of unrecognised callers included.
func (s *Simulator) Count() (total Counts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.counts {
		total.Requests += c.Requests
		total.Mints += c.Mints
		total.Calls += c.Calls
	}
	return total
}

// CountOf sums up the requests of one merchant.
func (s *Simulator) CountOf(account string, env kite.Environment) Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[profile{account, env}]
}

func (s *Simulator) count(p profile, add Counts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counts[p]
	c.Requests += add.Requests
	c.Mints += add.Mints
	c.Calls += add.Calls
	s.counts[p] = c
}

// pause waits d, the end of the request or the end of the simulator, and reports
// whether it was the first.
func (s *Simulator) pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-s.closing:
	}
	return false
}
