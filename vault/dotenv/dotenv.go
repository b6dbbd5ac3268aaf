// Package dotenv reads credentials from the forms that people have: a .env file,
// JSON, YAML, TOML, a table, a Postman environment or collection, a Kubernetes
// Secret, a curl command, a part of a program, the text of a page or a mail, or a
// pasted part of one of them.
//
// All of these are names with values. Names are read as people write them:
//
//	KITE_API_KEY, KITEGATEWAY_API_SECRET, api_key, apiSecret   a credential
//	LIVE_API_KEY, KITE_SANDBOX_SECRET_KEY, KITE_API_KEY_LIVE   and its environment
//	KITE_ACME_LIVE_API_KEY, {"acme": {"live": {"api_key": …}}} and its account
//
// A name that belongs to another service, such as STRIPE_API_KEY or SECRET_KEY, is
// ignored. Values are used as they are written: expanding "$" and "\" as shells and
// some libraries do (github.com/joho/godotenv among them) would change a secret
// silently, so a value that programs read in different ways is refused, and so is a
// placeholder such as {{api_key}}.
package dotenv

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"kitekey/kite"
	"kitekey/vault"
)

// Errors that callers can match. Every error of this package matches
// [vault.ErrBadInput], names lines and variables, and never repeats a value.
var (
	// ErrNoCredential: the text can be read, but has no api_key or api_secret.
	ErrNoCredential = errors.New("no credential found in it: looked for names such as KITE_API_KEY and KITE_API_SECRET, or api_key and api_secret")
	// ErrNoAccount: neither the text nor the caller says which account it is for.
	ErrNoAccount = errors.New("it does not say which account the credential is for")
)

// Result is what [Read] found in a text.
type Result struct {
	Entries []Entry  // at least one
	Ignored []string // names that look like keys of another service
	Trimmed bool     // spaces around a value were removed
	Form    string   // the text's form: "JSON", "lines of NAME=value"
}

// Entry is one credential, or half of one.
type Entry struct {
	Account     string           // "" if the text does not say
	Environment kite.Environment // "" if the text does not say
	Label       string
	kite.Credential
	names [2]string // of the api_key and the api_secret, for errors
}

// Assign makes entries for the vault. account and environment are used if the text
// names none. If environment is "" too, it is the sandbox, and assumed reports that
// at least one entry needed it. Assign fails if half of a credential is missing,
// and with ErrNoAccount if an account is.
func (r Result) Assign(account string, environment kite.Environment) (entries []vault.Entry, assumed bool, err error) {
	for _, e := range r.Entries {
		switch {
		case e.APISecret.IsZero():
			return nil, false, badInput("%s has no secret beside it", e.names[0])
		case e.APIKey.IsZero():
			return nil, false, badInput("%s has no api_key beside it", e.names[1])
		}
		out := vault.Entry{Selector: vault.Selector{Account: e.Account, Environment: e.Environment}, Label: e.Label, Current: e.Credential}
		if out.Account == "" {
			out.Account = account
		}
		if out.Account == "" {
			return nil, false, vault.BadInput(ErrNoAccount)
		}
		if err := vault.ValidAccount(out.Account); err != nil {
			return nil, false, vault.BadInput(err)
		}
		if out.Environment == "" {
			assumed = assumed || environment == ""
			if out.Environment = environment; environment == "" {
				out.Environment = kite.Sandbox
			}
		}
		if slices.ContainsFunc(entries, func(have vault.Entry) bool { return have.Selector == out.Selector }) {
			return nil, false, badInput("there are two credentials for %s in it", out.Selector)
		}
		entries = append(entries, out)
	}
	return entries, assumed, nil
}

func badInput(format string, args ...any) error { return vault.BadInput(fmt.Errorf(format, args...)) }

