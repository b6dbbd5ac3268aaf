package cli

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"
)

// unsigned returns a token of two JSON texts.
func unsigned(header, claims string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(header)) + "." + enc([]byte(claims)) + ".c2lnbmF0dXJl"
}

func TestDecodeJWT_TakesTokensAsPeopleCopyThem(t *testing.T) {
	good := unsigned(`{"alg":"HS256","typ":"JWT"}`, `{"sub":"acme","exp":1800000000,"n":12345678901234567890}`)
	for name, in := range map[string]string{
		"bare": good, "prefixed": "JWT " + good, "lower case": "jwt   " + good, "bearer": "Bearer " + good,
		"header line": "Authorization: JWT " + good + "\r\n", "lower-case line": "authorization:JWT " + good,
		"quoted": `"JWT ` + good + `"`, "byte order mark": "\ufeff" + good,
		"padded": strings.Replace(good, ".", "==.", 1), "no signature": strings.TrimSuffix(good, "c2lnbmF0dXJl"),
	} {
		got, err := decodeJWT(in)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got.claims["sub"] != "acme" || got.header["alg"] != "HS256" || got.claims["n"].(json.Number) != "12345678901234567890" {
			t.Errorf("%s: %v %v", name, got.header, got.claims)
		}
	}
	for in, words := range map[string]string{
		"": "no token", " \n": "no token", "JWT": "three parts", "garbage": "got 1", "a.b": "got 2", "a.b.c.d": "got 4", "a.b.c.d.e": "encrypted",
		"a b.c.d":          "more than one",
		good + "\n" + good: "more than one",
		"!!.e30.x":         "header cannot be read: it is not base64url",
		"e30.!!.x":         "claims cannot be read: it is not base64url",
		// The sample token in the documentation does not hold JSON.
		"JWT eyJ0eXAiOiBBV1QzI1NiJ9.eTAW0InJvbGUi2YifQ.f6FPyTxzchGD7ed55Rw7ruqe6P_Go": "not a JSON object; the gateway may accept it",
		unsigned(`[]`, `{}`): "not a JSON object", unsigned(`null`, `{}`): "not a JSON object", unsigned(`{}`, `{}{}`): "more after",
		unsigned(`{}`, strings.Repeat("[", 100000)): "not a JSON object",
	} {
		_, err := decodeJWT(in)
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%.40q gives %v, want %q", in, err, words)
		} else if len(in) > 10 && strings.Contains(err.Error(), in) {
			t.Errorf("%.40q is repeated in the error", in)
		}
	}
}

func TestInspect_TellsWhenATokenExpires(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for claims, want := range map[string]string{
		`{"exp":1800000250}`:       "Expires in 4 min 10 s",
		`{"exp":1799999990}`:       "EXPIRED 10 s ago",
		`{"exp":1800000000}`:       "EXPIRED 0 s ago",
		`{"exp":1800000250.9}`:     "Expires in 4 min 10 s",
		`{"exp":1800000250000}`:    "Expires in 4 min 10 s", // milliseconds
		`{"exp":"1800000250"}`:     "Expires in 4 min 10 s",
		`{}`:                       "does not say when it expires",
		`{"exp":"soon"}`:           "does not say",
		`{"exp":1e300}`:            "does not say",
		`{"exp":-1}`:               "does not say",
		`{"exp":{"a":1}}`:          "does not say",
		`{"iat":1799999700}`:       "5 min ago",
		`{"nbf":1800000060}`:       "in 1 min",
		`{"a":"x\u001b[31m\ny"}`:   "a  x y\n",
		`{"\u202ea\u001b[2J":1}`:   "  a  1\n",
		`{"a":{"b":["c",1.50]}}`:   `{"b":["c",1.50]}`,
		`{"exp":1800000250,"b":1}`: "2027-01-15 08:04:10 UTC",
	} {
		token, err := decodeJWT(unsigned(`{"alg":"HS256"}`, claims))
		if err != nil {
			t.Fatal(claims, err)
		}
		text := token.text(now)
		if !strings.Contains(text, want) || !strings.Contains(text, "signature is NOT checked") {
			t.Errorf("%s lacks %q:\n%s", claims, want, text)
		}
	}
	token, _ := decodeJWT(unsigned(`{"alg":"none"}`, `{}`))
	if !strings.Contains(token.text(now), "not signed at all") {
		t.Error("alg none goes unnoticed")
	}
}

func FuzzInspect(f *testing.F) {
	f.Add("Authorization: JWT " + unsigned(`{"alg":"HS256"}`, `{"exp":1800000250,"a":"\u001b[31m"}`))
	f.Add(unsigned(`{"\u009b":null}`, `{"exp":"1e11","iat":true}`))
	f.Add("a.b.c")
	now := time.Unix(1_800_000_000, 0)
	f.Fuzz(func(t *testing.T, in string) {
		token, err := decodeJWT(in)
		if err != nil {
			if strings.IndexFunc(err.Error(), unicode.IsControl) >= 0 {
				t.Errorf("the error is not fit for a terminal: %q", err)
			}
			return
		}
		for _, r := range token.text(now) {
			if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
				t.Errorf("%U reaches the terminal", r)
			}
		}
		if _, err := json.Marshal(token.json(now)); err != nil {
			t.Error(err)
		}
	})
}
