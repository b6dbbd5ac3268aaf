package words

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"kitekey/vault"
	"kitekey/vault/source"
)

// sourceNextStep returns what the user can do about a failure of a source. ok is
// false if err is not one.
func sourceNextStep(err error) (next string, ok bool) {
	var e *source.Error
	switch {
	case errors.As(err, &e):
	case errors.Is(err, vault.ErrConflict):
		return "run the same again: it then starts from what is there now", true
	case errors.Is(err, vault.ErrReadOnly):
		return "change it with the source's own means", true
	case errors.Is(err, source.ErrNoSource):
		return `to see the sources, run "kitekey source list"; to set one up, "kitekey source add"`, true
	default:
		return "", false
	}
	if e.Unknown {
		return fmt.Sprintf("look at it before you try again: \"kitekey source test %s\"", e.Source), true
	}
	login := fmt.Sprintf(`run "kitekey source login %s", or sign in with the engine's own command line`, e.Source)
	switch e.Kind {
	case source.ErrSealed:
		next = "ask the people who run the engine to unseal it; cached tokens go on working"
	case source.ErrStandby:
		next = "give the source the address of the active node or of the load balancer"
	case source.ErrRateLimited:
		next = "wait a little and try again"
	case source.ErrDenied:
		next = fmt.Sprintf("ask the engine's administrator for %q on that path, or check mount, path and namespace", e.Capability)
	case source.ErrNoToken:
		next = "to sign in, set BAO_TOKEN or VAULT_TOKEN, or " + login
	case source.ErrToken:
		next = "get a new token: " + login
	case source.ErrSignIn:
		next = "check the role id, the secret id and the path of the auth method"
	case source.ErrNoMount:
		next = "name the mount of the KV secrets engine with --mount"
	case source.ErrKV1:
		next = "have it upgraded with \"bao kv enable-versioning\", or name another mount"
	case source.ErrNotEngine:
		next = "check the address: a proxy or a sign-in page may be in between"
	case source.ErrUnreachable, source.ErrTimeout:
		next = "check the network, the VPN and the address; cached tokens go on working"
	case source.ErrEngine:
		next = "try again; if it stays, the engine's own log says more"
	case source.ErrMissing, source.ErrMalformed:
		next = fmt.Sprintf(`to enter it there, {rotate}; to bring the list in line, run "kitekey source sync %s"`, e.Source)
	case source.ErrConflict:
		next = "run the same again: it then starts from what is there now"
	case source.ErrReadOnly:
		next = "change it with the source's own means"
	case source.ErrCommand:
		next = "run the command by hand to see what it says"
	}
	return next, true
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
