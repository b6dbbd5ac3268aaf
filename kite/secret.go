package kite

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// redacted is what every formatting path prints in a secret's place. It tells
// nothing about the secret, its length included.
const redacted = "[redacted]"

// Secret holds a value that must not be seen: an api_key, an api_secret, a
// token. Every way of printing or encoding it gives "[redacted]"; Reveal is the
// only way to the value, so that `grep -rn 'Reveal()'` lists every place that
// sees one.
//
// The value sits behind a pointer because fmt does not call methods on
// unexported fields: a Secret inside somebody's unexported field prints as an
// address, never as text.
type Secret struct{ value *string }

// NewSecret wraps s. An empty s gives the zero Secret.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{&s}
}

// Reveal returns the value in the clear.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero reports whether there is no value.
func (s Secret) IsZero() bool { return s.value == nil }

// Equal compares two secrets in time that does not depend on where they differ.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// String implements [fmt.Stringer] and gives "[redacted]".
func (s Secret) String() string { return redacted }

// Format implements [fmt.Formatter] for every verb, %#v and %x included.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalJSON implements [json.Marshaler] and gives "[redacted]".
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// MarshalText implements [encoding.TextMarshaler] and gives "[redacted]".
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements [slog.LogValuer] and gives "[redacted]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
