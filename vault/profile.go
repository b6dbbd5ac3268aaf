package vault

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"kitekey/kite"
)

// DefaultExpiresIn is the life asked for when a profile names no other.
const DefaultExpiresIn kite.Lifetime = 300

// DefaultMinRemaining is the life a cached token must have left to be handed
// out when the caller names no other: enough to make the call it is for.
const DefaultMinRemaining = 30 * time.Second

// Profile is what the index knows of one account in one environment. It holds
// no secret.
type Profile struct {
	ID string // random; the name of its item in the store
	Selector
	Store     string        // name of the store that holds its secrets
	Source    string        // name of the source that holds its credential, "" when the store does
	Label     string        // the account's free text
	KeyHint   string        // the api_key's last characters
	Origin    kite.Origin   // the gateway that its credential belongs to, and is sent to alone
	ExpiresIn kite.Lifetime // default life of its tokens
	Host      string        // of the gateway that Verdict and Token are of, "" when that is not known
	Verdict   Verdict       // the last one
	VerdictAt time.Time     // when that was
	Token     TokenInfo     // the cached token, zero when there is none
	LastUsed  time.Time     // when its credential last minted or was shown
	State     State         // what is under way, "" when nothing is
	Staged    bool          // a new credential waits to be verified
	Previous  bool          // the credential before the last rotation is kept

	facts verdictFacts // what the verdict came with, see Report
}

// verdictFacts is what is kept of a [Report] beside its verdict.
type verdictFacts struct {
	Status  int
	Message string // the gateway's own words
	Detail  string // of the error
	Latency time.Duration
	Skew    time.Duration
	Deep    bool
}

// Report is the last verification or mint as it was when its verdict was recorded,
// zero when there is none. Its Err has the words of what went wrong, and no kind.
func (p Profile) Report() Report {
	if p.Verdict == VerdictNone {
		return Report{}
	}
	f := p.facts
	r := Report{
		Selector: p.Selector, Store: p.Store, Host: p.Host, Verdict: p.Verdict, At: p.VerdictAt, Status: f.Status, Message: f.Message,
		Skew: f.Skew, Latency: f.Latency, KeyHint: p.KeyHint, Deep: f.Deep,
	}
	if f.Detail != "" {
		r.Err = errors.New(f.Detail)
	}
	return r
}

// setReport records what was found about the profile's credential. A different
// host (an override was added or removed) invalidates the cached token.
func (p *Profile) setReport(r Report) {
	if p.Host != r.Host {
		p.Host, p.Token = r.Host, TokenInfo{}
	}
	p.Verdict, p.VerdictAt = r.Verdict, r.At
	p.facts = verdictFacts{Status: r.Status, Message: outside(r.Message, maxMessage), Latency: r.Latency.Truncate(time.Millisecond), Skew: r.Skew.Truncate(time.Millisecond), Deep: r.Deep}
	if r.Err != nil {
		p.facts.Detail = outside(r.Err.Error(), maxMessage)
	}
}

// clearVerdict forgets the verdict: it was about another credential.
func (p *Profile) clearVerdict() {
	p.Verdict, p.VerdictAt, p.facts = VerdictNone, time.Time{}, verdictFacts{}
}

// forHost clears verdict and token if they are from another host: the verdict
// proves nothing here, and the token opens nothing.
func (p *Profile) forHost(host string) {
	if p.Host != "" && p.Host != host {
		p.clearVerdict()
		p.Token = TokenInfo{}
	}
}

// TokenInfo is what the index knows of a cached token. See [kite.Token] for the
// clocks: Deadline is local.
type TokenInfo struct {
	Minted, Deadline time.Time
	ExpiresIn        kite.Lifetime // the life that was asked for
	Skew             time.Duration
}

// Remaining is the life left at now, never negative. It is 0 for a token that was
// minted after now: the clock was set back since, so its age is not known.
func (t TokenInfo) Remaining(now time.Time) time.Duration {
	now = now.Round(0) // wall-clock time: a monotonic clock stands still while a laptop sleeps
	if t.Minted.After(now.Add(time.Second)) {
		return 0
	}
	return max(0, t.Deadline.Sub(now))
}

// Unexpired reports whether there is a token with life left at now.
func (t TokenInfo) Unexpired(now time.Time) bool { return t.Remaining(now) > 0 }

// State says what is under way with a profile. It is written before the store is
// touched and cleared after, so that the next process can finish what a
// crash cut short.
type State string

// The states: what was begun and is not finished yet.
const (
	StateSettled  State = ""
	StateAdding   State = "adding"   // its item may be in the store or not
	StateChanging State = "changing" // its item is there; the index may lag behind it, or it behind the index
	StateRemoving State = "removing" // its items must go, then the entry
)

// NewProfile is what [Vault.Add] takes.
type NewProfile struct {
	Selector
	Label      string
	ExpiresIn  kite.Lifetime // 0 is DefaultExpiresIn
	Credential kite.Credential
	Origin     kite.Origin // the gateway that it belongs to; "" is the one in use
	Source     string      // where the credential is kept when not in the store; a zero Credential is there already
	Verdict    Verdict     // what was found before adding; VerdictNone when it was not verified, or Report says more
	Report     Report      // the verification before adding, if there was one

	extra credentials // what a backup has besides: a previous and a staged credential
}

// Edit is what [Vault.Edit] changes: what is not nil.
type ProfileUpdate struct {
	Label     *string
	Origin    *kite.Origin
	ExpiresIn *kite.Lifetime
}

// MaxLabel is the longest label, in characters.
const MaxLabel = 120

// CleanLabel refuses what cannot be a label and takes out what would disturb a
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
