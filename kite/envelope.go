package kite

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// envelope is the object around every reply. The documentation shows code as a
// number in successes and as a string in errors, so every field except data accepts
// any JSON value.
type envelope struct {
	Code    lenientText     `json:"code"`
	Status  lenientText     `json:"status"`
	Message lenientText     `json:"message"`
	Data    json.RawMessage `json:"data"`
}

// lenientText accepts any JSON value: it keeps a string as it is, null as "", and
// anything else as its JSON.
type lenientText string

func (t *lenientText) UnmarshalJSON(b []byte) error {
	switch {
	case string(b) == "null":
		*t = ""
	case b[0] == '"':
		return json.Unmarshal(b, (*string)(t))
	default:
		*t = lenientText(b)
	}
	return nil
}

// parseEnvelope reads a reply's body; ok is false if it is not a JSON object with one
// of the envelope's fields, such as a captive portal's. The content type does not
// matter: servers mislabel JSON more often than they send something else that happens
// to parse.
func parseEnvelope(body []byte) (e envelope, ok bool) {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	if len(body) == 0 || body[0] != '{' || json.Unmarshal(body, &e) != nil {
		return envelope{}, false
	}
	return e, e.Code != "" || e.Status != "" || e.Message != "" || e.Data != nil
}

// MessageIn returns the message of a JSON reply, cleaned of the secrets and of what a
// terminal could obey, and cut at 300 characters. It returns "" if there is none.
func MessageIn(body []byte, secrets ...Secret) string {
	e, _ := parseEnvelope(body)
	return truncate(CleanWords(string(e.Message), secrets...), 300)
}

// errorStatus reports whether an envelope is an error although the reply is a 2xx.
// If its code is an HTTP error status, errorStatus returns that status. If it has
// the documented form of an error (a code in words, and a status other than
// "success"), or its status is a word for an error, the HTTP status is unknown and
// errorStatus returns 0.
func (e envelope) errorStatus() (status int, isError bool) {
	// An int has 32 bits on some machines.
	n, err := strconv.ParseInt(strings.TrimSpace(string(e.Code)), 10, 64)
	if err == nil && n >= 400 && n <= 599 {
		return int(n), true
	}
	switch strings.ToLower(string(e.Status)) {
	case "error", "fail", "failed", "failure":
		return 0, true
	case "success":
		return 0, false
	}
	return 0, err != nil && e.Code != ""
}

// tokenData is the data of a mint's reply.
type tokenData struct {
	Token   Secret      `json:"token"`
	Expires lenientText `json:"expires"`
}

// authScheme is the prefix of Kitegateway's tokens.
const authScheme = "JWT "

// parseToken returns the value for the Authorization header: as received, with
// the prefix added when it is missing and never doubled. The errors do not repeat
// the value.
func parseToken(raw Secret) (token Secret, err error) {
	raw.RevealTo(func(text []byte) {
		scheme := []byte(authScheme)
		value := bytes.TrimSpace(text)
		bare, prefixes := value, 0
		for len(bare) >= len(scheme) && bytes.EqualFold(bare[:len(scheme)], scheme) {
			bare = bytes.TrimSpace(bare[len(scheme):])
			prefixes++
		}
		if err = checkToken(bare); err != nil {
			return
		}
		if prefixes == 1 {
			scheme = value[:len(scheme)] // as received
		}
		// Not the whole value: there may be a line break behind the prefix.
		token = newSecret(slices.Concat(scheme, bare))
	})
	return token, err
}

// checkToken reports why a token without its prefix cannot go into a header.
func checkToken(bare []byte) error {
	switch {
	case len(bare) == 0 || bytes.EqualFold(bare, bytes.TrimSpace([]byte(authScheme))):
		return errors.New("a reply without a token")
	case len(bare) > maxTokenLen:
		return errors.New("a token that is too long for a header")
	}
	for _, c := range bare {
		// A line break would let the sender of the token add headers.
		if c <= ' ' || c > '~' {
			return errors.New("a token with invalid characters")
		}
	}
	return nil
}

// maxTokenLen limits a token, in bytes; servers commonly allow 8 KiB for a header line.
const maxTokenLen = 8000

// ParseUnixTime reads a Unix time from a gateway's reply or a token: seconds, with
// or without a fraction, or milliseconds, which some servers send by mistake. ok is
// false for a time before 1970 or after the year 9999, which RFC 3339 cannot write.
func ParseUnixTime(text string) (at time.Time, ok bool) {
	const (
		millisecondsFrom = 1e11         // the year 5138 in seconds, 1973 in milliseconds
		endOfYear9999    = 253402300799 // seconds
	)
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !(f >= 0 && f < 1e15) {
		return time.Time{}, false
	}
	if f >= millisecondsFrom {
		f /= 1000
	}
	if f > endOfYear9999 {
		return time.Time{}, false
	}
	return time.Unix(int64(f), 0), true
}

// parseExpires reads "expires", which is documented as a number; text is accepted
// too. ok is false if there is none.
func parseExpires(raw lenientText) (at time.Time, ok bool, err error) {
	text := strings.TrimSpace(string(raw))
	if text == "" {
		return time.Time{}, false, nil
	}
	if at, ok = ParseUnixTime(text); !ok {
		return time.Time{}, false, errors.New("a token with an invalid expiry")
	}
	return at, true, nil
}
