package kite

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// canary is a secret that must not appear anywhere.
const canary = "canary-secret-6f1e"

func fakeCredential() Credential {
	return Credential{APIKey: NewSecret("fake-key-0000"), APISecret: NewSecret(canary)}
}

func fakeToken() Token { return Token{Value: NewSecret("JWT canary-token-77aa")} }
