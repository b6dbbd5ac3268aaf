package cli

import (
	"bytes"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/term"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

// jsonTime returns t in UTC to the second, and null if it is zero or out of the
// range of RFC 3339.
func jsonTime(t time.Time) *string {
	if t.IsZero() || t.UTC().Year() > 9999 {
		return nil
	}
	text := t.UTC().Format(time.RFC3339) // the encoder would need three times as long for a time
	return &text
}

// seconds returns d in whole seconds.
func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// orNull returns nil for the empty string.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// table aligns columns. No line ends with spaces, which would spoil a diff.
func table(rows [][]string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, "  "+strings.Join(row, "\t"))
	}
	_ = w.Flush()
	var out strings.Builder
	for line := range strings.Lines(b.String()) {
		out.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return strings.TrimRight(out.String(), "\n")
}

// terminalSize returns the size of stdout in cells, 0 if it is not a terminal.
func (a *app) terminalSize() (w, h int) {
	if !isTerminal(a.Stdout) {
		return 0, 0
	}
	w, h, err := term.GetSize(int(a.Stdout.(interface{ Fd() uintptr }).Fd()))
	if err != nil {
		return 0, 0
	}
	return w, h
}

// cutRows cuts a table with two spaces between its columns to w cells: first the selectors
// in its first column, if there is little room for the last one, and then the last one. It
// leaves a table whole that would lose more.
func cutRows(rows [][]string, w int) {
	widest := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widest[i] = max(widest[i], ansi.StringWidth(cell))
		}
	}
	last := len(widest) - 1
	room := w - 2*last
	for _, n := range widest[1:last] {
		room -= n
	}
	if room < leastSelector {
		return
	}
	first := min(widest[0], max(room-widest[last], room*2/3, leastSelector))
	var names words.Names
	names.Set(len(rows), func(i int) string {
		account, _, _ := strings.Cut(rows[i][0], "/")
		return account
	})
	for _, row := range rows {
		row[0] = names.ShortSelector(row[0], first, "…")
		row[last] = ansi.Truncate(row[last], max(room-first, 0), "…")
	}
}

// leastSelector is the number of cells in which two selectors can be told apart.
const leastSelector = 20

func hint(s string) string { return "····" + s }

// movesText reports whether a character would move a terminal's cursor or reorder its
// text.
func movesText(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

// escapeInvisible writes characters that [movesText] finds as JSON escapes. Valid JSON
// has them in strings only; line breaks stay.
func escapeInvisible(doc []byte) []byte {
	var b bytes.Buffer
	for _, r := range string(doc) {
		switch {
		case r == '\n' || !movesText(r):
			b.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.Bytes()
}

// profileRef names the profile in every JSON object. Profile and Account are null for
// a credential that is not stored.
type profileRef struct {
	Profile     *string `json:"profile"`
	Account     *string `json:"account"`
	Environment string  `json:"environment"`
}

func refTo(sel vault.Selector) profileRef {
	return profileRef{orNull(sel.String()), orNull(sel.Account), string(sel.Environment)}
}

// lifetimeOrNull returns null for a life that was not chosen.
func lifetimeOrNull(l kite.Lifetime) *int64 {
	if l == 0 {
		return nil
	}
	n := int64(l)
	return &n
}
