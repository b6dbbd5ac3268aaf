package vault

import (
	"errors"
	"fmt"
	"strings"

	"kitekey/kite"
)

// Selector is how a person names a profile: an account in an environment.
type Selector struct {
	Account     string
	Environment kite.Environment
}

// String gives "acme/live".
func (s Selector) String() string { return s.Account + "/" + string(s.Environment) }

// ParseSelector reads "acme/live". "acme" alone is acme/sandbox: live is never
// implied.
func ParseSelector(s string) (Selector, error) {
	account, env, found := strings.Cut(s, "/")
	if err := ValidAccount(account); err != nil {
		return Selector{}, err
	}
	if !found {
		return Selector{account, kite.Sandbox}, nil
	}
	e, err := kite.ParseEnvironment(env)
	if err != nil {
		return Selector{}, err
	}
	return Selector{account, e}, nil
}

// MaxAccount is the longest account name, in bytes.
const MaxAccount = 64

// ValidAccount says, in words for a person, why name cannot name an account; nil
// when it can. Names end up in file and keyring listings, so they are held to an
// alphabet that no system folds, escapes or draws in another direction.
func ValidAccount(name string) error {
	switch {
	case name == "":
		return errors.New("an account needs a name, such as acme")
	case len(name) > MaxAccount:
		return fmt.Errorf("an account's name has at most %d characters; this one has %d", MaxAccount, len(name))
	}
	for _, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
		case r >= 'A' && r <= 'Z':
			return fmt.Errorf("account names are lower case: try %q", strings.ToLower(name))
		default:
			return fmt.Errorf("%q cannot be in an account's name: use a-z, 0-9, -, _ and .", r)
		}
	}
	return nil
}
