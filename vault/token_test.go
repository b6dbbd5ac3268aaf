package vault_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"kitekey/kite"
	. "kitekey/vault"
	"kitekey/vault/storetest"
)

func TestToken_IsCachedUntilItExpires(t *testing.T) {
	w := newFixture(t)
	ctx := t.Context()
	w.mustAdd(t, "acme")
	first, err := w.Token(ctx, sel("acme"), TokenRequest{})
	if err != nil || !first.Minted || first.Requested != DefaultExpiresIn {
		t.Fatalf("first: %v %v %v", first.Requested, first.Minted, err)
	}
	p, _ := w.Lookup(sel("acme"))
	if !p.Token.Deadline.Equal(first.Deadline()) || p.Verdict != VerdictOK || !p.LastUsed.Equal(w.clock.now()) {
		t.Errorf("the index says %+v", p)
	}
	same := func(tok kite.Token) bool { return tok.Value.Equal(first.Value) }
	for _, c := range []struct {
		name string
		wait time.Duration
		mint TokenRequest
		want bool // the first token again
	}{
		{"again", 0, TokenRequest{}, true},
		{"same life", 0, TokenRequest{ExpiresIn: 5 * 60}, true},
		{"later", 4 * time.Minute, TokenRequest{}, true},
		{"enough left", 0, TokenRequest{MinRemaining: time.Minute}, true},
		{"not enough left", 0, TokenRequest{MinRemaining: time.Minute + time.Second}, false},
	} {
		w.clock.add(c.wait)
		tok, err := w.Token(ctx, sel("acme"), c.mint)
		if err != nil || same(tok.Token) != c.want || tok.Minted == c.want {
			t.Fatalf("%s: minted %v, %v", c.name, tok.Minted, err)
		}
	}
	for _, m := range []TokenRequest{{ExpiresIn: 60}, {Fresh: true}, {NoCache: true}} {
		before := w.gateway.count()
		if tok, err := w.Token(ctx, sel("acme"), m); err != nil || !tok.Minted || w.gateway.count() != before+1 {
			t.Errorf("%+v: minted %v, %v", m, tok.Minted, err)
		}
	}
}

// A script that uses a cached token pays for one read of the index and one Get.
func TestToken_CachedTouchesOneItem(t *testing.T) {
	w := newFixture(t)
	p := w.mustAdd(t, "acme")
	if _, err := w.Token(t.Context(), sel("acme"), TokenRequest{}); err != nil {
		t.Fatal(err)
	}
	w.store.On(nil, nil)
	if tok, err := w.Token(t.Context(), sel("acme"), TokenRequest{}); err != nil || tok.Minted {
		t.Fatal(tok.Minted, err)
	}
	if calls := w.store.Calls(); len(calls) != 1 || calls[0] != "read "+TokenKey(p.ID) {
		t.Errorf("calls: %v", calls)
	}
}

func TestToken_IsNeverPastItsDeadline(t *testing.T) {
	w := newFixture(t)
	ctx := t.Context()
	w.mustAdd(t, "acme")
	w.mustAdd(t, "coral")
	first, err := w.Token(ctx, sel("acme"), TokenRequest{ExpiresIn: 60})
	if err != nil {
		t.Fatal(err)
	}
	w.clock.add(-10 * time.Minute) // the clock was set back, so the token's age is not known
	if tok, err := w.Token(ctx, sel("acme"), TokenRequest{}); err != nil || !tok.Minted || tok.Value.Equal(first.Value) {
		t.Errorf("after the clock was set back: minted %v, %v", tok.Minted, err)
	}
	w.clock.add(5 * time.Minute)
	if _, err := w.Cached(ctx, sel("acme")); !errors.Is(err, ErrNotFound) {
		t.Errorf("an expired token was handed out: %v", err)
	}
	p, _ := w.Lookup(sel("acme"))
	if _, err := w.store.Get(ctx, TokenKey(p.ID)); !errors.Is(err, ErrNotFound) || !p.Token.Deadline.IsZero() {
		t.Errorf("the expired token was not deleted: %v, %+v", err, p.Token)
	}
	// acme's expired token is deleted when coral mints.
	if _, err := w.Token(ctx, sel("acme"), TokenRequest{}); err != nil {
		t.Fatal(err)
	}
	w.clock.add(time.Hour)
	w.gateway.refuses = func(string) bool { // while the gateway is answering
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			if _, err := w.store.Get(ctx, TokenKey(p.ID)); errors.Is(err, ErrNotFound) {
				return false
			}
			if time.Now().After(end) {
				t.Error("the other profile's expired token is still there")
				return false
			}
		}
	}
	if _, err := w.Token(ctx, sel("coral"), TokenRequest{}); err != nil {
		t.Fatal(err)
	}
}

