package vault

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"kitekey/kite"
)

// Key pairs kept in other people's files: lines of NAME=value as in a .env file,
// or JSON. Both come down to names and values, and names are read as people write
// them:
//
//	KITE_API_KEY, KITEGATEWAY_API_SECRET, api_key, apiSecret   one pair
//	LIVE_API_KEY, KITE_SANDBOX_SECRET_KEY, KITE_API_KEY_LIVE   and its environment
//	KITE_ACME_LIVE_API_KEY, {"acme": {"live": {"api_key": …}}} and its account
//
// A name that belongs to somebody else, such as STRIPE_API_KEY or SECRET_KEY, is
// left alone. Values are taken as they are written: expanding "$" and "\" as
// shells and some libraries do (github.com/joho/godotenv among them) would change
// a secret without a word, so where programs disagree about a value it is
// refused.

// ErrNoAccount: the file names no account, and [ForeignDefaults] neither.
var ErrNoAccount = errors.New("the file does not say which account the key pair is for")

// ForeignDefaults is what holds where a file does not say.
type ForeignDefaults struct {
	Account     string
	Environment kite.Environment // "" is the sandbox
}

// Foreign is what was found in a file.
type Foreign struct {
	Entries []Entry
	Ignored []string // names that look like keys of something else
	Assumed bool     // an entry's environment is not the file's but the default
	Trimmed bool     // blanks around a value were dropped
}

// Bounds of what is looked at: bytes, names and values.
const (
	maxForeignSize = 4 << 20
	maxForeign     = 10_000
)

// ParseForeign finds the key pairs in the content of a file. Errors are about the
// file, name lines and fields, and never repeat a value.
func ParseForeign(data []byte, d ForeignDefaults) (Foreign, error) {
	if len(data) > maxForeignSize {
		return Foreign{}, inputError{fmt.Errorf("it is larger than %d MiB", maxForeignSize>>20)}
	}
	if !utf8.Valid(data) {
		return Foreign{}, inputError{errors.New("it is not UTF-8 text")}
	}
	data = bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\ufeff")))
	var fields []foreignField
	var err error
	switch {
	case len(data) == 0:
		err = errors.New("it is empty")
	case data[0] == '{' || data[0] == '[':
		fields, err = jsonFields(data)
	default:
		fields, err = dotenvFields(string(data))
	}
	if err == nil && len(fields) > maxForeign {
		err = fmt.Errorf("it has more than %d values", maxForeign)
	}
	if err != nil {
		return Foreign{}, inputError{err}
	}
	return assemble(fields, d)
}

// foreignField is a name with its value.
type foreignField struct {
	group  string   // the JSON object it is in: a pair's halves are together
	around []string // names of the objects around it, outermost first
	name   string
	value  string
	doubt  string // why the value cannot be told for sure, "" when it can
}

// role is what a name stands for.
type role int

const (
	roleNone role = iota
	roleKey
	roleSecret
	roleAccount
	roleEnvironment
	roleLabel
)

var (
	secretEndings = [][]string{{"api", "secret", "key"}, {"api", "secret"}, {"apisecret"}, {"secret", "key"}, {"secretkey"}, {"secret"}}
	keyEndings    = [][]string{{"api", "key"}, {"apikey"}, {"key"}}
)

// reading is what a name says.
type reading struct {
	role    role
	account string
	env     kite.Environment
	known   bool // it says "kite": it is certainly meant
	both    bool // it says sandbox and live
}

// read takes a name apart. inJSON also takes what is plain only beside its
// neighbours: "key", "secret", "account".
func (f foreignField) read(inJSON bool) reading {
	var r reading
	rest := r.strip(words(f.name))
	strong := r.known // or "api" says that it is an API's
	switch {
	case cutEnding(&rest, secretEndings, &strong):
		r.role = roleSecret
	case cutEnding(&rest, keyEndings, &strong):
		r.role = roleKey
	case (inJSON || r.known) && len(rest) == 1:
		switch rest[0] {
		case "account", "merchant", "business":
			return reading{role: roleAccount}
		case "environment", "env", "mode":
			return reading{role: roleEnvironment}
		case "label":
			return reading{role: roleLabel}
		}
		return reading{}
	default:
		return reading{}
	}
	if !strong && !inJSON || len(rest) > 0 && !r.known {
		r.role = roleNone
		return r
	}
	r.account = strings.Join(rest, "-")
	for _, name := range f.around {
		outer := r.strip(words(name))
		if len(outer) > 0 && !isContainer(outer) && r.account == "" {
			r.account = strings.ToLower(name)
			if len(outer) < len(words(name)) {
				r.account = strings.Join(outer, "-")
			}
		}
	}
	return r
}

// strip takes the gateway's and the environments' names out of words.
func (r *reading) strip(names []string) (rest []string) {
	for i, w := range names {
		var env kite.Environment
		switch w {
		case "kite", "kitegateway", "kitekey":
			r.known = true
			continue
		case "gateway":
			if i > 0 && names[i-1] == "kite" {
				continue
			}
		case "live", "prod", "production":
			env = kite.Live
		case "sandbox", "test":
			env = kite.Sandbox
		}
		if env == "" {
			rest = append(rest, w)
			continue
		}
		r.both = r.both || r.env != "" && r.env != env
		r.env = env
	}
	return rest
}

