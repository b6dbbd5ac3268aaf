package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"kitekey/kite"
	"kitekey/ui/prompt"
)

// print writes data to stdout.
func (a *app) print(format string, args ...any) error {
	_, err := fmt.Fprintf(a.Stdout, format, args...)
	return writeError(err)
}

// writeError returns the error for a result that could not be written; nil stays
// nil. It has no text if the reader has gone, as that of "kitekey list | head -1".
func writeError(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	if errors.Is(err, syscall.EPIPE) {
		return &codeError{code: exitBrokenPipe, err: err}
	}
	if err != nil {
		err = fmt.Errorf("cannot write the result: %w", err)
	}
	return err
}

// note writes a line to stderr, with the program's name before it. Control
// characters are removed, because the line may quote a folder's name, a keyring or
// a gateway. note ignores a failure to write, which could not be reported.
func (a *app) note(format string, args ...any) {
	_, _ = fmt.Fprintf(a.Stderr, "kitekey: %s\n", kite.CleanText(fmt.Sprintf(format, args...)))
}

// printJSON writes v as one document: indented at a terminal, and otherwise on one
// line.
func (a *app) printJSON(v any) error {
	var doc bytes.Buffer
	enc := json.NewEncoder(&doc)
	enc.SetEscapeHTML(false)
	onTerminal := isTerminal(a.Stdout)
	if onTerminal {
		enc.SetIndent("", "  ")
	}
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	if onTerminal {
		return a.print("%s", escapeInvisible(doc.Bytes()))
	}
	_, err := a.Stdout.Write(doc.Bytes())
	return writeError(err)
}

// printJSONRows writes an array of n rows as [app.printJSON] would. Away from a
// terminal it encodes row by row, which with thousands saves several copies of all.
func (a *app) printJSONRows(n int, row func(i int) any) error {
	if isTerminal(a.Stdout) || n == 0 {
		rows := make([]any, n)
		for i := range rows {
			rows[i] = row(i)
		}
		return a.printJSON(rows)
	}
	var doc bytes.Buffer
	enc := json.NewEncoder(&doc)
	enc.SetEscapeHTML(false)
	for i := range n {
		doc.WriteByte("[,"[min(i, 1)])
		if err := enc.Encode(row(i)); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
		doc.Truncate(doc.Len() - 1) // the encoder's line break
	}
	doc.WriteString("]\n")
	_, err := a.Stdout.Write(doc.Bytes())
	return writeError(err)
}

// isTerminal reports whether f, a reader or a writer, is a terminal.
func isTerminal(f any) bool { return prompt.IsTerminal(f) }

// terminal returns where to write what is only for a terminal (questions, OSC 52):
// stderr or stdout if it is one, otherwise the controlling terminal, or nil if
// there is none. done closes it.
func (a *app) terminal() (w io.Writer, done func()) {
	for _, w := range []io.Writer{a.Stderr, a.Stdout} {
		if isTerminal(w) {
			return w, func() {}
		}
	}
	if f, err := os.OpenFile(controllingTerminal, os.O_WRONLY, 0); err == nil {
		return f, func() { _ = f.Close() }
	}
	return nil, func() {}
}

// progress shows how far an operation is, on a terminal. It shows nothing if stderr
// is not a terminal.
type progress struct {
	w    io.Writer // nil if stderr is not a terminal
	verb string
}

func (a *app) progress(verb string) progress {
	if isTerminal(a.Stderr) {
		return progress{a.Stderr, verb}
	}
	return progress{}
}

func (p progress) show(done, total int) {
	if p.w != nil {
		_, _ = fmt.Fprintf(p.w, "\r\x1b[K%d of %d %s…", done, total, p.verb)
	}
}

func (p progress) clear() {
	if p.w != nil {
		_, _ = io.WriteString(p.w, "\r\x1b[K")
	}
}

// noteOnSuccess says what was done if err is nil, and returns err.
func (a *app) noteOnSuccess(err error, format string, args ...any) error {
	if err == nil {
		a.note(format, args...)
	}
	return err
}
