package words

import (
	"fmt"
	"strings"

	"kitekey/vault"
)

// Class is the kind of a verdict, which decides its mark and its colour.
type Class int

// The classes.
const (
	Unknown  Class = iota // not verified
	Good                  // the credential works
	Doubtful              // nothing was learned about the credential
	Bad                   // the credential does not work
)

// VerdictWords is the text for a verdict.
type VerdictWords struct {
	Word    string // "refused"
	Short   string // the same in at most nine characters, for a narrow column
	Several string // after a number above one, where that is not Word: "work"
	Class   Class
	Exit    int    // exit code of a command that ends with it
	Brief   string // the meaning in half a line, for a table
	Meaning string // for a reader who has never seen the API
	next    string // what to do; {verify} and {rotate} are the front end's ways
}

// verdicts has the words for every verdict. {store} is the store's name.
var verdicts = map[vault.Verdict]VerdictWords{
	vault.VerdictNone: {
		Word: "not verified", Short: "untried", Class: Unknown, Exit: 0,
		Brief:   "this credential has not been verified yet",
		Meaning: "this credential has not been verified yet",
		next:    "to verify it, {verify}",
	},
	vault.VerdictOK: {
		Word: "works", Short: "works", Several: "work", Class: Good, Exit: 0,
		Brief:   "Kitegateway accepted this credential and minted a token with it",
		Meaning: "Kitegateway accepted this credential and minted a token with it",
		next:    "nothing to do",
	},
	vault.VerdictRejected: {
		Word: "refused", Short: "refused", Class: Bad, Exit: 4,
		Brief:   "Kitegateway answered and does not accept this credential",
		Meaning: "Kitegateway answered and does not accept this credential: the api_key or the api_secret is wrong, was replaced or deleted, or belongs to the other environment. The network is fine",
		next:    "compare the last four characters of the api_key with the Kitegateway dashboard; to enter a new credential, {rotate}",
	},
	vault.VerdictInvalid: {
		Word: "request rejected", Short: "invalid", Several: "requests rejected", Class: Bad, Exit: 4,
		Brief:   "Kitegateway rejected the request itself as invalid",
		Meaning: "Kitegateway rejected the request itself as invalid. The credential was neither accepted nor refused",
		next:    "try another expires_in; if it fails again, send the report to Kitegateway's support",
	},
	vault.VerdictUnreachable: {
		Word: "unreachable", Short: "no answer", Class: Doubtful, Exit: 5,
		Brief:   "Kitegateway could not be reached",
		Meaning: "Kitegateway could not be reached, so the credential was not verified. It may be down, or a proxy, a firewall or a lost connection is in the way",
		next:    "check the network, the proxy and the VPN, then {verify}",
	},
	vault.VerdictRateLimited: {
		Word: "too many requests", Short: "throttled", Class: Doubtful, Exit: 5,
		Brief:   "Kitegateway asks for fewer requests",
		Meaning: "Kitegateway asks for fewer requests. The credential was not verified. Scripts that share a credential should reuse one token",
		next:    "wait a minute, then {verify}",
	},
	vault.VerdictGatewayError: {
		Word: "gateway failed", Short: "failed", Class: Doubtful, Exit: 5,
		Brief:   "Kitegateway answered that it failed",
		Meaning: "Kitegateway answered that it failed. The credential was not verified",
		next:    "try again in a few minutes; if it fails again, send the report to Kitegateway's support",
	},
	vault.VerdictUnexpectedReply: {
		Word: "not a Kitegateway reply", Short: "odd reply", Several: "not Kitegateway replies", Class: Doubtful, Exit: 5,
		Brief:   "something answered, but not as Kitegateway does",
		Meaning: "something answered, but not as Kitegateway does: a sign-in page of the network, a proxy, or a redirect. The credential was not verified",
		next:    "open any web page to sign in to the network, check the proxy and the override, then {verify}",
	},
	vault.VerdictNoCredential: {
		Word: "no credential", Short: "no cred.", Class: Bad, Exit: 3,
		Brief:   "the profile is listed, but {store} has no readable credential for it",
		Meaning: "the profile is listed, but {store} has no readable credential for it: it was removed there, or the store was replaced",
		next:    "to enter the credential again, {rotate}; {doctor} compares the list with the store",
	},
	vault.VerdictStoreLocked: {
		Word: "{store} is locked", Short: "locked", Class: Doubtful, Exit: 6,
		Brief:   "{store} is locked",
		Meaning: "{store} is locked, so the credential could not be read. It was not verified",
		next:    "unlock {store}, then {verify}",
	},
	vault.VerdictUnavailable: {
		Word: "{store} does not answer", Short: "no store", Class: Doubtful, Exit: 6,
		Brief:   "{store} does not answer",
		Meaning: "{store} does not answer, so the credential could not be read. It was not verified",
		next:    "{doctor} says what is wrong with {store}",
	},
	vault.VerdictSource: {
		Word: "its source is unavailable", Short: "no source", Several: "sources unavailable", Class: Doubtful, Exit: 6,
		Brief:   "the team's secret manager that holds this credential could not be used",
		Meaning: "the team's secret manager that holds this credential could not be used, so the credential could not be read. It was not verified; a cached token goes on working",
		next:    "the report has the engine's own words; \"kitekey source test\" tests each step",
	},
}

// Verdict returns the words for a verdict on a credential that is kept in the store
// of that name ("" if it does not matter). An unknown verdict, from a newer
// kitekey, is its own word.
func Verdict(v vault.Verdict, store string) VerdictWords {
	w, ok := verdicts[v]
	if !ok {
		return VerdictWords{Word: Line(string(v)), Short: "unknown", Class: Unknown, Exit: 1,
			Brief: "this version of kitekey does not know it", Meaning: "this version of kitekey does not know this verdict", next: "upgrade kitekey"}
	}
	for _, text := range []*string{&w.Word, &w.Brief, &w.Meaning, &w.next} {
		if strings.Contains(*text, "{store}") { // a list draws hundreds a second
			*text = strings.ReplaceAll(*text, "{store}", Store(store))
		}
	}
	return w
}

// Tally writes how many profiles have each verdict, failing ones first: "1 refused",
// "7 work".
func Tally(count map[vault.Verdict]int) []string {
	var parts []string
	for _, v := range VerdictsByClass() {
		if n := count[v]; n > 0 {
			w := verdicts[v]
			word := w.Word
			switch {
			case w.Several != "" && n > 1:
				word = w.Several
			case strings.Contains(word, "{store}"):
				word = w.Short
			}
			parts = append(parts, fmt.Sprintf("%d %s", n, word))
		}
	}
	return parts
}

// VerdictsByClass lists the verdicts from bad to good, which is the order in which
// support looks at them.
func VerdictsByClass() []vault.Verdict {
	var out []vault.Verdict
	for _, class := range []Class{Bad, Doubtful, Unknown, Good} {
		for _, v := range append([]vault.Verdict{vault.VerdictNone}, vault.Verdicts...) {
			if verdicts[v].Class == class {
				out = append(out, v)
			}
		}
	}
	return out
}
