package words

import (
	"errors"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"kitekey/kite"
	"kitekey/vault"
)

// Ways are a front end's names for what the user can do: "press r" on the screen, a
// command line elsewhere. Each completes "to …, ".
type Ways struct {
	Verify string // verify the profile
	Rotate string // enter another credential for it
	Remove string
	Add    string
	List   string // see which profiles exist
	Doctor string // check the set-up; a noun: "kitekey doctor"
}

// Commands returns the ways of the command line for a profile's name, or for no
// profile if it is "".
func Commands(profile string) Ways {
	verify := profile
	if profile == "" {
		profile, verify = "SELECTOR", "--all"
	}
	run := func(verb string) string { return `run "kitekey ` + verb + ` ` + profile + `"` }
	return Ways{
		Verify: `run "kitekey verify ` + verify + `"`, Rotate: run("rotate"), Remove: run("remove"), Add: run("add"),
		List: `run "kitekey list"`, Doctor: `"kitekey doctor"`,
	}
}

// Keys returns the ways of the screen.
func Keys() Ways {
	return Ways{Verify: "press v", Rotate: "press r", Remove: "press d", Add: "press a", List: "press esc", Doctor: `"kitekey doctor"`}
}

// FormKeys returns the ways of a form on the screen, in which letters are text.
func FormKeys() Ways {
	return Ways{Verify: "press ctrl+s", Rotate: "press esc, then r", Remove: "press esc, then d", Add: "press esc, then a", List: "press esc", Doctor: `"kitekey doctor"`}
}

func (w Ways) fill(text string) string {
	return strings.NewReplacer("{verify}", w.Verify, "{rotate}", w.Rotate, "{remove}", w.Remove, "{add}", w.Add, "{list}", w.List, "{doctor}", w.Doctor).Replace(text)
}

// Advice returns what a verdict means and what to do about it. The gateway's words,
// if there are any, say more than the verdict and decide.
func Advice(r vault.Report, by Ways) (meaning, next string) {
	w := Verdict(r.Verdict, r.Store)
	meaning, next = w.Meaning, w.next
	if r.Verdict == vault.VerdictRejected {
		if m, n, ok := refusal(r.Status, r.Message); ok {
			meaning, next = m, n
		}
	}
	m, n, ok := interference(r.Err)
	if !ok {
		m, n, ok = overrideTrouble(r.Verdict, r.Host)
	}
	if ok {
		meaning, next = m, n+", then {verify}"
	}
	return meaning, by.fill(next)
}

// interference explains an error whose cause is between this machine and
// Kitegateway: an inspected TLS connection, or a proxy.
func interference(err error) (meaning, next string, ok bool) {
	var certificate *kite.CertificateError
	if errors.As(err, &certificate) {
		proxy, correct, isProxy := proxyTrouble(err)
		wrong, next, isWrong := wrongServer(certificate)
		switch {
		case isProxy && certificate.WrongName():
			return proxy, correct, true
		case isProxy && isWrong:
			return proxy, next, true
		case isProxy:
			return proxy, `if your company's proxy has a CA of its own, trust it: run "kitekey network ca FILE"`, true
		case isWrong:
			return wrong + ". The credential was not sent", next, true
		}
		return "something between this machine and Kitegateway answered with a certificate that is not trusted here. The credential was not sent",
			`if your company inspects connections, trust its CA: run "kitekey network ca FILE"`, true
	}
	return proxyTrouble(err)
}

// wrongServer explains a certificate that no other CA would make valid.
func wrongServer(e *kite.CertificateError) (meaning, next string, ok bool) {
	switch {
	case e.WrongTime():
		return "by this computer's clock, the server's certificate has expired or is not valid yet",
			"set this computer's clock if it is wrong; if it is right, the people who run the server have to renew its certificate", true
	case e.WrongName():
		return "a server of another name answered, such as a network's sign-in page",
			"open any web page to sign in to the network, and check DNS, the hosts file and the VPN", true
	}
	return "", "", false
}

