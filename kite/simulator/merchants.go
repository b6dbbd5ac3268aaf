package simulator

import (
	"encoding/json"
	"fmt"

	"kitekey/kite"
)

// NewMerchant returns a merchant with the credential "sim-key-ACCOUNT-ENV" and
// "sim-secret-ACCOUNT-ENV", which does not look like a real one, and some
// shillings.
func NewMerchant(account string, env kite.Environment) Merchant {
	name := account + "-" + string(env)
	return Merchant{
		Account:     account,
		Environment: env,
		Credential: kite.Credential{
			APIKey:    kite.NewSecret("sim-key-" + name),
			APISecret: kite.NewSecret("sim-secret-" + name),
		},
		Balances: []kite.Balance{
			{Currency: "UGX", Amount: json.Number(fmt.Sprint(1_250_000 + 10_000*len(account)))},
			{Currency: "KES", Amount: "48200.50"},
		},
	}
}

// DefaultMerchants returns five accounts. acme and coral are in both environments.
func DefaultMerchants() []Merchant {
	return []Merchant{
		NewMerchant("acme", kite.Sandbox),
		NewMerchant("acme", kite.Live),
		NewMerchant("borealis", kite.Sandbox),
		NewMerchant("coral", kite.Sandbox),
		NewMerchant("coral", kite.Live),
		NewMerchant("dune", kite.Sandbox),
		NewMerchant("ember", kite.Sandbox),
	}
}
