// Package handout asks for confirmation before actions on live profiles, and hands
// out tokens, for the screen, plain mode and the commands alike.
//
// # The live guard
//
// Actions that hand out a live profile's secrets or change the profile first ask the
// user for its name, "acme/live", so that one wrong row or word does not touch live.
// [Guard] knows which actions ask; the front end decides how to ask
// ([Guard.Question], [Guard.Confirm]). On the screen a name that
// was typed counts for ten minutes ([Guard.Remember]).
//
// # Handing out
//
// [Tokens.Give] mints a token or takes a cached one, copies it in the form asked
// for, clears the copy at the latest when the token expires, writes the activity
// log and returns the facts to show. It always asks the guard. It does not return
// the token itself.
package handout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

// Action is something that is done with profiles.
type Action string

// The actions.
const (
	Mint      Action = "mint"
	Copy      Action = "copy"
	Run       Action = "run"  // exec and env: a command gets a token
	Call      Action = "call" // an API call that writes
	Proxy     Action = "proxy"
	KeepAlive Action = "keep-alive"
	Reveal    Action = "reveal"
	Export    Action = "export"
	Replace   Action = "replace" // by an import
	Rotate    Action = "rotate"
	Rollback  Action = "rollback"
	Drop      Action = "drop"     // the previous or the staged credential
	Redirect  Action = "redirect" // change the origin that the credential goes to
	Rename    Action = "rename"
	Remove    Action = "remove"
	Move      Action = "move"    // a credential to or from a team's source
	Migrate   Action = "migrate" // every credential to the other store

	Verify Action = "verify"
	List   Action = "list"
	Edit   Action = "edit" // label and default expires_in
	Forget Action = "forget"
)

// rule says how the guard treats an action on a live profile.
type rule struct {
	does   string // completes "to …, type acme/live"; if "", the guard does not ask
	typed  bool   // a selector typed in full on a command line confirms it
	always bool   // a name that was typed for an earlier action does not count
}

// rules has every action. Verifying, listing, editing a label and forgetting a
// cached token hand nothing out and change no credential.
var rules = map[Action]rule{
	Mint:      {does: "mint a token", typed: true},
	Copy:      {does: "copy a token", typed: true},
	Run:       {does: "give a command a token", typed: true},
	Move:      {does: "move the credential between this machine and a source", always: true},
	Migrate:   {does: "move the credential to another store", always: true},
	Call:      {does: "send a request that can move money", always: true},
	Proxy:     {does: "let every request of a proxy move money", always: true},
	KeepAlive: {does: "keep a token alive"},
	Reveal:    {does: "show a secret"},
	Export:    {does: "write the credential to a backup", always: true},
	Replace:   {does: "replace the credential with the one in the backup", always: true},
	Rotate:    {does: "replace the credential"},
	Rollback:  {does: "put the previous credential back"},
	Drop:      {does: "delete a credential for good", always: true},
	Redirect:  {does: "send the credential elsewhere", always: true},
	Rename:    {does: "rename it"},
	Remove:    {does: "remove the profile and its credential for good", always: true},
	Verify:    {},
	List:      {},
	Edit:      {},
	Forget:    {},
}

// ErrNotConfirmed: a live profile's name was asked for but not given. Every
// [*NotConfirmedError] matches it.
var ErrNotConfirmed = errors.New("not confirmed")

// NotConfirmedError says which action was not done because the name was not given.
type NotConfirmedError struct {
	Question Question
	Typed    string // what was given instead, "" for nothing
}

func (e *NotConfirmedError) Error() string {
	return e.Question.Subject() + ": not confirmed, nothing was done"
}

// Is makes errors.Is(err, ErrNotConfirmed) work.
func (e *NotConfirmedError) Is(target error) bool { return target == ErrNotConfirmed }

// Guard decides whether an action on live has to be confirmed. Its methods may be
// called from several goroutines. The zero value remembers nothing, as a command
// does.
type Guard struct {
	// Remember is how long a name that was typed counts; 0 means for one action.
	Remember time.Duration
	// Now is the local clock; nil is [time.Now].
	Now func() time.Time

	mu        sync.Mutex
	confirmed map[vault.Selector]time.Time // when each confirmation ends
}

