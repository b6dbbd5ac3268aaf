package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

func newVerify(a *app) *cobra.Command {
	var (
		all, stdin, deep, asJSON, report bool
		environment                      string
	)
	cmd := &cobra.Command{
		Use:   "verify [SELECTOR… | --all | --stdin]",
		Short: "Find out which key pairs work, and why one does not",
		Long: `Try key pairs by minting a token that lives a minute and is dropped. --deep also
makes a read-only call with it. Results come as they are found, eight at a time,
slower when the gateway asks for it. The exit code is the highest of the verdicts'.

  works                   0   the gateway gave a token
  no credential           3   the profile is there, its key pair is not
  refused                 4   the gateway does not accept the pair
  called invalid          4   the gateway finds fault with the request
  unreachable             5   nothing answered: says nothing about the pair
  too many requests       5   the gateway wants a rest: says nothing about the pair
  gateway failed          5   says nothing about the pair
  not a Kitegateway reply 5   something else answered, a proxy say
  the keyring …           6   it is locked or does not answer

--stdin tries a pair that is not stored and keeps nothing of it.`,
		Example: `  kitekey verify acme/live --deep
  kitekey verify --all --json | jq -r 'select(.verdict != "ok") | .profile'
  kitekey verify acme --report             a block for a ticket, without secrets
  kitekey verify --stdin --environment live < pair.json`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeSelectors(true),
	}
	f := cmd.Flags()
	f.BoolVar(&all, "all", false, "every profile")
	f.BoolVar(&stdin, "stdin", false, "a pair that is not stored: "+stdinForm)
	f.StringVar(&environment, "environment", "sandbox", "`where` to try the pair of --stdin: sandbox or live")
	f.BoolVar(&deep, "deep", false, "prove that the token is accepted too")
	f.BoolVar(&asJSON, "json", false, "print one JSON object per profile")
	f.BoolVar(&report, "report", false, "print a block for a ticket per profile, without secrets")
	cmd.MarkFlagsMutuallyExclusive("json", "report")
	cmd.MarkFlagsMutuallyExclusive("all", "stdin")
	_ = cmd.RegisterFlagCompletionFunc("environment", cobra.FixedCompletions([]string{"sandbox", "live"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		out := &reportWriter{app: a, asJSON: asJSON, block: report}
		if stdin {
			return a.verifyStdin(ctx, out, args, environment, deep)
		}
		if cmd.Flags().Changed("environment") {
			return usagef("--environment goes with --stdin; a stored pair's is in its name: acme/live")
		}
		sels, v, err := a.chosen(args, all)
		if err != nil {
			return err
		}
		if len(sels) == 0 {
			a.note("no profiles to verify")
			return nil
		}
		if len(sels) == 1 {
			if _, err := v.Lookup(sels[0]); err != nil {
				return about(sels[0], err)
			}
		}
		out.begin(sels)
		if len(sels) == 1 {
			// Nobody waits a minute for one answer when the gateway wants a rest.
			out.add(v.Verify(ctx, sels[0], deep))
		} else {
			v.VerifyAll(ctx, sels, deep, out.add)
		}
		return out.end(ctx)
	}
	return cmd
}

// verifyStdin tries a pair that is not stored.
func (a *app) verifyStdin(ctx context.Context, out *reportWriter, args []string, environment string, deep bool) error {
	if len(args) > 0 {
		return usagef("--stdin takes no profile; --environment says where to try the pair")
	}
	env, err := kite.ParseEnvironment(environment)
	if err != nil {
		return usagef("--environment: %w", err)
	}
	cred, err := a.credentialFromStdin(ctx)
	if err != nil {
		return err
	}
	v, err := a.open()
	if err != nil {
		return err
	}
	sel := vault.Selector{Account: "stdin", Environment: env}
	out.notStored = true
	out.begin([]vault.Selector{sel})
	r := v.VerifyCredential(ctx, env, cred, deep)
	r.Selector = sel
	out.add(r)
	return out.end(ctx)
}

// reportWriter prints reports as they come. Its methods are called by one
// goroutine at a time.
type reportWriter struct {
	app           *app
	asJSON, block bool
	notStored     bool // the pair of --stdin

	width, total, done, worst int
	counts                    map[vault.Verdict]int
	last                      vault.Report
	bad                       []vault.Report // the first of each verdict that is not ok
	progress                  io.Writer      // nil when nobody would see it
	err                       error          // of writing
}

func (w *reportWriter) begin(sels []vault.Selector) {
	w.total, w.counts = len(sels), map[vault.Verdict]int{}
	for _, sel := range sels {
		w.width = max(w.width, len(sel.String()))
	}
	if isTerminal(w.app.Stderr) {
		w.progress = w.app.Stderr
	}
	w.showProgress()
}

// add prints one report. The progress line makes room for it.
func (w *reportWriter) add(r vault.Report) {
	w.clearProgress()
	switch {
	case w.err != nil:
	case w.asJSON:
		w.err = w.app.printJSON(newReportJSON(r))
	case w.block:
		w.err = w.app.print("%s\n", words.Ticket(r, w.app.Version))
	default:
		word := words.Verdict(r.Verdict, r.Store).Word
		if errors.Is(r.Err, vault.ErrNoProfile) {
			word = "no such profile"
		}
		w.err = w.app.print("%s\n", strings.TrimRight(fmt.Sprintf("%-*s  %-23s  %s", w.width, r.Selector, word, reportDetail(r)), " "))
	}
	w.done++
	if w.counts[r.Verdict]++; w.counts[r.Verdict] == 1 && r.Err != nil {
		w.bad = append(w.bad, r)
	}
	code := words.Verdict(r.Verdict, r.Store).Exit
	if r.Verdict == vault.VerdictNone {
		code = exitCode(r.Err) // nothing was tried: no such profile, for one
	}
	w.worst = max(w.worst, code)
	w.last = r
	w.showProgress()
}

func (w *reportWriter) end(ctx context.Context) error {
	w.clearProgress()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if w.err != nil {
		return w.err
	}
	w.app.tellSkew(w.last.Skew)
	if w.total > 1 {
		var parts []string
		for _, verdict := range append([]vault.Verdict{vault.VerdictNone}, vault.Verdicts...) {
			if n := w.counts[verdict]; n > 0 {
				parts = append(parts, fmt.Sprintf("%s %d", words.Verdict(verdict, w.last.Store).Word, n))
			}
		}
		w.app.note("%d verified: %s", w.total, strings.Join(parts, ", "))
		// What to do is the same for all of a verdict.
		for _, r := range w.bad {
			w.app.tell(about(r.Selector, r.Err))
		}
	} else if w.last.Err != nil {
		if w.notStored {
			other := kite.Live
			if w.last.Environment == kite.Live {
				other = kite.Sandbox
			}
			text := fmt.Sprintf("the pair on stdin: %v", w.last.Err)
			if errors.Is(w.last.Err, kite.ErrRefused) {
				text += fmt.Sprintf("; is it one of %s? --environment %s tries it there", other, other)
			}
			w.app.note("%s", text)
		} else {
			w.app.tell(about(w.last.Selector, w.last.Err))
		}
	}
	if w.worst != exitDone {
		return exitSilently(w.worst)
	}
	return nil
}

func (w *reportWriter) showProgress() {
	switch {
	case w.progress == nil || w.done == w.total:
	case w.total == 1:
		_, _ = fmt.Fprintf(w.progress, "asking the gateway…")
	default:
		_, _ = fmt.Fprintf(w.progress, "%d of %d verified…", w.done, w.total)
	}
}

func (w *reportWriter) clearProgress() {
	if w.progress != nil {
		_, _ = io.WriteString(w.progress, "\r\x1b[K")
	}
}

// reportDetail is the end of a line of the table.
func reportDetail(r vault.Report) string {
	var parts []string
	if r.Status != 0 && r.Verdict != vault.VerdictOK {
		parts = append(parts, fmt.Sprintf("HTTP %d", r.Status))
	}
	if r.Message != "" {
		parts = append(parts, words.Line(r.Message))
	} else if r.Verdict == vault.VerdictOK {
		parts = append(parts, r.Host, milliseconds(r.Latency))
	} else if r.Verdict == vault.VerdictUnreachable {
		parts = append(parts, r.Host)
	}
	return strings.Join(parts, ", ")
}

// reportJSON is a report as --json shows it.
type reportJSON struct {
	Profile     string     `json:"profile"`
	Account     string     `json:"account"`
	Environment string     `json:"environment"`
	Host        string     `json:"host"`
	Verdict     *string    `json:"verdict"`
	CheckedAt   *time.Time `json:"checked_at"`
	Status      *int       `json:"status"`
	Message     *string    `json:"message"`
	Error       *string    `json:"error"`
	SkewSeconds int64      `json:"skew_seconds"`
	LatencyMS   int64      `json:"latency_ms"`
	KeyHint     string     `json:"key_hint"`
	Deep        bool       `json:"deep"`
}

func newReportJSON(r vault.Report) reportJSON {
	out := reportJSON{
		Profile:     r.Selector.String(),
		Account:     r.Account,
		Environment: string(r.Environment),
		Host:        r.Host,
		Verdict:     orNull(string(r.Verdict)),
		CheckedAt:   jsonTime(r.At),
		Message:     orNull(r.Message),
		SkewSeconds: seconds(r.Skew),
		LatencyMS:   r.Latency.Milliseconds(),
		KeyHint:     r.KeyHint,
		Deep:        r.Deep,
	}
	if r.Status != 0 {
		out.Status = &r.Status
	}
	if r.Err != nil {
		out.Error = orNull(r.Err.Error())
	}
	return out
}
