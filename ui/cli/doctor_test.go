package cli

import (
	"errors"
	"testing"

	"kitekey/vault"
)

func TestExitFor_FollowsTheWorstFinding(t *testing.T) {
	ok := finding{Severity: vault.SeverityOK}
	for name, c := range map[string]struct {
		found []finding
		want  int
	}{
		"all is ok":             {[]finding{ok, ok}, exitDone},
		"a warning":             {[]finding{ok, {Severity: vault.SeverityWarning}}, exitFailure},
		"the store is locked":   {[]finding{{Severity: vault.SeverityWarning}, {Severity: vault.SeverityProblem, kind: vault.FindingStoreFailed}}, exitStore},
		"nothing was looked at": {nil, exitDone},
	} {
		err := exitFor(c.found)
		if got := exitCode(err); got != c.want {
			t.Errorf("%s: exit %d, want %d", name, got, c.want)
		}
		var coded *codeError
		if err != nil && (!errors.As(err, &coded) || coded.text != "") {
			t.Errorf("%s: it says more than was said: %v", name, err)
		}
	}
}
