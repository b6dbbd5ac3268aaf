package words

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"kitekey/kite"
	"kitekey/vault"
	"kitekey/vault/source"
)

const setUpSource = `to set one up, see "kitekey source add --help"`

// NoSources says that there is no source, and how to get one.
const NoSources = "no source is set up; " + setUpSource

// sourceNextStep returns what the user can do about a failure of a source. ok is
// false if err is not one.
func sourceNextStep(err error) (next string, ok bool) {
	var e *source.Error
	switch {
	case errors.As(err, &e):
	case errors.Is(err, source.ErrDamaged):
		return `no credential is in it: correct the file, or delete it and run "kitekey source add" again`, true
	case errors.Is(err, vault.ErrConflict):
		return "run this command again: it starts from what is there now", true
	case errors.Is(err, vault.ErrReadOnly):
		return "change it with the source's own tools", true
	case errors.Is(err, source.ErrNoSource):
		return setUpSource, true
	default:
		return "", false
	}
	if _, next, ok := proxyTrouble(err); ok {
		return next + "; cached tokens go on working", true
	}
	var certificate *kite.CertificateError
	if errors.As(err, &certificate) {
		if _, next, ok := wrongServer(certificate); ok {
			return next + "; cached tokens go on working", true
		}
		return "if that is your engine's CA or your company's, give it to \"kitekey source add " + e.Source + " --replace\" with --ca FILE", true
	}
	if e.Unknown {
		return fmt.Sprintf("check it before you try again: \"kitekey source test %s\"", e.Source), true
	}
	if own, ok := commandAdvice[e.Kind]; ok && e.Host == "" { // a program, which is read-only
		return strings.ReplaceAll(own, "{source}", e.Source), true
	}
	next = strings.ReplaceAll(sourceAdvice[e.Kind], "{login}", sourceLogin)
	return strings.NewReplacer("{source}", e.Source, "{capability}", strconv.Quote(e.Capability)).Replace(next), true
}

const sourceLogin = `run "kitekey source login {source}", or sign in with the engine's own command line`

// sourceAdvice says what to do about a source's failure, by its kind.
var sourceAdvice = map[error]string{
	source.ErrSealed:      "ask the people who run the engine to unseal it; cached tokens go on working",
	source.ErrStandby:     "give the source the address of the active node or of the load balancer",
	source.ErrRateLimited: "wait a little and try again",
	source.ErrDenied:      "ask the engine's administrator for {capability} on that path, or check mount, path and namespace",
	source.ErrNoToken:     "to sign in, set BAO_TOKEN or VAULT_TOKEN, or {login}",
	source.ErrToken:       "get a new token: {login}",
	source.ErrSignIn:      "check the role id, the secret id and the path of the auth method",
	source.ErrNoMount:     "name the mount of the KV secrets engine with --mount",
	source.ErrKV1:         `have it upgraded with "bao kv enable-versioning", or name another mount`,
	source.ErrNotEngine:   "check the address: a proxy or a sign-in page may be in between",
	source.ErrUnreachable: "check the network, the VPN and the address; cached tokens go on working",
	source.ErrTimeout:     "check the network, the VPN and the address; cached tokens go on working",
	source.ErrEngine:      "try again; if it fails again, look at the engine's own log",
	source.ErrMissing:     `to enter it there, {rotate}; to update the list, run "kitekey source sync {source}"`,
	source.ErrMalformed:   `to enter it there, {rotate}; to update the list, run "kitekey source sync {source}"`,
	source.ErrConflict:    "run this command again: it starts from what is there now",
	source.ErrReadOnly:    "change it with the source's own tools",
	source.ErrCommand:     "run the command by hand to see what it says",
}

// commandAdvice stands in for sourceAdvice where the source is a program.
var commandAdvice = map[error]string{
	source.ErrTimeout:   "run the command by hand to see what it waits for; cached tokens go on working",
	source.ErrMissing:   `enter it with the source's own tools; to update the list, run "kitekey source sync {source}"`,
	source.ErrMalformed: `run the command by hand to see what it prints; to update the list, run "kitekey source sync {source}"`,
}

// KeptIn returns where a credential is kept: a store or a source.
func KeptIn(store, source string) string {
	if source != "" {
		return "the source " + source
	}
	return Store(store)
}

// Sync returns the result of reading a source's list: "2 new, 1 gone".
func Sync(s vault.Sync) string {
	var parts []string
	for _, part := range []struct {
		n    int
		word string
	}{{len(s.New), "new"}, {len(s.Renamed), "renamed"}, {len(s.Gone), "gone"}, {len(s.Taken), "kept elsewhere"}, {s.Same, "unchanged"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprint(part.n, " ", part.word))
		}
	}
	return cmp.Or(strings.Join(parts, ", "), "no profiles in it")
}
