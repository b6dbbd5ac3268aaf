package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"kitekey/ui/words"
	"kitekey/vault"
)

type logOptions struct {
	profile []string // at most one; none for all
	last    int      // entries, 0 for all
	json    bool

	// If one of these is set, no entries are shown.
	on, off bool
}

func newLog(a *app, run func(context.Context, logOptions) error) *cobra.Command {
	var o logOptions
	cmd := &cobra.Command{
		Use:   "log [SELECTOR]",
		Short: "Show what was done with the profiles, when, and by which command",
		Long: `Show the activity log: what was minted, handed out, copied, revealed, called,
verified, rotated, added, renamed, moved, removed and exported; when, for which
profile, by which command and program, for which --reason, and with what result. It
holds no secret, no token and no body of a request, stays on this machine
(activity.jsonl in the data folder) and keeps the last few thousand entries.

For one profile it also shows what was done under its earlier names.`,
		Example: `  kitekey log
  kitekey log acme/live -n 5
  kitekey log --json | jq -r 'select(.result != "ok")'
  kitekey log --off                 log nothing from now on`,
		Args:              argCount(0, 1, "at most one profile"),
		ValidArgsFunction: a.completeSelectors(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.profile = args
			if (o.on || o.off) && (len(args) > 0 || o.json || cmd.Flags().Changed("last")) {
				return usagef("--on and --off take no other flag and no profile: there is one log for all")
			}
			return run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.IntVarP(&o.last, "last", "n", 50, "`number` of entries, 0 for all")
	f.BoolVar(&o.json, "json", false, "print one JSON object per entry")
	f.BoolVar(&o.off, "off", false, "log nothing from now on; existing entries stay")
	f.BoolVar(&o.on, "on", false, "log again")
	cmd.MarkFlagsMutuallyExclusive("on", "off")
	return cmd
}

func (a *app) runLog(ctx context.Context, o logOptions) error {
	dir, err := a.home()
	if err != nil {
		return err
	}
	switch {
	case o.on || o.off:
		err := vault.ChangeSettings(ctx, dir, func(s *vault.Settings) { s.ActivityLog = o.on })
		return a.noteOnSuccess(err, "the activity log is %s", map[bool]string{true: "on", false: "off"}[o.on])
	case o.last < 0:
		return usagef("--last: %d is not a number of entries", o.last)
	case o.last == 0:
		o.last = math.MaxInt
	}
	var sel *vault.Selector
	if len(o.profile) == 1 {
		s, err := parseSelector(o.profile[0])
		if err != nil {
			return err
		}
		sel = &s
	}
	return a.showLog(dir, sel, o)
}

func (a *app) showLog(dir string, sel *vault.Selector, o logOptions) error {
	v, err := a.openQuietly()
	if err != nil {
		return err
	}
	entries, readErr := v.Activities(sel, o.last)
	if o.json {
		for _, e := range entries {
			if err := a.printJSON(newActivityJSON(e)); err != nil {
				return err
			}
		}
	} else if err := a.printActivities(entries); err != nil {
		return err
	}
	s, err := vault.LoadSettings(dir)
	switch {
	case readErr != nil || err != nil:
		return errors.Join(readErr, err)
	case !s.ActivityLog:
		a.note(`the activity log is off; "kitekey log --on" turns it on`)
	case len(entries) == 0 && sel != nil:
		if _, err := v.Lookup(*sel); err != nil {
			return err // a name that was mistyped, and not a profile without history
		}
		a.note("nothing logged about %s yet", sel)
	case len(entries) == 0:
		a.note("nothing logged yet")
	}
	return nil
}

func (a *app) printActivities(entries []vault.Activity) error {
	if len(entries) == 0 {
		return nil
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WHEN\tPROFILE\tWHAT\tBY\tRESULT\tDETAILS")
	for _, e := range entries {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", e.At.Local().Format(time.DateTime), e.Selector, words.Line(string(e.Action)), words.Line(e.Command), words.Line(e.Result), activityDetails(e))
	}
	_ = w.Flush()
	return a.print("%s", b.String())
}

// activityDetails returns the other facts of an entry, "-" if there are none.
func activityDetails(e vault.Activity) string {
	var parts []string
	if change := words.Change(&e, "→"); change != "" {
		parts = append(parts, change)
	}
	if e.Method != "" {
		parts = append(parts, strings.TrimSuffix(fmt.Sprintf("%s %s %d", e.Method, e.Path, e.Status), " 0"))
	}
	if len(e.Recipients) > 0 {
		parts = append(parts, "to "+strings.Join(e.Recipients, ", "))
	}
	if e.Parent != "" {
		parts = append(parts, "from "+e.Parent)
	}
	if e.Reason != "" {
		parts = append(parts, "reason: "+e.Reason)
	}
	return cmp.Or(words.Line(strings.Join(parts, "; ")), "-")
}

// activityJSON is an entry in --json.
type activityJSON struct {
	LoggedAt *string `json:"logged_at"`
	profileRef
	Action     string   `json:"action"`
	Command    *string  `json:"command"`
	Result     string   `json:"result"`
	Parent     *string  `json:"parent"`
	Reason     *string  `json:"reason"`
	Method     *string  `json:"method"`
	Path       *string  `json:"path"`
	Status     *int     `json:"status"`
	Recipients []string `json:"recipients"`
	From       *string  `json:"from"`
	To         *string  `json:"to"`
}

func newActivityJSON(e vault.Activity) activityJSON {
	out := activityJSON{
		jsonTime(e.At), refTo(e.Selector), string(e.Action), orNull(e.Command), e.Result,
		orNull(e.Parent), orNull(e.Reason), orNull(e.Method), orNull(e.Path), nil, e.Recipients, orNull(e.From), orNull(e.To),
	}
	if e.Status != 0 {
		out.Status = &e.Status
	}
	return out
}
