package vault

import (
	"bytes"
	"strconv"
	"time"
	"unicode/utf8"
)

// scanner reads index.json and the status files as this kitekey writes them: one
// object per line, no spaces, no escapes. What it does not expect it leaves to
// encoding/json, which reads the same and takes four times as long: with 10,000
// profiles that was most of what listing them cost. A fuzz test compares the two.
type scanner struct {
	data  []byte
	at    int
	bad   bool              // something was not as expected
	words map[string]string // values that many lines share, so that each is allocated once
}

// scanLines calls each for every object of a file that begins with head. It returns
// false when the file is not as this kitekey writes it.
func scanLines(data []byte, head string, each func(*scanner)) bool {
	if !bytes.HasPrefix(data, []byte(head)) {
		return false
	}
	s := &scanner{data: data, at: len(head), words: map[string]string{}}
	for i := 0; !s.bad; i++ {
		if string(s.data[s.at:]) == indexTail {
			return true
		}
		s.expect("\n,"[min(i, 1)])
		each(s)
		s.expect('\n')
	}
	return false
}

// next is the byte that comes next, 0 at the end.
func (s *scanner) next() byte {
	if s.at >= len(s.data) {
		return 0
	}
	return s.data[s.at]
}

func (s *scanner) expect(c byte) {
	if s.next() != c {
		s.bad = true
		return
	}
	s.at++
}

// object reads an object. field reads the value of each key.
func (s *scanner) object(field func(key []byte)) {
	s.expect('{')
	for first := true; !s.bad; first = false {
		if first && s.next() == '}' {
			break
		}
		key := s.raw()
		s.expect(':')
		if s.bad {
			return
		}
		field(key)
		if s.next() != ',' {
			break
		}
		s.at++
	}
	s.expect('}')
}

// raw reads a string without escapes.
func (s *scanner) raw() []byte {
	s.expect('"')
	if s.bad {
		return nil
	}
	rest := s.data[s.at:]
	ascii := true
	for i, c := range rest {
		switch {
		case c == '"':
			s.at += i + 1
			s.bad = !ascii && !utf8.Valid(rest[:i])
			return rest[:i]
		case c == '\\' || c < ' ':
			s.bad = true
			return nil
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	s.bad = true
	return nil
}

// own reads a string that is one line's own.
func (s *scanner) own() string { return string(s.raw()) }

// text reads a string that other lines have too.
func (s *scanner) text() string {
	raw := s.raw()
	word, ok := s.words[string(raw)]
	if !ok {
		word = string(raw)
		s.words[word] = word
	}
	return word
}

func (s *scanner) number() (n int64) {
	start := s.at
	for c := s.next(); c == '-' || c >= '0' && c <= '9'; c = s.next() {
		s.at++
	}
	text := s.data[start:s.at]
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || len(text) > 1 && (text[0] == '0' || text[1] == '0' && text[0] == '-') { // JSON has no 007
		s.bad = true
	}
	return n
}

func (s *scanner) int() int {
	n := s.number()
	if int64(int(n)) != n {
		s.bad = true
	}
	return int(n)
}

func (s *scanner) truth() bool {
	for _, word := range []string{"true", "false"} {
		if bytes.HasPrefix(s.data[s.at:], []byte(word)) {
			s.at += len(word)
			return word == "true"
		}
	}
	s.bad = true
	return false
}

func (s *scanner) time() (t time.Time) {
	if t.UnmarshalText(s.raw()) != nil {
		s.bad = true
	}
	return t
}

// entry reads a line of index.json.
func (s *scanner) entry(e *entryJSON) {
	s.object(func(key []byte) {
		switch string(key) {
		case "account":
			e.Account = s.own()
		case "environment":
			e.Environment = s.text()
		case "id":
			e.ID = s.own()
		case "store":
			e.Store = s.text()
		case "source":
			e.Source = s.text()
		case "origin":
			e.Origin = s.text()
		case "label":
			e.Label = s.own()
		case "key_hint":
			e.KeyHint = s.own()
		case "expires_in":
			e.ExpiresIn = s.number()
		case "state":
			e.State = s.text()
		case "staged":
			e.Staged = s.truth()
		case "previous":
			e.Previous = s.truth()
		default:
			s.bad = true
		}
	})
}

// status reads a line of a status file.
func (s *scanner) status(line *statusLineJSON) {
	s.object(func(key []byte) {
		switch string(key) {
		case "id":
			line.ID = s.own()
		case "key_hint":
			line.KeyHint = s.own()
		case "host":
			line.Host = s.text()
		case "verdict":
			line.Verdict = s.text()
		case "verdict_at":
			line.VerdictAt = s.time()
		case "http_status":
			line.HTTP = s.int()
		case "message":
			line.Message = s.own()
		case "cause":
			line.Cause = s.own()
		case "detail":
			line.Detail = s.own()
		case "latency_ms":
			line.LatencyMS = s.number()
		case "skew_ms":
			line.SkewMS = s.number()
		case "deep":
			line.Deep = s.truth()
		case "token":
			line.Token = s.token(line.Token)
		case "last_used":
			line.LastUsed = s.time()
		default:
			s.bad = true
		}
	})
}

// token reads a token into t, or into a new one. A repeated key overwrites, as in
// encoding/json.
func (s *scanner) token(t *tokenInfo) *tokenInfo {
	if t == nil {
		t = new(tokenInfo)
	}
	s.object(func(key []byte) {
		switch string(key) {
		case "minted":
			t.Minted = s.time()
		case "deadline":
			t.Deadline = s.time()
		case "expires_in":
			t.ExpiresIn = s.number()
		case "skew_ms":
			t.SkewMS = s.number()
		default:
			s.bad = true
		}
	})
	return t
}
