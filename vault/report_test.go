package vault_test

import (
	"testing"
	"time"

	"kitekey/kite"
	. "kitekey/vault"
)

// A ticket says where the credential is kept and how wrong the clock is, whichever way
// its report was made.
func TestReport_HasTheSourceAndTheSkew(t *testing.T) {
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	p := Profile{Selector: sel("acme"), Source: "team", Verdict: VerdictRejected}
	if r := p.Report(); r.Source != "team" {
		t.Errorf("recorded: %+v", r)
	}
	refused := &kite.Error{Kind: kite.ErrRefused, Host: "gateway.example", Status: 401, Message: "no", Skew: time.Hour}
	r := p.ReportOf(About(p.Selector, refused), at)
	if r.Source != "team" || r.Skew != time.Hour || r.Host != refused.Host || r.Verdict != VerdictRejected || r.Status != 401 || r.Message != "no" || r.At != at {
		t.Errorf("of a failed mint: %+v", r)
	}
}
