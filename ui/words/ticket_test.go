package words

import (
	"errors"
	"strings"
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/vault"
)

func TestTicket_HasWhatSupportNeeds(t *testing.T) {
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	sel := vault.Selector{Account: "acme", Environment: kite.Live}
	for _, c := range []struct {
		name      string
		r         vault.Report
		has, none []string
	}{
		{"refused", vault.Report{Selector: sel, Host: "kitegateway.com", Verdict: vault.VerdictRejected, At: at, Status: 401,
			Message: "Invalid\n\x1b[31mkey", Skew: 600 * time.Second, Latency: 12 * time.Millisecond, KeyHint: "2jj2", Err: errors.New("no")},
			[]string{"profile       acme/live\n", "verdict       rejected (refused)", "http status   401", "clock skew    600 s",
				"latency       12 ms", "api_key       ends in 2jj2", "checked at    2030-01-02T03:04:05Z", "kitekey       1.2.3 "}, []string{"\x1b"}},
		{"unreachable", vault.Report{Selector: sel, Host: "kitegateway.com", Verdict: vault.VerdictUnreachable, At: at, Err: errors.New("connection refused")},
			[]string{"verdict       unreachable\n", "http status   -", "clock skew    -", "latency       -", "detail        connection refused"}, []string{"0 s"}},
		{"ok", vault.Report{Selector: sel, Verdict: vault.VerdictOK, At: at, Status: 200, Deep: true},
			[]string{"verdict       ok (works)", "clock skew    0 s", "token tried   yes"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Ticket(c.r, "1.2.3")
			for _, want := range c.has {
				if !strings.Contains(got, want) {
					t.Errorf("lacks %q:\n%s", want, got)
				}
			}
			for _, no := range c.none {
				if strings.Contains(got, no) {
					t.Errorf("has %q:\n%s", no, got)
				}
			}
		})
	}
}
