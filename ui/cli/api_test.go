package cli

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"kitekey/kite"
)

func TestWithPrinting_WriteIsNotTakenForAFailure(t *testing.T) {
	full := errors.New("cannot write the result: no space left on device")
	cut := &codeError{exitUnreachable, "the reply is not complete", nil}
	for _, tt := range []struct {
		method        string
		err, printing error
		code          int
	}{
		{"POST", nil, nil, exitDone},
		{"POST", nil, full, exitUnknown},
		{"POST", nil, cut, exitUnknown},
		{"POST", &kite.Error{Kind: kite.ErrOutcomeUnknown, Status: 500}, cut, exitUnknown},
		{"POST", &kite.Error{Kind: kite.ErrRefused, Status: 401}, full, exitRefused},
		{"POST", nil, writeError(syscall.EPIPE), exitUnknown},
		{"GET", nil, writeError(syscall.EPIPE), exitBrokenPipe},
		{"GET", nil, full, exitFailure},
		{"GET", nil, cut, exitUnreachable},
	} {
		err := withPrinting(tt.err, tt.printing, kite.Request{Method: tt.method, Path: "/x"}, 202)
		if got := exitCode(err); got != tt.code {
			t.Errorf("%s, %v, %v: exit %d, want %d", tt.method, tt.err, tt.printing, got, tt.code)
		}
		if tt.code == exitUnknown && strings.HasPrefix(err.Error(), ";") {
			t.Error(err)
		}
	}
}

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
