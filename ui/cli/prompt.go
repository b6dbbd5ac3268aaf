package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"kitekey/kite"
	"kitekey/ui/prompt"
)

// errGivenUp means that the input ended (ctrl-d) where an answer was expected.
var errGivenUp = &codeError{code: exitInterrupted, text: "cancelled; nothing was stored"}

// canAsk reports whether stdin is a terminal, so that questions can be answered.
func (a *app) canAsk() bool { return isTerminal(a.Stdin) }

// ask shows a question and reads one line.
func (a *app) ask(ctx context.Context, question string) (string, error) {
	text, err := a.answer(ctx, question, prompt.Line)
	return text.Reveal(), err
}

// askSecret shows a question and reads one line without echoing it or its length.
func (a *app) askSecret(ctx context.Context, question string) (kite.Secret, error) {
	return a.answer(ctx, question, prompt.Hidden)
}

// confirm asks a yes-or-no question.
func (a *app) confirm(ctx context.Context, question string) (bool, error) {
	s, err := a.ask(ctx, question+" [y/N] ")
	if errors.Is(err, errGivenUp) {
		return false, nil
	}
	return prompt.IsYes(s), err
}

// prompt writes text to the terminal that the answer is read from, even if stderr
// is a file: a question that is not seen would look like a hang.
func (a *app) prompt(text string) {
	w, done := a.terminal()
	defer done()
	if w == nil {
		w = a.Stderr
	}
	_, _ = io.WriteString(w, text)
}

// noTerminal returns the error for a question that has no terminal. instead says what
// to do.
func noTerminal(what, instead string) error {
	return usagef("no terminal to ask for %s on; %s", what, instead)
}

// answer shows a question and reads an answer until ctx ends. It leaves the
// terminal as it was.
func (a *app) answer(ctx context.Context, question string, kind prompt.Kind) (kite.Secret, error) {
	if !a.canAsk() {
		return kite.Secret{}, errors.New("no terminal to ask on")
	}
	reading, err := prompt.Start(a.Stdin, kind)
	if err != nil {
		return kite.Secret{}, err
	}
	defer reading.End()
	if kind == prompt.Text && a.getenv("TERM") != "dumb" {
		question = prompt.PasteOn + question
		defer a.prompt(prompt.PasteOff)
	}
	a.prompt(question)
	text, err := reading.Wait(ctx)
	if kind != prompt.Line || ctx.Err() != nil || errors.Is(err, io.EOF) {
		a.prompt("\r\n") // the user's line break was not echoed
	}
	switch {
	case ctx.Err() != nil:
		return kite.Secret{}, ctx.Err()
	case errors.Is(err, io.EOF):
		return kite.Secret{}, errGivenUp
	case errors.Is(err, prompt.ErrInterrupted):
		a.interrupt()
		return kite.Secret{}, context.Canceled
	case err != nil:
		return kite.Secret{}, fmt.Errorf("read the answer: %w", err)
	}
	return text, nil
}

// choose asks until the answer is one of the letters in choices.
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
