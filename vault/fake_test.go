package vault

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"kitekey/kite"
)

// fakeGateway mints tokens that name their number, and does what err says.
type fakeGateway struct {
	mu    sync.Mutex
	host  string
	now   func() time.Time
	mints int
	lives []kite.Lifetime
	keys  []string // api_keys seen
	err   error
	deep  error

	refuses func(key string) bool // unless nil
	block   chan struct{}         // closed to let mints go, nil when they need not wait

	waiting chan struct{} // told when a mint waits, unless it is nil
}

func (g *fakeGateway) Host() string { return g.host }

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

// faulty is a memory store whose calls a test can make fail or watch.
type faulty struct {
	*Memory
	mu    sync.Mutex
	calls []string
	fail  func(op, key string) error // before the call; nil lets it through
	after func(op, key string) error // after it has happened
}

func newFaulty() *faulty { return &faulty{Memory: NewMemory()} }

func (f *faulty) hook(op, key string, do func() error) error {
	f.mu.Lock()
	f.calls = append(f.calls, op+" "+key)
	fail, after := f.fail, f.after
	f.mu.Unlock()
	if fail != nil {
		if err := fail(op, key); err != nil {
			return err
		}
	}
	if err := do(); err != nil || after == nil {
		return err
	}
	return after(op, key)
}

func (f *faulty) Get(ctx context.Context, key string) (value []byte, err error) {
	err = f.hook("read", key, func() error { value, err = f.Memory.Get(ctx, key); return err })
	return value, err
}

func (f *faulty) Set(ctx context.Context, key string, value []byte) error {
	return f.hook("write", key, func() error { return f.Memory.Set(ctx, key, value) })
}

func (f *faulty) Delete(ctx context.Context, key string) error {
	return f.hook("delete", key, func() error { return f.Memory.Delete(ctx, key) })
}

func (f *faulty) reset(fail, after func(op, key string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls, f.fail, f.after = nil, fail, after
}

func (f *faulty) seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.calls...)
}

// world is a vault over fakes.
type world struct {
	*Vault
	store   *faulty
	gateway *fakeGateway
	clock   *clock
	dir     string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldIn(t, filepath.Join(t.TempDir(), "home"), newFaulty())
}

func newWorldIn(t *testing.T, dir string, store *faulty) *world {
	t.Helper()
	c := &clock{t: time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)}
	g := &fakeGateway{host: "sandbox.test", now: c.now}
	w := &world{store: store, gateway: g, clock: c, dir: dir}
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

// pair is a credential that is obviously nobody's.
func pair(n string) kite.Credential {
	return kite.Credential{
		APIKey: kite.NewSecret("fake-key-for-tests-" + n), APISecret: kite.NewSecret("fake-secret-for-tests-" + n),
	}
}

func (w *world) mustAdd(t *testing.T, name string) Profile {
	t.Helper()
	p, err := w.Add(t.Context(), NewProfile{Selector: sel(name), Credential: pair(name)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
