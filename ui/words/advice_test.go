package words

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/vault"
	"kitekey/vault/source"
)

// The gateway's words come before the usual meaning of its status.
func TestAdvice_FollowsTheGatewaysWords(t *testing.T) {
	for _, tt := range []struct {
		status       int
		message      string
		means, lacks string
	}{
		{401, "", "is wrong", "address"},
		{401, "Invalid api key", "is wrong", "address"},
		{403, "IP not allowed", "does not allow this computer's address", "is wrong"},
		{401, "This IP address is not whitelisted", "does not allow this computer's address", "is wrong"},
		{403, "Account suspended", "not active", "is wrong"},
		{403, "", "does not allow this request", "is wrong"},
		{401, "You have no permission to do this", "does not allow this request", "is wrong"},
		{401, "zip code missing", "is wrong", "address"},
	} {
		t.Run(fmt.Sprint(tt.status, tt.message), func(t *testing.T) {
			means, next := Advice(vault.Report{Verdict: vault.VerdictRejected, Status: tt.status, Message: tt.message}, Keys())
			if !strings.Contains(means, tt.means) || strings.Contains(means+next, tt.lacks) || next == "" {
				t.Errorf("means %q, next %q", means, next)
			}
		})
	}
}

// Stores have the names that they have everywhere, not those of flags.
func TestNextStep_NamesStoresInWords(t *testing.T) {
	err := vault.About(vault.Selector{Account: "acme", Environment: kite.Sandbox}, &vault.OtherStoreError{Store: "file", InUse: "keyring"})
	next := NextStep(err, Commands("acme"))
	if !strings.HasPrefix(next, "it is in the file store, and the keyring is in use; ") || strings.Contains(err.Error(), "keyring") {
		t.Errorf("%v; %s", err, next)
	}
}

func certificateError(err error) error {
	return &kite.Error{Kind: kite.ErrUnreachable, Op: "mint a token", Err: &kite.CertificateError{Issuer: "CN=Acme", Err: err}}
}

