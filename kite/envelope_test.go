package kite

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestParseToken_HasOneJWTPrefix(t *testing.T) {
	for in, want := range map[string]string{
		"JWT aa.bb.cc":          "JWT aa.bb.cc",
		"jwt aa.bb.cc":          "jwt aa.bb.cc", // as received
		"aa.bb.cc":              "JWT aa.bb.cc",
		"JWT JWT aa.bb.cc":      "JWT aa.bb.cc",
		"  JWT aa.bb.cc\n":      "JWT aa.bb.cc",
		"JWT \r\nX-Evil:yes":    "JWT X-Evil:yes",
		"jwt \t aa.bb.cc":       "jwt aa.bb.cc",
		"JWTaa.bb.cc":           "JWT JWTaa.bb.cc",
		"":                      "",
		"JWT":                   "",
		"JWT ":                  "",
		"JWT aa\r\nX-Evil: yes": "",
		"JWT aa\nbb":            "",
		"JWT a b":               "",
		"Bearer aa":             "",
		"JWT ключ":              "",
		"JWT a\x00b":            "",
		"JWT " + strings.Repeat("a", maxTokenLen+1): "",
	} {
		got, err := parseToken(NewSecret(in))
		if got.Reveal() != want || (err == nil) != (want != "") {
			t.Errorf("%q gives %q, %v; want %q", truncate(in, 30), got.Reveal(), err, want)
		}
		if err != nil && len(in) > 5 && strings.Contains(err.Error(), in) {
			t.Errorf("%q: the error repeats the token", in)
		}
	}
}

func TestParseExpires_TakesNumbersAndText(t *testing.T) {
	at := time.Unix(1622197906, 0)
	for in, want := range map[string]struct {
		at  time.Time
		ok  bool
		bad bool
	}{
		`1622197906`:      {at, true, false},
		`"1622197906"`:    {at, true, false},
		`1622197906.0`:    {at, true, false},
		`1.622197906e9`:   {at, true, false},
		`1622197906123`:   {at, true, false},
		`"1622197906000"`: {at, true, false},
		`300`:             {time.Unix(300, 0), true, false},
		`null`:            {},
		`""`:              {},
		`0`:               {time.Unix(0, 0), true, false},
		`-5`:              {bad: true},
		`"soon"`:          {bad: true},
		`true`:            {bad: true},
		`{}`:              {bad: true},
		`"NaN"`:           {bad: true},
		`1e300`:           {bad: true},
	} {
		var raw lenientText
		if err := json.Unmarshal([]byte(in), &raw); err != nil {
			t.Fatal(err)
		}
		at, ok, err := parseExpires(raw)
		if !at.Equal(want.at) || ok != want.ok || (err != nil) != want.bad {
			t.Errorf("%s gives %v, %v, %v", in, at, ok, err)
		}
	}
}

func TestReadToken_CountsByTheLocalClock(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	unix := now.Unix()
	for name, tt := range map[string]struct {
		data string
		skew time.Duration
		left time.Duration // of its life, by the local clock
		err  string
	}{
		"as documented":       {fmt.Sprintf(`{"token":"JWT a","expires":%d}`, unix+300), 0, 300 * time.Second, ""},
		"local clock behind":  {fmt.Sprintf(`{"token":"JWT a","expires":%d}`, unix+600+300), 600 * time.Second, 300 * time.Second, ""},
		"local clock ahead":   {fmt.Sprintf(`{"token":"JWT a","expires":%d}`, unix-600+300), -600 * time.Second, 300 * time.Second, ""},
		"less than asked":     {fmt.Sprintf(`{"token":"JWT a","expires":%d}`, unix+60), 0, 60 * time.Second, ""},
		"Date of 1970":        {fmt.Sprintf(`{"token":"JWT a","expires":%d}`, unix+300), -time.Duration(unix) * time.Second, 300 * time.Second, ""},
		"Date in a year":      {fmt.Sprintf(`{"token":"JWT a","expires":%d}`, unix+300), 8760 * time.Hour, 300 * time.Second, ""},
		"local clock of 1970": {fmt.Sprintf(`{"token":"JWT a","expires":%d}`, 2*unix+300), time.Duration(unix) * time.Second, 300 * time.Second, ""},
		"no expires":          {`{"token":"JWT a"}`, 0, 300 * time.Second, ""},
		"no expires, skewed":  {`{"token":"JWT a","expires":null}`, time.Hour, 300 * time.Second, ""},
		"milliseconds":        {fmt.Sprintf(`{"token":"JWT a","expires":%d}`, (unix+300)*1000+7), 0, 300 * time.Second, ""},
		"string":              {fmt.Sprintf(`{"token":"JWT a","expires":"%d"}`, unix+300), 0, 300 * time.Second, ""},
		"past":                {fmt.Sprintf(`{"token":"JWT a","expires":%d}`, unix-30), 0, 0, "expired 30s before"},
		"a length of time":    {`{"token":"JWT a","expires":300}`, 0, 0, "before it arrived"},
		"just over":           {fmt.Sprintf(`{"token":"JWT a","expires":%d}`, unix), 0, 0, ""},
		"past the year 9999":  {`{"token":"JWT a","expires":900000000000000}`, 0, 0, "invalid expiry"},
		"not a time":          {`{"token":"JWT a","expires":"soon"}`, 0, 0, "invalid expiry"},
		"no token":            {`{"expires":1}`, 0, 0, "without a token"},
		"token is not text":   {`{"token":{"a":1}}`, 0, 0, "without a token"},
		"data is a list":      {`[]`, 0, 0, "without a token"},
		"data is null":        {`null`, 0, 0, "without a token"},
	} {
		t.Run(name, func(t *testing.T) {
			reply := &Reply{Skew: tt.skew, Body: []byte(`{"code":200,"status":"success","data":` + tt.data + `}`)}
			tok, err := readToken(reply, now, 300)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want one with %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if left := tok.Remaining(now); left != tt.left || tok.Requested != 300 || tok.Skew != tt.skew && !strings.HasPrefix(name, "Date ") || !tok.Minted.Equal(now) {
				t.Errorf("%v left, want %v: %+v", left, tt.left, tok)
			}
			// A jump of the wall clock by an hour, as after sleep, makes the token
			// expire: no monotonic clock counts.
			if tok.Remaining(now.Add(time.Hour)) != 0 {
				t.Error("unexpired after an hour")
			}
		})
	}
}

