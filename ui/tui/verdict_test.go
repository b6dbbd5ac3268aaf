package tui

import (
	"strings"
	"testing"

	"kitekey/vault"
)

// Every verdict has words of its own: what it means, and what to do next.
func TestEveryVerdictIsExplained(t *testing.T) {
	means, next := map[string]vault.Verdict{}, map[string]vault.Verdict{}
	for _, v := range append(vault.Verdicts, vault.VerdictNone) {
		adv := adviceFor(v)
		if adv.means == "" || adv.next == "" {
			t.Errorf("%q is not explained", v)
		}
		if other, ok := means[adv.means]; ok {
			t.Errorf("%q means the same as %q", v, other)
		}
		means[adv.means], next[adv.next] = v, v
	}
	// Nothing that could not judge the key pair may sound as if it had.
	for _, v := range []vault.Verdict{
		vault.VerdictUnreachable, vault.VerdictRateLimited, vault.VerdictGatewayError, vault.VerdictStoreLocked, vault.VerdictUnavailable,
	} {
		if !strings.Contains(adviceFor(v).means, "says nothing about the key pair") {
			t.Errorf("%q sounds like a bad key pair", v)
		}
	}
}
