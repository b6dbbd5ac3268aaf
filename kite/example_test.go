package kite_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"kitekey/kite"
	"kitekey/kite/simulator"
)

// gateway starts a simulated Kitegateway and returns a client of it.
func gateway() (*kite.Client, kite.Credential, func()) {
	sim := simulator.New(simulator.Options{})
	if err := sim.Start("127.0.0.1:0"); err != nil {
		panic(err)
	}
	client := &kite.Client{BaseURL: sim.BaseURL(kite.Sandbox)}
	credential, _ := sim.Credential("acme", kite.Sandbox)
	return client, credential, func() {
		client.CloseIdleConnections()
		sim.Close()
	}
}

func Example() {
	client, credential, end := gateway()
	defer end()
	ctx := context.Background()

	token, err := client.Mint(ctx, credential, 300)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the token lives", token.ExpiresIn(), "and prints as", token.Value)

	balances, err := client.Balances(ctx, token)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, b := range balances {
		fmt.Println(b.Currency, b.Amount)
	}
	// Output:
	// the token lives 5m and prints as [redacted]
	// UGX 1290000
	// KES 48200.50
}

// The kind of an error says what went wrong, and whose failure it is.
func ExampleError() {
	client, _, end := gateway()
	defer end()
	wrong, _, _ := kite.ParseCredential("sim-key-acme-sandbox", "a wrong secret")

	_, err := client.Mint(context.Background(), wrong, 300)
	var failure *kite.Error
	if errors.As(err, &failure) {
		fmt.Println(errors.Is(err, kite.ErrRefused), failure.Status, failure.Message)
	}
	// Output: true 401 Invalid API key or secret.
}

// A write is sent once. If the gateway refuses it, there is a reply beside the
// error.
func ExampleClient_Do() {
	client, credential, end := gateway()
	defer end()
	ctx := context.Background()
	token, err := client.Mint(ctx, credential, 60)
	if err != nil {
		fmt.Println(err)
		return
	}

	reply, err := client.Do(ctx, token, kite.Request{
		Method: http.MethodPost,
		Path:   "/collections/request-to-pay",
		Body:   []byte(`{"currency": "UGX", "amount": 500}`),
	})
	switch {
	case errors.Is(err, kite.ErrOutcomeUnknown):
		fmt.Println("look it up before you repeat it")
	case err != nil:
		fmt.Println(reply.Status, errors.Is(err, kite.ErrInvalid))
	}
	// Output: 400 true
}

func ExampleParseLifetime() {
	for _, text := range []string{"300", "1h30m", "2 days", "soon"} {
		life, err := kite.ParseLifetime(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Printf("%s is %d seconds\n", life, life)
	}
	// Output:
	// 5m is 300 seconds
	// 1h30m is 5400 seconds
	// 2d is 172800 seconds
	// "soon" is not a duration (examples: 300, 90s, 5m, 1h30m, 2d)
}

func ExampleSecret() {
	secret := kite.NewSecret("hunter2")
	fmt.Printf("%v %#v %s\n", secret, secret, secret)
	fmt.Println(len(secret.Reveal()))
	// Output:
	// [redacted] [redacted] [redacted]
	// 7
}
