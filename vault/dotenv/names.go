package dotenv

import (
	"errors"
	"slices"
	"strings"
	"unicode"

	"kitekey/kite"
)

// variable is a name with its value.
type variable struct {
	group     string   // the object it is in; both halves of a credential are in the same. ".1.2" is within ".1"
	around    []string // names of the objects around it, outermost first
	name      string
	value     string
	ambiguity string // why programs would read the value differently, "" if they would not
	unfolded  bool   // it was {"key": name, "value": value}
	strong    bool   // its name is certainly that of half of a credential
	promoted  role   // its role, although its name alone does not tell it
}

// in reports whether the object that f is in has this name.
func (f variable) in(name string) bool {
	return len(f.around) > 0 && f.around[len(f.around)-1] == name
}

// role is what a name means.
type role int

const (
	roleNone role = iota
	roleKey
	roleSecret
	roleAccount
	roleEnvironment
	roleLabel
)

// endings are how the names of halves end, the longest of a role first.
var endings = []struct {
	role  role
	words []string
}{
	{roleSecret, []string{"api", "secret", "key"}},
	{roleSecret, []string{"api", "secret"}},
	{roleSecret, []string{"apisecret"}},
	{roleSecret, []string{"secret", "key"}},
	{roleSecret, []string{"secretkey"}},
	{roleSecret, []string{"secret"}},
	{roleKey, []string{"api", "key"}},
	{roleKey, []string{"apikey"}},
	{roleKey, []string{"key"}},
}

// parsedName is what a name says.
type parsedName struct {
	role    role
	account string
	env     kite.Environment
	known   bool // it says "kite": it is certainly Kitegateway's
	strong  bool // it is known, or says "api"
	weak    bool // "Secret", "Key": half of a credential if a text has one of each
	both    bool // it says sandbox and live
}

// parseName returns what the name says. inGroup also accepts names that mean little
// on their own ("key", "secret", "account"): the enclosing object gives the
// context.
func (f variable) parseName(inGroup bool) parsedName {
	var r parsedName
	if len(f.name) > maxName || !lineTitle().MatchString(f.name) { // not a name, but a part of a text
		return r
	}
	rest := r.takeEnding(r.takeEnvironment(nameWords(f.name)))
	r.known = r.known || slices.ContainsFunc(f.around, namesGateway)
	if r.role == roleNone {
		if inGroup || r.known {
			return parsedName{role: aboutRole(rest)}
		}
		return parsedName{}
	}
	r.strong = r.strong || r.known || strings.EqualFold(f.name, "Secret-Key") // the gateway's own header
	if !r.strong && !inGroup || len(rest) > 0 && !r.known {
		r.weak = !r.strong && len(rest) == 0 && isTitle(f.name)
		r.role = roleNone
		return r
	}
	r.account = strings.Join(rest, "-")
	r.takeAround(f)
	return r
}

// aboutRole returns the role of a name with which a group says something about
// itself, roleNone for any other name.
func aboutRole(name []string) role {
	switch strings.Join(name, " ") {
	case "account", "merchant", "business":
		return roleAccount
	case "environment", "env", "mode":
		return roleEnvironment
	case "label":
		return roleLabel
	}
	return roleNone
}

// isTitle reports whether name is written as a title or in a program ("Secret",
// "secret"), and not as an environment variable is.
func isTitle(name string) bool {
	return !strings.Contains(name, "_") && name != strings.ToUpper(name)
}

// takeAround takes the environment from the names around f, and the account if f's
// own name does not say it.
func (r *parsedName) takeAround(f variable) {
	for _, name := range f.around {
		outer := r.takeEnvironment(words(name))
		if len(outer) == 0 || isContainer(outer) || r.account != "" || f.isSetting() {
			continue
		}
		r.account = strings.ToLower(name)
		if len(outer) < len(words(name)) {
			r.account = strings.Join(outer, "-")
		}
	}
}

// isSetting reports whether it is an environment variable of a compose file, a
// manifest and the like: the names around it are programs, not accounts.
func (f variable) isSetting() bool {
	return slices.ContainsFunc(f.around, func(name string) bool {
		switch strings.ToLower(name) {
		case "services", "environment", "env", "spec", "stringdata", "data", "variables", "jobs", "steps":
			return true
		}
		return false
	})
}

// nameWords is words without those that precede a name in programs:
// process.env.KITE_API_KEY, NEXT_PUBLIC_KITE_API_KEY.
func nameWords(name string) []string {
	list := words(name)
	gateway := slices.IndexFunc(list, isGateway)
	for len(list) > 1 {
		switch list[0] {
		case "process", "env", "environ", "os", "import", "meta", "this", "self":
		case "vite", "next", "public", "react", "app", "nuxt", "expo":
			if gateway < 0 {
				return list
			}
		default:
			return list
		}
		list, gateway = list[1:], gateway-1
	}
	return list
}

func isGateway(word string) bool { return word == "kite" || word == "kitegateway" || word == "kitekey" }

func namesGateway(name string) bool { return slices.ContainsFunc(words(name), isGateway) }

// takeEnvironment sets the environment from names, and returns names without it and
// without the gateway's own name.
func (r *parsedName) takeEnvironment(names []string) (rest []string) {
	for i, w := range names {
		var env kite.Environment
		switch {
		case isGateway(w):
			r.known = true
			continue
		case w == "gateway":
			if i > 0 && names[i-1] == "kite" {
				continue
			}
		case w == "live" || w == "prod" || w == "production":
			env = kite.Live
		case w == "sandbox" || w == "test":
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

// takeEnding sets the role from the ending of names, and returns names without it.
func (r *parsedName) takeEnding(names []string) (rest []string) {
	for _, e := range endings {
		if at := len(names) - len(e.words); at >= 0 && slices.Equal(names[at:], e.words) {
			r.role = e.role
			r.strong = strings.HasPrefix(e.words[0], "api")
			return names[:at]
		}
	}
	return names
}

// isContainer reports whether names are those of a list or a wrapper, rather than
// an account's.
func isContainer(names []string) bool {
	if len(names) != 1 {
		return false
	}
	switch names[0] {
	case "accounts", "profiles", "credentials", "credential", "merchants", "keys", "environments", "api", "config", "data", "payments", "pair", "current", "default", "settings", "secrets", "stringdata", "values", "variables", "environment", "services", "env":
		return true
	}
	return false
}

// words splits a name into words: "apiKey", "API_KEY" and "api-key" give the same.
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

// environmentWord reads "live", "production", "test".
func environmentWord(s string) (kite.Environment, error) {
	var r parsedName
	if rest := r.takeEnvironment(words(s)); len(rest) > 0 || r.env == "" || r.both {
		return "", errors.New("its environment is neither sandbox nor live")
	}
	return r.env, nil
}

// looksLikeKey reports whether a name looks like another service's key, to tell the
// user that it was ignored.
func looksLikeKey(name string) bool {
	last := words(name)
	return len(last) > 0 && (last[len(last)-1] == "key" || last[len(last)-1] == "secret" || strings.HasSuffix(last[len(last)-1], "apikey"))
}
