package dotenv

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"
)

// k and s stand for an api_key and an api_secret as Kitegateway shows them.
const k, s = "2882jj2hh288282jj2", "s9f8-secret-77aa-31zz"

// found writes a result as "form: account/environment=key:secret …", with k and s
// for the two values above.
func found(r Result) string {
	var parts []string
	for _, e := range r.Entries {
		parts = append(parts, fmt.Sprintf("%s/%s=%s:%s", e.Account, e.Environment, e.APIKey.Reveal(), e.APISecret.Reveal()))
	}
	return r.Form + ": " + strings.NewReplacer(k, "k", s, "s").Replace(strings.Join(parts, " "))
}

// readable are texts with κ and σ in place of k and s, and what [found] gives.
var readable = []struct{ name, text, want string }{
	{"YAML", "kitegateway:\n  live:\n    api_key: κ # ours\n    api_secret: 'σ'\n", "YAML: /live=k:s"},
	{"YAML with accounts", "acme:\n  live: {api_key: κ, api_secret: σ}\ncoral:\n  sandbox:\n    key: \"x1\"\n    secret: x2\n", "YAML: acme/live=k:s coral/sandbox=x1:x2"},
	{"YAML list", "- account: acme\n  environment: production\n  api_key: κ\n  api_secret: σ\n- account: coral\n  api_key: x1\n  api_secret: x2\n", "YAML: acme/live=k:s coral/=x1:x2"},
	{"YAML of Spring", "kitegateway:\n  api-key: κ\n  api-secret: σ\n", "YAML: /=k:s"},
	{"Bitwarden's notes", `{"items":[{"name":"Mail","notes":"a\nb"},{"name":"Kitegateway live","notes":"api_key: κ\napi_secret: σ"},{"name":"x","notes":"Our keys\nkey: x1\nsecret: x2"}]}`, "notes of entries: /live=k:s /=x1:x2"},
	{"a table with notes", "account,api_key,api_secret,notes\ncoral,x1,x2,\"api_key: x3\napi_secret: x4\"\n", "a table: coral/=x1:x2"},
	{"1Password's notes", "Title,Username,Notes\nKite sandbox,,\"api_key: κ\napi_secret: σ\"\n", "notes of entries: /sandbox=k:s"},
	{"TOML", "title = \"x\"\n[kitegateway.live]\napi_key = \"κ\"\napi_secret = 'σ' # c\n", "lines of NAME=value: /live=k:s"},
	{"INI of several", "; mine\n[acme-live]\nkey=κ\nsecret=σ\n\n[coral]\nkey = x1\nsecret = x2\n", "lines of NAME=value: acme/live=k:s coral/=x1:x2"},
	{"another's section", "[django]\nsecret_key = x\n[kitegateway]\napi_key = κ\napi_secret = σ\n", "lines of NAME=value: /=k:s"},
	{"properties", "kitegateway.live.api-key=κ\nkitegateway.live.api-secret=σ", "lines of NAME=value: /live=k:s"},
	{"PHP define", "<?php\ndefine('KITE_API_KEY', 'κ');\ndefine(\"KITE_API_SECRET\", \"σ\");", "the text: /=k:s"},
	{"PHP array", "return [\n  'kitegateway' => [\n    'live' => [\n      'key' => 'κ',\n      'secret' => 'σ', // shown once\n    ],\n  ],\n];", "the text: /live=k:s"},
	{"PHP array()", "$config['kite'] = array('api_key' => 'κ', 'api_secret' => 'σ');", "the text: /=k:s"},
	{"PHP array() in another", "$config['kite'] = array(array('api_key' => 'κ', 'api_secret' => 'σ'));", "the text: /=k:s"},
	{"PHP variables", "$api_key = 'κ';\n$apiSecret = \"σ\";", "the text: /=k:s"},
	{"JS object", "const kite = {\n  apiKey: 'κ',\n  apiSecret: 'σ',\n};", "the text: /=k:s"},
	{"JS object alone", "{ apiKey: 'κ', apiSecret: 'σ' }", "the text: /=k:s"},
	{"JS accounts", "module.exports = { acme: { live: { apiKey: 'κ', apiSecret: 'σ' } }, coral: { sandbox: { apiKey: 'x1', apiSecret: 'x2' } } }", "the text: acme/live=k:s coral/sandbox=x1:x2"},
	{"JS constants", "const apiKey = 'κ';\nconst apiSecret = `σ`;", "the text: /=k:s"},
	{"TypeScript", "const apiKey: string = \"κ\"\nconst apiSecret: string = \"σ\"", "the text: /=k:s"},
	{"process.env", "process.env.KITE_LIVE_API_KEY = 'κ';\nprocess.env.KITE_LIVE_API_SECRET = 'σ';", "lines of NAME=value: /live=k:s"},
	{"Python", "os.environ[\"KITE_API_KEY\"] = \"κ\"\nos.environ[\"KITE_API_SECRET\"] = \"σ\"", "the text: /=k:s"},
	{"Python call", "client = KiteClient(api_key=\"κ\", api_secret=\"σ\")", "the text: /=k:s"},
	{"Go", "kite.Credential{APIKey: \"κ\", APISecret: \"σ\"}", "the text: /=k:s"},
	{"Java", "String apiKey = \"κ\";\nString apiSecret = \"σ\";", "the text: /=k:s"},
	{"web.config", "<add key=\"KITE_API_KEY\" value=\"κ\"/>\n<add key=\"KITE_API_SECRET\" value=\"σ\"/>", "the text: /=k:s"},
	{"XML", "<kite><apiKey>κ</apiKey><apiSecret>σ</apiSecret></kite>", "the text: /=k:s"},
	{"export", "export KITE_API_KEY=κ\nexport KITE_API_SECRET=\"σ\"", "lines of NAME=value: /=k:s"},
	{"export on one line", "export KITE_API_KEY=κ KITE_API_SECRET='σ'; npm test", "the text: /=k:s"},
	{"before a command", "KITE_API_KEY=κ KITE_API_SECRET=σ node index.js", "the text: /=k:s"},
	{"fish", "set -gx KITE_API_KEY κ\nset -gx KITE_API_SECRET σ", "the text: /=k:s"},
	{"csh", "setenv KITE_API_KEY κ\nsetenv KITE_API_SECRET σ", "the text: /=k:s"},
	{"cmd", "set KITE_API_KEY=κ\r\nset \"KITE_API_SECRET=σ\"\r\n", "the text: /=k:s"},
	{"setx", "setx KITE_API_KEY \"κ\"\r\nsetx KITE_API_SECRET σ /M\r\n", "the text: /=k:s"},
	{"PowerShell", "$env:KITE_API_KEY = \"κ\"\n$Env:KITE_API_SECRET='σ'", "the text: /=k:s"},
	{"PowerShell for the user", "[Environment]::SetEnvironmentVariable(\"KITE_API_KEY\", \"κ\", \"User\")\n[Environment]::SetEnvironmentVariable(\"KITE_API_SECRET\", \"σ\", \"User\")", "the text: /=k:s"},
	{"Dockerfile", "ENV KITE_API_KEY=κ\nENV KITE_API_SECRET σ", "the text: /=k:s"},
	{"docker run", "docker run -e KITE_API_KEY=κ --env KITE_API_SECRET=σ acme/web", "the text: /=k:s"},
	{"compose list", "services:\n  web:\n    environment:\n      - KITE_LIVE_API_KEY=κ\n      - \"KITE_LIVE_API_SECRET=σ\"\n", "YAML: /live=k:s"},
	{"compose list alone", "environment:\n  - KITE_API_KEY=κ\n  - KITE_API_SECRET=σ\n", "YAML: /=k:s"},
	{"compose map", "services:\n  web:\n    environment:\n      KITE_API_KEY: κ\n      KITE_API_SECRET: σ\n", "YAML: /=k:s"},
	{"Kubernetes Secret, base64", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: kite\ndata:\n  KITE_API_KEY: Mjg4MmpqMmhoMjg4MjgyamoyCg==\n  KITE_API_SECRET: czlmOC1zZWNyZXQtNzdhYS0zMXp6\n", "a Kubernetes Secret: /=k:s"},
	{"Kubernetes Secret, stringData", "apiVersion: v1\nkind: Secret\nstringData:\n  api_key: κ\n  api_secret: σ\n---\nkind: ConfigMap\ndata:\n  a: b\n", "a Kubernetes Secret: /=k:s"},
	{"Kubernetes Secret of kubectl -o json", `{"kind":"Secret","data":{"api_key":"Mjg4MmpqMmhoMjg4MjgyamoyCg==","api_secret":"czlmOC1zZWNyZXQtNzdhYS0zMXp6"}}`, "JSON: /=k:s"},
	{"Kubernetes env list", "env:\n- name: KITE_API_KEY\n  value: κ\n- name: KITE_API_SECRET\n  value: σ\n", "YAML: /=k:s"},
	{"gh secret set", "gh secret set KITE_API_KEY --body \"κ\"\ngh secret set KITE_API_SECRET -b σ", "the text: /=k:s"},
	{"heroku config:set", "heroku config:set KITE_API_KEY=κ KITE_API_SECRET=σ --app acme", "the text: /=k:s"},
	{"curl", "curl -X POST https://sandbox.kitegateway.com/v1/auth/token \\\n  -H 'Content-Type: application/json' \\\n  -H 'Secret-Key: σ' \\\n  -d '{\"api_key\": \"κ\", \"expires_in\": 300}'", "a curl command: /sandbox=k:s"},
	{"curl on Windows", "curl -X POST https://kitegateway.com/v1/auth/token ^\r\n -H \"Secret-Key: σ\" ^\r\n -d \"{\\\"api_key\\\":\\\"κ\\\"}\"", "a curl command: /live=k:s"},
	{"curl --data-urlencode", "curl --header \"Secret-Key: σ\" --data-urlencode \"api_key=κ\" --data-urlencode expires_in=300 https://x.example", "a curl command: /=k:s"},
	{"curl -d bare", "curl -H \"secret-key: σ\" -d api_key=κ https://x.example", "a curl command: /=k:s"},
	{"curl -d form", "curl -H 'Secret-Key: σ' -d 'api_key=κ&expires_in=300' https://x.example", "a curl command: /=k:s"},
	{"HTTP request", "POST /v1/auth/token HTTP/1.1\r\nHost: kitegateway.com\r\nSecret-Key: σ\r\nContent-Type: application/json\r\n\r\n{\"api_key\":\"κ\",\"expires_in\":300}", "the text: /=k:s"},
	{"Postman collection", `{"info":{"_postman_id":"1","schema":"https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},"item":[{"name":"token","request":{"method":"POST","header":[{"key":"Secret-Key","value":"σ"}],"body":{"mode":"raw","raw":"{\n \"api_key\": \"κ\"\n}"},"url":{"raw":"https://kitegateway.com/v1/auth/token"}}}]}`, "a Postman collection: /live=k:s"},
	{"Postman collection's variables", `{"info":{"_postman_id":"1"},"variable":[{"key":"api_key","value":"κ"},{"key":"api_secret","value":"σ"}]}`, "a Postman collection: /=k:s"},
	{"Postman collection with a request named after its environment", `{"info":{"_postman_id":"1"},"item":[{"name":"Live token","request":{"header":[{"key":"Secret-Key","value":"σ"}],"body":{"raw":"{\"api_key\":\"κ\"}"}}}]}`, "a Postman collection: /=k:s"},
	{"a Secret with an object without a name", `{"kind":"Secret","":{"api_key":"κ","api_secret":"σ"}}`, "JSON: /=k:s"},
	{"Insomnia 4", `{"_type":"export","__export_source":"insomnia.desktop.app:v8","resources":[{"_type":"workspace","name":"Kite"},{"_type":"environment","name":"Live","data":{"api_key":"κ","api_secret":"σ"}}]}`, "an Insomnia export: /live=k:s"},
	{"Insomnia 5", "type: collection.insomnia.rest/5.0\nname: Kite\nenvironments:\n  name: Base Environment\n  subEnvironments:\n    - name: Production\n      data:\n        api_key: κ\n        api_secret: σ\n", "an Insomnia export: /live=k:s"},
	{"Bruno", "vars {\n  base_url: https://sandbox.kitegateway.com/v1\n  api_key: κ\n  api_secret: σ\n}", "the text: /sandbox=k:s"},
	{"CSV", "account,environment,api_key,api_secret\nacme,live,κ,σ\ncoral,sandbox,\"x1\",x2\n", "a table: acme/live=k:s coral/sandbox=x1:x2"},
	{"CSV with semicolons and titles", "Business account;Environment;API key;API secret\nAcme Stores;Production;κ;σ\n", "a table: acme-stores/live=k:s"},
	{"copied from a spreadsheet", "Name\tAPI Key\tSecret\nacme\tκ\tσ", "a table: acme/=k:s"},
	{"Markdown table", "| API key | API secret |\n|---|---|\n| κ | σ |", "a table: /=k:s"},
	{"title above value", "API Key\nκ\n", "the text: /=k:"},
	{"titles above values", "API Key\nκ\n\nAPI Secret\nσ\n", "the text: /=k:s"},
	{"titles beside values", "API Key\tκ\nSecret Key\tσ", "the text: /=k:s"},
	{"titles with environments", "Live API key\nκ\nLive API secret\nσ", "the text: /live=k:s"},
	{"environment in brackets", "API key (live): κ\nAPI secret (live): σ", `lines of "name: value": /live=k:s`},
	{"mail", "Hi Ann,\n\nYour API key is κ and your API secret is σ.\n\nRegards, Bob", "the text: /=k:s"},
	{"mail with lines", "Hello,\n\nhere are the credentials:\n\nAPI key: κ\nSecret: σ\n\nBob", "the text: /=k:s"},
	{"mail with key and secret", "Key: κ\nSecret: σ", `lines of "name: value": /=k:s`},
	{"mail with dashes", "* API Key – κ\n* API Secret – σ", "the text: /=k:s"},
	{"mail with headings", "Sandbox\nAPI key: x1234567\nAPI secret: y1234567\n\nLive keys:\nAPI key: κ\nAPI secret: σ", "the text: /sandbox=x1234567:y1234567 /live=k:s"},
	{"a heading with a colon", "Live:\nAPI key: κ\nAPI secret: σ", "the text: /live=k:s"},
	{"bold in a chat", "Here you go\n*API key* κ\n*Secret* σ", "the text: /=k:s"},
	{"quoted in a mail", "> API key: κ\n> API secret: σ", "the text: /=k:s"},
	{"JSON with comments", "{\n  // mine\n  \"api_key\": \"κ\",\n  \"api_secret\": \"σ\",\n}", "the text: /=k:s"},
	{"Terraform", "kite = {\n  live = {\n    api_key = \"κ\"\n    api_secret = \"σ\"\n  }\n}", "the text: /live=k:s"},
	{"the body of a form", "api_key=κ&expires_in=300&api_secret=σ", "the text: /=k:s"},
	{"an address", "https://kitegateway.com/keys?id=7&api_key=κ&api_secret=σ", "the text: /=k:s"},
	{"curl -d without quotes", "curl https://x.example -d api_key=κ&api_secret=σ", "a curl command: /=k:s"},
	{"kubectl create secret", "kubectl create secret generic kite --from-literal=api_key=κ --from-literal=api_secret=σ", "the text: /=k:s"},
	{"Markdown, bold names and code", "**API key:** `κ`\n**API secret:** `σ`\n", "the text: /=k:s"},
	{"Markdown, bold names", "**API key**: κ\n__API secret__: σ\n", "the text: /=k:s"},
	{"Markdown, bold values", "API key: **κ**\nAPI secret: **σ**\n", `lines of "name: value": /=k:s`},
	{"Markdown, code", "API key: `κ`\nAPI secret: `σ`\n", `lines of "name: value": /=k:s`},
	{"Markdown list", "- **API key** – `κ`\n- **API secret** – **`σ`**\n", "the text: /=k:s"},
	{"HTTPie", "http POST https://sandbox.kitegateway.com/v1/auth/token Secret-Key:σ api_key=κ expires_in:=300", "the text: /sandbox=k:s"},
	{"chat", "api key `κ`, secret `σ`", "the text: /=k:s"},
	{"two lines", "κ\nσ\n", "two values, the api_key first: /=k:s"},
	{"a space between", "κ σ", "two values, the api_key first: /=k:s"},
	{"a colon between", "κ:σ", "two values, the api_key first: /=k:s"},
	{"a comma between", "κ, σ", "two values, the api_key first: /=k:s"},
	{"a tab between", "κ\tσ", "two values, the api_key first: /=k:s"},
	{"a slash between", "κ / σ", "two values, the api_key first: /=k:s"},
	{"typographic quotes", "KITE_API_KEY=“κ”\nKITE_API_SECRET=‘σ’", "lines of NAME=value: /=k:s"},
	{"German quotes", "api_key: „κ“\napi_secret: »σ«", `lines of "name: value": /=k:s`},
	{"spaces that do not break", "API\u00a0Key:\u00a0κ\u00a0\nAPI\u00a0Secret:\u00a0σ\u00a0", `lines of "name: value": /=k:s`},
	{"invisible characters around", "\u200bAPI_KEY=\u200bκ\u200b\n\u2060API_SECRET=\ufeffσ\u200e", "lines of NAME=value: /=k:s"},
	{"comments", "API_KEY=κ # live one\nAPI_SECRET='σ' # shown once", "lines of NAME=value: /=k:s"},
	{"semicolons at the ends", "API_KEY=\"κ\";\nAPI_SECRET='σ';", "lines of NAME=value: /=k:s"},
	{"a terminal's line ends", "API_KEY=κ\rAPI_SECRET=σ\r", "lines of NAME=value: /=k:s"},
	{"UTF-16 from PowerShell", utf16LE("KITE_API_KEY=" + k + "\r\nKITE_API_SECRET=" + s + "\r\n"), "lines of NAME=value: /=k:s"},
	{"lines of JSON", `{"account":"acme","environment":"live","api_key":"κ","api_secret":"σ"}` + "\n" + `{"account":"coral","api_key":"x1","api_secret":"x2"}`, "JSON: acme/live=k:s coral/=x1:x2"},
	{"credential within", `{"account":"acme","environment":"live","credential":{"api_key":"κ","api_secret":"σ"}}`, "JSON: acme/live=k:s"},
	{"the gateway's address", "KITE_BASE_URL=https://kitegateway.com/v1\nKITE_API_KEY=κ\nKITE_API_SECRET=σ", "lines of NAME=value: /live=k:s"},
	{"kitekey simulator", "# acme/live: api_key κ  api_secret σ\n# coral/sandbox: api_key x1234567  api_secret y1234567", "the text: acme/live=k:s coral/sandbox=x1234567:y1234567"},
	{"comments alone", "# KITE_API_KEY=κ\n#KITE_API_SECRET=σ", "lines of NAME=value: /=k:s"},
	{"a page's address says nothing", "# https://kitegateway.com/docs\nKITE_API_KEY=κ\nKITE_API_SECRET=σ", "lines of NAME=value: /=k:s"},
}

// utf16LE returns text as Windows programs write it: UTF-16, little endian.
func utf16LE(text string) string {
	out := "\xff\xfe"
	for _, u := range utf16.Encode([]rune(text)) {
		out += string([]byte{byte(u), byte(u >> 8)})
	}
	return out
}

func TestRead_ReadsWhatPeopleHave(t *testing.T) {
	for _, c := range readable {
		t.Run(c.name, func(t *testing.T) {
			r, err := Read(strings.NewReplacer("κ", k, "σ", s).Replace(c.text))
			if err != nil || found(r) != c.want {
				t.Errorf("got  %s %v\nwant %s", found(r), err, c.want)
			}
		})
	}
}

// A text that is not understood is refused or left out.
func TestRead_TakesNothingThatIsNotClear(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a template", "KITE_API_KEY={{api_key}}\nKITE_API_SECRET=σ", "KITE_API_KEY contains a placeholder"},
		{"a sample", "KITE_API_KEY=<your api key>\nKITE_API_SECRET=σ", "KITE_API_KEY contains a placeholder"},
		{"a sample in capitals", "KITE_API_KEY=YOUR_API_KEY\nKITE_API_SECRET=σ", "KITE_API_KEY contains a placeholder"},
		{"a masked value", "API key: ••••••••jj2\nAPI secret: σ", "API key contains a masked value"},
		{"a masked value in ASCII", "api_key=********jj2\napi_secret=σ", "api_key contains a masked value"},
		{"a reference", "KITE_API_KEY=op://Work/kite/api_key\nKITE_API_SECRET=σ", "KITE_API_KEY refers to a value"},
		{"a secret of GitHub", "env:\n  KITE_API_KEY: ${{ secrets.KITE_API_KEY }}\n", "KITE_API_KEY contains a placeholder"},
		{"a Postman collection with variables", `{"item":[{"request":{"header":[{"key":"Secret-Key","value":"{{api_secret}}"}],"body":{"raw":"{\"api_key\":\"{{api_key}}\"}"}}}]}`, "contains a placeholder"},
		{"an expression", "const apiKey = process.env.KITE_API_KEY;\nconst apiSecret = config.get('secret');", "no credential found"},
		{"a function", "'key' => env('KITE_API_KEY'), 'secret' => env('KITE_API_SECRET')", "no credential found"},
		{"a form to fill in", "KITE_API_KEY=\nKITE_API_SECRET=\n", "no credential found"},
		{"a question", "Where do I find my API key? Is the API secret shown twice?", "no credential found"},
		{"a complaint", "The api key is wrong and the api secret is rejected", "no credential found"},
		{"a reply of the gateway", `{"code":401,"status":"error","message":"Invalid API key or secret","data":null}`, "no credential found"},
		{"a token", "JWT eyJ0eXAiOiBBV1QzI1NiJ9.eTAW0InJvbGUi2YifQ.f6FPyTxzchGD7ed55Rw7ruqe6P_Go", "no credential found"},
		{"titles of a table alone", "API key\tAPI secret", "no credential found"},
		{"another's object", "Stripe.api_key = \"sk-live-abcdef123456\"", "no credential found"},
		{"others' keys", "STRIPE_SECRET_KEY=x\nAWS_SECRET_ACCESS_KEY=y", "no credential found"},
		{"two of one half", "API key: κ\nAPI key: other-1234", "are the same half of a credential, with different values"},
		{"a value that goes on", "setx KITE_API_KEY abc12345,def", "no credential found"},
		{"not base64", "kind: Secret\ndata:\n  api_key: κ!\n  api_secret: σ!\n", "is not base64"},
		{"a form with an escaped value", "api_key=κ&api_secret=ab%2Fcd1234", "api_secret contains a % or a +"},
		{"an address with an escaped value", "https://x.example/?api_key=ab+cd1234&api_secret=σ", "api_key contains a % or a +"},
		{"bold without a value", "**API key:** **\n**API secret:** **", "no credential found"},
		{"a sentence with two words", "canary sentence", "no credential found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := Read(strings.NewReplacer("κ", k, "σ", s).Replace(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), k) || strings.Contains(err.Error(), s) {
				t.Errorf("%s, %v, want %q", found(r), err, c.want)
			}
		})
	}
}

func TestUnquote_TakesOffOnlyWhatIsAround(t *testing.T) {
	for text, want := range map[string]string{
		`"abc"`: "abc", "'abc',": "abc", "“abc”": "abc", "abc;": "abc", `"abc" `: "abc", `"a b"`: "", "abc": "", `"abc`: "", `"{{x}}"`: "",
	} {
		if got, ok := Unquote(text); ok != (want != "") || ok && got != want {
			t.Errorf("%s: %q %v", text, got, ok)
		}
	}
}
