package cli

import "testing"

func TestBelowBase_EndsAtAStep(t *testing.T) {
	const base = "https://kitegateway.com/v1"
	for path, want := range map[string]string{
		base + "/data/wallets/balances":       "/data/wallets/balances",
		"/v1/data/wallets/balances":           "/data/wallets/balances",
		"data/wallets/balances":               "/data/wallets/balances",
		"/v10/pay":                            "/v10/pay",
		base + "0/pay":                        "",
		base:                                  "",
		"https://kitegateway.com.evil/v1/pay": "",
	} {
		got, err := belowBase(path, base)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%s: %q, %v; want %q", path, got, err, want)
		}
	}
}
