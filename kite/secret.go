package kite

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"unicode/utf8"
)

// redacted is what every formatting path prints in a secret's place. It tells
// nothing about the secret, its length included.
const redacted = "[redacted]"

// Secret holds a value that must not be seen: an api_key, an api_secret, a token, a
// passphrase. Every way of printing or encoding it gives "[redacted]".
// [Secret.RevealTo] and [Secret.Reveal] are the only ways to the value, so that
// `grep -rn 'Reveal'` lists every place that sees one.
//
// The value has memory of its own. [Secret.Erase] overwrites it, and so does the
// garbage collector when the last copy of the Secret is gone. Copies of a Secret
// share the value: erasing one erases all of them. [Secret.Clone] makes one that is
// independent.
type Secret struct{ value *erasable }

// erasable is memory that can be erased while others read it: the last reader
// overwrites it.
type erasable struct {
	mu sync.Mutex
	// A pointer, because fmt does not call methods on unexported fields. Of a Secret
	// inside one it prints an address, or, when the verb does not fit, what the first
	// pointer leads to: that must not be the value.
	bytes  *[]byte
	users  int // calls of RevealTo under way
	erased bool
}

// NewSecret returns a Secret with a copy of s. An empty s gives the zero Secret.
//
// The memory of s itself is not overwritten. If the value comes as bytes, use
// [SecretFromBytes].
func NewSecret(s string) Secret { return newSecret([]byte(s)) }

// SecretFromBytes moves b into a Secret: b is overwritten with zeros. An empty b
// gives the zero Secret.
func SecretFromBytes(b []byte) Secret {
	own := make([]byte, len(b))
	copy(own, b)
	clear(b)
	return newSecret(own)
}

// newSecret makes a Secret of b without copying it. The caller must not use b any
// more.
func newSecret(b []byte) Secret {
	if len(b) == 0 {
		return Secret{}
	}
	v := &erasable{bytes: &b}
	runtime.AddCleanup(v, func(b []byte) { clear(b) }, b)
	return Secret{v}
}

// RevealTo calls use with the value itself, not a copy. use must not keep or change
// it: it may be overwritten as soon as use has returned. The value is nil if s is
// the zero Secret or has been erased.
func (s Secret) RevealTo(use func(value []byte)) {
	if s.value == nil {
		use(nil)
		return
	}
	b := s.value.borrow()
	defer s.value.giveBack()
	use(b)
}

func (v *erasable) borrow() []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.users++
	if v.erased {
		return nil
	}
	return *v.bytes
}

func (v *erasable) giveBack() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.users--
	v.overwrite()
}

// overwrite overwrites the value if it is to be erased and has no readers. The
// caller holds the lock.
func (v *erasable) overwrite() {
	if v.erased && v.users == 0 {
		clear(*v.bytes)
	}
}

// Reveal returns the value as a string, or "" if it has been erased. The string is
// a copy that cannot be erased, so Reveal is for values that leave the process
// next.
func (s Secret) Reveal() (value string) {
	s.RevealTo(func(b []byte) { value = string(b) })
	return value
}

// RevealJSON appends the value to b as a JSON string. An encoder of encoding/json
// would leave copies behind. A quotation mark and a backslash are written by their
// numbers: a gnome-keyring without a password keeps items in a text file, and reads
// \\, \n, \t, \r and \s in it as one character when it starts again.
func (s Secret) RevealJSON(b []byte) []byte {
	s.RevealTo(func(value []byte) {
		b = slices.Grow(b, len(value)+len(`""`))
		b = append(b, '"')
		for len(value) > 0 {
			r, n := utf8.DecodeRune(value)
			switch {
			case r == '"' || r == '\\' || r < ' ' || r == utf8.RuneError && n == 1:
				b = fmt.Appendf(b, `\u%04x`, r)
			default:
				b = append(b, value[:n]...)
			}
			value = value[n:]
		}
		b = append(b, '"')
	})
	return b
}

// UnmarshalJSON implements [json.Unmarshaler]: it takes a string, or null for none.
// It leaves no copy behind unless the string has an escape.
func (s *Secret) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*s = Secret{}
		return nil
	}
	if inner := text[1:max(len(text)-1, 1)]; text[0] == '"' && bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		*s = newSecret(bytes.Clone(inner))
		return nil
	}
	var value string
	if err := json.Unmarshal(text, &value); err != nil {
		return err
	}
	*s = NewSecret(value)
	return nil
}

// Erase overwrites the value, in every copy of this Secret. If other goroutines are
// reading it, the last of them overwrites it. Erasing twice does no harm.
func (s Secret) Erase() {
	if s.value == nil {
		return
	}
	s.value.mu.Lock()
	defer s.value.mu.Unlock()
	s.value.erased = true
	s.value.overwrite()
}

// Clone returns a Secret with the same value in memory of its own.
func (s Secret) Clone() (clone Secret) {
	s.RevealTo(func(b []byte) { clone = newSecret(bytes.Clone(b)) })
	return clone
}

// IsZero reports whether s is the zero Secret or has been erased.
func (s Secret) IsZero() bool {
	if s.value == nil {
		return true
	}
	s.value.mu.Lock()
	defer s.value.mu.Unlock()
	return s.value.erased
}

// Equal compares two secrets in time that does not depend on where they differ.
func (s Secret) Equal(other Secret) (same bool) {
	s.RevealTo(func(a []byte) {
		other.RevealTo(func(b []byte) { same = subtle.ConstantTimeCompare(a, b) == 1 })
	})
	return same
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
