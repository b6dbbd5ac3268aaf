package kite

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// The lives that may be asked for. Kitegateway documents no bounds on expires_in
// and asks for as short a life as the job allows; beyond a day a token is no
// longer short-lived, and a number that large is almost always a slip.
const (
	MinExpiresIn     = time.Second
	MaxExpiresIn     = 24 * time.Hour
	DefaultExpiresIn = 5 * time.Minute // kitekey's own; the gateway's is 15 minutes
)

// ParseExpiresIn reads a token's life as a person writes it: "300" (seconds),
// "90s", "5m", "5 min", "1h30m". It is whole seconds from [MinExpiresIn] to
// [MaxExpiresIn]; the errors are sentences for whoever typed it.
func ParseExpiresIn(s string) (time.Duration, error) {
	text := strings.ToLower(strings.TrimSpace(s))
	if text == "" {
		return 0, errors.New("expires_in is empty: write seconds (300) or a length of time (90s, 5m, 1h30m)")
	}
	if strings.HasPrefix(text, "-") {
		return 0, errors.New("expires_in must be more than nothing: a token cannot die before it is minted")
	}
	d, err := time.ParseDuration(normaliseUnits(text))
	if err != nil {
		return 0, fmt.Errorf("%s is no length of time: write seconds (300) or a length of time (90s, 5m, 1h30m)", quoteBriefly(s))
	}
	if err := CheckExpiresIn(d); err != nil {
		return 0, err
	}
	return d, nil
}

// CheckExpiresIn tells whether a token's life may be asked for: whole seconds
// from [MinExpiresIn] to [MaxExpiresIn].
func CheckExpiresIn(d time.Duration) error {
	switch {
	case d <= 0:
		return errors.New("expires_in must be more than nothing: at least 1 second")
	case d > MaxExpiresIn:
		return errors.New("expires_in is too long: at most 24 hours (86400 seconds), and a token should live no longer than its job")
	case d%time.Second != 0:
		return errors.New("expires_in is whole seconds: the gateway knows nothing finer")
	}
	return nil
}

// normaliseUnits rewrites the units that people use into those that
// [time.ParseDuration] knows, and a bare number into seconds. What it does not
// know, "ms" included, becomes something that does not parse.
func normaliseUnits(s string) string {
	var b strings.Builder
	letters := func(r rune) bool { return unicode.IsLetter(r) }
	s = strings.Join(strings.Fields(s), "")
	if strings.IndexFunc(s, letters) < 0 {
		return s + "s"
	}
	for s != "" {
		start := strings.IndexFunc(s, letters)
		if start < 0 {
			return b.String() + s // a number without its unit
		}
		end := start
		for end < len(s) && s[end] >= 'a' && s[end] <= 'z' {
			end++
		}
		b.WriteString(s[:start])
		switch s[start:end] {
		case "s", "sec", "secs", "second", "seconds":
			b.WriteByte('s')
		case "m", "min", "mins", "minute", "minutes":
			b.WriteByte('m')
		case "h", "hr", "hrs", "hour", "hours":
			b.WriteByte('h')
		default:
			return "?"
		}
		s = s[end:]
	}
	return b.String()
}

// quoteBriefly quotes what somebody typed, but not all of something long: it may
// have landed in the wrong field.
func quoteBriefly(s string) string {
	if len(s) > 20 {
		return "that"
	}
	return fmt.Sprintf("%q", s)
}