func cutEnding(names *[]string, endings [][]string, strong *bool) bool {
	for _, e := range endings {
		if at := len(*names) - len(e); at >= 0 && slices.Equal((*names)[at:], e) {
			*names = (*names)[:at]
			*strong = *strong || strings.HasPrefix(e[0], "api")
			return true
		}
	}
	return false
}

// isContainer tells the names of lists and wrappers from accounts'.
func isContainer(names []string) bool {
	if len(names) != 1 {
		return false
	}
	switch names[0] {
	case "accounts", "profiles", "credentials", "credential", "merchants", "keys", "environments", "api", "config", "data", "payments", "pair", "current":
		return true
	}
	return false
}

// words splits "apiKey", "API_KEY" and "api-key" alike.
func words(name string) (list []string) {
	var word []rune
	end := func() {
		if len(word) > 0 {
			list = append(list, strings.ToLower(string(word)))
		}
		word = nil
	}
	lower := false
	for _, c := range name {
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			end()
			lower = false
			continue
		}
		if unicode.IsUpper(c) && lower {
			end()
		}
		lower = !unicode.IsUpper(c)
		word = append(word, c)
	}
	end()
	return list
}

// pairKey tells pairs apart while they are put together.
type pairKey struct {
	group, account string
	env            kite.Environment
}

type halves struct{ key, secret *foreignField }

// assemble makes entries of fields.
func assemble(fields []foreignField, d ForeignDefaults) (Foreign, error) {
	var out Foreign
	pairs, order := map[pairKey]*halves{}, []pairKey(nil)
	about := map[string]map[role]string{} // what a group says of itself
	for i := range fields {
		f := &fields[i]
		r := f.read(f.group != "")
		switch r.role {
		case roleNone:
			if looksLikeKey(f.name) {
				out.Ignored = append(out.Ignored, kite.CleanText(f.name))
			}
			continue
		case roleAccount, roleEnvironment, roleLabel:
			if about[f.group] == nil {
				about[f.group] = map[role]string{}
			}
			about[f.group][r.role] = f.value
			continue
		}
		if r.both {
			return out, inputError{fmt.Errorf("%s says sandbox and live", kite.CleanText(f.name))}
		}
		if f.doubt != "" {
			return out, inputError{fmt.Errorf("%s %s", kite.CleanText(f.name), f.doubt)}
		}
		at := pairKey{f.group, r.account, r.env}
		if pairs[at] == nil {
			pairs[at], order = &halves{}, append(order, at)
		}
		half := &pairs[at].key
		if r.role == roleSecret {
			half = &pairs[at].secret
		}
		if *half != nil && (*half).value != f.value {
			return out, inputError{fmt.Errorf("%s and %s are the same half of a pair, and differ", kite.CleanText((*half).name), kite.CleanText(f.name))}
		}
		*half = f
	}
	if len(order) == 0 {
		return out, inputError{errors.New("no key pair found in it: looked for names such as KITE_API_KEY and KITE_API_SECRET, or api_key and api_secret")}
	}
	for _, at := range order {
		e, err := out.entry(at, *pairs[at], about[at.group], d)
		if err != nil {
			return out, err
		}
		if slices.ContainsFunc(out.Entries, func(have Entry) bool { return have.Selector == e.Selector }) {
			return out, inputError{fmt.Errorf("there are two key pairs for %s in it", e.Selector)}
		}
		out.Entries = append(out.Entries, e)
	}
	return out, nil
}

// entry makes an entry of two halves.
func (out *Foreign) entry(at pairKey, h halves, about map[role]string, d ForeignDefaults) (Entry, error) {
	switch {
	case h.secret == nil:
		return Entry{}, inputError{fmt.Errorf("%s has no secret beside it", kite.CleanText(h.key.name))}
	case h.key == nil:
		return Entry{}, inputError{fmt.Errorf("%s has no api_key beside it", kite.CleanText(h.secret.name))}
	}
	var e Entry
	if e.Account = at.account; e.Account == "" {
		if e.Account = about[roleAccount]; e.Account == "" {
			e.Account = d.Account
		}
	}
	if e.Environment = at.env; e.Environment == "" {
		if said := about[roleEnvironment]; said != "" {
			env, err := environmentWord(said)
			if err != nil {
				return e, inputError{err}
			}
			e.Environment = env
		} else {
			out.Assumed = true
			if e.Environment = d.Environment; e.Environment == "" {
				e.Environment = kite.Sandbox
			}
		}
	}
	if e.Account == "" {
		return e, inputError{ErrNoAccount}
	}
	if err := ValidAccount(e.Account); err != nil {
		return e, inputError{err}
	}
	var err error
	if e.Label, err = cleanLabel(about[roleLabel]); err != nil {
		return e, err
	}
	cred, trimmed, err := kite.ParseCredential(h.key.value, h.secret.value)
	if err != nil {
		return e, inputError{fmt.Errorf("%s and %s: %w", kite.CleanText(h.key.name), kite.CleanText(h.secret.name), err)}
	}
	out.Trimmed = out.Trimmed || trimmed
	e.Current = cred
	return e, nil
}

func environmentWord(s string) (kite.Environment, error) {
	var r reading
	if rest := r.strip(words(s)); len(rest) > 0 || r.env == "" || r.both {
		return "", errors.New("its environment is neither sandbox nor live")
	}
	return r.env, nil
}

// looksLikeKey is for telling people what was left alone.
func looksLikeKey(name string) bool {
	last := words(name)
	return len(last) > 0 && (last[len(last)-1] == "key" || last[len(last)-1] == "secret" || strings.HasSuffix(last[len(last)-1], "apikey"))
}
