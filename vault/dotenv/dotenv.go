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
	Trimmed bool     // blanks around a value were removed
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
		!strings.HasPrefix(text, "eyJ") && placeholder(text) == "" && !assignment().MatchString(text)
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

// placeholder says why a value stands for another one, "" if it does not.
func placeholder(value string) string {
	switch {
	case strings.Contains(value, "{{"), strings.HasPrefix(value, "<") && strings.HasSuffix(value, ">"),
		strings.HasPrefix(value, "%") && strings.HasSuffix(value, "%"), standIn().MatchString(value):
		return "holds a placeholder in place of its value"
	case masked().MatchString(value):
		return "holds a masked value: some of its characters are hidden"
	case reference().MatchString(value):
		return "says where its value is, and not the value"
	}
	return ""
}

var (
	standIn   = pattern(`(?i)^(?:(?:your|my|insert|enter|put)[-_ ].*|.*[-_ ]here|x{4,}|change[-_]?me|replace[-_]?me|redacted|\[redacted\]|todo|null|none|nil|undefined|true|false|string|str|secret|key|token|value|password|\.{2,}|…)$`)
	masked    = pattern(`[*•●·∙]{3,}|…|\.{3}`)
	reference = pattern(`^(?:op|bw|vault|aws|gcp|azure|awssm|keyring|file|ref\+\w+|arn:aws|https?)://?|^arn:aws:|^ENC\[|^@[./~]`)
)

// Bounds of a text: bytes, names and values.
const (
	maxSize   = 4 << 20
	maxFields = 10_000
	maxName   = 80
)

