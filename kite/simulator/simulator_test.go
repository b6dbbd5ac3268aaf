package simulator_test

import (
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/kite/simulator"
)

func TestSmoke(t *testing.T) {
	s := simulator.New(simulator.Options{})
	if err := s.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := &kite.Client{BaseURL: s.BaseURL(kite.Sandbox)}
	defer c.CloseIdleConnections()
	cred, _ := s.Credential("acme", kite.Sandbox)
	tok, err := c.Mint(t.Context(), cred, 5*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(tok, tok.Remaining(time.Now()))
	b, err := c.Balances(t.Context(), tok)
	t.Log(b, err)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Mint(t.Context(), kite.Credential{APIKey: cred.APIKey, APISecret: kite.NewSecret("wrong")}, 5*time.Minute)
	t.Log(err)
	for _, f := range []simulator.Failure{"500", "502", "html", "403", "endless", "redirect", "drop", "200"} {
		s.Set("acme", kite.Sandbox, simulator.Knobs{Failure: f, RedirectTo: "https://evil.example/x?secret"})
		_, err = c.Mint(t.Context(), cred, 5*time.Minute)
		t.Log(f, err)
		_, err = c.Balances(t.Context(), tok)
		t.Log(f, err)
	}
	s.Set("acme", kite.Sandbox, simulator.Knobs{Limit: -1, RetryAfter: time.Hour})
	_, err = c.Mint(t.Context(), cred, 5*time.Minute)
	t.Log(err)
}
