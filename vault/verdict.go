package vault

import (
	"errors"

	"kitekey/kite"
)

// Verdict is what verifying a credential found. Its text is the one in --json;
// ui/words has the text for people.
type Verdict string

// The verdicts, with their values in --json.
const (
	VerdictNone            Verdict = "" // not verified yet
	VerdictOK              Verdict = "ok"
	VerdictRejected        Verdict = "rejected"
	VerdictInvalid         Verdict = "invalid"
	VerdictUnreachable     Verdict = "unreachable"
	VerdictRateLimited     Verdict = "rate-limited"
	VerdictGatewayError    Verdict = "gateway-error"
	VerdictUnexpectedReply Verdict = "unexpected-reply"
	VerdictNoCredential    Verdict = "no-credential"
	VerdictStoreLocked     Verdict = "store-locked"
	VerdictUnavailable     Verdict = "store-unavailable"
	VerdictSource          Verdict = "source-unavailable"
)

// Verdicts lists all verdicts except VerdictNone, best first.
var Verdicts = []Verdict{
	VerdictOK, VerdictRejected, VerdictInvalid, VerdictUnreachable, VerdictRateLimited, VerdictGatewayError,
	VerdictUnexpectedReply, VerdictNoCredential, VerdictStoreLocked, VerdictUnavailable, VerdictSource,
}

// Refused reports whether the gateway answered and refused the credential or the
// request, so that the same request would be refused again.
func (v Verdict) Refused() bool { return v == VerdictRejected || v == VerdictInvalid }

// VerdictOf returns what err says about a credential: ok for nil, and VerdictNone
// for an error that says nothing about it (for example, the caller gave up).
func VerdictOf(err error) Verdict {
	for _, c := range []struct {
		err     error
		verdict Verdict
	}{
		{kite.ErrRefused, VerdictRejected},
		{kite.ErrInvalid, VerdictInvalid},
		{kite.ErrUnreachable, VerdictUnreachable},
		{kite.ErrRateLimited, VerdictRateLimited},
		{kite.ErrGateway, VerdictGatewayError},
		{kite.ErrUnexpectedReply, VerdictUnexpectedReply},
		{ErrSourceUnavailable, VerdictSource},
		{ErrLocked, VerdictStoreLocked},
		{ErrTimeout, VerdictUnavailable},
		{ErrUnavailable, VerdictUnavailable},
		{ErrOtherStore, VerdictUnavailable},
		{ErrNoCredential, VerdictNoCredential},
		{ErrNotFound, VerdictNoCredential},
		{ErrCorrupt, VerdictNoCredential},
	} {
		if errors.Is(err, c.err) {
			return c.verdict
		}
	}
	if err == nil {
		return VerdictOK
	}
	return VerdictNone
}
