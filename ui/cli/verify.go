package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

type verifyOptions struct {
	profiles    []string
	all         bool
	stdin       bool   // a credential that is not stored
	environment string // of that credential
	deep        bool
	both        bool // try a refused credential in the other environment
	form        string
	failingOnly bool
}

// The forms in which verify prints reports.
const (
	verifyTable  = "table"
	verifyJSON   = "json"
	verifyCSV    = "csv"
	verifyReport = "report"
)

func newVerify(a *app, run func(context.Context, verifyOptions) error) *cobra.Command {
	o := verifyOptions{environment: string(kite.Sandbox)}
	var json, csv, report bool
	show := ""
	cmd := &cobra.Command{
		Use:   "verify [SELECTOR… | --all | --stdin]",
		Short: "Find out which credentials work, and why one does not",
		Long: `Verify credentials by minting a token that lives a minute and is thrown away. --deep
also makes a read-only call with it. Results come as they are found, eight at a time,
slower if the gateway asks for it. The exit code is the highest of these:

` + verdictTable() + `

--report prints blocks for a ticket, without secrets; for several profiles a summary
comes first, and then the failing ones unless --show all is given.

--both tries a credential that is refused in the other environment too, with one more
request, and says if it is stored under the wrong one.

--stdin verifies a credential that is not stored, and keeps nothing of it.`,
		Example: `  kitekey verify acme/live --deep
  kitekey verify --all --show failing
  kitekey verify --all --csv > verified.csv
  kitekey verify --all --json | jq -r 'select(.verdict != "ok") | .profile'
  kitekey verify --stdin --environment live < acme.json`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeSelectors(true),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("environment") && !o.stdin {
				return usagef("--environment goes with --stdin; a stored credential's is in its name: acme/live")
			}
			o.profiles, o.form = args, verifyTable
			switch {
			case json:
				o.form = verifyJSON
			case csv:
				o.form = verifyCSV
			case report:
				o.form = verifyReport
			}
			o.failingOnly = show == "failing" || show == "" && report
			return run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.all, "all", false, "every profile")
	f.BoolVar(&o.stdin, "stdin", false, "a credential that is not stored: "+stdinForm)
	choiceFlag(cmd, &o.environment, "environment", "`where` to try the credential of --stdin: sandbox or live", "sandbox", "live")
	f.BoolVar(&o.deep, "deep", false, "prove that the token is accepted too")
	f.BoolVar(&o.both, "both", false, "try a refused credential in the other environment too")
	choiceFlag(cmd, &show, "show", "`which` results to print: all or failing (default: all; failing for a --report of several)", "all", "failing")
	f.BoolVar(&json, "json", false, "print one JSON object per profile")
	f.BoolVar(&csv, "csv", false, "print comma-separated values, a heading first")
	f.BoolVar(&report, "report", false, "print text for a ticket, without secrets")
	cmd.MarkFlagsMutuallyExclusive("json", "csv", "report")
	cmd.MarkFlagsMutuallyExclusive("all", "stdin")
	cmd.MarkFlagsMutuallyExclusive("both", "stdin")
	return cmd
}

// verdictTable lists the verdicts by exit code.
func verdictTable() string {
	var rows [][]string
	for _, v := range vault.Verdicts {
		w := words.Verdict(v, "")
		rows = append(rows, []string{fmt.Sprint(w.Exit), w.Word, w.Brief})
	}
	slices.SortStableFunc(rows, func(x, y []string) int { return strings.Compare(x[0], y[0]) })
	return table(rows)
}

func (a *app) runVerify(ctx context.Context, o verifyOptions) error {
	out := newReportWriter(a, o)
	if o.stdin {
		return a.verifyStdin(ctx, out, o)
	}
	sels, v, err := a.chosen(o.profiles, o.all)
	if err != nil {
		return err
	}
	if len(sels) == 0 {
		a.note("no profiles to verify")
		return nil
	}
	if len(sels) == 1 {
		if _, err := v.Lookup(sels[0]); err != nil {
			return vault.About(sels[0], err)
		}
	}
	out.begin(sels)
	each := func(r vault.Report) { out.add(a.tryElsewhere(ctx, v, r, o.both)) }
	if len(sels) == 1 {
		// For a single profile, do not wait a minute if the gateway asks for a rest.
		each(v.Verify(ctx, sels[0], o.deep))
	} else {
		v.VerifyAll(ctx, sels, o.deep, each)
	}
	return out.end(ctx)
}

// verified is a report, and the other environment's verdict if it was asked.
type verified struct {
	vault.Report
	elsewhere vault.Verdict // VerdictNone means not asked
	fromStdin bool          // the credential is not stored: the selector's account is not one
}

// tryElsewhere tries a refused credential in the other environment.
func (a *app) tryElsewhere(ctx context.Context, v *vault.Vault, r vault.Report, both bool) verified {
	if !both || r.Verdict != vault.VerdictRejected || ctx.Err() != nil {
		return verified{Report: r}
	}
	return verified{Report: r, elsewhere: v.VerifyElsewhere(ctx, r.Selector).Verdict}
}

// verifyStdin verifies a credential that is not stored.
func (a *app) verifyStdin(ctx context.Context, out *reportWriter, o verifyOptions) error {
	if len(o.profiles) > 0 {
		return usagef("--stdin takes no profile; --environment says where to try the credential")
	}
	env, err := kite.ParseEnvironment(o.environment)
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
	out.begin([]vault.Selector{sel})
	r := v.VerifyCredential(ctx, env, cred, o.deep)
	r.Selector = sel
	out.add(verified{Report: r, fromStdin: true})
	return out.end(ctx)
}