// Bare reports whether text is a single value, such as an api_key, and not a text
// with values in it.
func Bare(text string) bool {
	text = trim(text)
	if name, _, ok := strings.Cut(text, "="); ok && isLabel(name) {
		return false
	}
	return text != "" && !strings.ContainsFunc(text, unicode.IsSpace) && closingQuotes[firstRune(text)] == "" &&
		!strings.HasSuffix(text, ",") && !strings.HasSuffix(text, ";") && !strings.Contains(text, "://") &&
		!strings.HasPrefix(text, "eyJ") && Placeholder(text) == "" && !assignment().MatchString(text)
}

// assignment matches the beginning of NAME=value and of JSON.
var assignment = pattern(`^[\w.$-]+=[^=]|^[\[{<]|:$`)

// Unquote returns the value of a text that has nothing but quotes, a comma or a
// semicolon around it. ok is false for any other text.
func Unquote(text string) (value string, ok bool) {
	text = trim(text)
	value = trim(unquote(strings.TrimRight(text, ",;")))
	return value, value != text && Bare(value)
}

// Placeholder says why a value stands for another one, "" if it does not.
func Placeholder(value string) string {
	switch {
	case strings.Contains(value, "{{"), strings.HasPrefix(value, "<") && strings.HasSuffix(value, ">"),
		strings.HasPrefix(value, "%") && strings.HasSuffix(value, "%"), standIn().MatchString(value):
		return "contains a placeholder in place of its value"
	case masked().MatchString(value):
		return "contains a masked value: some of its characters are hidden"
	case reference().MatchString(value):
		return "refers to a value that is elsewhere"
	}
	return ""
}

var (
	standIn   = pattern(`(?i)^(?:(?:your|my|insert|enter|put)[-_ ].*|.*[-_ ]here|x{4,}|change[-_]?me|replace[-_]?me|redacted|\[redacted\]|todo|null|none|nil|undefined|true|false|string|str|secret|key|token|value|password|\.{2,}|…)$`)
	masked    = pattern(`[*•●·∙]{3,}|…|\.{3}|^\[use '.*' to reveal\]$`)
	reference = pattern(`^(?:op|bw|vault|aws|gcp|azure|awssm|keyring|file|ref\+\w+|arn:aws|https?)://?|^arn:aws:|^ENC\[|^@[./~]`)
)

// Bounds of a text: bytes, names and values.
const (
	maxSize   = 4 << 20
	maxFields = 10_000
	maxName   = 80
)

var errTooMany = fmt.Errorf("it has more than %d values", maxFields)

// Read finds the credentials in text.
func Read(text string) (Result, error) {
	text, err := plainText(text)
	if err != nil {
		return Result{}, vault.BadInput(err)
	}
	unread := error(ErrNoCredential)
	for _, form := range forms {
		if form.when != nil && !form.when(text) {
			continue
		}
		fields, err := form.parse(text)
		if errors.Is(err, errTooMany) || err == nil && len(fields) > maxFields {
			return Result{}, vault.BadInput(errTooMany)
		}
		if errors.Is(err, errNotJSON) && isJSON(text) { // a table may begin with a quote, too
			unread = err
		}
		if err != nil {
			continue
		}
		result, err := credentialsIn(fields)
		if errors.Is(err, ErrNoCredential) {
			continue
		}
		if err != nil {
			return result, err
		}
		result.Form = form.name(text)
		result.addressed(text)
		return result, nil
	}
	return Result{}, vault.BadInput(unread)
}

// plainText returns text as UTF-8 with simple line ends, and without the marks of
// comments if it has nothing else. It fails if the text cannot be read.
func plainText(text string) (string, error) {
	if len(text) > maxSize {
		return "", fmt.Errorf("it is larger than %d MiB", maxSize>>20)
	}
	text = decodeUTF16(text)
	if !utf8.ValidString(text) {
		return "", errors.New("it is not UTF-8 text")
	}
	text = trim(lineEnds.Replace(text))
	if !uncommented().MatchString(text) { // it was copied from a file's comments
		text = trim(commentMark().ReplaceAllString(text, ""))
	}
	if text == "" {
		return "", errors.New("it is empty")
	}
	return text, nil
}

