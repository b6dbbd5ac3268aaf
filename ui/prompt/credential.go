package prompt

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"kitekey/kite"
	"kitekey/vault"
	"kitekey/vault/dotenv"
)

// Paste is the part of a credential that a pasted text holds.
type Paste struct {
	kite.Credential                  // either half may be missing
	Alone           kite.Secret      // a value without a name, once what was around it is gone
	Account         string           // "" when the text does not say
	Environment     kite.Environment // "" when the text does not say
	From            string           // "JSON", "a Postman environment", "lines of NAME=value"
}

// Erase overwrites the values.
func (p Paste) Erase() {
	p.Credential.Erase()
	p.Alone.Erase()
}

// Found says what was found: "api_key and api_secret read from JSON".
func (p Paste) Found() string {
	if !p.Alone.IsZero() {
		return "used without the quotes or other characters around it"
	}
	var halves []string
	if !p.APIKey.IsZero() {
		halves = append(halves, "api_key")
	}
	if !p.APISecret.IsZero() {
		halves = append(halves, "api_secret")
	}
	return strings.Join(halves, " and ") + " read from " + p.From
}

// Conflict says that the text is for another account or environment than sel. It
// returns "" if it is not.
func (p Paste) Conflict(sel vault.Selector) string {
	switch {
	case p.Environment != "" && sel.Environment != "" && p.Environment != sel.Environment:
		return fmt.Sprintf("the text says %s and the profile is %s", p.Environment, sel.Environment)
	case p.Account != "" && sel.Account != "" && p.Account != sel.Account:
		return fmt.Sprintf("the text names the account %s and the profile is one of %s", p.Account, sel.Account)
	}
	return ""
}

// ErrUnclear: a text is not a single value, and no credential was found in it.
var ErrUnclear = errors.New("the text is not an api_key or an api_secret alone, and no credential was found in it")

// unclear is an error that matches [ErrUnclear] and says more about a text.
type unclear struct{ error }

func (unclear) Is(target error) bool { return target == ErrUnclear }
func (u unclear) Unwrap() error      { return u.error }

// ReadPaste reads a text that may be more than half of a credential: everything that
// [dotenv.Read] reads, or a value with quotes around it. named is false for a text
// that is a bare value. An error matches [ErrUnclear] and repeats nothing of the text.
// prefer says which credential is meant where there are several; the zero Selector
// prefers none.
func ReadPaste(text kite.Secret, prefer vault.Selector) (p Paste, named bool, err error) {
	text.RevealTo(func(value []byte) {
		whole := string(value)
		if strings.TrimSpace(whole) == "" || dotenv.Bare(whole) {
			return
		}
		named = true
		if alone, ok := dotenv.Unquote(whole); ok {
			p = Paste{Alone: kite.NewSecret(alone)}
			return
		}
		p, err = readNamed(whole, prefer)
	})
	return p, named, err
}

func readNamed(text string, prefer vault.Selector) (Paste, error) {
	result, err := dotenv.Read(text)
	switch {
	case errors.Is(err, dotenv.ErrNoCredential):
		return Paste{}, ErrUnclear
	case err != nil:
		return Paste{}, unclear{fmt.Errorf("the text cannot be used: %w", err)}
	}
	entries := result.Entries
	for _, narrow := range []func(dotenv.Entry) bool{
		func(e dotenv.Entry) bool { return e.Account == prefer.Account && prefer.Account != "" },
		func(e dotenv.Entry) bool { return e.Environment == prefer.Environment && prefer.Environment != "" },
	} {
		var fitting []dotenv.Entry
		for _, e := range entries {
			if narrow(e) {
				fitting = append(fitting, e)
			}
		}
		if len(entries) > 1 && len(fitting) > 0 {
			entries = fitting
		}
	}
	if len(entries) != 1 {
		return Paste{}, unclear{fmt.Errorf(`the text holds %d credentials (%s); "kitekey import FILE" reads them all`, len(entries), profilesIn(entries))}
	}
	e := entries[0]
	return Paste{Credential: e.Credential, Account: e.Account, Environment: e.Environment, From: result.Form}, nil
}

// profilesIn names what the entries are for, as far as they say it.
func profilesIn(entries []dotenv.Entry) string {
	const most = 4
	var names []string
	for i, e := range entries {
		if i == most {
			names = append(names, "…")
			break
		}
		names = append(names, strings.Trim(e.Account+"/"+string(e.Environment), "/"))
	}
	return strings.Join(names, ", ")
}

// Questions are the ways in which a front end asks for a credential.
type Questions struct {
	// Hidden asks for half of a credential, "api_key" or "api_secret".
	Hidden func(ctx context.Context, what string) (kite.Secret, error)
	// Say tells what was understood, or why something was not accepted.
	Say func(text string)
	// Yes asks a yes-or-no question.
	Yes func(ctx context.Context, question string) (bool, error)
}

// Credential asks for a profile's api_key and api_secret. Either answer may be a
// text that holds both, and Credential says what it found. It asks again if an
// answer cannot be half of a credential, and returns the error of a question.
func (q Questions) Credential(ctx context.Context, sel vault.Selector) (kite.Credential, error) {
	var cred kite.Credential
	for {
		for _, half := range []struct {
			what string
			into *kite.Secret
		}{{"api_key", &cred.APIKey}, {"api_secret", &cred.APISecret}} {
			for half.into.IsZero() {
				if err := q.half(ctx, sel, half.what, half.into, &cred); err != nil {
					cred.Erase()
					return kite.Credential{}, err
				}
			}
		}
		whole, trimmed, err := kite.NewCredential(cred.APIKey, cred.APISecret)
		if err == nil {
			if trimmed {
				q.Say("spaces around what was pasted were removed")
			}
			return whole, nil
		}
		q.Say(err.Error() + "; enter both again")
		cred = kite.Credential{}
	}
}

// half asks once. The answer goes into the half that was asked for, or into the
// halves that its names tell.
func (q Questions) half(ctx context.Context, sel vault.Selector, what string, into *kite.Secret, cred *kite.Credential) error {
	answer, err := q.Hidden(ctx, what)
	if err != nil {
		return err
	}
	if answer.IsZero() {
		q.Say("the " + what + " is empty")
		return nil
	}
	paste, named, err := ReadPaste(answer, sel)
	switch {
	case err != nil:
		if yes, askErr := q.Yes(ctx, err.Error()+". Take it as the "+what+" as it is?"); askErr != nil || !yes {
			return askErr
		}
		*into = answer
		return nil
	case !named:
		*into = answer
		return nil
	}
	answer.Erase()
	if !paste.Alone.IsZero() {
		q.Say(paste.Found())
		*into = paste.Alone
		return nil
	}
	if conflict := paste.Conflict(sel); conflict != "" {
		if yes, err := q.Yes(ctx, conflict+". Use it for "+sel.String()+" anyway?"); err != nil || !yes {
			return err
		}
	}
	q.Say(paste.Found())
	if !paste.APIKey.IsZero() {
		cred.APIKey = paste.APIKey
	}
	if !paste.APISecret.IsZero() {
		cred.APISecret = paste.APISecret
	}
	return nil
}
