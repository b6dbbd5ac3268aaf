package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"kitekey/kite"
	"kitekey/ui/tui"
)

// errGivenUp is the end of input (ctrl-d) where an answer was expected.
var errGivenUp = &codeError{code: exitInterrupted, text: "given up; nothing was stored"}

// canAsk reports whether somebody is there to answer: stdin is a terminal.
func (a *app) canAsk() bool { return isTerminal(a.Stdin) }

// ask shows a question and reads one line.
func (a *app) ask(ctx context.Context, question string) (string, error) {
	return a.answer(ctx, question, false)
}

// askSecret shows a question and reads one line that is not echoed, its length
// included.
func (a *app) askSecret(ctx context.Context, question string) (kite.Secret, error) {
	s, err := a.answer(ctx, question, true)
	return kite.NewSecret(s), err
}

// confirm asks a yes-or-no question; only "y" and "yes" are yes.
func (a *app) confirm(ctx context.Context, question string) (bool, error) {
	s, err := a.ask(ctx, question+" [y/N] ")
	if errors.Is(err, errGivenUp) {
		return false, nil
	}
	s = strings.ToLower(strings.TrimSpace(s))
	return s == "y" || s == "yes", err
}

// confirmName asks for a name to be typed, for what cannot be undone on live.
func (a *app) confirmName(ctx context.Context, question, name string) (bool, error) {
	s, err := a.ask(ctx, question)
	if errors.Is(err, errGivenUp) {
		return false, nil
	}
	return strings.TrimSpace(s) == name, err
}

// prompt writes to the terminal that the answer comes from, even when stderr
// goes to a file: a question nobody sees looks like a hang.
func (a *app) prompt(text string) {
	w, done := a.terminal()
	defer done()
	if w == nil {
		w = a.Stderr
	}
	_, _ = io.WriteString(w, text)
}

// answer asks and reads a line beside ctx, hidden or not, and leaves the terminal
// as it was. When ctx ends first the reading stays behind in its system call, which
// the end of the process ends.
func (a *app) answer(ctx context.Context, question string, hidden bool) (string, error) {
	f, ok := a.Stdin.(*os.File)
	if !ok || !a.canAsk() {
		return "", fmt.Errorf("no terminal to ask on")
	}
	read := readLine
	if hidden {
		// Before anything else happens beside it: what was made raw after it was
		// restored would stay so.
		before, err := term.MakeRaw(int(f.Fd()))
		if err != nil {
			return "", fmt.Errorf("hide what is typed: %w", err)
		}
		read = tui.ReadHidden
		defer a.prompt("\n") // the user's own line break was not echoed either
		defer func() { _ = term.Restore(int(f.Fd()), before) }()
	}
	a.prompt(question)
	type result struct {
		text string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := read(f)
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		if errors.Is(r.err, io.EOF) {
			if !hidden {
				a.prompt("\n")
			}
			return "", errGivenUp
		}
		if errors.Is(r.err, tui.ErrInterrupted) {
			a.interrupt()
			return "", context.Canceled
		}
		if r.err != nil && ctx.Err() == nil {
			return "", fmt.Errorf("read the answer: %w", r.err)
		}
		return r.text, ctx.Err()
	case <-ctx.Done():
		if !hidden {
			a.prompt("\n")
		}
		return "", ctx.Err()
	}
}

// readLine reads up to the line break one byte at a time, so that what was
// pasted after it is left for the next question.
func readLine(r io.Reader) (string, error) {
	var line []byte
	var b [1]byte
	for {
		n, err := r.Read(b[:])
		if n == 1 && b[0] == '\n' {
			return strings.TrimSuffix(string(line), "\r"), nil
		}
		line = append(line, b[:n]...)
		if err != nil {
			if errors.Is(err, io.EOF) && len(line) > 0 {
				return string(line), nil
			}
			return "", err
		}
	}
}

// choose asks until one of the letters in choices is given.
func (a *app) choose(ctx context.Context, question, choices string) (byte, error) {
	for {
		s, err := a.ask(ctx, question)
		if err != nil {
			return 0, err
		}
		s = strings.ToLower(strings.TrimSpace(s))
		if len(s) == 1 && strings.Contains(choices, s) {
			return s[0], nil
		}
	}
}
