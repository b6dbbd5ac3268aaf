package vault_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"kitekey/kite"
	. "kitekey/vault"
)

func (w *fixture) item(t *testing.T, name string) Credentials {
	t.Helper()
	p, err := w.Lookup(sel(name))
	if err != nil {
		t.Fatal(err)
	}
	c, err := w.ReadItem(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRotate_ReplacesAndRollsBack(t *testing.T) {
	w := newFixture(t)
	ctx := t.Context()
	w.mustAdd(t, "acme")
	old, next := credential("acme"), credential("next")
	if _, err := w.Token(ctx, sel("acme"), TokenRequest{}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Rotate(ctx, sel("acme"), old); !errors.Is(err, ErrBadInput) {
		t.Errorf("to the same credential: %v", err)
	}
	r, err := w.Rotate(ctx, sel("acme"), next)
	if err != nil || r.Outcome != OutcomeReplaced || r.Profile.KeyHint != next.Hint() || !r.Profile.Previous || r.Profile.Staged ||
		r.Profile.Verdict != VerdictOK || r.Profile.State != StateSettled {
		t.Fatalf("%+v, %v", r, err)
	}
	c := w.item(t, "acme")
	if !SameCredential(c.Current, next) || !SameCredential(c.Previous, old) || c.Staged.Complete() {
		t.Error("the item holds other credentials")
	}
	if _, err := w.Cached(ctx, sel("acme")); !errors.Is(err, ErrNotFound) {
		t.Errorf("the old credential's token is still handed out: %v", err)
	}
	// Roll back, forth again, and confirm.
	if p, err := w.Rollback(ctx, sel("acme")); err != nil || p.KeyHint != old.Hint() || p.Verdict != VerdictNone {
		t.Fatalf("%+v, %v", p, err)
	}
	if c := w.item(t, "acme"); !SameCredential(c.Current, old) || !SameCredential(c.Previous, next) {
		t.Error("the rollback lost a credential")
	}
	if p, err := w.DropPrevious(ctx, sel("acme")); err != nil || p.Previous {
		t.Fatalf("%+v, %v", p, err)
	}
	if _, err := w.Rollback(ctx, sel("acme")); !errors.Is(err, ErrBadInput) {
		t.Errorf("nothing to roll back to: %v", err)
	}
	if _, err := w.DropPrevious(ctx, sel("acme")); !errors.Is(err, ErrBadInput) {
		t.Errorf("nothing to confirm: %v", err)
	}
}

func TestReplace_KeepsThePreviousUnverified(t *testing.T) {
	w := newFixture(t)
	w.mustAdd(t, "acme")
	p, err := w.Replace(t.Context(), sel("acme"), credential("next"))
	if err != nil || !p.Previous || p.KeyHint != credential("next").Hint() || p.Verdict != VerdictNone || w.gateway.count() != 0 {
		t.Errorf("%+v, %v", p, err)
	}
	if c := w.item(t, "acme"); !SameCredential(c.Current, credential("next")) || !SameCredential(c.Previous, credential("acme")) {
		t.Error("the item holds other credentials")
	}
	if _, err := w.Replace(t.Context(), sel("acme"), credential("next")); !errors.Is(err, ErrBadInput) {
		t.Errorf("by itself: %v", err)
	}
}

func TestRotate_RefusedChangesNothing(t *testing.T) {
	w := newFixture(t)
	w.mustAdd(t, "acme")
	w.gateway.err = &kite.Error{Kind: kite.ErrRefused, Status: 401}
	r, err := w.Rotate(t.Context(), sel("acme"), credential("next"))
	if !errors.Is(err, kite.ErrRefused) || r.Outcome != OutcomeRejected || r.Profile.Staged {
		t.Errorf("%+v, %v", r, err)
	}
	if c := w.item(t, "acme"); !SameCredential(c.Current, credential("acme")) || c.Staged.Complete() {
		t.Error("something was replaced or kept")
	}
}

func TestRotate_StagesWhatCouldNotBeVerified(t *testing.T) {
	w := newFixture(t)
	ctx := t.Context()
	w.mustAdd(t, "acme")
	w.gateway.err = &kite.Error{Kind: kite.ErrUnreachable}
	r, err := w.Rotate(ctx, sel("acme"), credential("next"))
	if !errors.Is(err, kite.ErrUnreachable) || r.Outcome != OutcomeStaged || !r.Profile.Staged {
		t.Fatalf("%+v, %v", r, err)
	}
	if c := w.item(t, "acme"); !SameCredential(c.Current, credential("acme")) || !SameCredential(c.Staged, credential("next")) {
		t.Error("the item holds other credentials")
	}
	w.gateway.err = nil
	// The current credential still mints.
	if _, err := w.Token(ctx, sel("acme"), TokenRequest{}); err != nil || w.gateway.keys[len(w.gateway.keys)-1] != credential("acme").APIKey.Reveal() {
		t.Errorf("minting meanwhile: %v", err)
	}
	if r := w.Verify(ctx, sel("acme"), false); r.Verdict != VerdictOK || r.KeyHint != credential("next").Hint() {
		t.Errorf("%+v", r)
	}
	c := w.item(t, "acme")
	if !SameCredential(c.Current, credential("next")) || !SameCredential(c.Previous, credential("acme")) || c.Staged.Complete() {
		t.Error("not finished")
	}
	// A verification on the same day keeps the previous credential, one on a later
	// day drops it.
	w.Verify(ctx, sel("acme"), false)
	if c := w.item(t, "acme"); !c.Previous.Complete() {
		t.Error("confirmed on the same day")
	}
	w.clock.add(24 * time.Hour)
	w.Verify(ctx, sel("acme"), false)
	if c := w.item(t, "acme"); c.Previous.Complete() {
		t.Error("not confirmed on a later day")
	}
	if _, err := w.FinishRotation(ctx, sel("acme")); !errors.Is(err, ErrBadInput) {
		t.Errorf("nothing to finish: %v", err)
	}
}

// Whenever the store fails or the caller gives up, a working credential is the
// current one, and the new one is kept once it was staged.
func TestRotate_LosesNothingWhenInterrupted(t *testing.T) {
	for _, c := range []struct {
		name  string
		write int  // the write that fails
		after bool // it fails after it has taken effect
	}{{"staging", 1, false}, {"staging, unknown", 1, true}, {"replacing", 2, false}, {"replacing, unknown", 2, true}} {
		t.Run(c.name, func(t *testing.T) {
			w := newFixture(t)
			w.mustAdd(t, "acme")
			n := 0
			hook := func(op, _ string) error {
				if op == "write" {
					if n++; n == c.write {
						return &StoreError{Op: "write", Store: "keyring", Kind: ErrTimeout}
					}
				}
				return nil
			}
			if c.after {
				w.store.On(nil, hook)
			} else {
				w.store.On(hook, nil)
			}
			if _, err := w.Rotate(t.Context(), sel("acme"), credential("next")); !errors.Is(err, ErrTimeout) {
				t.Fatalf("%v", err)
			}
			w.store.On(nil, nil)
			if err := w.Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
			p, _ := w.Lookup(sel("acme"))
			item := w.item(t, "acme")
			if p.State != StateSettled || p.KeyHint != item.Current.Hint() || p.Staged != item.Staged.Complete() || p.Previous != item.Previous.Complete() {
				t.Errorf("the index says %+v", p)
			}
			if !SameCredential(item.Current, credential("acme")) && !SameCredential(item.Current, credential("next")) {
				t.Error("neither credential is in use")
			}
			if c.write == 2 && !SameCredential(item.Current, credential("next")) && !SameCredential(item.Staged, credential("next")) {
				t.Error("the staged credential is lost")
			}
		})
	}
	t.Run("given up while the gateway is asked", func(t *testing.T) {
		w := newFixture(t)
		w.mustAdd(t, "acme")
		w.gateway.block = make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			_, err := w.Rotate(ctx, sel("acme"), credential("next"))
			done <- err
		}()
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
			if p, _ := w.Lookup(sel("acme")); p.Staged {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("never staged")
			}
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if item := w.item(t, "acme"); !SameCredential(item.Current, credential("acme")) || !SameCredential(item.Staged, credential("next")) {
			t.Error("a credential is lost")
		}
	})
}

func TestRotate_ReplacesALostCredential(t *testing.T) {
	w := newFixture(t)
	ctx := t.Context()
	p := w.mustAdd(t, "acme")
	for name, spoil := range map[string]func() error{
		"gone":  func() error { return w.store.Inner().Delete(ctx, p.ID) },
		"empty": func() error { return w.store.Hollow(ctx, p.ID) },
		"torn":  func() error { return w.store.Inner().Set(ctx, p.ID, []byte(`{"v":1,"acc`)) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		_, err := w.Token(ctx, sel("acme"), TokenRequest{Fresh: true})
		if !errors.Is(err, ErrNoCredential) || strings.Contains(err.Error(), `{"v"`) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := w.Rollback(ctx, sel("acme")); !errors.Is(err, ErrNoCredential) {
			t.Errorf("%s: rollback: %v", name, err)
		}
		r, err := w.Rotate(ctx, sel("acme"), credential(name))
		if err != nil || r.Outcome != OutcomeReplaced || !SameCredential(w.item(t, "acme").Current, credential(name)) || r.Profile.Verdict != VerdictOK {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

// A staged credential may be the only copy of its secret. A mistyped one that is
// refused must not remove it.
func TestRotate_RefusedKeepsWhatWasStaged(t *testing.T) {
	w := newFixture(t)
	ctx := t.Context()
	w.mustAdd(t, "acme")
	w.gateway.err = &kite.Error{Kind: kite.ErrUnreachable}
	if r, _ := w.Rotate(ctx, sel("acme"), credential("waiting")); r.Outcome != OutcomeStaged {
		t.Fatalf("%+v", r)
	}
	w.gateway.err = &kite.Error{Kind: kite.ErrRefused, Status: 401}
	if r, _ := w.Rotate(ctx, sel("acme"), credential("mistyped")); r.Outcome != OutcomeRejected || !r.Profile.Staged {
		t.Errorf("%+v", r)
	}
	if c := w.item(t, "acme"); !SameCredential(c.Current, credential("acme")) || !SameCredential(c.Staged, credential("waiting")) {
		t.Error("the staged credential is lost")
	}
}

// whileAsked calls ask, and act while ask waits for the gateway's answer.
func (w *fixture) whileAsked(ask, act func()) {
	block := make(chan struct{})
	w.gateway.mu.Lock()
	w.gateway.block, w.gateway.waiting = block, make(chan struct{}, 1)
	w.gateway.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		ask()
	}()
	<-w.gateway.waiting
	w.gateway.mu.Lock()
	w.gateway.block = nil
	w.gateway.mu.Unlock()
	act()
	close(block)
	<-done
}

// whileVerifying calls act while a verification waits for the gateway's answer.
func (w *fixture) whileVerifying(t *testing.T, name string, act func()) {
	t.Helper()
	w.whileAsked(func() { w.Verify(context.Background(), sel(name), false) }, act)
}

func TestVerify_DuringARotationRecordsOneCredential(t *testing.T) {
	refused := &kite.Error{Kind: kite.ErrRefused, Status: 401}
	t.Run("its verdict is on the old credential", func(t *testing.T) {
		w := newFixture(t)
		w.mustAdd(t, "acme")
		w.whileVerifying(t, "acme", func() {
			if _, err := w.Rotate(t.Context(), sel("acme"), credential("next")); err != nil {
				t.Fatal(err)
			}
			w.gateway.mu.Lock()
			w.gateway.err = refused // the gateway's answer to the verification
			w.gateway.mu.Unlock()
		})
		if p, _ := w.Lookup(sel("acme")); p.Verdict != VerdictOK {
			t.Errorf("the new credential has the verdict %q", p.Verdict)
		}
	})
	t.Run("it does not confirm the new credential", func(t *testing.T) {
		w := newFixture(t)
		w.mustAdd(t, "acme")
		if _, err := w.Rotate(t.Context(), sel("acme"), credential("second")); err != nil {
			t.Fatal(err)
		}
		w.clock.add(48 * time.Hour)
		w.whileVerifying(t, "acme", func() {
			if _, err := w.Rotate(t.Context(), sel("acme"), credential("third")); err != nil {
				t.Fatal(err)
			}
		})
		if c := w.item(t, "acme"); !SameCredential(c.Current, credential("third")) || !SameCredential(c.Previous, credential("second")) {
			t.Error("the way back is lost")
		}
	})
}

// Another process changes a staged credential while the gateway is asked about it.
func TestRotate_HeedsWhatOtherProcessesDo(t *testing.T) {
	during := func(t *testing.T, w *fixture, act func()) (r Rotation, err error) {
		t.Helper()
		w.whileAsked(func() { r, err = w.Rotate(context.Background(), sel("acme"), credential("mine")) }, act)
		return r, err
	}
	t.Run("it is put in use", func(t *testing.T) {
		w := newFixture(t)
		w.mustAdd(t, "acme")
		r, err := during(t, w, func() { w.Verify(t.Context(), sel("acme"), false) })
		if err != nil || r.Outcome != OutcomeReplaced || r.Profile.KeyHint != credential("mine").Hint() || !SameCredential(w.item(t, "acme").Current, credential("mine")) {
			t.Errorf("%+v %s, %v", r, r.Outcome, err)
		}
	})
	t.Run("another takes its place", func(t *testing.T) {
		w := newFixture(t)
		w.mustAdd(t, "acme")
		r, err := during(t, w, func() {
			if _, _, err := w.Stage(t.Context(), sel("acme"), credential("theirs")); err != nil {
				t.Fatal(err)
			}
		})
		// The error must not say that it is kept.
		if !errors.Is(err, ErrBusy) || r.Outcome == OutcomeStaged || r.Outcome == OutcomeReplaced {
			t.Errorf("%+v %s, %v", r, r.Outcome, err)
		}
		if c := w.item(t, "acme"); !SameCredential(c.Staged, credential("theirs")) || !SameCredential(c.Current, credential("acme")) {
			t.Error("the item holds other credentials")
		}
	})
	t.Run("another takes its place, and the gateway does not answer", func(t *testing.T) {
		w := newFixture(t)
		w.mustAdd(t, "acme")
		r, err := during(t, w, func() {
			if _, _, err := w.Stage(t.Context(), sel("acme"), credential("theirs")); err != nil {
				t.Fatal(err)
			}
			w.gateway.mu.Lock()
			w.gateway.err = &kite.Error{Kind: kite.ErrUnreachable}
			w.gateway.mu.Unlock()
		})
		if !errors.Is(err, kite.ErrUnreachable) || r.Outcome != "" {
			t.Errorf("%+v %s, %v", r, r.Outcome, err)
		}
	})
	t.Run("the profile goes", func(t *testing.T) {
		w := newFixture(t)
		w.mustAdd(t, "acme")
		r, err := during(t, w, func() {
			if err := w.Remove(t.Context(), sel("acme")); err != nil {
				t.Fatal(err)
			}
		})
		if !errors.Is(err, ErrNoProfile) || r.Outcome != "" {
			t.Errorf("%+v %s, %v", r, r.Outcome, err)
		}
	})
}
