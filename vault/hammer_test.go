package vault_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"kitekey/kite"
	. "kitekey/vault"
	"kitekey/vault/storetest"
)

// unsteady makes a store fail now and then, before or after a call.
func unsteady(s *storetest.Faulty, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 0))
	var mu sync.Mutex
	fail := func(kinds ...error) func(op, key string) error {
		return func(op, key string) error {
			mu.Lock()
			defer mu.Unlock()
			if r.IntN(12) != 0 || op == "read" && len(kinds) == 2 {
				return nil
			}
			return &StoreError{Op: op, Store: "keyring", Kind: kinds[r.IntN(len(kinds))]}
		}
	}
	s.On(fail(ErrLocked, ErrTimeout, ErrUnavailable), fail(ErrTimeout, ErrUnavailable))
}

// Random operations run on eight vaults that share a folder and a failing store,
// and some are cancelled halfway. In the end the index and the store must agree,
// and every item of the store must belong to a listed profile.
func TestVault_AgreesWithItsStoreAfterEverythingAtOnce(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dir, store := t.TempDir(), storetest.NewFaulty(nil)
	gateway := &fakeGateway{host: "sandbox.test", now: time.Now}
	open := func() *Vault {
		v, err := Open(Options{Dir: dir, Store: store, Gateway: func(kite.Environment) Gateway { return gateway }})
		if err != nil {
			t.Error(err)
		}
		return v
	}
	unsteady(store, seed)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var workers sync.WaitGroup
	for w := range uint64(8) {
		workers.Go(func() {
			v, r := open(), rand.New(rand.NewPCG(seed, w+1))
			for i := range 40 {
				doSomething(ctx, v, r, fmt.Sprintf("%d-%d", w, i))
			}
		})
	}
	workers.Wait()
	if ctx.Err() != nil {
		t.Fatal("an operation waited for ever")
	}

	store.On(nil, nil)
	v := open()
	if err := v.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	profiles, err := v.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range profiles {
		c, err := v.ReadItem(t.Context(), p)
		if err != nil {
			t.Errorf("%s: %v", p.Selector, err)
			continue
		}
		if p.State != StateSettled || c.Selector != p.Selector || c.Current.Hint() != p.KeyHint || c.Staged.Complete() != p.Staged || c.Previous.Complete() != p.Previous {
			t.Errorf("the index says %+v of an item of %s", p, c.Selector)
		}
	}
	keys, err := store.Keys(t.Context())
	if orphans := OrphanKeys(keys, profiles); err != nil || len(orphans) > 0 {
		t.Errorf("items without a profile: %v (%v)", orphans, err)
	}
}

// doSomething does one random operation on one of a few profiles. Its result does
// not matter.
func doSomething(ctx context.Context, v *Vault, r *rand.Rand, n string) {
	accounts := []string{"acme", "borealis", "coral"}
	one := Selector{accounts[r.IntN(3)], kite.Environments[r.IntN(2)]}
	if r.IntN(6) == 0 {
		var cancel func()
		ctx, cancel = context.WithTimeout(ctx, time.Duration(r.IntN(3000))*time.Microsecond)
		defer cancel()
	}
	switch r.IntN(10) {
	case 0, 1:
		_, _ = v.Add(ctx, NewProfile{Selector: one, Credential: credential(n)})
	case 2:
		_ = v.Remove(ctx, one)
	case 3:
		_ = v.Rename(ctx, one.Account, accounts[r.IntN(3)])
	case 4:
		_, _ = v.Rotate(ctx, one, credential(n))
	case 5:
		_ = v.Verify(ctx, one, false)
	case 6:
		_, _ = v.Token(ctx, one, TokenRequest{Fresh: r.IntN(2) == 0})
	case 7:
		_ = v.Forget(ctx, one)
	case 8:
		_, _ = v.Rollback(ctx, one)
	case 9:
		v.VerifyAll(ctx, []Selector{{"acme", kite.Sandbox}, {"borealis", kite.Live}, {"coral", kite.Sandbox}}, false, func(Report) {})
	}
}