// overrideTrouble explains why an override did not answer as Kitegateway does.
func overrideTrouble(v vault.Verdict, host string) (meaning, next string, ok bool) {
	if !kite.OnThisMachine(host) {
		return "", "", false
	}
	switch v {
	case vault.VerdictUnreachable:
		return "nothing on this machine answers at " + host + ", which overrides Kitegateway. The credential was not verified",
			"start what should answer at " + host + ", such as the simulator", true
	case vault.VerdictUnexpectedReply:
		return "what answers at " + host + ", which overrides Kitegateway, does not answer as Kitegateway does. The credential was not verified",
			"see which program listens at " + host, true
	}
	return "", "", false
}

// proxyTrouble explains a failure of the proxy. What to do depends on what it said.
func proxyTrouble(err error) (meaning, next string, ok bool) {
	var proxy *kite.ProxyError
	if !errors.As(err, &proxy) {
		return "", "", false
	}
	meaning = "the proxy that " + proxy.Variable + " names did not let the request through. Kitegateway was not reached"
	switch {
	case proxy.Status == http.StatusProxyAuthRequired:
		return meaning, "write http://USER:PASSWORD@HOST:PORT into " + proxy.Variable, true
	case proxy.Status >= 500:
		return meaning, "try again in a minute; if it fails again, ask the people who run the proxy", true
	case proxy.Status != 0:
		return meaning, "ask the people who run the proxy to allow the connection, or exclude its host with NO_PROXY", true
	}
	return meaning, "correct " + proxy.Variable + ` or unset it ("kitekey network" shows what is in force)`, true
}

// refusals match messages with which a gateway refuses a request although the
// credential may be right. The first match counts.
var refusals = []struct {
	says          func() *regexp.Regexp
	meaning, next string
}{
	{
		pattern(`(?i)\bip\b|\bip[- ]?address|allow-?list|white-?list|\baddress(es)? (is|are)? ?not`),
		"Kitegateway does not allow this computer's address. The credential may be right",
		"have this computer's public address allowed in the Kitegateway dashboard, then {verify}",
	},
	{
		pattern(`(?i)suspend|disabled|deactivat|inactive|not active|blocked|frozen|closed`),
		"Kitegateway says that the account or its credential is not active",
		"ask the account's owner or Kitegateway's support",
	},
	{
		pattern(`(?i)permission|forbidden|not allowed|not permitted|not authori[sz]ed to|scope`),
		"Kitegateway does not allow this request. The credential may be right",
		"ask the account's owner or Kitegateway's support what this credential may do",
	},
}

