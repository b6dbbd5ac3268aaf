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

// envelope is the object around every reply. Its code is documented as a number
// in successes and as a string in errors, so nothing but data is relied on to be
// of one type.
type envelope struct {
	Code    lenientText     `json:"code"`
	Status  lenientText     `json:"status"`
	Message lenientText     `json:"message"`
	Data    json.RawMessage `json:"data"`
}

// lenientText takes any JSON value: a string as it is, null as nothing, anything
// else as its JSON.
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

// parseEnvelope reads a reply's body; ok is false when it is no JSON object. The
// content type is not asked: servers mislabel JSON more often than they send
// something else that happens to parse.
func parseEnvelope(body []byte) (e envelope, ok bool) {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	if len(body) == 0 || body[0] != '{' || json.Unmarshal(body, &e) != nil {
		return envelope{}, false
	}
	return e, true
}

// errorStatus tells whether an envelope that came with a 2xx is an error after
// all: either its code is an HTTP error status, which is returned, or it has the
// documented form of an error, a code in words and a status other than
// "success", for which no HTTP status is known: 0.
func (e envelope) errorStatus() (status int, isError bool) {
	if n, err := strconv.Atoi(strings.TrimSpace(string(e.Code))); err == nil {
		return n, n >= 400 && n <= 599
	}
	return 0, e.Code != "" && !strings.EqualFold(string(e.Status), "success")
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
			token = newSecret(bytes.Clone(value))
		} else {
			token = newSecret(slices.Concat(scheme, bare))
		}
	})
	return token, err
}

// checkToken tells whether a token without its prefix can go into a header.
func checkToken(bare []byte) error {
	switch {
	case len(bare) == 0 || bytes.EqualFold(bare, bytes.TrimSpace([]byte(authScheme))):
		return errors.New("a reply without a token")
	case len(bare) > maxTokenLen:
		return errors.New("a token that is too long for a header")
	}
	for _, c := range bare {
		// A line break here would let whoever sent the token add headers of their own.
		if c <= ' ' || c > '~' {
			return errors.New("a token with characters that no token has")
		}
	}
	return nil
}

// maxTokenLen bounds a token; servers commonly allow 8 KiB for a header line.
const maxTokenLen = 8000

// maxExpires is the end of the year 9999: later times cannot be written as RFC
// 3339, which is how they are kept and shown.
const maxExpires = 253402300799

// parseExpires reads "expires": Unix seconds, documented as a number. Taken as
// well: the number as text, with a fraction, and in milliseconds. ok is false
// when there is none.
func parseExpires(raw lenientText) (at time.Time, ok bool, err error) {
	s := strings.TrimSpace(string(raw))
	if s == "" {
		return time.Time{}, false, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f >= 0 && f < 1e15) {
		return time.Time{}, false, errors.New("a token whose expiry is no time")
	}
	// 1e11 seconds is the year 5138, 1e11 milliseconds is 1973.
	if f >= 1e11 {
		f /= 1000
	}
	if f > maxExpires {
		return time.Time{}, false, errors.New("a token whose expiry is no time")
	}
	return time.Unix(int64(f), 0), true, nil
}
