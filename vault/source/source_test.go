package source_test

import (
	"testing"

	"kitekey/vault/source/sourcetest"
)

func TestStandIn_KeepsTheRules(t *testing.T) {
	t.Parallel()
	s := sourcetest.New(nil)
	defer s.Close()
	sourcetest.Run(t, sourcetest.Engine{Address: s.URL, Root: sourcetest.RootToken, Unseal: func(*testing.T) { s.Unseal() }})
}

func TestRealServer_KeepsTheRules(t *testing.T) {
	sourcetest.Run(t, sourcetest.StartReal(t).Engine)
}