// pattern compiles expr at its first use: every start of kitekey would wait for it.
func pattern(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

// refusal explains a refusal by what the gateway said. It is not ok where the
// gateway said nothing that tells more than a wrong credential.
func refusal(status int, message string) (meaning, next string, ok bool) {
	for _, r := range refusals {
		if r.says().MatchString(message) {
			return r.meaning, r.next, true
		}
	}
	if status == 403 {
		last := refusals[len(refusals)-1]
		return last.meaning, last.next, true
	}
	return "", "", false
}

// NextStep returns what the user can do about err, "" if the error says it all.
func NextStep(err error, by Ways) string {
	if err == nil {
		return ""
	}
	// The first that knows the error decides.
	for _, step := range []func(error) (next string, ok bool){
		typedStep, sourceNextStep, storeStep, sentinelStep, gatewayStep,
	} {
		if next, ok := step(err); ok {
			return by.fill(next)
		}
	}
	return by.fill(verdictStep(err, by))
}

func storeStep(err error) (string, bool) {
	next := StoreAdvice(err)
	return next, next != ""
}

// typedStep returns the next step for errors that carry what it needs.
func typedStep(err error) (string, bool) {
	var missing *vault.NoProfileError
	var other *vault.OtherStoreError
	var unlisted *vault.UnlistedError
	var origin *vault.OriginError
	var renamed *vault.RenamedError
	var access *vault.AccessError
	var profile *vault.ProfileError
	switch {
	case errors.As(err, &renamed) && renamed.Source != "":
		return `to see what is there, run "kitekey source sync ` + renamed.Source + `"`, true
	case errors.As(err, &access) && access.Owner != "":
		return giveBack + " " + filepath.Dir(access.Path) + `"`, true
	case errors.As(err, &access):
		return repair, true
	case errors.As(err, &missing) && len(missing.Near) > 0:
		near := make([]string, len(missing.Near))
		for i, sel := range missing.Near {
			near[i] = sel.String()
		}
		return "did you mean " + strings.Join(near, ", ") + "?", true
	case errors.As(err, &missing) && errors.As(err, &profile) && vault.ValidAccount(profile.Selector.Account) != nil:
		return "to see the profiles, {list}", true // {add} would refuse the name
	case errors.As(err, &missing) && missing.Empty:
		return "to add the first, {add}", true
	case errors.As(err, &other):
		return "it is in " + Store(other.Store) + ", and " + Store(other.InUse) + ` is in use; to use the other, add --store ` + other.Store + `; to move everything to ` + Store(other.InUse) + `, run "kitekey store migrate --to ` + other.InUse + `"`, true
	case errors.As(err, &unlisted):
		return adopt + " --store " + unlisted.Store + ", then run this command again", true
	case errors.As(err, &origin) && errors.As(err, &profile):
		return `if it is meant to go there, run "kitekey edit ` + profile.Selector.String() + " --origin " + string(origin.InUse) + `"`, true
	}
	return "", false
}

// steps has the next step for each kind of error; "" means that the error says it
// all. The first kind that matches decides.
var steps = []struct {
	err  error
	next string
}{
	{vault.ErrNewer, "upgrade kitekey; nothing was changed"},
	{vault.ErrSettings, "correct the file, or delete it for the defaults"},
	{vault.ErrNoLocks, "KITEKEY_HOME names a folder on another file system"},
	{vault.ErrIndexDamaged, "no credential is lost; to rebuild the index, " + repair},
	{vault.ErrDataFolder, "KITEKEY_HOME names another folder"},
	{vault.ErrForeign, "delete the file if you do not know it, or make it yours with \"sudo chown\""},
	{vault.ErrUnknownOutcome, "keep the credential at hand, and once the store answers again, {list}"},
	{vault.ErrNoProfile, "to see the profiles, {list}; to add one, {add}"},
	{vault.ErrExists, "to replace its credential, {rotate}"},
	{kite.ErrOutcomeUnknown, ""},
}

func sentinelStep(err error) (string, bool) {
	for _, s := range steps {
		if errors.Is(err, s.err) {
			return s.next, true
		}
	}
	return "", false
}

// gatewayStep returns the next step for failures between this machine and the
// gateway, and for calls other than minting.
func gatewayStep(err error) (string, bool) {
	if _, next, _ := interference(err); next != "" {
		return next, true
	}
	var gateway *kite.Error
	if !errors.As(err, &gateway) || gateway.Minting() {
		return "", false
	}
	if _, next, ok := overrideTrouble(vault.VerdictOf(err), gateway.Host); ok {
		return next, true
	}
	return callAdvice(gateway), true
}

// verdictStep returns the advice for what err says about a credential.
func verdictStep(err error, by Ways) string {
	r := vault.Report{Verdict: vault.VerdictOf(err)}
	if r.Verdict == vault.VerdictNone || r.Verdict == vault.VerdictOK {
		return ""
	}
	var gateway *kite.Error
	if errors.As(err, &gateway) {
		r.Host, r.Status, r.Message = gateway.Host, gateway.Status, gateway.Message
	}
	var store *vault.StoreError
	if errors.As(err, &store) {
		r.Store = store.Store
	}
	_, next := Advice(r, by)
	if gateway != nil && gateway.RetryAfter > 0 { // the text has said how long
		next = strings.Replace(next, "wait a minute", "wait that long", 1)
	}
	if gateway != nil && verdicts[r.Verdict].Class == Doubtful {
		next = "the credential was not verified; " + next
	}
	return next
}

// callAdvice returns what to do after a call other than minting has failed. It says
// nothing about the credential: only a token was sent, and the error has the
// gateway's words about the request.
func callAdvice(e *kite.Error) string {
	switch e.Kind {
	case kite.ErrRefused:
		_, next, _ := refusal(e.Status, e.Message)
		return next
	case kite.ErrUnreachable:
		return "check the network, the proxy and the VPN"
	case kite.ErrRateLimited:
		if e.RetryAfter > 0 { // the text has said how long
			return "wait that long, then try again"
		}
		return "wait a minute, then try again"
	case kite.ErrGateway:
		return "try again in a few minutes"
	case kite.ErrUnexpectedReply:
		return "open any web page to sign in to the network, and check the proxy and the override"
	}
	return ""
}
