package source

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"kitekey/kite"
	"kitekey/vault"
)

// What can be wrong with a source. Every [*Error] matches one of them.
var (
	ErrSealed      = errors.New("the engine is sealed")
	ErrStandby     = errors.New("the engine is on standby and does not forward requests")
	ErrRateLimited = errors.New("the engine limits the rate of requests")
	ErrDenied      = errors.New("permission denied")
	ErrNoToken     = errors.New("not signed in: no token was found")
	ErrToken       = errors.New("the token is expired, revoked or not this server's")
	ErrSignIn      = errors.New("the engine refused the sign-in")
	ErrNoMount     = errors.New("no such mount")
	ErrKV1         = errors.New("KV version 1")
	ErrNotEngine   = errors.New("something other than OpenBao or Vault answered")
	ErrUnreachable = errors.New("the engine cannot be reached")
	ErrTimeout     = errors.New("no answer in time")
	ErrEngine      = errors.New("the engine failed")
	ErrMissing     = errors.New("nothing there")
	ErrMalformed   = errors.New("no credential in it")
	ErrConflict    = errors.New(vault.ErrConflict.Error())
	ErrReadOnly    = errors.New("kitekey cannot change this source")
	ErrCommand     = errors.New("the command failed")
)

// Error says what a source failed to do, with the facts for the next step. Its text
// holds no secret and names no command of kitekey's.
type Error struct {
	Source     string
	Op         string        // "read", "write", "delete", "list", "sign in", "renew the token"
	Kind       error         // one of the sentinels above
	Host       string        // host of the engine, with its port
	Proxy      string        // host of the proxy in force, "" if there is none
	Status     int           // HTTP status, 0 if there was no reply
	Message    string        // the other side's own text, cleaned
	Path       string        // the API path, as a policy names it: "secret/data/kitegateway/acme/live"
	Capability string        // the capability that a policy must grant, for ErrDenied
	Version    int64         // the version in the source, for ErrConflict and ErrMissing (a deleted secret has one)
	RetryAfter time.Duration // for ErrRateLimited, 0 if the engine did not say
	Unknown    bool          // the write may have happened
	Err        error
}

// Error implements error: "bao: permission denied: secret/data/kitegateway/acme/live needs "read" (bao.example:8200: permission denied)".
func (e *Error) Error() string {
	var b strings.Builder
	if e.Source != "" {
		b.WriteString(e.Source + ": ")
	}
	b.WriteString(e.what())
	if e.Unknown {
		b.WriteString("; it is not known whether the change was made")
	}
	if facts := e.facts(); facts != "" {
		b.WriteString(" (" + facts + ")")
	}
	return b.String()
}

// what is the kind's text, with the path where there is one to name.
func (e *Error) what() string {
	switch e.Kind {
	case ErrDenied:
		if e.Path != "" {
			return fmt.Sprintf("permission denied: the policy needs %q on %s", e.Capability, e.Path)
		}
	case ErrNoMount:
		return fmt.Sprintf("the engine has no secrets engine mounted at %q", e.Path)
	case ErrKV1:
		return fmt.Sprintf("the mount %q is KV version 1, which has no check-and-set; kitekey needs version 2", e.Path)
	case ErrMissing:
		if e.Version > 0 {
			return fmt.Sprintf("%s is deleted (version %d)", e.Path, e.Version)
		}
		return "there is nothing at " + e.Path
	case ErrMalformed:
		return e.Path + " holds no credential"
	case ErrConflict:
		return e.Path + " was " + e.Kind.Error()
	}
	return e.Kind.Error()
}

func (e *Error) facts() string {
	var facts []string
	var proxy *kite.ProxyError
	if errors.As(e.Err, &proxy) { // the engine was not asked
		return proxy.Error()
	}
	if e.Host != "" {
		host := e.Host
		if e.Proxy != "" {
			host += " through the proxy " + e.Proxy
		}
		facts = append(facts, host)
	}
	if e.Status != 0 {
		facts = append(facts, fmt.Sprint("status ", e.Status))
	}
	if e.Message != "" {
		facts = append(facts, e.Message)
	}
	if e.RetryAfter > 0 {
		facts = append(facts, "try again in "+e.RetryAfter.String())
	}
	if e.Err != nil {
		facts = append(facts, e.Err.Error())
	}
	return strings.Join(facts, ": ")
}

// Unwrap returns the kind, its meaning for the vault, and the cause.
func (e *Error) Unwrap() []error {
	errs := []error{e.Kind}
	switch e.Kind {
	case ErrMissing, ErrMalformed:
		errs = append(errs, vault.ErrNotFound)
	case ErrConflict:
		errs = append(errs, vault.ErrConflict)
	case ErrReadOnly:
		errs = append(errs, vault.ErrReadOnly)
	default:
		errs = append(errs, vault.ErrSourceUnavailable)
	}
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	return errs
}

// SourceDown reports whether the source fails for every other profile too.
func (e *Error) SourceDown() bool {
	switch e.Kind {
	case ErrDenied, ErrMissing, ErrMalformed, ErrConflict, ErrReadOnly, ErrCommand:
		return false
	}
	return true
}

// OutcomeUnknown reports whether a failed write may have happened.
func (e *Error) OutcomeUnknown() bool { return e.Unknown }
