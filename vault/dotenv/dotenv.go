// Package dotenv reads credentials out of what people have: lines of NAME=value
// as in a .env file, "name: value" lines, JSON, a Postman environment, or a
// piece of one of them that was pasted.
//
// All of them come down to names and values. Names are read as people write
// them:
//
//	KITE_API_KEY, KITEGATEWAY_API_SECRET, api_key, apiSecret   a credential
//	LIVE_API_KEY, KITE_SANDBOX_SECRET_KEY, KITE_API_KEY_LIVE   and its environment
//	KITE_ACME_LIVE_API_KEY, {"acme": {"live": {"api_key": …}}} and its account
//
// A name that belongs to another service, such as STRIPE_API_KEY or SECRET_KEY,
// is left alone. Values are taken as they are written: expanding "$" and "\" as
// shells and some libraries do (github.com/joho/godotenv among them) would change
// a secret silently, so a value that programs read in different ways is refused.
package dotenv

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"kitekey/kite"
	"kitekey/vault"
)

// What can be wrong with a text. Every error of this package matches
// [vault.ErrBadInput], names lines and variables, and never repeats a value.
var (
	// ErrNoCredential: the text is readable, but no api_key or api_secret is in it.
	ErrNoCredential = errors.New("no credential found in it: looked for names such as KITE_API_KEY and KITE_API_SECRET, or api_key and api_secret")
	// ErrNoAccount: neither the text nor the caller says which account it is for.
	ErrNoAccount = errors.New("it does not say which account the credential is for")
)

// Result is what was found in a text.
type Result struct {
	Entries []Entry  // at least one
	Ignored []string // names that look like keys of another service
	Trimmed bool     // blanks around a value were removed
}

// Entry is one credential, or half of one.
type Entry struct {
	Account     string           // "" when the text does not say
	Environment kite.Environment // "" when the text does not say
	Label       string
	kite.Credential
	names [2]string // of the api_key and the api_secret, for errors
}

// Complete reports whether both halves are there.
func (e Entry) Complete() bool { return !e.APIKey.IsZero() && !e.APISecret.IsZero() }

// Assign makes entries for the vault. account and environment are used where the
// text names none; an environment that is "" stands for the sandbox, and assumed
// then reports that at least one entry needed it. It fails when half of a
// credential is missing, and with ErrNoAccount.
func (r Result) Assign(account string, environment kite.Environment) (entries []vault.Entry, assumed bool, err error) {
	for _, e := range r.Entries {
		switch {
		case e.APISecret.IsZero():
			return nil, false, badInput("%s has no secret beside it", e.names[0])
		case e.APIKey.IsZero():
			return nil, false, badInput("%s has no api_key beside it", e.names[1])
		}
		out := vault.Entry{Selector: vault.Selector{Account: e.Account, Environment: e.Environment}, Label: e.Label, Current: e.Credential}
		if out.Account == "" {
			out.Account = account
		}
		if out.Account == "" {
			return nil, false, vault.BadInput(ErrNoAccount)
		}
		if err := vault.ValidAccount(out.Account); err != nil {
			return nil, false, vault.BadInput(err)
		}
		if out.Environment == "" {
			assumed = assumed || environment == ""
			if out.Environment = environment; environment == "" {
				out.Environment = kite.Sandbox
			}
		}
		if slices.ContainsFunc(entries, func(have vault.Entry) bool { return have.Selector == out.Selector }) {
			return nil, false, badInput("there are two credentials for %s in it", out.Selector)
		}
		entries = append(entries, out)
	}
	return entries, assumed, nil
}

func badInput(format string, args ...any) error { return vault.BadInput(fmt.Errorf(format, args...)) }

// Named reports whether text looks like names with values (NAME=value, "name":
// value, an object of JSON) rather than like a bare value such as an api_key.
func Named(text string) bool { return named.MatchString(strings.TrimSpace(text)) }

var named = regexp.MustCompile(`^(?:export[ \t]+)?["']?[A-Za-z_][A-Za-z0-9_. -]*["']?[ \t]*(?:=[ \t]*[^=\s]|:[ \t]+\S|:$)|^[\[{]`)

// Bounds of what is looked at: bytes, names and values.
const (
	maxSize   = 4 << 20
	maxFields = 10_000
)

// Read finds the credentials in text.
func Read(text string) (Result, error) {
	if len(text) > maxSize {
		return Result{}, badInput("it is larger than %d MiB", maxSize>>20)
	}
	if !utf8.ValidString(text) {
		return Result{}, badInput("it is not UTF-8 text")
	}
	text = strings.TrimSpace(strings.TrimPrefix(text, "\ufeff"))
	fields, err := parse(text)
	if err == nil && len(fields) > maxFields {
		err = fmt.Errorf("it has more than %d values", maxFields)
	}
	if err != nil {
		return Result{}, vault.BadInput(err)
	}
	return pairUp(fields)
}

// parse reads names and values out of text, by what it begins with.
func parse(text string) ([]variable, error) {
	switch {
	case text == "":
		return nil, errors.New("it is empty")
	case text[0] == '{' || text[0] == '[':
		return parseJSON([]byte(text))
	case text[0] == '"': // lines from the middle of an object
		if fields, err := parseJSON([]byte("{" + strings.TrimRight(text, ", \t\r\n") + "}")); err == nil {
			return fields, nil
		}
	}
	return parseLines(text)
}