// ScreenMemory is how long the screen and plain mode remember a name.
const ScreenMemory = 10 * time.Minute

// Question says what must be typed before an action.
type Question struct {
	Do       Action
	Profiles []vault.Selector // the live ones among the action's profiles
	Name     string           // what must be typed: "acme/live", or "live" for several
}

// Text returns the question: "this is live: real keys, real money; to mint a token,
// type acme/live".
func (q Question) Text() string {
	what := "this is live"
	if len(q.Profiles) > 1 {
		what = fmt.Sprintf("%d of these profiles are live", len(q.Profiles))
	}
	return what + ": real keys, real money; to " + q.Does() + ", type " + q.Name
}

// Subject returns what the question is about: "acme/live", "3 live profiles".
func (q Question) Subject() string {
	if len(q.Profiles) == 1 {
		return q.Profiles[0].String()
	}
	return words.Count(len(q.Profiles), "live profile")
}

// Does returns what the action does: "mint a token".
func (q Question) Does() string { return rules[q.Do].does }

// Accepts reports whether typed is the name.
func (q Question) Accepts(typed string) bool { return strings.TrimSpace(typed) == q.Name }

// Question returns what to ask before an action on profiles. ok is false if the
// guard does not ask.
func (g *Guard) Question(do Action, profiles ...vault.Selector) (q Question, ok bool) {
	r, known := rules[do]
	if known && r.does == "" {
		return Question{}, false
	}
	q = Question{Do: do}
	for _, sel := range profiles {
		if sel.Environment == kite.Live && (r.always || !g.knows(sel)) && !slices.Contains(q.Profiles, sel) {
			q.Profiles = append(q.Profiles, sel)
		}
	}
	switch len(q.Profiles) {
	case 0:
		return Question{}, false
	case 1:
		q.Name = q.Profiles[0].String()
	default:
		q.Name = "live"
	}
	return q, true
}

// Answer records a confirmation if typed is the name, and reports whether it is.
func (g *Guard) Answer(q Question, typed string) bool {
	if !q.Accepts(typed) {
		return false
	}
	g.open(q.Profiles)
	return true
}

// TypedInFull confirms an action with the selectors of a command line, if the
// action's rule allows it: a user who writes "kitekey token acme/live" has typed
// the name.
func (g *Guard) TypedInFull(do Action, profiles ...vault.Selector) {
	if rules[do].typed {
		g.open(profiles)
	}
}

// Confirm asks if it must, and returns nil if the action may go on. ask puts the
// question and returns what was typed; Confirm returns its errors unchanged.
func (g *Guard) Confirm(ctx context.Context, do Action, ask func(context.Context, Question) (string, error), profiles ...vault.Selector) error {
	q, needed := g.Question(do, profiles...)
	if !needed {
		return nil
	}
	typed, err := ask(ctx, q)
	if err != nil {
		return err
	}
	if !g.Answer(q, typed) {
		return &NotConfirmedError{q, strings.TrimSpace(typed)}
	}
	return nil
}

// Allows reports whether the action needs no confirmation now.
func (g *Guard) Allows(do Action, profiles ...vault.Selector) bool {
	_, asks := g.Question(do, profiles...)
	return !asks
}

// Until returns when the confirmation of a profile ends, zero if there is none.
func (g *Guard) Until(sel vault.Selector) time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until := g.confirmed[sel]; until.After(g.now()) {
		return until
	}
	return time.Time{}
}

// Forget makes the guard ask again for every profile, as a locked screen does.
func (g *Guard) Forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.confirmed)
}

func (g *Guard) knows(sel vault.Selector) bool { return !g.Until(sel).IsZero() }

// now returns the time without a monotonic reading, which stands still while a
// laptop sleeps.
func (g *Guard) now() time.Time {
	if g.Now == nil {
		return time.Now().Round(0)
	}
	return g.Now().Round(0)
}

// oneAction is how long a confirmation counts if Remember is 0: until its action
// has begun.
const oneAction = time.Minute

func (g *Guard) open(profiles []vault.Selector) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.confirmed == nil {
		g.confirmed = map[vault.Selector]time.Time{}
	}
	for _, sel := range profiles {
		g.confirmed[sel] = g.now().Add(max(g.Remember, oneAction))
	}
}
