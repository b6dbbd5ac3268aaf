package vault_test

import (
	"bytes"
	"errors"
	"testing"

	"filippo.io/age"

	"kitekey/kite"
	. "kitekey/vault"
)

// No operation sends any part of a credential to the wrong gateway.
func TestOrigin_CredentialIsNotSentToAnotherGateway(t *testing.T) {
	for _, own := range []kite.Origin{kite.OriginKitegateway, kite.OriginOverride} {
		w := newFixture(t)
		ctx := t.Context()
		other := kite.OriginOverride
		if own == other {
			other = kite.OriginKitegateway
		}
		w.gateway.origin = own
		p := w.mustAdd(t, "acme/live")
		if p.Origin != own {
			t.Fatalf("added with origin %q", p.Origin)
		}
		if _, _, err := w.StageOnly(ctx, sel("acme/live"), credential("staged")); err != nil {
			t.Fatal(err)
		}
		w.gateway.origin, w.gateway.host = other, "127.0.0.1:4010"
		for name, do := range map[string]func() error{
			"Token":          func() error { return second(w.Token(ctx, sel("acme/live"), TokenRequest{})) },
			"NoCache":        func() error { return second(w.Token(ctx, sel("acme/live"), TokenRequest{NoCache: true})) },
			"Verify":         func() error { return w.Verify(ctx, sel("acme/live"), true).Err },
			"Rotate":         func() error { return second(w.Rotate(ctx, sel("acme/live"), credential("new"))) },
			"FinishRotation": func() error { return second(w.FinishRotation(ctx, sel("acme/live"))) },
			"VerifyAll": func() (err error) {
				w.VerifyAll(ctx, []Selector{sel("acme/live")}, false, func(r Report) { err = r.Err })
				return err
			},
		} {
			var origin *OriginError
			if err := do(); !errors.Is(err, ErrOrigin) || !errors.As(err, &origin) || origin.Origin != own || origin.InUse != other {
				t.Errorf("%s: %v", name, err)
			}
		}
		if len(w.gateway.keys) != 0 {
			t.Fatalf("sent %v", w.gateway.keys)
		}
		// The origin can be changed, and rotation and rollback keep it.
		if p, err := w.Edit(ctx, sel("acme/live"), ProfileUpdate{Origin: &other}); err != nil || p.Origin != other {
			t.Fatalf("%v %v", p.Origin, err)
		}
		if _, err := w.Rotate(ctx, sel("acme/live"), credential("new")); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Rollback(ctx, sel("acme/live")); err != nil {
			t.Fatal(err)
		}
		if p, _ := w.Lookup(sel("acme/live")); p.Origin != other || w.item(t, "acme/live").Origin != other {
			t.Errorf("after a rotation: %q in the index, %q in the item", p.Origin, w.item(t, "acme/live").Origin)
		}
	}
}

func TestOrigin_TravelsWithABackup(t *testing.T) {
	w := newFixture(t)
	ctx := t.Context()
	w.gateway.origin = kite.OriginOverride
	w.mustAdd(t, "acme")
	entries, err := w.Entries(ctx, []Selector{sel("acme")})
	if err != nil {
		t.Fatal(err)
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := WriteBackup(&buf, w.clock.now(), entries, id.Recipient()); err != nil {
		t.Fatal(err)
	}
	back, err := ReadBackup(buf.Bytes(), id)
	if err != nil || len(back) != 1 || back[0].Origin != kite.OriginOverride {
		t.Fatalf("%+v %v", back, err)
	}
	to := newFixture(t) // it uses Kitegateway
	steps, err := to.PlanImport(ctx, back)
	if err == nil {
		err = to.Import(ctx, steps[0])
	}
	if err != nil {
		t.Fatal(err)
	}
	if p, _ := to.Lookup(sel("acme")); p.Origin != kite.OriginOverride {
		t.Errorf("imported with origin %q", p.Origin)
	}
}

// An entry from before origins were recorded has the origin of its verdict's host.
func TestOrigin_OfOldEntriesFollowsTheirHost(t *testing.T) {
	for host, want := range map[string]kite.Origin{
		"": kite.OriginKitegateway, "kitegateway.com": kite.OriginKitegateway, "sandbox.kitegateway.com": kite.OriginKitegateway, "127.0.0.1:4010": kite.OriginOverride,
	} {
		profiles, err := ParseIndex([]byte(`{"version":1,"profiles":[{"id":"aaaaaaaaaaaaaaaa","account":"acme","environment":"sandbox","store":"keyring","host":"` + host + `"}]}`))
		if err != nil || profiles[0].Origin != want {
			t.Errorf("%q: %v %v", host, profiles, err)
		}
	}
}
