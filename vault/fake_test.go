package vault_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"kitekey/kite"
	. "kitekey/vault"
	"kitekey/vault/storetest"
)

// fakeGateway mints numbered tokens, and returns err if it is set.
type fakeGateway struct {
	mu     sync.Mutex
	host   string
	now    func() time.Time
	mints  int
	lives  []kite.Lifetime
	keys   []string // api_keys of the requests
	err    error
	deep   error
	origin kite.Origin // "" means Kitegateway
	way    string

	refuses func(key string) bool // nil refuses none
	block   chan struct{}         // if not nil, mints wait until it is closed

	waiting chan struct{} // if not nil, it is told when a mint waits
}

func (g *fakeGateway) Host() string { return g.host }

func (g *fakeGateway) Way() string { return g.way }

func (g *fakeGateway) Origin() kite.Origin {
	if g.origin == "" {
		return kite.OriginKitegateway
	}
	return g.origin
}

func (g *fakeGateway) Mint(ctx context.Context, c kite.Credential, life kite.Lifetime) (kite.Token, error) {
	g.mu.Lock()
	block, waiting := g.block, g.waiting
	g.mu.Unlock()
	if block != nil {
		select {
		case waiting <- struct{}{}:
		default:
		}
		select {
		case <-block:
		case <-ctx.Done():
			return kite.Token{}, ctx.Err()
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mints++
	g.lives = append(g.lives, life)
	g.keys = append(g.keys, c.APIKey.Reveal())
	if g.err != nil {
		return kite.Token{}, g.err
	}
	if g.refuses != nil && g.refuses(c.APIKey.Reveal()) {
		return kite.Token{}, kite.ErrRefused
	}
	now := g.now().Round(0)
	return kite.Token{
		Value:   kite.NewSecret(fmt.Sprintf("JWT fake-%d", g.mints)),
		Expires: now.Add(life.Duration()).Truncate(time.Second), Minted: now, Requested: life,
	}, nil
}

func (g *fakeGateway) Balances(context.Context, kite.Token) ([]kite.Balance, error) {
	return nil, g.deep
}

func (g *fakeGateway) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.mints
}

// clock is a wall clock that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// fixture is a vault over fakes.
type fixture struct {
	*Vault
	store   *storetest.Faulty
	gateway *fakeGateway
	clock   *clock
	dir     string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	return newFixtureIn(t, filepath.Join(t.TempDir(), "home"), storetest.NewFaulty(nil))
}

func newFixtureIn(t *testing.T, dir string, store *storetest.Faulty) *fixture {
	t.Helper()
	c := &clock{t: time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)}
	g := &fakeGateway{host: "sandbox.test", now: c.now}
	w := &fixture{store: store, gateway: g, clock: c, dir: dir}
	v, err := Open(Options{Dir: dir, Store: store, Gateway: func(kite.Environment) Gateway { return g }, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	w.Vault = v
	return w
}

func sel(s string) Selector {
	x, err := ParseSelector(s)
	if err != nil {
		panic(err)
	}
	return x
}

// credential returns a made-up credential; n tells credentials apart.
func credential(n string) kite.Credential {
	return kite.Credential{
		APIKey: kite.NewSecret("fake-key-for-tests-" + n), APISecret: kite.NewSecret("fake-secret-for-tests-" + n),
	}
}

func (w *fixture) mustAdd(t *testing.T, name string) Profile {
	t.Helper()
	p, err := w.Add(t.Context(), NewProfile{Selector: sel(name), Credential: credential(name)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