func TestNextStep_FollowsTheKindOfError(t *testing.T) {
	sel := vault.Selector{Account: "acme", Environment: kite.Live}
	for _, tt := range []struct {
		name string
		err  error
		want string // "" for nothing to say
	}{
		{"nothing", nil, ""},
		{"unknown", errors.New("boom"), ""},
		{"no profile", fmt.Errorf("%s: %w", sel, vault.ErrNoProfile), `run "kitekey add acme/live"`},
		{"exists", vault.ErrExists, `run "kitekey rotate acme/live"`},
		{"no credential", vault.ErrNoCredential, `run "kitekey rotate acme/live"`},
		{"the file store is locked", &vault.StoreError{Store: "file", Kind: vault.ErrLocked}, "unlock the file store"},
		{"a wrong passphrase", &vault.StoreError{Store: "file", Kind: vault.ErrLocked, Err: vault.ErrWrongPassphrase}, "give the right passphrase"},
		{"a store with a reason", &vault.StoreError{Store: "keyring", Kind: vault.ErrUnavailable, Reason: vault.ReasonNewerVersion}, "upgrade kitekey"},
		{"a call that reached nothing", &kite.Error{Kind: kite.ErrUnreachable, Op: "GET /x"}, "check the network"},
		{"minting that reached nothing", &kite.Error{Kind: kite.ErrUnreachable, Op: "mint a token"}, "the credential was not verified; check the network"},
		{"an override that is down", &kite.Error{Kind: kite.ErrUnreachable, Op: "mint a token", Host: "127.0.0.1:4010"}, "the credential was not verified; start what should answer at 127.0.0.1:4010, such as the simulator, then"},
		{"a call to an override that is down", &kite.Error{Kind: kite.ErrUnreachable, Op: "GET /x", Host: "[::1]:4010"}, "the simulator"},
		{"another program at an override", &kite.Error{Kind: kite.ErrUnexpectedReply, Op: "GET /x", Host: "localhost:4010"}, "see which program listens at localhost:4010"},
		{"behind TLS inspection", &kite.Error{Kind: kite.ErrUnreachable, Op: "mint a token", Err: &kite.CertificateError{Issuer: "CN=Acme", Err: errors.New("x")}}, "kitekey network ca FILE"},
		{"an expired certificate", certificateError(x509.CertificateInvalidError{Reason: x509.Expired}), "set this computer's clock"},
		{"another server's certificate", certificateError(x509.HostnameError{Certificate: &x509.Certificate{}}), "sign in to the network"},
		{"a proxy's certificate of another name", &kite.ProxyError{Variable: "HTTPS_PROXY", Addr: "p:1", Err: certificateError(x509.HostnameError{Certificate: &x509.Certificate{}})}, "correct HTTPS_PROXY"},
		{"an engine's expired certificate", &source.Error{Source: "bao", Kind: source.ErrUnreachable, Err: certificateError(x509.CertificateInvalidError{Reason: x509.Expired})}, "set this computer's clock"},
		{"a broken proxy", &kite.Error{Kind: kite.ErrUnreachable, Op: "mint a token", Err: &kite.ProxyError{Variable: "HTTPS_PROXY", Err: errors.New("x")}}, "correct HTTPS_PROXY"},
		{"a limited call that names no time", &kite.Error{Kind: kite.ErrRateLimited, Op: "GET /x"}, "wait a minute"},
		{"a limited call that names a time", &kite.Error{Kind: kite.ErrRateLimited, Op: "GET /x", RetryAfter: time.Hour}, "wait that long"},
		{"minting that is limited for a time", &kite.Error{Kind: kite.ErrRateLimited, Op: "mint a token", RetryAfter: time.Hour}, "wait that long"},
		{"a proxy that wants a user", &kite.Error{Kind: kite.ErrUnreachable, Op: "GET /x", Err: &kite.ProxyError{Variable: "HTTPS_PROXY", Addr: "p:1", Status: 407}}, "http://USER:PASSWORD@HOST:PORT"},
		{"a proxy that forbids", &kite.Error{Kind: kite.ErrUnreachable, Op: "mint a token", Err: &kite.ProxyError{Variable: "HTTPS_PROXY", Addr: "p:1", Status: 403}}, "allow the connection"},
		{"a program that prints no credential", &source.Error{Source: "cmd", Kind: source.ErrMalformed}, "see what it prints"},
		{"a program that has no such entry", &source.Error{Source: "cmd", Kind: source.ErrMissing}, "the source's own tools"},
		{"a damaged list of sources", fmt.Errorf("%w: x", source.ErrDamaged), "correct the file"},
		{"a program that hangs", &source.Error{Source: "cmd", Kind: source.ErrTimeout}, "run the command by hand"},
		{"an engine that has no such entry", &source.Error{Source: "bao", Host: "bao:8200", Kind: source.ErrMissing}, "kitekey rotate acme/live"},
		{"a request that is wrong", &kite.Error{Kind: kite.ErrInvalid, Status: 400, Op: "POST /x"}, ""},
		{"a payment without an answer", &kite.Error{Kind: kite.ErrOutcomeUnknown, Op: "POST /x"}, ""},
		{"a token was refused", &kite.Error{Kind: kite.ErrRefused, Status: 401, Op: "GET /x"}, ""},
		{"a token was refused here", &kite.Error{Kind: kite.ErrRefused, Status: 403, Message: "IP not allowed", Op: "GET /x"}, "this computer's public address"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := NextStep(tt.err, Commands(sel.String()))
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("%q, want %q in it", got, tt.want)
			}
			if strings.ContainsAny(got, "{}") {
				t.Errorf("a placeholder is left: %q", got)
			}
		})
	}
}

// Without a profile the advice is still a command that runs as it is.
func TestNextStep_WithoutAProfileVerifiesAll(t *testing.T) {
	got := NextStep(&vault.StoreError{Store: "file", Kind: vault.ErrLocked}, Commands(""))
	if !strings.Contains(got, `run "kitekey verify --all"`) {
		t.Errorf("%q", got)
	}
}
