package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"kitekey/kite"
)

// print writes data to stdout.
func (a *app) print(format string, args ...any) error {
	_, err := fmt.Fprintf(a.Stdout, format, args...)
	return writeError(err)
}

// writeError words a failure to write the result; nil stays nil.
func writeError(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	if err != nil {
		err = fmt.Errorf("cannot write the result: %w", err)
	}
	return err
}

// note writes a line for a person to stderr, with the program's name before it.
// It may quote a folder's name, a keyring or a gateway, so nothing in it can move
// a terminal's cursor. There is nobody to tell when writing fails.
func (a *app) note(format string, args ...any) {
	_, _ = fmt.Fprintf(a.Stderr, "kitekey: %s\n", kite.CleanText(fmt.Sprintf(format, args...)))
}

// printJSON writes v as one document: indented for a person at a terminal, one
// line for a program.
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
	return a.print("%s", doc.Bytes())
}

// jsonTime is t in UTC to the second, and null when it is zero or beyond what RFC
// 3339 can write.
func jsonTime(t time.Time) *time.Time {
	if t.IsZero() || t.UTC().Year() > 9999 {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}

// seconds is d in whole seconds.
func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// isTerminal reports whether f (a reader or a writer) is a terminal.
func isTerminal(f any) bool {
	file, ok := f.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// terminal is where things that are only for a terminal go (questions, OSC 52):
// stderr or stdout when it is one, otherwise the controlling terminal; nil when
// there is none. done closes what was opened.
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

// length writes a duration as people say it: "45 s", "5 min", "4 min 10 s", "1 h 30 min".
func length(d time.Duration) string {
	s := int64(d.Round(time.Second) / time.Second)
	if s < 0 {
		s = -s
	}
	var parts []string
	for _, u := range []struct {
		size int64
		name string
	}{{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}} {
		if n := s / u.size; n > 0 && len(parts) < 2 {
			parts = append(parts, fmt.Sprintf("%d %s", n, u.name))
			s %= u.size
		} else if len(parts) > 0 {
			break // "1 h 5 s" tells less than it seems to
		}
	}
	if len(parts) == 0 {
		return "0 s"
	}
	return strings.Join(parts, " ")
}

// ago writes how long before now t was: "just now", "2 min ago".
func ago(t, now time.Time) string {
	if d := now.Sub(t); d >= 5*time.Second {
		first, rest, _ := strings.Cut(length(d), " ")
		unit, _, _ := strings.Cut(rest, " ")
		return first + " " + unit + " ago" // nobody counts the seconds of minutes past
	}
	return "just now"
}

// progress is a line on a terminal that says how far something is; where stderr
// is none, nothing.
type progress struct {
	w    io.Writer // nil when nobody would see it
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
