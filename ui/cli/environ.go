package cli

import (
	"runtime"
	"slices"
	"strings"
	"time"

	"kitekey/kite"
	"kitekey/vault"
)

// cutEnv splits "NAME=value". On Windows names may begin with "=".
func cutEnv(kv string) (name, value string, ok bool) {
	if kv == "" {
		return "", "", false
	}
	i := strings.IndexByte(kv[1:], '=')
	if i < 0 {
		return "", "", false
	}
	return kv[:i+1], kv[i+2:], true
}

// getenv returns a variable's value, as [os.Getenv] does.
func (a *app) getenv(name string) string {
	// Of several, the last one counts, as for a process that os/exec starts.
	for i := len(a.Environ) - 1; i >= 0; i-- {
		if k, v, ok := cutEnv(a.Environ[i]); ok && sameName(k, name) {
			return v
		}
	}
	return ""
}

// sameName compares the names of variables: Windows ignores case.
func sameName(a, b string) bool {
	return a == b || runtime.GOOS == "windows" && strings.EqualFold(a, b)
}

// The variables that exec gives to a command, and env to a shell. None holds the
// secret.
const (
	varAuthorization = "KITE_AUTHORIZATION"
	varExpiresAt     = "KITE_TOKEN_EXPIRES_AT"
	varBaseURL       = "KITE_BASE_URL"
	varEnvironment   = "KITE_ENVIRONMENT"
	varAccount       = "KITE_ACCOUNT"
)

// variable is one of these with its value, which may be a token.
type variable struct {
	name  string
	value kite.Secret
}

// variables returns the variables for a token.
func (a *app) variables(sel vault.Selector, tok kite.Token) []variable {
	return []variable{
		{varAuthorization, tok.Value},
		{varExpiresAt, kite.NewSecret(tok.Deadline().UTC().Format(time.RFC3339))},
		{varBaseURL, kite.NewSecret(a.baseURL(sel.Environment))},
		{varEnvironment, kite.NewSecret(string(sel.Environment))},
		{varAccount, kite.NewSecret(sel.Account)},
	}
}

// The variables that kitekey reads. [Settings] says what they mean.
const (
	varHome           = "KITEKEY_HOME"
	varStore          = "KITEKEY_STORE"
	varPassphraseFile = "KITEKEY_PASSPHRASE_FILE"
	varReason         = "KITEKEY_REASON"
	varProfile        = "KITEKEY_PROFILE"
	varSandboxURL     = "KITEKEY_SANDBOX_URL"
	varLiveURL        = "KITEKEY_LIVE_URL"
	varTheme          = "KITEKEY_THEME"
	varNoColor        = "NO_COLOR"
)

// childEnv returns the environment for a child: kitekey's own without the place of
// the passphrase, which only kitekey needs.
func childEnv(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(kv string) bool {
		name, _, ok := cutEnv(kv)
		return ok && strings.EqualFold(name, varPassphraseFile) // Windows ignores case
	})
}

// setenv returns environ with one variable replaced or added. It does not change
// environ.
func setenv(environ []string, name, value string) []string {
	out := make([]string, 0, len(environ)+1)
	for _, kv := range environ {
		if k, _, ok := cutEnv(kv); !ok || !sameName(k, name) {
			out = append(out, kv)
		}
	}
	return append(out, name+"="+value)
}
