package cli

import (
	"context"
	"errors"
	"fmt"

	"kitekey/kite"
	"kitekey/ui/handout"
	"kitekey/ui/prompt"
	"kitekey/ui/words"
	"kitekey/vault"
	"kitekey/vault/source"
)

// The exit codes. They are documented, because scripts depend on them.
const (
	exitDone          = 0
	exitFailure       = 1
	exitUsage         = 2
	exitNoProfile     = 3
	exitRefused       = 4
	exitUnreachable   = 5
	exitStore         = 6
	exitUnconfirmed   = 7
	exitUnknown       = 8
	exitInterrupted   = 130
	exitNotRunnable   = 126 // exec: the command was found but cannot be run, as in sh
	exitNoSuchCommand = 127 // exec: the command was not found, as in sh
	exitBrokenPipe    = 141 // the reader of the result has gone, as sh says for SIGPIPE
)

// ExitCode is a row of the exit code table.
type ExitCode struct {
	Code    int
	Meaning string
}

// ExitCodes returns the table in "kitekey help exit-codes" and the README.
func ExitCodes() []ExitCode {
	return []ExitCode{
		{exitDone, "done"},
		{exitFailure, "another failure"},
		{exitUsage, "wrong usage, bad input"},
		{exitNoProfile, "no such profile, or no credential in it"},
		{exitRefused, "the gateway refused the credential or the request"},
		{exitUnreachable, "the gateway could not be reached, or failed"},
		{exitStore, "the store is locked, missing, timed out or corrupt, or the source is unavailable"},
		{exitUnconfirmed, "it needs a confirmation that was not given"},
		{exitUnknown, "a write may have been carried out: its outcome is not known"},
		{exitInterrupted, "interrupted"},
	}
}

// codeError is an error with its own exit code.
type codeError struct {
	code int
	text string // "" if everything has been said already
	err  error
}

func (e *codeError) Error() string { return e.text }
func (e *codeError) Unwrap() error { return e.err }

// usagef returns an error for wrong usage or bad input: exit 2.
func usagef(format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &codeError{exitUsage, err.Error(), errors.Unwrap(err)}
}

// unconfirmedf returns an error for a confirmation that was not given: exit 7.
func unconfirmedf(format string, args ...any) error {
	return &codeError{code: exitUnconfirmed, text: fmt.Sprintf(format, args...)}
}

// exitSilently returns an error with an exit code and no text.
func exitSilently(code int) error { return &codeError{code: code} }

// exitCode returns the exit code for an error.
func exitCode(err error) int {
	var coded *codeError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &coded):
		return coded.code
	case errors.Is(err, kite.ErrOutcomeUnknown): // even if it was interrupted
		return exitUnknown
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.Is(err, vault.ErrNoProfile), errors.Is(err, vault.ErrNoCredential):
		return exitNoProfile
	case errors.Is(err, vault.ErrReadOnly), errors.Is(err, source.ErrNoSource):
		return exitUsage
	case errors.Is(err, vault.ErrSourceUnavailable):
		return exitStore
	case errors.Is(err, handout.ErrNotConfirmed):
		return exitUnconfirmed
	case errors.Is(err, vault.ErrExists), errors.Is(err, vault.ErrBadInput), errors.Is(err, vault.ErrOrigin):
		return exitUsage
	case errors.Is(err, vault.ErrLocked), errors.Is(err, vault.ErrUnavailable), errors.Is(err, vault.ErrTimeout),
		errors.Is(err, vault.ErrTooBig), errors.Is(err, vault.ErrCorrupt), errors.Is(err, vault.ErrBusy),
		errors.Is(err, vault.ErrIndexDamaged), errors.Is(err, vault.ErrNewer), errors.Is(err, vault.ErrNoLocks), errors.Is(err, vault.ErrOtherStore), errors.Is(err, vault.ErrCannotKeep):
		return exitStore
	}
	if v := vault.VerdictOf(err); v != vault.VerdictNone {
		return words.Verdict(v, "").Exit // as "kitekey verify" ends
	}
	return exitFailure
}

// nextStep returns what the user can do about err, "" if the error says it all.
func nextStep(err error) string {
	var profile *vault.ProfileError
	var coded *codeError
	switch {
	case errors.As(err, &coded):
		return ""
	case errors.As(err, &profile):
		return words.NextStep(err, words.Commands(profile.Selector.String()))
	}
	return words.NextStep(err, words.Commands(""))
}

// tell prints what went wrong and what to do next, in one line.
func (a *app) tell(err error) {
	var coded *codeError
	if errors.As(err, &coded) && coded.text == "" {
		return
	}
	line := err.Error()
	if next := nextStep(err); next != "" {
		line += "; " + next
	}
	a.note("%s", line)
}

// finish prints err, if there is one, and returns the exit code.
func (a *app) finish(ctx context.Context, err error) int {
	var coded *codeError
	ended := ctx.Err() != nil || errors.Is(err, prompt.ErrInterrupted)
	says := errors.As(err, &coded) && !errors.Is(err, context.Canceled) || errors.Is(err, kite.ErrOutcomeUnknown)
	if err != nil && ended && !says {
		a.note("interrupted")
		return exitInterrupted
	}
	if err != nil {
		a.tell(err)
	}
	return exitCode(err)
}
