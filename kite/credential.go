package kite

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// How long the halves of a credential may be, in bytes. Kitegateway promises no
// length; the samples it shows have 18 characters. These bounds are generous and
// still let a current, a previous and a staged pair share the 2,560 bytes that
// the smallest OS keyring gives to one item.
const (
	MaxAPIKeyLen    = 256
	MaxAPISecretLen = 512
)

// Credential is one of the (at most two) key pairs of a business account.
type Credential struct {
	APIKey, APISecret Secret
}

// ParseCredential makes a credential of what somebody typed or pasted. Blanks
// around either half are dropped, and trimmed says so. It refuses a half that is
// empty, too long, not UTF-8, or that holds a line break, a control character or
// an invisible one: none of those can be part of a key that Kitegateway showed on
// a page, and a line break would end the header that carries the secret.
//
// Other characters beyond ASCII are kept and sent as their UTF-8 bytes.
// The errors never repeat the value.
func ParseCredential(key, secret string) (c Credential, trimmed bool, err error) {
	k, kerr := parseHalf("api_key", key, MaxAPIKeyLen)
	s, serr := parseHalf("api_secret", secret, MaxAPISecretLen)
	switch {
	case kerr != nil && serr != nil:
		return Credential{}, false, fmt.Errorf("%w; %w", kerr, serr)
	case kerr != nil || serr != nil:
		return Credential{}, false, cmp.Or(kerr, serr)
	}
	return Credential{NewSecret(k), NewSecret(s)}, k != key || s != secret, nil
}

func parseHalf(name, value string, limit int) (string, error) {
	if !utf8.ValidString(value) {
		return "", fmt.Errorf("the %s is not UTF-8 text", name)
	}
	value = strings.TrimFunc(value, func(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' })
	if value == "" {
		return "", fmt.Errorf("the %s is empty", name)
	}
	if len(value) > limit {
		return "", fmt.Errorf("the %s is too long: %d bytes, and at most %d are taken", name, len(value), limit)
	}
	for _, r := range value {
		switch {
		case r == '\n' || r == '\r' || r == '\u0085' || r == '\u2028' || r == '\u2029':
			return "", fmt.Errorf("the %s has more than one line", name)
		case unicode.IsControl(r):
			return "", fmt.Errorf("the %s holds a control character (%U)", name, r)
		case unicode.Is(unicode.Cf, r):
			return "", fmt.Errorf("the %s holds an invisible character (%U)", name, r)
		}
	}
	return value, nil
}

// Hint is what may be shown of the api_key so that a person can tell two key
// pairs apart: its last four characters, fewer when that would be more than a
// quarter of it, none when it is shorter than four.
func (c Credential) Hint() string {
	key := []rune(c.APIKey.Reveal())
	return string(key[len(key)-min(4, len(key)/4):])
}

// IsZero reports whether either half is missing.
func (c Credential) IsZero() bool { return c.APIKey.IsZero() || c.APISecret.IsZero() }
