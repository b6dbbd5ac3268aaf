package handout

import (
	"context"
	"time"

	"kitekey/kite"
	"kitekey/ui/clipboard"
	"kitekey/ui/words"
	"kitekey/vault"
)

// Form is the form in which a token is copied. The zero value copies nothing.
type Form string

// The forms.
const (
	Header Form = "header" // Authorization: JWT …
	Token  Form = "token"  // the token alone, its JWT prefix included
	Curl   Form = "curl"   // a command that reads the header from its stdin
)

// String returns the form's name in a sentence.
func (f Form) String() string {
	if f == Curl {
		return "curl command"
	}
	return string(f)
}

// curlPath is the path in a curl command: a call that works for every merchant and
// changes nothing.
const curlPath = kite.BalancesPath

// Render writes the token in the form; baseURL is its environment's.
func (f Form) Render(tok kite.Token, baseURL string) kite.Secret {
	switch f {
	case Token:
		return tok.Value
	case Curl:
		return tok.Curl(baseURL + curlPath)
	}
	return tok.Header()
}

// Clipboard copies a secret and clears it in time. [*clipboard.Clipboard] is one.
type Clipboard interface {
	Copy(ctx context.Context, secret []byte, clearAt time.Time) (clipboard.Receipt, error)
}

// Tokens hands tokens out.
type Tokens struct {
	Vault     *vault.Vault
	Guard     *Guard
	Clipboard Clipboard
	BaseURL   func(kite.Environment) string
	Now       func() time.Time
}

// Request says which token is wanted, and how.
type Request struct {
	Profile    vault.Selector
	Token      vault.TokenRequest
	As         Form          // "" mints without copying
	ClearAfter time.Duration // how long a copy stays; 0 means until the token expires
}

// Given has the facts about a token that was handed out, but not the token.
type Given struct {
	Profile vault.Selector
	Token   vault.TokenInfo
	Minted  bool // just now; false for a cached token
	Cached  bool // it is in the store
	As      Form
	Receipt clipboard.Receipt // of the copy, zero if there is none
	left    time.Duration     // the life that was left when it was handed out
}

// Copied says what was copied: "header of acme/sandbox".
func (g Given) Copied() string { return g.As.String() + " of " + g.Profile.String() }

// Life returns how long the token lives, in words.
func (g Given) Life() string {
	if g.Minted {
		return words.Lifetime(g.left, g.Token.ExpiresIn.Duration())
	}
	return words.About(g.left)
}

// CopyError means that a token was minted or found, but could not be copied.
type CopyError struct{ Err error }

func (e *CopyError) Error() string { return "cannot copy: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *CopyError) Unwrap() error { return e.Err }

// Give hands a token out. The error is a [*NotConfirmedError] if the guard asks for
// a live profile's name first, and a [*CopyError], together with the facts about
// the token, if it could not be copied.
func (t *Tokens) Give(ctx context.Context, r Request) (Given, error) {
	do := Mint
	if r.As != "" {
		do = Copy
	}
	tok, err := t.Token(ctx, do, r.Profile, r.Token)
	if err != nil {
		return Given{Profile: r.Profile, As: r.As}, err
	}
	now := t.now()
	given := Given{Profile: r.Profile, Token: tok.Info(), Minted: tok.Minted, Cached: tok.Cached, As: r.As, left: tok.Remaining(now)}
	if r.As == "" {
		return given, nil
	}
	text := r.As.Render(tok.Token, t.BaseURL(r.Profile.Environment))
	given.Receipt, err = t.Copy(ctx, text, tok.Deadline(), r.ClearAfter, r.Profile)
	return given, err
}

// Token returns the token itself, for commands that print it or send it on. It asks
// the guard first.
func (t *Tokens) Token(ctx context.Context, do Action, sel vault.Selector, r vault.TokenRequest) (vault.Token, error) {
	if q, asks := t.Guard.Question(do, sel); asks {
		return vault.Token{}, &NotConfirmedError{Question: q}
	}
	return t.Vault.Token(ctx, sel, r)
}

// Copy puts text that holds tokens of the profiles on the clipboard, for the time
// after, but never longer than until deadline, when the first of them expires.
func (t *Tokens) Copy(ctx context.Context, text kite.Secret, deadline time.Time, after time.Duration, profiles ...vault.Selector) (receipt clipboard.Receipt, err error) {
	if q, asks := t.Guard.Question(Copy, profiles...); asks {
		return receipt, &NotConfirmedError{Question: q}
	}
	text.RevealTo(func(value []byte) {
		receipt, err = t.Clipboard.Copy(ctx, value, clearAt(t.now(), deadline, after))
	})
	for _, sel := range profiles {
		t.Vault.Record(vault.ActionCopied, sel, err)
	}
	if err != nil {
		return receipt, &CopyError{err}
	}
	return receipt, nil
}

// clearAt returns when a copy is cleared: an expired token need not stay.
func clearAt(now, deadline time.Time, after time.Duration) time.Time {
	if at := now.Add(after); after > 0 && at.Before(deadline) {
		return at
	}
	return deadline
}

func (t *Tokens) now() time.Time {
	if t.Now == nil {
		return time.Now().Round(0)
	}
	return t.Now().Round(0)
}
