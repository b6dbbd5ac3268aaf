package kite

import (
	"bytes"
	"cmp"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// How long the halves of a credential may be, in bytes. Kitegateway promises no
// length; the samples it shows have 18 characters. These bounds are generous and
// still let a current, a previous and a staged credential share the 2,560 bytes that
// the smallest OS keyring gives to one item.
const (
	MaxAPIKeyLen    = 256
	MaxAPISecretLen = 512
)

// Credential is an api_key and its api_secret. A business account has at most two
// credentials.
type Credential struct {
	APIKey, APISecret Secret
}

// ParseCredential is [NewCredential] for two strings.
func ParseCredential(key, secret string) (c Credential, trimmed bool, err error) {
	return NewCredential(NewSecret(key), NewSecret(secret))
}

// NewCredential makes a credential of two values that were typed, pasted or read.
// Spaces around either half are removed, and trimmed says so. It refuses a half
// that is empty, too long, not UTF-8, or that holds a line break, a control
// character or an invisible one: none of those can be part of a key that
// Kitegateway showed on a page, and a line break would end the header that
// carries the secret.
//
// Other characters beyond ASCII are kept and sent as their UTF-8 bytes. The
// credential has memory of its own: the two values may be erased. The errors
// never repeat the value.
func NewCredential(key, secret Secret) (c Credential, trimmed bool, err error) {
	var kerr, serr error
	var ktrimmed, strimmed bool
	c.APIKey, ktrimmed, kerr = parseHalf("api_key", key, MaxAPIKeyLen)
	c.APISecret, strimmed, serr = parseHalf("api_secret", secret, MaxAPISecretLen)
	if kerr != nil || serr != nil {
		c.Erase()
	}
	switch {
	case kerr != nil && serr != nil:
		return Credential{}, false, fmt.Errorf("%w; %w", kerr, serr)
	case kerr != nil || serr != nil:
		return Credential{}, false, cmp.Or(kerr, serr)
	}
	return c, ktrimmed || strimmed, nil
}

// parseHalf returns one half without the spaces around it.
func parseHalf(name string, half Secret, limit int) (trimmed Secret, wasTrimmed bool, err error) {
	half.RevealTo(func(all []byte) {
		value := bytes.TrimFunc(all, func(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' })
		if err = checkHalf(name, all, value, limit); err == nil {
			trimmed, wasTrimmed = newSecret(bytes.Clone(value)), len(value) < len(all)
		}
	})
	return trimmed, wasTrimmed, err
}

func checkHalf(name string, all, value []byte, limit int) error {
	switch {
	case !utf8.Valid(all):
		return fmt.Errorf("the %s is not UTF-8 text", name)
	case len(value) == 0:
		return fmt.Errorf("the %s is empty", name)
	case len(value) > limit:
		return fmt.Errorf("the %s is too long: %d bytes; at most %d are allowed", name, len(value), limit)
	}
	for rest := value; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		rest = rest[n:]
		switch {
		case r == '\n' || r == '\r' || r == '\u0085' || r == '\u2028' || r == '\u2029':
			return fmt.Errorf("the %s has more than one line", name)
		case unicode.IsControl(r):
			return fmt.Errorf("the %s contains a control character (%U)", name, r)
		case unicode.Is(unicode.Cf, r):
			return fmt.Errorf("the %s contains an invisible character (%U)", name, r)
		}
	}
	return nil
}

// Erase overwrites both halves: see [Secret.Erase].
func (c Credential) Erase() {
	c.APIKey.Erase()
	c.APISecret.Erase()
}

// Clone returns a credential with the same values in memory of its own.
func (c Credential) Clone() Credential { return Credential{c.APIKey.Clone(), c.APISecret.Clone()} }

// Hint returns the part of the api_key that may be shown so that a person can tell
// two credentials apart: its last four characters, fewer if four are more than a
// quarter of it, and none if it has fewer than four.
func (c Credential) Hint() (hint string) {
	c.APIKey.RevealTo(func(key []byte) {
		from := len(key)
		for range min(4, utf8.RuneCount(key)/4) {
			_, n := utf8.DecodeLastRune(key[:from])
			from -= n
		}
		hint = string(key[from:])
	})
	return hint
}

// Complete reports whether there is an api_key and an api_secret.
func (c Credential) Complete() bool { return !c.APIKey.IsZero() && !c.APISecret.IsZero() }
