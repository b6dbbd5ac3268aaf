package prompt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"kitekey/kite"
	"kitekey/vault"
	"kitekey/vault/dotenv"
)

// Paste is what was found in a text that the user entered where half of a credential
// was expected.
type Paste struct {
	kite.Credential                  // either half may be missing
	Account         string           // "" when the text does not say
	Environment     kite.Environment // "" when the text does not say
	From            string           // "JSON", "a Postman environment", "lines of NAME=value"
}

// Both reports whether both halves are there.
func (p Paste) Both() bool { return !p.APIKey.IsZero() && !p.APISecret.IsZero() }

// Found says what was found in what: "api_key and api_secret read from JSON".
func (p Paste) Found() string {
	var halves []string
	if !p.APIKey.IsZero() {
		halves = append(halves, "api_key")
	}
	if !p.APISecret.IsZero() {
		halves = append(halves, "api_secret")
	}
	return strings.Join(halves, " and ") + " read from " + p.From
}

// Conflict says that the text is about another account or environment than the
// profile that it is entered for; "" when it is not.
func (p Paste) Conflict(sel vault.Selector) string {
	switch {
	case p.Environment != "" && sel.Environment != "" && p.Environment != sel.Environment:
		return fmt.Sprintf("the text says %s and the profile is %s", p.Environment, sel.Environment)
	case p.Account != "" && sel.Account != "" && p.Account != sel.Account:
		return fmt.Sprintf("the text names the account %s and the profile is one of %s", p.Account, sel.Account)
	}
	return ""
}

// ErrUnclear: a text looks like names with values, and what they mean is not clear.
var ErrUnclear = errors.New("the text looks like names with values, but holds no credential that can be told apart")

// ReadPaste reads a text that may be more than half of a credential: JSON, lines of
// NAME=value or "name: value", a Postman environment, or an api_key and its
// api_secret in two lines. named is false for a text that is a bare value. An error
// matches [ErrUnclear] and repeats nothing of the text. prefer says which credential
// is meant where there are several; the zero Selector prefers none.
func ReadPaste(text kite.Secret, prefer vault.Selector) (p Paste, named bool, err error) {
	text.RevealTo(func(value []byte) {
		trimmed := bytes.TrimSpace(bytes.TrimPrefix(value, []byte("\ufeff")))
		if !dotenv.Named(string(trimmed)) {
			p, named = twoLines(trimmed)
			return
		}
		named = true
		p, err = readNamed(string(trimmed), prefer)
	})
	return p, named, err
}

// twoLines reads an api_key and its api_secret without names.
func twoLines(text []byte) (Paste, bool) {
	lines := bytes.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	if len(lines) != 2 {
		return Paste{}, false
	}
	key, secret := bytes.TrimSpace(lines[0]), bytes.TrimSpace(lines[1])
	if len(key) == 0 || len(secret) == 0 {
		return Paste{}, false
	}
	return Paste{Credential: kite.Credential{
		APIKey: kite.SecretFromBytes(bytes.Clone(key)), APISecret: kite.SecretFromBytes(bytes.Clone(secret)),
	}, From: "two lines"}, true
}

func readNamed(text string, prefer vault.Selector) (Paste, error) {
	result, err := dotenv.Read(text)
	if err != nil {
		return Paste{}, fmt.Errorf("%w: %w", ErrUnclear, err)
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
		return Paste{}, fmt.Errorf("%w: it holds %d credentials", ErrUnclear, len(entries))
	}
	e := entries[0]
	return Paste{Credential: e.Credential, Account: e.Account, Environment: e.Environment, From: formOf(text)}, nil
}

// formOf names the form of a text that names its values.
func formOf(text string) string {
	switch {
	case strings.Contains(text, `"_postman_`) || strings.HasPrefix(text, "{") && strings.Contains(text, `"values"`):
		return "a Postman environment"
	case strings.HasPrefix(text, "{"), strings.HasPrefix(text, "["), strings.HasPrefix(text, `"`):
		return "JSON"
	case strings.Contains(text, "="):
		return "lines of NAME=value"
	}
	return `lines of "name: value"`
}

// Questions is how a front end asks for a credential.
type Questions struct {
	// Hidden asks for half of a credential, "api_key" or "api_secret".
	Hidden func(ctx context.Context, what string) (kite.Secret, error)
	// Say tells what was understood or why something was not taken.
	Say func(text string)
	// Yes asks a yes-or-no question.
	Yes func(ctx context.Context, question string) (bool, error)
}

// Credential asks for a profile's api_key and api_secret. Either answer may be a
// text that holds both: what was found in it is said. It asks again for what cannot
// be half of a credential, and ends with an error of a question.
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
				q.Say("blanks around what was pasted were removed")
			}
			return whole, nil
		}
		q.Say(err.Error() + "; enter both again")
		cred = kite.Credential{}
	}
}

// half asks once. What was answered goes into the half that was asked for, or into
// what a text names.
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
	if conflict := paste.Conflict(sel); conflict != "" {
		if yes, err := q.Yes(ctx, conflict+". Use it for "+sel.String()+" all the same?"); err != nil || !yes {
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