func TestEnvelope_TellsErrorsFromSuccess(t *testing.T) {
	for in, want := range map[string]struct {
		status  int
		isError bool
	}{
		`{"code":200,"status":"success"}`:                       {0, false},
		`{"code":"200","status":"success"}`:                     {0, false},
		`{"code":202,"status":"pending"}`:                       {0, false},
		`{"code":202}`:                                          {0, false},
		`{"data":null}`:                                         {0, false},
		`{"status":"error","message":"no"}`:                     {0, true},
		`{"code":200,"status":"Failed"}`:                        {0, true},
		`{"code":0,"status":"error"}`:                           {0, true},
		`{"code":"kitegateway_rest_term_invalid","status":"e"}`: {0, true},
		`{"code":"ok","status":"success"}`:                      {0, false},
		`{"code":"401","status":"error"}`:                       {401, true},
		`{"code":401,"status":"error","message":["a",1]}`:       {401, true},
		`{"code":{"a":1},"status":false}`:                       {0, true},
	} {
		e, ok := parseEnvelope([]byte("\xef\xbb\xbf " + in))
		status, isError := e.errorStatus()
		if !ok || status != want.status || isError != want.isError {
			t.Errorf("%s gives %v: %d, %v", in, ok, status, isError)
		}
	}
	for _, in := range []string{"", " ", "null", "[]", `"text"`, "<html>", "{", `{"code":1} trailing`, "{}", `{"portal":"login"}`, `{"code":null}`} {
		if _, ok := parseEnvelope([]byte(in)); ok {
			t.Errorf("%q counts as an envelope", in)
		}
	}
}

// FuzzReply gives bodies to everything that reads one.
func FuzzReply(f *testing.F) {
	for _, s := range []string{
		`{"code": 200, "status": "success", "message": "Token generated", "data": {"token": "JWT eyJ0.eTAW.f6FP", "expires": 1622197906}}`,
		`{"code": "kitegateway_rest_term_invalid", "status": "…", "message": "Resource doesn't exist.", "data": {"…": "…"}}`,
		`{"code":1e99,"data":{"token":"JWT JWT a","expires":"1e12"}}`, `{"message":"\u001b[31m"}`, "\xef\xbb\xbf{}",
	} {
		f.Add(200, []byte(s))
		f.Add(401, []byte(s))
	}
	var c Client
	now := time.Unix(1622190000, 0)
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		reply := &Reply{Status: status, Body: body}
		target := &url.URL{Host: "gateway.example"}
		failure := c.classify(target, exchange{op: opMint, secrets: []Secret{NewSecret(canary)}}, reply)
		if failure != nil {
			text := failure.Error()
			if CleanText(text) != text {
				t.Errorf("not fit for a terminal: %q", text)
			}
			if strings.Contains(text, canary) {
				t.Error("shows the secret")
			}
			if failure.Kind == nil {
				t.Error("without a kind")
			}
			if (status < 200 || status > 299) != (failure.Status < 200 || failure.Status > 299) {
				t.Errorf("status %d became %d", status, failure.Status)
			}
			return
		}
		if status < 200 || status > 299 {
			t.Fatalf("status %d is not a failure", status)
		}
		if tok, err := readToken(reply, now, 60); err == nil {
			v := tok.Value.Reveal()
			if strings.ContainsAny(v, "\r\n\x00") || !strings.EqualFold(v[:4], "JWT ") || strings.HasPrefix(strings.ToUpper(v[4:]), "JWT ") {
				t.Errorf("token %q", v)
			}
		}
	})
}