func TestToken_OfAnotherHostIsNotUsed(t *testing.T) {
	w := newFixture(t)
	w.mustAdd(t, "acme")
	if _, err := w.Token(t.Context(), sel("acme"), TokenRequest{}); err != nil {
		t.Fatal(err)
	}
	w.gateway.host = "127.0.0.1:4010" // an override came into force
	if tok, err := w.Token(t.Context(), sel("acme"), TokenRequest{}); err != nil || !tok.Minted {
		t.Errorf("minted %v, %v", tok.Minted, err)
	}
}

func TestForget_RemovesTheCachedToken(t *testing.T) {
	w := newFixture(t)
	p := w.mustAdd(t, "acme")
	if _, err := w.Token(t.Context(), sel("acme"), TokenRequest{}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is no token
		if err := w.Forget(t.Context(), sel("acme")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.store.Get(t.Context(), TokenKey(p.ID)); !errors.Is(err, ErrNotFound) {
		t.Errorf("still there: %v", err)
	}
	if _, err := w.Cached(t.Context(), sel("acme")); !errors.Is(err, ErrNotFound) {
		t.Errorf("Cached: %v", err)
	}
}

func TestToken_EightProcessesShareOneMint(t *testing.T) {
	for _, fresh := range []bool{false, true} {
		store, dir := storetest.NewFaulty(nil), t.TempDir()
		worlds := make([]*fixture, 8)
		for i := range worlds {
			worlds[i] = newFixtureIn(t, dir, store)
			worlds[i].gateway = worlds[0].gateway
			worlds[i].SetGateway(func(kite.Environment) Gateway { return worlds[0].gateway })
		}
		worlds[0].mustAdd(t, "acme")
		hold := make(chan struct{})
		worlds[0].gateway.block = hold
		var wg sync.WaitGroup
		values := make([]kite.Secret, len(worlds))
		var started sync.WaitGroup
		for i, w := range worlds {
			started.Add(1)
			wg.Go(func() {
				started.Done()
				tok, err := w.Token(t.Context(), sel("acme"), TokenRequest{Fresh: fresh})
				if err != nil {
					t.Error(err)
				}
				values[i] = tok.Value
			})
		}
		started.Wait()
		time.Sleep(30 * time.Millisecond) // until each has read the list: a call that begins after the mint wants its own
		close(hold)
		wg.Wait()
		for _, v := range values {
			if !v.Equal(values[0]) {
				t.Errorf("fresh %v: not all got the same token", fresh)
			}
		}
		if n := worlds[0].gateway.count(); n != 1 {
			t.Errorf("fresh %v: %d mints for eight callers", fresh, n)
		}
	}
}

func TestToken_IsReturnedWhenItCannotBeCached(t *testing.T) {
	w := newFixture(t)
	w.mustAdd(t, "acme")
	w.store.On(func(op, key string) error {
		if op == "write" && strings.HasSuffix(key, TokenSuffix) {
			return &StoreError{Op: "write", Store: "keyring", Kind: ErrTooBig}
		}
		return nil
	}, nil)
	if tok, err := w.Token(t.Context(), sel("acme"), TokenRequest{}); err != nil || !tok.Minted || tok.Cached {
		t.Fatal(tok.Minted, err)
	}
	if p, _ := w.Lookup(sel("acme")); !p.Token.Deadline.IsZero() {
		t.Errorf("the index knows of a token that was not cached: %+v", p.Token)
	}
}

func TestToken_RefusedMintIsRecorded(t *testing.T) {
	w := newFixture(t)
	w.mustAdd(t, "acme")
	w.gateway.err = &kite.Error{Kind: kite.ErrRefused, Host: "sandbox.test", Op: "mint a token", Status: 401}
	_, err := w.Token(t.Context(), sel("acme"), TokenRequest{})
	if !errors.Is(err, kite.ErrRefused) {
		t.Errorf("%v", err)
	}
	if p, _ := w.Lookup(sel("acme")); p.Verdict != VerdictRejected {
		t.Errorf("verdict %q", p.Verdict)
	}
}

func TestVerify_GivesTheVerdictOfEachError(t *testing.T) {
	w := newFixture(t)
	ctx := t.Context()
	p := w.mustAdd(t, "acme")
	for _, c := range []struct {
		mint, deep error
		want       Verdict
	}{
		{nil, nil, VerdictOK},
		{&kite.Error{Kind: kite.ErrRefused, Status: 401, Message: "no"}, nil, VerdictRejected},
		{&kite.Error{Kind: kite.ErrUnreachable}, nil, VerdictUnreachable},
		{&kite.Error{Kind: kite.ErrRateLimited, Status: 429}, nil, VerdictRateLimited},
		{&kite.Error{Kind: kite.ErrGateway, Status: 500}, nil, VerdictGatewayError},
		{&kite.Error{Kind: kite.ErrInvalid, Status: 400}, nil, VerdictInvalid},
		{&kite.Error{Kind: kite.ErrUnexpectedReply, Status: 302}, nil, VerdictUnexpectedReply},
		{nil, &kite.Error{Kind: kite.ErrRefused, Status: 403}, VerdictRejected},
	} {
		w.gateway.err, w.gateway.deep = c.mint, c.deep
		r := w.Verify(ctx, sel("acme"), true)
		if r.Verdict != c.want || r.Selector != p.Selector || r.KeyHint != p.KeyHint || (r.Err == nil) != (c.want == VerdictOK) {
			t.Errorf("%v/%v: %+v", c.mint, c.deep, r)
		}
		if got, _ := w.Lookup(sel("acme")); got.Verdict != c.want || !got.VerdictAt.Equal(w.clock.now()) {
			t.Errorf("%v: recorded %q at %v", c.want, got.Verdict, got.VerdictAt)
		}
	}
	for kind, want := range map[error]Verdict{
		ErrLocked: VerdictStoreLocked, ErrTimeout: VerdictUnavailable, ErrUnavailable: VerdictUnavailable,
		ErrNotFound: VerdictNoCredential, ErrCorrupt: VerdictNoCredential,
	} {
		w.store.On(onlyOn("read", &StoreError{Op: "read", Store: "keyring", Kind: kind}), nil)
		if r := w.Verify(ctx, sel("acme"), false); r.Verdict != want {
			t.Errorf("%v: %q", kind, r.Verdict)
		}
	}
	if keys, _ := w.store.Keys(ctx); len(keys) != 1 {
		t.Errorf("verifying stored something: %v", keys)
	}
}

// What a simulator said about a profile is not true for Kitegateway.
func TestList_HidesWhatAnotherGatewaySaid(t *testing.T) {
	w := newFixture(t)
	w.mustAdd(t, "acme")
	if _, err := w.Token(t.Context(), sel("acme"), TokenRequest{}); err != nil {
		t.Fatal(err)
	}
	look := func() [2]Profile {
		t.Helper()
		listed, err := w.List()
		if err != nil || len(listed) != 1 {
			t.Fatal(listed, err)
		}
		one, err := w.Lookup(sel("acme"))
		if err != nil {
			t.Fatal(err)
		}
		return [2]Profile{listed[0], one}
	}
	now := w.clock.now()
	for _, p := range look() {
		if p.Verdict != VerdictOK || !p.Token.Unexpired(now) {
			t.Errorf("%+v", p)
		}
	}
	w.gateway.host = "kitegateway.test" // without the override
	for _, p := range look() {
		if p.Verdict != VerdictNone || !p.VerdictAt.IsZero() || p.Token.Unexpired(now) {
			t.Errorf("shown of another gateway: %q, %+v", p.Verdict, p.Token)
		}
	}
	w.gateway.host = "sandbox.test" // with the override again
	for _, p := range look() {
		if p.Verdict != VerdictOK || !p.Token.Unexpired(now) {
			t.Errorf("forgotten: %+v", p)
		}
	}
	// A verdict of another gateway replaces it, and the token's too.
	w.gateway.host = "kitegateway.test"
	w.Verify(t.Context(), sel("acme"), false)
	for _, p := range look() {
		if p.Verdict != VerdictOK || p.Token.Unexpired(now) {
			t.Errorf("%q, %+v", p.Verdict, p.Token)
		}
	}
}
