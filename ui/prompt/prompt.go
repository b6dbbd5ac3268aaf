// Package prompt asks at a terminal: for a line, for a line that is not shown, and
// for a credential, which people paste in many forms.
//
// A question ends with its context, so that ctrl-c and a closing terminal end it,
// and its caller can say something else meanwhile. After the question the terminal
// is as it was before.
package prompt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"kitekey/kite"
)

// ErrInterrupted: the user pressed ctrl-c, and the terminal did not make a signal
// of it.
var ErrInterrupted = errors.New("interrupted")

// IsYes reports whether the answer to a yes-or-no question is yes: "y" or "yes".
func IsYes(answer string) bool {
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}

// Kind is the kind of answer that is expected.
type Kind int

// The kinds of answers.
const (
	Line   Kind = iota // a line, echoed by the terminal
	Hidden             // a line that is not shown
	Text               // not shown either; several lines may be pasted
)

// Sequences that make a terminal mark what is pasted, so that several lines come
// as one answer. The caller writes them around a question for a [Text] where it
// writes to a terminal.
const (
	PasteOn  = "\x1b[?2004h"
	PasteOff = "\x1b[?2004l"
)

// IsTerminal reports whether f, a reader or a writer, is a terminal.
func IsTerminal(f any) bool {
	file, ok := f.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// Answer is the answer to a question.
type Answer struct {
	// Text is a line without its end, or all that was pasted.
	Text kite.Secret
	// Err is [io.EOF] at the end of input (ctrl-d), and ErrInterrupted.
	Err error
}

// Reading is an answer that is being read.
type Reading struct {
	answer  chan Answer
	restore func()
}

// Start begins to read one answer from in. If in is not a terminal, every kind is
// read as a line. The caller must call End when the question is over. The reading
// goroutine may stay in its system call until there is input or the process ends.
func Start(in io.Reader, kind Kind) (*Reading, error) {
	r := &Reading{answer: make(chan Answer, 1), restore: func() {}}
	read := readLine
	if file, ok := in.(*os.File); ok && kind != Line && IsTerminal(in) {
		// Do this before anything else runs at the same time: if the terminal were made
		// raw after it was restored, it would stay raw.
		before, err := term.MakeRaw(int(file.Fd()))
		if err != nil {
			return nil, fmt.Errorf("hide what is typed: %w", err)
		}
		r.restore = func() { _ = term.Restore(int(file.Fd()), before) }
		read = func(r io.Reader) (kite.Secret, error) { return ReadHidden(r, kind) }
	}
	go func() {
		text, err := read(in)
		r.answer <- Answer{text, err}
	}()
	return r, nil
}

// Answer returns the channel for the one answer.
func (r *Reading) Answer() <-chan Answer { return r.answer }

// End restores the terminal.
func (r *Reading) End() { r.restore() }

// Wait waits for the answer or for ctx.
func (r *Reading) Wait(ctx context.Context) (kite.Secret, error) {
	select {
	case a := <-r.answer:
		if ctx.Err() != nil {
			return kite.Secret{}, ctx.Err()
		}
		return a.Text, a.Err
	case <-ctx.Done():
		return kite.Secret{}, ctx.Err()
	}
}

// readLine reads up to the line break, one byte at a time, so that text pasted
// after it is left for the next question.
func readLine(r io.Reader) (kite.Secret, error) {
	var line lineBuffer
	var b [1]byte
	for {
		n, err := r.Read(b[:])
		switch {
		case n == 1 && b[0] == '\n':
			return line.take(), nil
		case n == 1:
			line.add(b[0])
		}
		if errors.Is(err, io.EOF) && len(line.text) > 0 {
			return line.take(), nil
		}
		if err != nil {
			line.clear()
			return kite.Secret{}, err
		}
	}
}

// lineBuffer collects a line without leaving copies of it behind.
type lineBuffer struct{ text []byte }

// maxLine bounds a line, in bytes. The rest is dropped.
const maxLine = 64 << 10

func (l *lineBuffer) add(b byte) {
	if len(l.text) >= maxLine {
		return
	}
	if len(l.text) == cap(l.text) {
		longer := make([]byte, len(l.text), max(256, 2*cap(l.text)))
		copy(longer, l.text)
		clear(l.text)
		l.text = longer
	}
	l.text = append(l.text, b)
}

// cut shortens the line to n bytes.
func (l *lineBuffer) cut(n int) {
	clear(l.text[n:])
	l.text = l.text[:n]
}

func (l *lineBuffer) clear() { l.cut(0) }

// take moves the line into a Secret.
func (l *lineBuffer) take() kite.Secret {
	line := bytes.TrimSuffix(l.text, []byte("\r"))
	text := kite.SecretFromBytes(line)
	l.clear()
	return text
}
