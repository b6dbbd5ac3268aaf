package kite

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// The tests wait more than they compute, so more of them run than there are processors.
	_ = flag.Set("test.parallel", "8")
	goleak.VerifyTestMain(m)
}

// canary is a secret that must not appear anywhere.
const canary = "canary-secret-6f1e"

func fakeCredential() Credential {
	return Credential{APIKey: NewSecret("fake-key-0000"), APISecret: NewSecret(canary)}
}

func fakeToken() Token { return Token{Value: NewSecret("JWT canary-token-77aa")} }
