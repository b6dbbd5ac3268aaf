package handout

import (
	"context"
	"time"

	"kitekey/kite"
	"kitekey/ui/clipboard"
	"kitekey/ui/words"
	"kitekey/vault"
)

// Form is what a token is copied as. The zero value copies nothing.
type Form string

// The forms.
const (
	Header Form = "header" // Authorization: JWT …
	Token  Form = "token"  // the value alone, its JWT prefix included
	Curl   Form = "curl"   // a command that reads the header from its stdin
)

// String names the form in a sentence.
func (f Form) String() string {
	if f == Curl {
		return "curl command"
	}
	return string(f)
}

// curlPath is what a curl command asks for: a call that works for every merchant
// and changes nothing.
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

// Clipboard takes a secret and clears it in time. [*clipboard.Clipboard] is one.
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

// Request is what is wanted.
type Request struct {
	Profile    vault.Selector
	Token      vault.TokenRequest
	As         Form          // "" only mints
	ClearAfter time.Duration // how long a copy stays; 0 is until the token expires
}

// Given is what was handed out: the facts, not the token.
type Given struct {
	Profile vault.Selector
	Token   vault.TokenInfo
	Minted  bool // just now; false for a cached token
	Cached  bool // it is in the store
	As      Form
	Receipt clipboard.Receipt // of the copy, zero when there is none
	left    time.Duration     // of the token, when it was handed out
}

// What names what was copied: "header of acme/sandbox".
func (g Given) What() string { return g.As.String() + " of " + g.Profile.String() }

// Life is how long the token lives from now, in words.
func (g Given) Life() string {
	if g.Minted {
		return words.Lifetime(g.left, g.Token.ExpiresIn.Duration())
	}
	return words.About(g.left)
}

// CopyError is a token that was had and not copied.
type CopyError struct{ Err error }

func (e *CopyError) Error() string { return "cannot copy: " + e.Err.Error() }

// Unwrap gives the cause.
func (e *CopyError) Unwrap() error { return e.Err }

// Give hands a token out. It returns a [*NotConfirmedError] when the guard wants a
// live profile's name first, and a [*CopyError], together with what is known of
// the token, when it could not be copied.
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

// Token returns a token itself, for what prints it or sends it on. The guard is
// asked first.
func (t *Tokens) Token(ctx context.Context, do Action, sel vault.Selector, r vault.TokenRequest) (vault.Token, error) {
	if q, asks := t.Guard.Question(do, sel); asks {
		return vault.Token{}, &NotConfirmedError{Question: q}
	}
	return t.Vault.Token(ctx, sel, r)
}

// Copy puts text that holds tokens of the profiles on the clipboard, for after,
// and never longer than until deadline, when the first of them expires.
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

// clearAt is when a copy goes: an expired token is of no use to anybody.
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
