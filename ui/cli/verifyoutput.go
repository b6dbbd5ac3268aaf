package cli

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

// reportWriter prints reports as they come. Its methods are called by one
// goroutine at a time.
type reportWriter struct {
	app *app
	o   verifyOptions

	width, total, worst int         // width is that of the column of names
	cells               int         // the width of the terminal, 0 if stdout is none
	names               words.Names // of the accounts
	found               []verified
	progress            io.Writer // nil if stderr is not a terminal
	csv                 *csv.Writer
	err                 error // the first error of writing
}

func newReportWriter(a *app, o verifyOptions) *reportWriter {
	w := &reportWriter{app: a, o: o}
	if isTerminal(a.Stderr) {
		w.progress = a.Stderr
	}
	return w
}

func (w *reportWriter) begin(sels []vault.Selector) {
	w.total = len(sels)
	for _, sel := range sels {
		w.width = max(w.width, len(sel.String()))
	}
	if cells, _ := w.app.terminalSize(); cells > 0 {
		w.cutTo(cells, sels)
	}
	if w.o.form == verifyCSV {
		w.csv = csv.NewWriter(w.app.Stdout)
		w.writeCSV(csvHeading)
	}
	w.showProgress()
}

// cutTo cuts the table's lines to a terminal's width. What will be found is not known yet,
// and needs room.
func (w *reportWriter) cutTo(cells int, sels []vault.Selector) {
	w.cells = cells
	w.width = min(w.width, max(cells/3, leastSelector))
	w.names.Set(len(sels), func(i int) string { return sels[i].Account })
}

// add prints one report, unless a summary comes first. It clears the progress line
// before that.
func (w *reportWriter) add(r verified) {
	w.clearProgress()
	w.found = append(w.found, r)
	w.worst = max(w.worst, exitOf(r.Report))
	if w.err == nil && w.wanted(r) {
		w.write(r)
	}
	w.showProgress()
}

// wanted reports whether a report is printed.
func (w *reportWriter) wanted(r verified) bool {
	return !w.o.failingOnly || r.Verdict != vault.VerdictOK || w.o.form == verifyReport && w.total == 1
}

func (w *reportWriter) write(r verified) {
	switch w.o.form {
	case verifyJSON:
		w.err = w.app.printJSON(newReportJSON(r))
	case verifyCSV:
		w.writeCSV(csvRow(newReportJSON(r)))
	case verifyReport:
		if w.total == 1 {
			w.err = w.app.print("%s\n", words.Ticket(r.Report, w.app.Version))
		}
	default:
		word := words.Verdict(r.Verdict, r.Store).Word
		if errors.Is(r.Err, vault.ErrNoProfile) {
			word = "no such profile"
		}
		line := fmt.Sprintf("%-*s  %-23s  %s", w.width, w.names.ShortSelector(r.Selector.String(), w.width, "…"), word, reportDetail(r))
		if w.cells > 0 {
			line = ansi.Truncate(line, w.cells, "…")
		}
		w.err = w.app.print("%s\n", strings.TrimRight(line, " "))
	}
}

// end prints what comes after the last report and returns the exit code.
func (w *reportWriter) end(ctx context.Context) error {
	w.clearProgress()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if w.o.form == verifyReport && w.total > 1 {
		w.err = w.app.print("%s", w.report())
	}
	if w.err != nil {
		return w.err
	}
	last := w.found[len(w.found)-1]
	w.app.tellSkew(last.Skew)
	switch {
	case w.total > 1:
		w.app.note("%s", w.summary())
		w.tellOnePerVerdict()
	case last.Err != nil && w.o.stdin:
		w.tellStdin(last)
	case last.Err != nil:
		w.app.tell(vault.About(last.Selector, last.Err))
	}
	w.tellElsewhere()
	if w.worst != exitDone {
		return exitSilently(w.worst)
	}
	return nil
}

