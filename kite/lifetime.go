package kite

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Lifetime is how long a token lives, in whole seconds: what the API calls
// expires_in. 0 means that none was chosen. Kitegateway documents no bounds, so
// every number of seconds that fits 32 bits can be asked for; if the gateway
// refuses one, its own words are shown.
//
// A *Lifetime is a flag value ([Lifetime.Set], String and Type). In JSON it is
// the number of seconds.
type Lifetime uint32

// MaxLifetime is the longest life that can be asked for: 136 years.
const MaxLifetime Lifetime = math.MaxUint32

// Thresholds above which a person is told that a long life is unusual. Neither is
// a limit.
const (
	// LongLifetime is the life above which a line says that a shorter one is safer.
	LongLifetime Lifetime = 60 * 60
	// UnusualLifetime is the life above which a screen asks once before minting.
	UnusualLifetime Lifetime = 24 * 60 * 60
)

// LifetimeOf converts d, rounded down to whole seconds and limited to what a
// Lifetime can hold.
func LifetimeOf(d time.Duration) Lifetime {
	return Lifetime(min(max(d, 0)/time.Second, time.Duration(MaxLifetime)))
}

// ParseLifetime reads a token's life as a person writes it: "300" (seconds),
// "90s", "5m", "5 min", "1h30m", "2d". It is at least one second and has no
// fraction of a second.
func ParseLifetime(s string) (Lifetime, error) {
	d, err := ParseDuration(s)
	switch {
	case errors.Is(err, ErrTooLong):
		return 0, fmt.Errorf("must be at most %d seconds", MaxLifetime)
	case err != nil:
		return 0, err
	case d < time.Second:
		return 0, errors.New("must be at least 1s")
	case d%time.Second != 0:
		return 0, errors.New("must be whole seconds")
	case d > MaxLifetime.Duration():
		return 0, fmt.Errorf("must be at most %d seconds", MaxLifetime)
	}
	return Lifetime(d / time.Second), nil
}

// Duration converts l.
func (l Lifetime) Duration() time.Duration { return time.Duration(l) * time.Second }

// IsLong reports whether l is longer than [LongLifetime].
func (l Lifetime) IsLong() bool { return l > LongLifetime }

// IsUnusual reports whether l is longer than [UnusualLifetime].
func (l Lifetime) IsUnusual() bool { return l > UnusualLifetime }

// String writes l in the form that [ParseLifetime] reads: "5m", "1h30m", "2d";
// "0" when none was chosen.
func (l Lifetime) String() string {
	var b strings.Builder
	for _, unit := range []struct {
		length Lifetime
		name   byte
	}{{24 * 60 * 60, 'd'}, {60 * 60, 'h'}, {60, 'm'}, {1, 's'}} {
		if n := l / unit.length; n > 0 {
			fmt.Fprintf(&b, "%d%c", uint32(n), unit.name)
			l -= n * unit.length
		}
	}
	if b.Len() == 0 {
		return "0"
	}
	return b.String()
}

// Set implements pflag.Value: it parses s as [ParseLifetime] does.
func (l *Lifetime) Set(s string) error {
	parsed, err := ParseLifetime(s)
	if err == nil {
		*l = parsed
	}
	return err
}

// Type implements pflag.Value.
func (l *Lifetime) Type() string { return "lifetime" }

// ErrTooLong: a text is a duration that is longer than a time.Duration can be.
var ErrTooLong = fmt.Errorf("must be at most %dd", math.MaxInt64/(24*time.Hour))

// ParseDuration reads a duration as a person writes it: a bare number is seconds,
// and units are ms, s, m, h and d, also spelled out ("5 min", "2 hours"). It fails with
// ErrTooLong if that is the only fault.
func ParseDuration(s string) (time.Duration, error) {
	text := strings.Join(strings.Fields(strings.ToLower(s)), "")
	sign := time.Duration(1)
	if rest, negative := strings.CutPrefix(text, "-"); negative {
		sign, text = -1, rest
	} else {
		text = strings.TrimPrefix(text, "+")
	}
	notDuration := fmt.Errorf("%s is not a duration (examples: 300, 90s, 5m, 1h30m, 2d)", quoteShort(s))
	if text == "" {
		return 0, notDuration
	}
	if strings.IndexFunc(text, unicode.IsLetter) < 0 {
		text += "s"
	}
	var total time.Duration
	tooLong := false
	for text != "" {
		part, rest, err := parsePart(text)
		switch {
		case errors.Is(err, ErrTooLong) || part > math.MaxInt64-total:
			part, tooLong = 0, true
		case err != nil:
			return 0, notDuration
		}
		total += part
		text = rest
	}
	switch {
	case tooLong && sign < 0:
		return 0, notDuration
	case tooLong:
		return 0, ErrTooLong
	}
	return sign * total, nil
}

// parsePart reads a number and its unit at the beginning of text. Its errors but
// ErrTooLong have no words for a person.
func parsePart(text string) (part time.Duration, rest string, err error) {
	start := strings.IndexFunc(text, unicode.IsLetter)
	if start < 1 || text[0] == '-' || text[0] == '+' {
		return 0, "", errors.New("a number without a unit, or a unit without a number")
	}
	end := start
	for end < len(text) && text[end] >= 'a' && text[end] <= 'z' {
		end++
	}
	unit, times := unitOf(text[start:end])
	if _, err := strconv.ParseFloat(text[:start], 64); err != nil && !errors.Is(err, strconv.ErrRange) || unit == "" {
		return 0, "", errors.New("not a number, or an unknown unit")
	}
	part, err = time.ParseDuration(text[:start] + unit)
	if err != nil || part > math.MaxInt64/times {
		return 0, text[end:], ErrTooLong
	}
	return part * times, text[end:], nil
}

// unitOf returns the unit of [time.ParseDuration] for a name that people use, and
// how many of them it is; unit is "" for an unknown name.
func unitOf(name string) (unit string, times time.Duration) {
	switch name {
	case "ms":
		return "ms", 1
	case "s", "sec", "secs", "second", "seconds":
		return "s", 1
	case "m", "min", "mins", "minute", "minutes":
		return "m", 1
	case "h", "hr", "hrs", "hour", "hours":
		return "h", 1
	case "d", "day", "days":
		return "h", 24
	}
	return "", 1
}

// quoteShort quotes what a person typed, unless it is long: it may be a secret in
// the wrong field.
func quoteShort(s string) string {
	if len(s) > 20 {
		return "that"
	}
	return fmt.Sprintf("%q", s)
}