var (
	uncommented = pattern(`(?m)^[ \t]*[^#\s]`)
	commentMark = pattern(`(?m)^[ \t]*#+`)
)

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// decodeUTF16 returns text that Windows wrote as UTF-16 as UTF-8, and any other
// text unchanged.
func decodeUTF16(text string) string {
	var order binary.ByteOrder
	switch {
	case strings.HasPrefix(text, "\xff\xfe"), len(text) > 3 && text[0] != 0 && text[1] == 0 && text[2] != 0 && text[3] == 0:
		order = binary.LittleEndian
	case strings.HasPrefix(text, "\xfe\xff"), len(text) > 3 && text[0] == 0 && text[1] != 0 && text[2] == 0 && text[3] != 0:
		order = binary.BigEndian
	default:
		return text
	}
	if len(text)%2 != 0 {
		return text
	}
	units := make([]uint16, len(text)/2)
	for i := range units {
		units[i] = order.Uint16([]byte(text[2*i:]))
	}
	return string(utf16.Decode(units))
}

// TwoValues is the form of a text that has two values and no names.
const TwoValues = "two values, the api_key first"

// forms are the forms of a text, the strictest first. The first that finds half of
// a credential counts.
var forms = []struct {
	when  func(text string) bool // nil for always
	parse func(text string) ([]variable, error)
	name  func(text string) string
}{
	{isJSON, func(text string) ([]variable, error) { return parseJSON([]byte(text)) }, jsonName},
	{isMembers, func(text string) ([]variable, error) {
		return parseJSON([]byte("{" + strings.TrimRight(text, ", \t\n") + "}"))
	}, called("JSON")},
	{nil, parseNotes, called("notes of entries")},
	{nil, parseLines, linesName},
	{isYAML, parseYAML, yamlName},
	{nil, parseTable, called("a table")},
	{nil, parseText, textName},
	{nil, parseValues, called(TwoValues)},
}

func isJSON(text string) bool {
	return text[0] == '{' || text[0] == '[' && !section().MatchString(firstLine(text))
}

func isMembers(text string) bool { return text[0] == '"' } // lines from the middle of an object

func isYAML(text string) bool { return text[0] != '{' && strings.Contains(text, ":") }

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return trim(line)
}

func called(name string) func(string) string { return func(string) string { return name } }

func jsonName(text string) string {
	switch {
	case strings.Contains(text, `"_postman_id"`), strings.Contains(text, "schema.getpostman.com"):
		return "a Postman collection"
	case strings.Contains(text, `"_postman_`), strings.Contains(text, `"values"`):
		return "a Postman environment"
	case strings.Contains(text, "insomnia"):
		return "an Insomnia export"
	}
	return "JSON"
}

func yamlName(text string) string {
	switch {
	case kubernetesSecret().MatchString(text):
		return "a Kubernetes Secret"
	case strings.Contains(text, "insomnia"):
		return "an Insomnia export"
	}
	return "YAML"
}

var kubernetesSecret = pattern(`(?m)^kind:\s*Secret\s*$`)

func linesName(text string) string {
	if strings.Contains(text, "=") {
		return "lines of NAME=value"
	}
	return `lines of "name: value"`
}

func textName(text string) string {
	if strings.Contains(text, "curl") {
		return "a curl command"
	}
	return "the text"
}

// addressed takes the environment from the gateway's address in text, if nothing
// else says it.
func (out *Result) addressed(text string) {
	var env kite.Environment
	for _, m := range gatewayAddress().FindAllStringSubmatch(text, -1) {
		e := kite.Live
		if m[1] != "" {
			e = kite.Sandbox
		}
		if env != "" && env != e {
			return
		}
		env = e
	}
	for i := range out.Entries {
		out.Entries[i].Environment = cmp.Or(out.Entries[i].Environment, env)
	}
}

// gatewayAddress matches the address for requests, not that of a page.
var gatewayAddress = pattern(`https://(sandbox\.)?kitegateway\.com/v\d`)
