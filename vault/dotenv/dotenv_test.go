package dotenv

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"kitekey/kite"
	"kitekey/vault"
)

func read(text, account string) (entries []vault.Entry, found Result, assumed bool, err error) {
	if found, err = Read(text); err == nil {
		entries, assumed, err = found.Assign(account, "")
	}
	return entries, found, assumed, err
}

func TestRead_GivesHalves(t *testing.T) {
	for text, want := range map[string]string{
		`KITE_API_SECRET="s"`:      "/:s",
		"KITE_LIVE_API_KEY=k":      "live/k:",
		"api_key: k":               "/k:",
		`"api_secret": "s"`:        "/:s",
		"KITE_ACME_LIVE_API_KEY=k": "live/k:",
	} {
		r, err := Read(text)
		if err != nil || len(r.Entries) != 1 {
			t.Errorf("%s: %+v %v", text, r, err)
			continue
		}
		e := r.Entries[0]
		if got := fmt.Sprintf("%s/%s:%s", e.Environment, e.APIKey.Reveal(), e.APISecret.Reveal()); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestBare_TellsOneValueFromMore(t *testing.T) {
	for text, want := range map[string]bool{
		"KITE_API_KEY=k": false, "export A='b'": false, "api_key: k": false, `{"a":1}`: false, `"api_key": "k"`: false, "A=1\nB=2": false,
		"abc def": false, `"abc"`: false, "“abc”": false, "abc,": false, "<your key>": false, "{{api_key}}": false, "••••••abcd": false,
		"https://x.example/a": false, "op://vault/kite/key": false, "YOUR_API_KEY": false, "eyJhbGciOi.J9.x": false, "": false, "api_key:": false,
		"dGVzdA==": true, "sk_live_abc": true, "a:b": true, "+/ab=": true, "2882jj2hh288282jj2": true, "$2a$10$x": true, " \u200babc\n": true,
	} {
		if Bare(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}

func TestRead_FindsCredentials(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       string // "account/environment=key:secret …"
	}{
		{"plain", "API_KEY=k\nAPI_SECRET=s", "acme/sandbox=k:s"},
		{"kite", "KITE_API_KEY=k\nKITE_API_SECRET=s", "acme/sandbox=k:s"},
		{"gateway, secret key", "KITEGATEWAY_API_KEY=k\nKITEGATEWAY_SECRET_KEY=s", "acme/sandbox=k:s"},
		{"kite gateway in two words", "KITE_GATEWAY_KEY=k\nKITE_GATEWAY_SECRET=s", "acme/sandbox=k:s"},
		{"lower case, camel case", "api_key=k\napiSecret=s", "acme/sandbox=k:s"},
		{"both environments", "LIVE_API_KEY=k\nLIVE_API_SECRET=s\nSANDBOX_API_KEY=k2\nSANDBOX_API_SECRET=s2", "acme/live=k:s acme/sandbox=k2:s2"},
		{"environment last", "KITE_API_KEY_LIVE=k\nKITE_API_SECRET_LIVE=s", "acme/live=k:s"},
		{"production, test", "PROD_API_KEY=k\nPRODUCTION_API_SECRET=s\nKITE_TEST_KEY=k2\nKITE_TEST_SECRET=s2", "acme/live=k:s acme/sandbox=k2:s2"},
		{"account in the name", "KITE_CORAL_SHOP_LIVE_API_KEY=k\nKITE_CORAL_SHOP_LIVE_API_SECRET=s", "coral-shop/live=k:s"},
		{"account and environment beside it", "KITE_ACCOUNT=coral\nKITE_ENVIRONMENT=live\nKITE_KEY=k\nKITE_SECRET=s", "coral/live=k:s"},
		{"byte order mark, CRLF, spaces, export", "\ufeffexport API_KEY = k \r\n  export\tAPI_SECRET=\"s\"\r\n\r\n", "acme/sandbox=k:s"},
		{"quotes keep what is in them", "API_KEY='k # not a comment'\nAPI_SECRET=\"s'\" # a comment", "acme/sandbox=k # not a comment:s'"},
		{"comment after a space only", "API_KEY=k#1\nAPI_SECRET=s # 2", "acme/sandbox=k#1:s"},
		{"single quotes are literal", `API_KEY='k$HOME\n'` + "\nAPI_SECRET='`s`'", "acme/sandbox=k$HOME\\n:`s`"},
		{"equals signs", "API_KEY=a=b==\nAPI_SECRET=c=", "acme/sandbox=a=b==:c="},
		{"others' values may be strange", "CERT=\"-----BEGIN\nAPI_KEY=of the certificate\n-----END\"\nX='unclosed\nAPI_KEY=k\nAPI_SECRET=s\nY=$(date)\\", "acme/sandbox=k:s"},
		{"said twice alike", "API_KEY=k\nKITE_API_KEY=k\nAPI_SECRET=s", "acme/sandbox=k:s"},
		{"not ours", "SECRET_KEY=x\nJWT_SECRET=x\nSTRIPE_LIVE_API_KEY=x\nAPI_KEY=k\nAPI_SECRET=s\nAPP_KEY=x", "acme/sandbox=k:s"},
		{"flat JSON", `{"api_key":"k","api_secret":"s"}`, "acme/sandbox=k:s"},
		{"JSON with key and secret", `{"key":"k","secret":"s","environment":"production","account":"coral","label":"L"}`, "coral/live=k:s"},
		{"environments as objects", `{"sandbox":{"apiKey":"k","apiSecret":"s"},"live":{"apiKey":"k2","apiSecret":"s2"}}`, "acme/sandbox=k:s acme/live=k2:s2"},
		{"accounts as objects", `{"profiles":{"coral_shop":{"live":{"api_key":"k","api_secret":"s"}},"Dune":{"api_key":"k2","secret_key":"s2"}}}`, "coral_shop/live=k:s dune/sandbox=k2:s2"},
		{"a list", `[{"account":"coral","environment":"live","api_key":"k","api_secret":"s","n":[1,{"x":null}]},{"account":"dune","api_key":"k2","api_secret":"s2"}]`, "coral/live=k:s dune/sandbox=k2:s2"},
		{"names of variables in JSON", `{"KITE_LIVE_API_KEY":"k","KITE_LIVE_API_SECRET":"s","STRIPE_API_KEY":"x","jwt_secret":"x"}`, "acme/live=k:s"},
		{"name: value", "api_key: k\nAPI secret: 's' # a comment", "acme/sandbox=k:s"},
		{"lines of an object", "\"api_key\": \"k\",\n  \"api_secret\": \"s\",", "acme/sandbox=k:s"},
		{"lines of a script", "  api_key: \"k\",\n  api_secret: \"s\",", "acme/sandbox=k:s"},
		{"a Postman environment", `{"id":"1","name":"Acme live","values":[{"key":"api_key","value":"k","type":"secret","enabled":true},{"key":"base_url","value":"https://x"},{"key":"api_secret","value":"s"}],"_postman_variable_scope":"environment"}`, "acme/live=k:s"},
		{"account and environment in one name", `{"coral-live":{"api_key":"k","api_secret":"s"}}`, "coral/live=k:s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			entries, _, _, err := read(c.text, "acme")
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range entries {
				got = append(got, fmt.Sprintf("%s=%s:%s", e.Selector, e.Current.APIKey.Reveal(), e.Current.APISecret.Reveal()))
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("got  %s\nwant %s", s, c.want)
			}
		})
	}
}

func TestRead_TellsWhatItDid(t *testing.T) {
	_, found, assumed, err := read("STRIPE_API_KEY=x\nPORT=80\nAPI_KEY=' k '\nAPI_SECRET=s", "acme")
	if err != nil || !slices.Equal(found.Ignored, []string{"STRIPE_API_KEY"}) || !assumed || !found.Trimmed {
		t.Errorf("%+v %v", found, err)
	}
	_, found, assumed, err = read("LIVE_API_KEY=k\nLIVE_API_SECRET=s", "acme")
	if err != nil || assumed || found.Trimmed || len(found.Ignored) != 0 {
		t.Errorf("%+v %v", found, err)
	}
}

func TestRead_Refuses(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"empty", " \n", "empty"},
		{"not text", "API_KEY=\xff\xfe", "UTF-8"},
		{"prose", "a canary sentence", "no credential found"},
		{"later line", "A=b\n\ncanary\n", "no credential found"},
		{"nothing of ours", "PORT=80", "no credential found"},
		{"key alone", "API_KEY=canary", "API_KEY has no secret"},
		{"secret alone", "KITE_SECRET=canary", "KITE_SECRET has no api_key"},
		{"halves of two environments", "LIVE_API_KEY=canary\nSANDBOX_API_SECRET=canary", "LIVE_API_KEY has no secret"},
		{"both environments in a name", "KITE_LIVE_TEST_KEY=canary\nKITE_LIVE_TEST_SECRET=s", "says sandbox and live"},
		{"differing", "API_KEY=canary1\nKITE_API_KEY=canary2\nAPI_SECRET=s", "are the same half of a credential, with different values"},
		{"dollar", "API_KEY=canary$x\nAPI_SECRET=s", "API_KEY (line 1) contains a $"},
		{"dollar in double quotes", "API_KEY=k\nAPI_SECRET=\"canary${x}\"", "API_SECRET (line 2) contains a $"},
		{"backslash", `API_KEY="canary\n"` + "\nAPI_SECRET=s", "contains a $, a backslash"},
		{"two lines", "API_KEY='canary\nmore'\nAPI_SECRET=s", "more than one line"},
		{"unclosed", "API_KEY='canary\nAPI_SECRET=s", "opening quote"},
		{"after the quote", "API_KEY='canary'x\nAPI_SECRET=s", "after the closing quote"},
		{"control character", "API_KEY=canary\x07\nAPI_SECRET=s", "control character"},
		{"bad account", "KITE_ACCOUNT=No Good\nKITE_KEY=canary\nKITE_SECRET=s", "account"},
		{"bad environment", "KITE_ENV=canary\nKITE_KEY=k\nKITE_SECRET=s", "neither sandbox nor live"},
		{"half a JSON", `{"api_key":"canary","api_secret":`, "api_key has no secret beside it"},
		{"two JSONs", `{"api_key":"canary","api_secret":"s"}{"api_key":"k","api_secret":"s"}`, "two credentials for acme/sandbox"},
		{"a password manager's table", "\"Title\",\"Username\",\"Password\"\n\"Kitegateway\",\"canary\",\"s\"\n", "no credential found in it: looked for names"},
		{"deep lists", strings.Repeat("[", 2_000_000), "not valid JSON"},
		{"deep JSON without names", strings.Repeat(`{"":`, 500_000) + "1" + strings.Repeat("}", 500_000), "not valid JSON"},
		{"deep JSON", strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40), "not valid JSON"},
		{"broken character", `{"api_key":"canary\ud800","api_secret":"s"}`, "not valid text"},
		{"doubled in JSON", `{"api_key":"canary","api_key":"k2","api_secret":"s"}`, "differ"},
		{"two credentials of one name", `[{"api_key":"canary","api_secret":"s"},{"api_key":"k","api_secret":"s"}]`, "two credentials for acme/sandbox"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, _, err := read(c.text, "acme")
			if !errors.Is(err, vault.ErrBadInput) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary") {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	if _, _, _, err := read("API_KEY=k\nAPI_SECRET=s", ""); !errors.Is(err, ErrNoAccount) {
		t.Errorf("no account: %v", err)
	}
}

// FuzzRead checks that no text causes a panic, that the result can be stored, and
// that no error repeats a value.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"export KITE_LIVE_API_KEY='canary-value' # c\nKITE_LIVE_API_SECRET=\"s\"", "API_KEY=canary-value\nAPI_SECRET='x\ny'",
		`{"acme":{"live":{"api_key":"canary-value","api_secret":"s"}},"l":[1,"x",{"key":"k"}]}`, "A=\"\\", "[[[",
	} {
		f.Add(seed)
	}
	for _, c := range readable {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		entries, _, _, err := read(text, "acme")
		if err != nil {
			if !errors.Is(err, vault.ErrBadInput) {
				t.Errorf("%v", err)
			}
			return
		}
		for _, e := range entries {
			_, trimmed, err := kite.ParseCredential(e.Current.APIKey.Reveal(), e.Current.APISecret.Reveal())
			if vault.ValidAccount(e.Account) != nil || err != nil || trimmed || e.Environment == "" {
				t.Errorf("%+v", e)
			}
		}
	})
}
