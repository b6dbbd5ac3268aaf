package tui

import (
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/kite/simulator"
	"kitekey/vault"
)

func TestReason_IsTheOtherSidesWordsFirst(t *testing.T) {
	for name, c := range map[string]struct {
		report vault.Report
		want   string
	}{
		"works":              {vault.Report{Verdict: vault.VerdictOK, Status: 200, Message: "fine"}, ""},
		"not verified":       {vault.Report{}, ""},
		"status and words":   {vault.Report{Verdict: vault.VerdictRejected, Status: 403, Message: "IP not allowed."}, "403 IP not allowed"},
		"words alone":        {vault.Report{Verdict: vault.VerdictRejected, Message: "IP not allowed"}, "IP not allowed"},
		"status alone":       {vault.Report{Verdict: vault.VerdictGatewayError, Status: 502}, "HTTP 502"},
		"the verdict's word": {vault.Report{Verdict: vault.VerdictRejected, Status: 401, Message: "Refused"}, "HTTP 401"},
		"no answer":          {vault.Report{Verdict: vault.VerdictUnreachable, Cause: "connection refused"}, "connection refused"},
		"no answer, unsafe":  {vault.Report{Verdict: vault.VerdictUnreachable, Cause: "a\x1b[31mb"}, "ab"},
	} {
		if got := reasonOf(c.report); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestList_ShowsWhyAGatewayIsUnreachable(t *testing.T) {
	drive(t, setup{width: 180, height: 40}, func(t *testing.T, d *driver) {
		d.sim.Set("acme", kite.Sandbox, simulator.Behavior{Failure: simulator.Drop})
		d.press("v").sleep(time.Minute).sees("unreachable · connection closed")
	})
}
