package vault

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"kitekey/kite"
)

// DefaultExpiresIn is the life in seconds to ask for if a profile has no default of
// its own.
const DefaultExpiresIn kite.Lifetime = 300

// Profile is what the index knows of one account in one environment. It holds
// no secret.
type Profile struct {
	ID string // random; the name of its item in the store
	Selector
	Store     string        // name of the store that holds its secrets
	Source    string        // name of the source that holds its credential, "" if the store does
	Label     string        // the account's free text
	KeyHint   string        // the api_key's last characters
	Origin    kite.Origin   // the gateway that its credential belongs to, and the only one it is sent to
	ExpiresIn kite.Lifetime // default life of its tokens
	Host      string        // host of the gateway that gave Verdict and Token, "" if that is not known
	Verdict   Verdict       // the last one
	VerdictAt time.Time     // when that was
	Token     TokenInfo     // the cached token, zero if there is none
	LastUsed  time.Time     // when its credential last minted or was revealed
	State     State         // the change under way, "" if there is none
	Staged    bool          // it has a staged credential
	Previous  bool          // it has a previous credential

	facts   verdictFacts // other facts of the last verification, see Report
	unknown string       // fields of its entry that a newer kitekey wrote
}

// verdictFacts are the facts of a [Report] that are stored beside its verdict.
type verdictFacts struct {
	Status  int
	Message string // the gateway's own words
	Cause   string // why no gateway answered
	Detail  string // of the error
	Latency time.Duration
	Skew    time.Duration
	Deep    bool
}

// Report returns the last verification or mint as it was when its verdict was
// recorded, zero if there is none. Its Err has the text of the error, but no kind.
func (p Profile) Report() Report {
	if p.Verdict == VerdictNone {
		return Report{}
	}
	f := p.facts
	r := Report{
		Selector: p.Selector, Store: p.Store, Source: p.Source, Host: p.Host, Verdict: p.Verdict, At: p.VerdictAt, Status: f.Status, Message: f.Message, Cause: f.Cause,
		Skew: f.Skew, Latency: f.Latency, KeyHint: p.KeyHint, Deep: f.Deep,
	}
	if f.Detail != "" {
		r.Err = errors.New(f.Detail)
	}
	return r
}

// ReportOf returns the report of a mint for the profile that failed with err.
func (p Profile) ReportOf(err error, at time.Time) Report {
	r := Report{Selector: p.Selector, Store: p.Store, Source: p.Source, KeyHint: p.KeyHint}
	r.outcome(at, kite.Token{}, err)
	var failure *kite.Error
	if errors.As(err, &failure) {
		r.Host = failure.Host
	}
	return r
}

// setReport records the result of a verification or mint. If the host differs (an
// override was added or removed), the cached token is invalid.
func (p *Profile) setReport(r Report) {
	if p.Host != r.Host {
		p.Host, p.Token = r.Host, TokenInfo{}
	}
	p.Verdict, p.VerdictAt = r.Verdict, r.At
	p.facts = verdictFacts{Status: r.Status, Message: outside(r.Message, maxMessage), Cause: outside(r.Cause, maxMessage), Latency: r.Latency.Truncate(time.Millisecond), Skew: r.Skew.Truncate(time.Millisecond), Deep: r.Deep}
	if r.Err != nil {
		p.facts.Detail = outside(r.Err.Error(), maxMessage)
	}
}

// clearVerdict clears the verdict, which was about another credential.
func (p *Profile) clearVerdict() {
	p.Verdict, p.VerdictAt, p.facts = VerdictNone, time.Time{}, verdictFacts{}
}

// forHost clears verdict and token if they come from another host: they mean
// nothing here.
func (p *Profile) forHost(host string) {
	if p.Host != "" && p.Host != host {
		p.clearVerdict()
		p.Token = TokenInfo{}
	}
}

// TokenInfo is what the index records of a cached token. Deadline is by the local
// clock; see [kite.Token] for the two clocks.
type TokenInfo struct {
	Minted, Deadline time.Time
	ExpiresIn        kite.Lifetime // the life that was asked for
	Skew             time.Duration
}

// Remaining returns the life left at now, as [kite.LifeLeft] does.
func (t TokenInfo) Remaining(now time.Time) time.Duration {
	return kite.LifeLeft(t.Minted, t.Deadline, now)
}

// Unexpired reports whether there is a token with life left at now.
func (t TokenInfo) Unexpired(now time.Time) bool { return t.Remaining(now) > 0 }

// State tells what is under way with a profile. It is written before the store is
// changed and cleared afterwards, so that the next process can finish what a crash
// interrupted.
type State string

// The states: changes that were begun and are not finished.
const (
	StateSettled  State = ""
	StateAdding   State = "adding"   // its item may or may not be in the store
	StateChanging State = "changing" // its item exists; the index or the item may be out of date
	StateRemoving State = "removing" // its items must go, then the entry
)

// NewProfile is what [Vault.Add] takes.
type NewProfile struct {
	Selector
	Label      string
	ExpiresIn  kite.Lifetime // 0 means DefaultExpiresIn
	Credential kite.Credential
	Origin     kite.Origin // the gateway that it belongs to; "" means the one in use
	Source     string      // the source to keep the credential in, "" for the store; if Credential is zero the source has it already
	Verdict    Verdict     // the verdict from before adding; VerdictNone if it was not verified or Report has it
	Report     Report      // the verification before adding, if there was one

	extra credentials // a previous and a staged credential, from a backup
}

// ProfileUpdate has the changes for [Vault.Edit]; nil fields stay as they are.
type ProfileUpdate struct {
	Label     *string
	Origin    *kite.Origin
	ExpiresIn *kite.Lifetime
}

// MaxLabel is the longest label, in characters.
const MaxLabel = 120

// CleanLabel refuses text that cannot be a label and removes what would disturb a
// screen.
func CleanLabel(label string) (string, error) {
	if !utf8.ValidString(label) {
		return "", inputError{errors.New("a label must be text in UTF-8")}
	}
	label = kite.CleanText(label)
	if n := utf8.RuneCountInString(label); n > MaxLabel {
		return "", inputError{fmt.Errorf("a label has at most %d characters; this one has %d", MaxLabel, n)}
	}
	return label, nil
}
