package vault_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"kitekey/kite"
	. "kitekey/vault"
)

func TestCredentials_SurviveEncoding(t *testing.T) {
	want := Credentials{
		Selector: sel("acme/live"), Current: credential(`quotes " and \ <&> and é`), Previous: credential("before"), Staged: credential("next"),
		ReplacedAt: time.Unix(1_772_618_400, 0),
	}
	data, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeCredentials(data)
	clear(data) // callers overwrite the data once it is read
	if err != nil || got.Selector != want.Selector || !SameCredential(got.Current, want.Current) || !SameCredential(got.Previous, want.Previous) ||
		!SameCredential(got.Staged, want.Staged) || !got.ReplacedAt.Equal(want.ReplacedAt) {
		t.Errorf("%v", err)
	}
}

// KeePassXC replaces placeholders in what it keeps, in earlier and later secrets too.
func TestCredentials_HoldNoPlaceholder(t *testing.T) {
	want := Credentials{Selector: sel("acme/live"), Current: credential("{URL}{NOTES} a{{b}"), Previous: credential("{REF:P@T:x}"), Staged: credential("{")}
	data, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, placeholder := range []string{"{URL", "{NOTES", "{REF", "{b", `"{`} {
		if strings.Contains(string(data), placeholder) {
			t.Errorf("%s is in the item: %s", placeholder, data)
		}
	}
	if got, err := DecodeCredentials(data); err != nil || !SameCredential(got.Current, want.Current) || !SameCredential(got.Previous, want.Previous) || !SameCredential(got.Staged, want.Staged) {
		t.Errorf("other credentials came back: %v", err)
	}
}

func TestDecodeCredentials_RefusesDamage(t *testing.T) {
	good := `{"v":1,"account":"acme","environment":"live","current":{"api_key":"fake-k","api_secret":"fake-s"}}`
	if _, err := DecodeCredentials([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"empty": "", "torn": good[:40], "not JSON": "fake-s", "newer": strings.Replace(good, `"v":1`, `"v":2`, 1),
		"no account": strings.Replace(good, "acme", "", 1), "no environment": strings.Replace(good, "live", "prod", 1),
		"no secret": strings.Replace(good, "fake-s", "", 1), "wrong type": strings.Replace(good, `"fake-s"`, "7", 1),
	} {
		if _, err := DecodeCredentials([]byte(bad)); err == nil || strings.Contains(err.Error(), "fake-") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []string{"", "{}", `{"v":1}`, `{"v":1,"value":"JWT fake","expires":0}`, `{"v":1,"value":"","expires":5}`, `{"v":2,"value":"JWT fake","expires":5}`} {
		if _, _, _, err := DecodeToken([]byte(bad)); err == nil || strings.Contains(err.Error(), "fake") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func FuzzDecodePayload(f *testing.F) {
	f.Add([]byte(`{"v":1,"account":"acme","environment":"live","current":{"api_key":"fake-k","api_secret":"fake-s"},"replaced_at":1}`))
	f.Add([]byte(`{"v":1,"host":"sandbox.test","value":"JWT fake","expires":1772618400,"minted_ms":1772618100000,"expires_in":300}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := DecodeCredentials(data); err == nil {
			again, err := c.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if back, err := DecodeCredentials(again); err != nil || !SameCredential(back.Current, c.Current) || back.Selector != c.Selector {
				t.Fatalf("%v", err)
			}
		}
		_, _, _, _ = DecodeToken(data)
	})
}

// Two of the longest credentials fit into an item. A third is refused, and changes
// nothing.
func TestRotate_ThreeLongestCredentialsDoNotFit(t *testing.T) {
	w := newFixture(t)
	ctx := t.Context()
	long := func(c string) kite.Credential {
		return kite.Credential{
			APIKey: kite.NewSecret(strings.Repeat(c, kite.MaxAPIKeyLen)), APISecret: kite.NewSecret(strings.Repeat(c, kite.MaxAPISecretLen)),
		}
	}
	name := Selector{strings.Repeat("a", MaxAccount), kite.Sandbox}
	if _, err := w.Add(ctx, NewProfile{Selector: name, Credential: long("x")}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Rotate(ctx, name, long("y")); err != nil {
		t.Fatal(err)
	}
	// Each quote takes two bytes in JSON.
	_, err := w.Rotate(ctx, name, long(`"`))
	if !errors.Is(err, ErrTooBig) {
		t.Fatalf("%v", err)
	}
	p, _ := w.Lookup(name)
	c, err := w.ReadItem(ctx, p)
	if err != nil || !SameCredential(c.Current, long("y")) || !SameCredential(c.Previous, long("x")) || p.State != StateSettled {
		t.Errorf("%+v, %v", p, err)
	}
}
