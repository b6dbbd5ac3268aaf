package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"

	"kitekey/kite"
)

// errGivenUp is the end of input (ctrl-d) where an answer was expected.
var errGivenUp = &codeError{code: exitInterrupted, text: "given up; nothing was stored"}

// canAsk reports whether somebody is there to answer: stdin is a terminal.
func (a *app) canAsk() bool { return isTerminal(a.Stdin) }

// ask shows a question and reads one line.
func (a *app) ask(ctx context.Context, question string) (string, error) {
	return a.answer(ctx, question, func(f *os.File) (string, error) { return readLine(f) })
}

// askSecret shows a question and reads one line that is not echoed, its length
// included.
//
// It does not use term.ReadPassword, which spins for ever at the end of input
// (ctrl-d), and in whose line mode the kernel cuts a pasted line at 4,096 bytes
// without a word.
func (a *app) askSecret(ctx context.Context, question string) (kite.Secret, error) {
	s, err := a.answer(ctx, question, func(f *os.File) (string, error) {
		before, err := term.MakeRaw(int(f.Fd()))
		if err != nil {
			return "", err
		}
		defer a.prompt("\n") // the user's own line break was not echoed either
		defer func() { _ = term.Restore(int(f.Fd()), before) }()
		return readHidden(f)
	})
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

// answer runs read beside ctx. When ctx ends first the terminal gets its echo
// back; read stays behind in its system call, which the end of the process ends.
func (a *app) answer(ctx context.Context, question string, read func(*os.File) (string, error)) (string, error) {
	f, ok := a.Stdin.(*os.File)
	if !ok || !a.canAsk() {
		return "", fmt.Errorf("no terminal to ask on")
	}
	before, err := term.GetState(int(f.Fd()))
	if err != nil {
		return "", fmt.Errorf("read the terminal's state: %w", err)
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
			a.prompt("\n")
			return "", errGivenUp
		}
		if errors.Is(r.err, errCtrlC) {
			a.interrupt()
			return "", context.Canceled
		}
		if r.err != nil && ctx.Err() == nil {
			return "", fmt.Errorf("read the answer: %w", r.err)
		}
		return r.text, ctx.Err()
	case <-ctx.Done():
		_ = term.Restore(int(f.Fd()), before)
		a.prompt("\n")
		return "", ctx.Err()
	}
}

// errCtrlC is ctrl-c where the terminal does not make a signal of it.
var errCtrlC = errors.New("ctrl-c")

// readHidden reads a line from a terminal in raw mode, with the editing keys that
// make sense when nothing is seen.
func readHidden(r io.Reader) (string, error) {
	var line []byte
	var b [1]byte
	for {
		if n, err := r.Read(b[:]); err != nil || n == 0 {
			return "", cmp.Or(err, io.EOF)
		}
		switch b[0] {
		case '\r', '\n':
			return string(line), nil
		case 'C' & 31:
			return "", errCtrlC
		case 'D' & 31:
			if len(line) == 0 {
				return "", io.EOF
			}
		case 'H' & 31, 127: // backspace
			_, size := utf8.DecodeLastRune(line)
			line = line[:len(line)-size]
		case 'U' & 31:
			line = line[:0]
		default:
			if len(line) < maxStdin {
				line = append(line, b[0])
			}
		}
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