// variable is a name with its value.
type variable struct {
	group     string   // the JSON object it is in: both halves of a credential are in it
	around    []string // names of the objects around it, outermost first
	name      string
	value     string
	ambiguity string // why programs read the value differently, "" when they do not
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

// parsedName is what a name says.
type parsedName struct {
	role    role
	account string
	env     kite.Environment
	known   bool // it says "kite": it is certainly meant
	both    bool // it says sandbox and live
}

// parseName returns what the name says. inJSON also accepts names that are
// ambiguous on their own ("key", "secret", "account"): the enclosing object gives
// the context.
func (f variable) parseName(inJSON bool) parsedName {
	var r parsedName
	rest := r.takeEnvironment(words(f.name))
	strong := r.known // or "api" says that it is an API's
	switch {
	case cutEnding(&rest, secretEndings, &strong):
		r.role = roleSecret
	case cutEnding(&rest, keyEndings, &strong):
		r.role = roleKey
	case (inJSON || r.known) && len(rest) == 1:
		switch rest[0] {
		case "account", "merchant", "business":
			return parsedName{role: roleAccount}
		case "environment", "env", "mode":
			return parsedName{role: roleEnvironment}
		case "label":
			return parsedName{role: roleLabel}
		}
		return parsedName{}
	default:
		return parsedName{}
	}
	if !strong && !inJSON || len(rest) > 0 && !r.known {
		r.role = roleNone
		return r
	}
	r.account = strings.Join(rest, "-")
	for _, name := range f.around {
		outer := r.takeEnvironment(words(name))
		if len(outer) > 0 && !isContainer(outer) && r.account == "" {
			r.account = strings.ToLower(name)
			if len(outer) < len(words(name)) {
				r.account = strings.Join(outer, "-")
			}
		}
	}
	return r
}

// takeEnvironment notes the environment that names hold and removes it, and the
// gateway's own name.
func (r *parsedName) takeEnvironment(names []string) (rest []string) {
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

// pairKey tells credentials apart while their halves are put together.
type pairKey struct {
	group, account string
	env            kite.Environment
}

type halves struct{ key, secret *variable }

// pairUp puts the halves of credentials together.
func pairUp(fields []variable) (Result, error) {
	var out Result
	pairs, order := map[pairKey]*halves{}, []pairKey(nil)
	about := map[string]map[role]string{} // what a group says of itself
	for i := range fields {
		f := &fields[i]
		r := f.parseName(f.group != "")
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
			return out, badInput("%s says sandbox and live", kite.CleanText(f.name))
		}
		if f.ambiguity != "" {
			return out, badInput("%s %s", kite.CleanText(f.name), f.ambiguity)
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
			return out, badInput("%s and %s are the same half of a credential, and differ", kite.CleanText((*half).name), kite.CleanText(f.name))
		}
		*half = f
	}
	if len(order) == 0 {
		return out, vault.BadInput(ErrNoCredential)
	}
	for _, at := range order {
		e, err := out.entry(at, *pairs[at], about[at.group])
		if err != nil {
			return out, err
		}
		out.Entries = append(out.Entries, e)
	}
	return out, nil
}

// entry makes an entry of one or two halves.
func (out *Result) entry(at pairKey, h halves, about map[role]string) (e Entry, err error) {
	if e.Account = at.account; e.Account == "" {
		e.Account = about[roleAccount]
	}
	if e.Account != "" {
		if err := vault.ValidAccount(e.Account); err != nil {
			return e, vault.BadInput(err)
		}
	}
	if e.Environment = at.env; e.Environment == "" && about[roleEnvironment] != "" {
		if e.Environment, err = environmentWord(about[roleEnvironment]); err != nil {
			return e, vault.BadInput(err)
		}
	}
	if e.Label, err = vault.CleanLabel(about[roleLabel]); err != nil {
		return e, err
	}
	// A missing half is stood in for while the other one is checked.
	key, secret := "-", "-"
	if h.key != nil {
		key, e.names[0] = h.key.value, kite.CleanText(h.key.name)
	}
	if h.secret != nil {
		secret, e.names[1] = h.secret.value, kite.CleanText(h.secret.name)
	}
	cred, trimmed, err := kite.ParseCredential(key, secret)
	if err != nil {
		return e, badInput("%s: %w", e.subject(), err)
	}
	out.Trimmed = out.Trimmed || trimmed
	if h.key != nil {
		e.APIKey = cred.APIKey
	}
	if h.secret != nil {
		e.APISecret = cred.APISecret
	}
	return e, nil
}

// subject names the variables that an entry came from.
func (e Entry) subject() string {
	switch {
	case e.names[0] == "":
		return e.names[1]
	case e.names[1] == "":
		return e.names[0]
	}
	return e.names[0] + " and " + e.names[1]
}

// environmentWord reads "live", "production", "test".
func environmentWord(s string) (kite.Environment, error) {
	var r parsedName
	if rest := r.takeEnvironment(words(s)); len(rest) > 0 || r.env == "" || r.both {
		return "", errors.New("its environment is neither sandbox nor live")
	}
	return r.env, nil
}

// looksLikeKey is for telling people what was left alone.
func looksLikeKey(name string) bool {
	last := words(name)
	return len(last) > 0 && (last[len(last)-1] == "key" || last[len(last)-1] == "secret" || strings.HasSuffix(last[len(last)-1], "apikey"))
}
