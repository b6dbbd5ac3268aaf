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

// String returns "acme/live".
func (s Selector) String() string { return s.Account + "/" + string(s.Environment) }

// Elsewhere returns the same account in the other environment.
func (s Selector) Elsewhere() Selector { return Selector{s.Account, s.Environment.Other()} }

// ParseSelector reads "acme/live". "acme" alone is acme/sandbox: live is never
// implied.
func ParseSelector(s string) (Selector, error) {
	account, env, found := strings.Cut(s, "/")
	if err := knownAccount(account); err != nil {
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

// ValidAccount returns nil if a person can give name to an account, and otherwise an
// error that says why not. An environment's name cannot be one: live/sandbox would be
// read as live.
func ValidAccount(name string) error {
	if _, err := kite.ParseEnvironment(name); err == nil {
		return fmt.Errorf("%q is an environment: an account has a name such as acme", name)
	}
	return ValidName(name)
}

// ValidName returns nil if name can name a source, or an account that a source or a
// backup has, and otherwise an error that says why not. Names appear in file and keyring
// listings, so they have only characters that every system keeps and draws as they
// are. They are also a step in a source's paths and an argument of its programs,
// where dots alone lead elsewhere and a leading - makes a flag.
func ValidName(name string) error {
	switch err := knownAccount(name); {
	case err != nil:
		return err
	case strings.Trim(name, "._-") == "":
		return errors.New("an account's name needs a letter or a digit")
	case name[0] == '-':
		return errors.New("an account's name cannot begin with -, which begins a flag")
	}
	return nil
}

// knownAccount is ValidName for existing names: earlier versions allowed more.
func knownAccount(name string) error {
	if name == "" {
		return errors.New("an account needs a name, such as acme")
	}
	lower := strings.ToLower(name)
	for _, r := range lower {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.", r) {
			return fmt.Errorf("%q cannot be in an account's name: use a-z, 0-9, -, _ and .", r)
		}
	}
	switch {
	case len(name) > MaxAccount:
		return fmt.Errorf("an account's name has at most %d characters; this one has %d", MaxAccount, len(name))
	case name != lower:
		return fmt.Errorf("account names are lower case: try %q", lower)
	}
	return nil
}
