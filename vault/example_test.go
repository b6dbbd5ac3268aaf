package vault_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"kitekey/kite"
	"kitekey/kite/simulator"
	"kitekey/vault"
	"kitekey/vault/dotenv"
)

// open returns a vault in memory, over a simulated Kitegateway.
func open() (v *vault.Vault, stop func()) {
	sim := simulator.New(simulator.Options{})
	if err := sim.Start("127.0.0.1:0"); err != nil {
		log.Fatal(err)
	}
	v, err := vault.Open(vault.Options{
		Store: vault.NewMemory(),
		Gateway: func(env kite.Environment) vault.Gateway {
			return &kite.Client{Environment: env, BaseURL: sim.BaseURL(env)}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	return v, sim.Close
}

// A credential is added once; tokens are minted from it and cached.
func Example() {
	v, stop := open()
	defer stop()
	ctx := context.Background()
	acme := vault.Selector{Account: "acme", Environment: kite.Sandbox}
	_, err := v.Add(ctx, vault.NewProfile{
		Selector:   acme,
		Credential: kite.Credential{APIKey: kite.NewSecret("sim-key-acme-sandbox"), APISecret: kite.NewSecret("sim-secret-acme-sandbox")},
	})
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		tok, err := v.Token(ctx, acme, vault.TokenRequest{ExpiresIn: 300})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("minted:", tok.Minted, "cached:", tok.Cached, "token:", tok.Value)
	}
	// Output:
	// minted: true cached: true token: [redacted]
	// minted: false cached: true token: [redacted]
}

// The kind of an error says what failed; its fields have the facts.
func ExampleVault_Lookup() {
	v, stop := open()
	defer stop()
	_, err := v.Lookup(vault.Selector{Account: "acme", Environment: kite.Live})
	var missing *vault.NoProfileError
	fmt.Println(errors.Is(err, vault.ErrNoProfile), errors.As(err, &missing) && missing.Empty)
	// Output: true true
}

// A report has the verdict and the gateway's own words.
func ExampleVault_VerifyCredential() {
	v, stop := open()
	defer stop()
	wrong := kite.Credential{APIKey: kite.NewSecret("sim-key-acme-sandbox"), APISecret: kite.NewSecret("mistyped")}
	r := v.VerifyCredential(context.Background(), kite.Sandbox, wrong, false)
	fmt.Println(r.Verdict, r.Status)
	// Output: rejected 401
}

// Pasted text is read in the same way as a file.
func Example_dotenv() {
	found, err := dotenv.Read("KITE_LIVE_API_KEY=k-123\nKITE_LIVE_API_SECRET='s-456'")
	if err != nil {
		log.Fatal(err)
	}
	entries, _, err := found.Assign("acme", "")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(entries[0].Selector, entries[0].Current.APISecret)
	// Output: acme/live [redacted]
}