// Read finds the credentials in text.
func Read(text string) (Result, error) {
	if len(text) > maxSize {
		return Result{}, badInput("it is larger than %d MiB", maxSize>>20)
	}
	text = decodeUTF16(text)
	if !utf8.ValidString(text) {
		return Result{}, badInput("it is not UTF-8 text")
	}
	text = trim(lineEnds.Replace(text))
	if !uncommented().MatchString(text) { // it was copied from a file's comments
		text = trim(commentMark().ReplaceAllString(text, ""))
	}
	if text == "" {
		return Result{}, badInput("it is empty")
	}
	unread := error(ErrNoCredential)
	for _, form := range forms {
		if form.when != nil && !form.when(text) {
			continue
		}
		fields, err := form.parse(text)
		if err == nil && len(fields) > maxFields {
			return Result{}, badInput("it has more than %d values", maxFields)
		}
		if errors.Is(err, errNotJSON) {
			unread = err
		}
		if err != nil {
			continue
		}
		result, err := pairUp(fields)
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
func isYAML(text string) bool    { return text[0] != '{' && strings.Contains(text, ":") }

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

// variable is a name with its value.
type variable struct {
	group     string   // the object it is in; both halves of a credential are in the same. ".1.2" is within ".1"
	around    []string // names of the objects around it, outermost first
	name      string
	value     string
	ambiguity string // why programs would read the value differently, "" if they would not
	unfolded  bool   // it was {"key": name, "value": value}
	strong    bool   // its name is certainly that of half of a credential
	promoted  role   // its role, although its name alone does not tell it
}

// role is what a name means.
type role int

const (
	roleNone role = iota
	roleKey
	roleSecret
	roleAccount
	roleEnvironment
	roleLabel
)

var (
	secretEndings = [][]string{{"api", "secret", "key"}, {"api", "secret"}, {"apisecret"}, {"secret", "key"}, {"secretkey"}, {"secret"}}
	keyEndings    = [][]string{{"api", "key"}, {"apikey"}, {"key"}}
)

// parsedName is what a name says.
type parsedName struct {
	role    role
	account string
	env     kite.Environment
	known   bool // it says "kite": it is certainly Kitegateway's
	strong  bool // it is known, or says "api"
	weak    bool // "Secret", "Key": half of a credential if a text has one of each
	both    bool // it says sandbox and live
}

// parseName returns what the name says. inGroup also accepts names that mean little
// on their own ("key", "secret", "account"): the enclosing object gives the
// context.
func (f variable) parseName(inGroup bool) parsedName {
	var r parsedName
	if len(f.name) > maxName || !lineTitle().MatchString(f.name) { // not a name, but a part of a text
		return r
	}
	rest := r.takeEnvironment(nameWords(f.name))
	for _, name := range f.around {
		r.known = r.known || slices.ContainsFunc(words(name), isGateway)
	}
	r.strong = r.known || strings.EqualFold(f.name, "Secret-Key") // the gateway's own header
	switch {
	case cutEnding(&rest, secretEndings, &r.strong):
		r.role = roleSecret
	case cutEnding(&rest, keyEndings, &r.strong):
		r.role = roleKey
	case (inGroup || r.known) && len(rest) == 1:
		switch rest[0] {
		case "account", "merchant", "business":
			return parsedName{role: roleAccount}
		case "environment", "env", "mode":
			return parsedName{role: roleEnvironment}
		case "label":
			return parsedName{role: roleLabel}
		}
		return parsedName{}
	default:
		return parsedName{}
	}
	if !r.strong && !inGroup || len(rest) > 0 && !r.known {
		r.weak = !r.strong && len(rest) == 0 && !strings.Contains(f.name, "_") && f.name != strings.ToUpper(f.name)
		r.role = roleNone
		return r
	}
	r.account = strings.Join(rest, "-")
	for _, name := range f.around {
		outer := r.takeEnvironment(words(name))
		if len(outer) > 0 && !isContainer(outer) && r.account == "" && !f.isSetting() {
			r.account = strings.ToLower(name)
			if len(outer) < len(words(name)) {
				r.account = strings.Join(outer, "-")
			}
		}
	}
	return r
}

// isSetting reports whether it is an environment variable of a compose file, a
// manifest and the like: the names around it are programs, not accounts.
func (f variable) isSetting() bool {
	return slices.ContainsFunc(f.around, func(name string) bool {
		switch strings.ToLower(name) {
		case "services", "environment", "env", "spec", "stringdata", "data", "variables", "jobs", "steps":
			return true
		}
		return false
	})
}

// nameWords is words without those that precede a name in programs:
// process.env.KITE_API_KEY, NEXT_PUBLIC_KITE_API_KEY.
func nameWords(name string) []string {
	list := words(name)
	gateway := slices.IndexFunc(list, isGateway)
	for len(list) > 1 {
		switch list[0] {
		case "process", "env", "environ", "os", "import", "meta", "this", "self":
		case "vite", "next", "public", "react", "app", "nuxt", "expo":
			if gateway < 0 {
				return list
			}
		default:
			return list
		}
		list, gateway = list[1:], gateway-1
	}
	return list
}

func isGateway(word string) bool { return word == "kite" || word == "kitegateway" || word == "kitekey" }

// takeEnvironment sets the environment from names, and returns names without it and
// without the gateway's own name.
func (r *parsedName) takeEnvironment(names []string) (rest []string) {
	for i, w := range names {
		var env kite.Environment
		switch {
		case isGateway(w):
			r.known = true
			continue
		case w == "gateway":
			if i > 0 && names[i-1] == "kite" {
				continue
			}
		case w == "live" || w == "prod" || w == "production":
			env = kite.Live
		case w == "sandbox" || w == "test":
			env = kite.Sandbox
		}
		if env == "" {
			rest = append(rest, w)
			continue
		}
		r.both = r.both || r.env != "" && r.env != env
		r.env = env
	}
	return rest
}

func cutEnding(names *[]string, endings [][]string, strong *bool) bool {
	for _, e := range endings {
		if at := len(*names) - len(e); at >= 0 && slices.Equal((*names)[at:], e) {
			*names = (*names)[:at]
			*strong = *strong || strings.HasPrefix(e[0], "api")
			return true
		}
	}
	return false
}

// isContainer reports whether names are those of a list or a wrapper, rather than
// an account's.
func isContainer(names []string) bool {
	if len(names) != 1 {
		return false
	}
	switch names[0] {
	case "accounts", "profiles", "credentials", "credential", "merchants", "keys", "environments", "api", "config", "data", "payments", "pair", "current", "default", "settings", "secrets", "stringdata", "values", "variables", "environment", "services", "env":
		return true
	}
	return false
}

// words splits a name into words: "apiKey", "API_KEY" and "api-key" give the same.
func words(name string) (list []string) {
	var word []rune
	end := func() {
		if len(word) > 0 {
			list = append(list, strings.ToLower(string(word)))
		}
		word = nil
	}
	lower := false
	for _, c := range name {
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			end()
			lower = false
			continue
		}
		if unicode.IsUpper(c) && lower {
			end()
		}
		lower = !unicode.IsUpper(c)
		word = append(word, c)
	}
	end()
	return list
}

// pairKey identifies a credential while its halves are put together.
type pairKey struct {
	group, account string
	env            kite.Environment
}

type halves struct{ key, secret *variable }

// pairUp puts the halves of credentials together.
func pairUp(fields []variable) (Result, error) {
	var out Result
	pairs, order := map[pairKey]*halves{}, []pairKey(nil)
	about := map[string]map[role]string{} // what a group says about itself
	promoteWeak(fields)
	for i := range fields {
		f := &fields[i]
		r := f.parseName(f.group != "")
		if f.promoted != roleNone {
			r.role = f.promoted
		}
		switch r.role {
		case roleNone:
			if looksLikeKey(f.name) {
				out.Ignored = append(out.Ignored, kite.CleanText(f.name))
			}
			continue
		case roleAccount, roleEnvironment, roleLabel:
			if about[f.group] == nil {
				about[f.group] = map[role]string{}
			}
			about[f.group][r.role] = f.value
			continue
		}
		if r.both {
			return out, badInput("%s says sandbox and live", kite.CleanText(f.name))
		}
		if f.value == "" && f.ambiguity == "" { // a form to be filled in
			continue
		}
		if f.ambiguity = cmp.Or(placeholder(trim(f.value)), f.ambiguity); f.ambiguity != "" {
			return out, badInput("%s %s", kite.CleanText(f.name), f.ambiguity)
		}
		f.strong = r.strong
		at := pairKey{f.group, r.account, r.env}
		if pairs[at] == nil {
			pairs[at], order = &halves{}, append(order, at)
		}
		half := &pairs[at].key
		if r.role == roleSecret {
			half = &pairs[at].secret
		}
		if *half != nil && (*half).value != f.value {
			return out, badInput("%s and %s are the same half of a credential, and differ", kite.CleanText((*half).name), kite.CleanText(f.name))
		}
		*half = f
	}
	order = join(pairs, order)
	for _, at := range order {
		p := pairs[at]
		if alone := cmp.Or(p.key, p.secret); (p.key == nil || p.secret == nil) && !alone.strong { // a "secret" of something else
			out.Ignored = append(out.Ignored, kite.CleanText(alone.name))
			continue
		}
		e, err := out.entry(at, *p, about)
		if err != nil {
			return out, err
		}
		out.Entries = append(out.Entries, e)
	}
	if len(out.Entries) == 0 {
		return out, vault.BadInput(ErrNoCredential)
	}
	return out, nil
}

// promoteWeak takes "Secret" for the api_secret beside an "API key", and "Key" and
// "Secret" for the two halves, if a text has no better names.
func promoteWeak(fields []variable) {
	var sure, weak [roleSecret + 1][]*variable
	for i := range fields {
		f := &fields[i]
		r := f.parseName(f.group != "")
		switch {
		case r.role == roleKey || r.role == roleSecret:
			sure[r.role] = append(sure[r.role], f)
		case r.weak && strings.HasPrefix(strings.ToLower(words(f.name)[0]), "secret"):
			weak[roleSecret] = append(weak[roleSecret], f)
		case r.weak:
			weak[roleKey] = append(weak[roleKey], f)
		}
	}
	for half, other := range map[role]role{roleKey: roleSecret, roleSecret: roleKey} {
		if len(sure[half]) == 0 && len(weak[half]) == 1 && len(sure[other]) <= 1 && (len(sure[other]) == 1 || len(weak[other]) == 1) {
			weak[half][0].promoted = half
		}
	}
}

// join makes one credential of two single halves in different objects, like the
// header and the body of a request.
func join(pairs map[pairKey]*halves, order []pairKey) []pairKey {
	if len(order) != 2 || order[0].account != order[1].account && order[0].account != "" && order[1].account != "" || order[0].env != order[1].env {
		return order
	}
	a, b := pairs[order[0]], pairs[order[1]]
	if order[0].group == order[1].group || (a.key == nil) == (b.key == nil) || (a.secret == nil) == (b.secret == nil) {
		return order
	}
	a.key, a.secret = cmp.Or(a.key, b.key), cmp.Or(a.secret, b.secret)
	return order[:1]
}

// said returns what a group, or one around it, says about itself.
func said(about map[string]map[role]string, group string, what role) string {
	for {
		if text := about[group][what]; text != "" || group == "" {
			return text
		}
		group = group[:max(strings.LastIndexByte(group, '.'), 0)]
	}
}

// entry makes an entry of one or two halves.
func (out *Result) entry(at pairKey, h halves, about map[string]map[role]string) (e Entry, err error) {
	e.Account = cmp.Or(at.account, said(about, at.group, roleAccount))
	if e.Account != "" {
		if err := vault.ValidAccount(e.Account); err != nil {
			return e, vault.BadInput(err)
		}
	}
	if e.Environment = at.env; e.Environment == "" {
		if word := said(about, at.group, roleEnvironment); word == "" {
			// the text does not say
		} else if e.Environment, err = environmentWord(word); err != nil {
			return e, vault.BadInput(err)
		}
	}
	if e.Label, err = vault.CleanLabel(said(about, at.group, roleLabel)); err != nil {
		return e, err
	}
	// While one half is missing, the other is checked with a stand-in.
	key, secret := "-", "-"
	if h.key != nil {
		key, e.names[0] = h.key.value, kite.CleanText(h.key.name)
	}
	if h.secret != nil {
		secret, e.names[1] = h.secret.value, kite.CleanText(h.secret.name)
	}
	cred, trimmed, err := kite.ParseCredential(key, secret)
	if err != nil {
		return e, badInput("%s: %w", e.subject(), err)
	}
	out.Trimmed = out.Trimmed || trimmed
	if h.key != nil {
		e.APIKey = cred.APIKey
	}
	if h.secret != nil {
		e.APISecret = cred.APISecret
	}
	return e, nil
}

// subject names the variables that an entry came from.
func (e Entry) subject() string {
	switch {
	case e.names[0] == "":
		return e.names[1]
	case e.names[1] == "":
		return e.names[0]
	}
	return e.names[0] + " and " + e.names[1]
}

// environmentWord reads "live", "production", "test".
func environmentWord(s string) (kite.Environment, error) {
	var r parsedName
	if rest := r.takeEnvironment(words(s)); len(rest) > 0 || r.env == "" || r.both {
		return "", errors.New("its environment is neither sandbox nor live")
	}
	return r.env, nil
}

// looksLikeKey reports whether a name looks like another service's key, to tell the
// user that it was ignored.
func looksLikeKey(name string) bool {
	last := words(name)
	return len(last) > 0 && (last[len(last)-1] == "key" || last[len(last)-1] == "secret" || strings.HasSuffix(last[len(last)-1], "apikey"))
}