// report returns the text for a ticket about several profiles: a summary, and the
// wanted reports, failing ones first.
func (w *reportWriter) report() string {
	reports := make([]vault.Report, 0, len(w.found))
	for _, r := range w.found {
		if w.wanted(r) {
			reports = append(reports, r.Report)
		}
	}
	order := words.VerdictsByClass()
	slices.SortStableFunc(reports, func(x, y vault.Report) int {
		if d := slices.Index(order, x.Verdict) - slices.Index(order, y.Verdict); d != 0 {
			return d
		}
		return strings.Compare(x.Selector.String(), y.Selector.String())
	})
	var b strings.Builder
	fmt.Fprintf(&b, "kitekey verification of %s\n", words.Count(w.total, "profile"))
	for _, line := range w.tally() {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	fmt.Fprintf(&b, "  at %s\n", w.app.Now().UTC().Format(time.RFC3339))
	if len(reports) > 0 {
		b.WriteString("\n" + words.Tickets(reports, w.app.Version))
	}
	return b.String()
}

// summary counts the verdicts. A profile that does not exist has none.
func (w *reportWriter) summary() string {
	var tried int
	count := map[vault.Verdict]int{}
	for _, r := range w.found {
		if r.Verdict != vault.VerdictNone {
			count[r.Verdict]++
			tried++
		}
	}
	text := fmt.Sprintf("%d verified", tried)
	if tried < w.total {
		text = fmt.Sprintf("%d of %d verified", tried, w.total)
	}
	if tried > 0 {
		text += ": " + strings.Join(words.Tally(count), ", ")
	}
	return text
}

func (w *reportWriter) tally() []string {
	count := map[vault.Verdict]int{}
	for _, r := range w.found {
		count[r.Verdict]++
	}
	return words.Tally(count)
}

// tellOnePerVerdict says what to do about the first report of each verdict, which
// applies to the others too.
func (w *reportWriter) tellOnePerVerdict() {
	told := map[vault.Verdict]bool{}
	for _, r := range w.found {
		if r.Err != nil && !told[r.Verdict] {
			told[r.Verdict] = true
			w.app.tell(vault.About(r.Selector, r.Err))
		}
	}
}

func (w *reportWriter) tellStdin(r verified) {
	text := fmt.Sprintf("the credential on stdin: %v", r.Err)
	if errors.Is(r.Err, kite.ErrRefused) {
		env := r.Environment.Other()
		text += fmt.Sprintf("; is it one of %s? --environment %s tries it there", env, env)
	}
	w.app.note("%s", text)
}

// tellElsewhere names the credentials that work in the other environment, and the
// command that moves them.
func (w *reportWriter) tellElsewhere() {
	for _, r := range w.found {
		if r.elsewhere != vault.VerdictOK {
			continue
		}
		right := r.Elsewhere()
		w.app.note(`%s: this is a %s credential stored as %s; "kitekey rename %s %s" moves it`, r.Selector, right.Environment, r.Environment, r.Selector, right)
	}
}

// exitOf returns the exit code of one report.
func exitOf(r vault.Report) int {
	if r.Verdict == vault.VerdictNone {
		return exitCode(r.Err) // nothing was tried, for example because there is no such profile
	}
	return words.Verdict(r.Verdict, r.Store).Exit
}

func (w *reportWriter) showProgress() {
	switch done := len(w.found); {
	case w.progress == nil || done == w.total:
	case w.total == 1:
		_, _ = fmt.Fprintf(w.progress, "asking the gateway…")
	default:
		_, _ = fmt.Fprintf(w.progress, "%d of %d verified…", done, w.total)
	}
}

func (w *reportWriter) clearProgress() {
	if w.progress != nil {
		_, _ = io.WriteString(w.progress, "\r\x1b[K")
	}
}

// reportDetail returns the end of a line of the table.
func reportDetail(r verified) string {
	var parts []string
	if r.Status != 0 && r.Verdict != vault.VerdictOK {
		parts = append(parts, fmt.Sprintf("HTTP %d", r.Status))
	}
	switch {
	case r.Message != "":
		parts = append(parts, strings.TrimSuffix(words.Line(r.Message), "."))
	case r.Verdict == vault.VerdictOK:
		parts = append(parts, r.Host, words.Latency(r.Latency))
	case r.Verdict == vault.VerdictUnreachable:
		parts = append(parts, r.Host)
	}
	if r.elsewhere == vault.VerdictOK {
		parts = append(parts, "works in "+string(r.Environment.Other()))
	}
	return strings.Join(parts, ", ")
}

// reportJSON is a report in --json.
type reportJSON struct {
	profileRef
	Host                    *string `json:"host"`
	Verdict                 *string `json:"verdict"`
	VerifiedAt              *string `json:"verified_at"`
	Status                  *int    `json:"status"`
	Message                 *string `json:"message"`
	Error                   *string `json:"error"`
	SkewSeconds             *int64  `json:"skew_seconds"`
	LatencyMS               *int64  `json:"latency_ms"`
	KeyHint                 *string `json:"key_hint"`
	Source                  *string `json:"source"`
	Deep                    bool    `json:"deep"`
	OtherEnvironmentVerdict *string `json:"other_environment_verdict"`
}

func newReportJSON(r verified) reportJSON {
	out := reportJSON{
		profileRef:              refTo(r.Selector),
		Host:                    orNull(r.Host),
		Verdict:                 orNull(string(r.Verdict)),
		Message:                 orNull(r.Message),
		KeyHint:                 orNull(r.KeyHint),
		Source:                  orNull(r.Source),
		Deep:                    r.Deep,
		OtherEnvironmentVerdict: orNull(string(r.elsewhere)),
	}
	if r.fromStdin {
		out.profileRef = profileRef{Environment: string(r.Environment)}
	}
	if r.Verdict != vault.VerdictNone {
		out.VerifiedAt = jsonTime(r.At)
	}
	if r.Status != 0 { // only a reply has them
		skew, latency := seconds(r.Skew), r.Latency.Milliseconds()
		out.Status, out.SkewSeconds, out.LatencyMS = &r.Status, &skew, &latency
	}
	if r.Err != nil {
		out.Error = orNull(r.Err.Error())
	}
	return out
}

// csvHeading has the names of the columns, which are the keys of --json.
var csvHeading = []string{
	"profile", "account", "environment", "verdict", "status", "message", "host", "verified_at",
	"latency_ms", "skew_seconds", "key_hint", "source", "deep", "other_environment_verdict", "error",
}

func csvRow(r reportJSON) []string {
	return []string{
		text(r.Profile), text(r.Account), r.Environment, text(r.Verdict), number(r.Status), text(r.Message), text(r.Host), text(r.VerifiedAt),
		number(r.LatencyMS), number(r.SkewSeconds), text(r.KeyHint), text(r.Source), strconv.FormatBool(r.Deep), text(r.OtherEnvironmentVerdict), text(r.Error),
	}
}

// text returns a cell with text from outside. A spreadsheet takes a text that
// begins with one of these characters for a formula; a quote before it prevents
// that.
func text(s *string) string {
	if s == nil {
		return ""
	}
	line := words.Line(*s)
	if strings.HasPrefix(line, "=") || strings.HasPrefix(line, "+") || strings.HasPrefix(line, "-") || strings.HasPrefix(line, "@") {
		return "'" + line
	}
	return line
}

func number[N int | int64](n *N) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(int64(*n), 10)
}

func (w *reportWriter) writeCSV(row []string) {
	_ = w.csv.Write(row)
	w.csv.Flush()
	if err := w.csv.Error(); w.err == nil {
		w.err = writeError(err)
	}
}
