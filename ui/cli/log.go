package cli

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"kitekey/ui/words"
	"kitekey/vault"
)

func newLog(a *app) *cobra.Command {
	var (
		last            int
		asJSON, on, off bool
	)
	cmd := &cobra.Command{
		Use:   "log [SELECTOR]",
		Short: "Show what was done with the profiles, when, and by which command",
		Long: `Show the activity log: what was minted, copied, revealed, verified, rotated, added
and removed, when, for which profile, by which command, and what came of it. It
holds no secret and no token, stays on this machine (activity.jsonl in the data
folder) and keeps the last few thousand entries.

Handing out a token that was kept from an earlier mint is not an entry.`,
		Example: `  kitekey log
  kitekey log acme/live -n 5
  kitekey log --json | jq -r 'select(.result != "ok")'
  kitekey log --off                 keep none from now on`,
		Args:              argCount(0, 1, "at most one profile"),
		ValidArgsFunction: a.completeSelectors(false),
	}
	f := cmd.Flags()
	f.IntVarP(&last, "last", "n", 50, "how `many` entries, 0 for all")
	f.BoolVar(&asJSON, "json", false, "print one JSON object per entry")
	f.BoolVar(&off, "off", false, "keep no log from now on; what there is stays")
	f.BoolVar(&on, "on", false, "keep a log again")
	cmd.MarkFlagsMutuallyExclusive("on", "off")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		dir, err := a.home()
		if err != nil {
			return err
		}
		if on || off {
			if len(args) > 0 || asJSON || cmd.Flags().Changed("last") {
				return usagef("--on and --off go alone: the log is one for all profiles")
			}
			if err := vault.ChangeSettings(cmd.Context(), dir, func(s *vault.Settings) { s.ActivityLog = on }); err != nil {
				return err
			}
			a.note("the activity log is %s", map[bool]string{true: "on", false: "off"}[on])
			return nil
		}
		if last < 0 {
			return usagef("--last: %d is not a number of entries", last)
		}
		if last == 0 {
			last = int(^uint(0) >> 1)
		}
		var sel *vault.Selector
		if len(args) == 1 {
			s, err := parseSelector(args[0])
			if err != nil {
				return err
			}
			sel = &s
		}
		return a.showLog(dir, sel, last, asJSON)
	}
	return cmd
}

func (a *app) showLog(dir string, sel *vault.Selector, last int, asJSON bool) error {
	v, err := a.openQuietly()
	if err != nil {
		return err
	}
	entries, readErr := v.Activities(sel, last)
	if asJSON {
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
		a.note(`the activity log is off; "kitekey log --on" keeps one again`)
	case len(entries) == 0:
		if sel != nil {
			a.note("nothing logged about %s yet", sel)
		} else {
			a.note("nothing logged yet")
		}
	}
	return nil
}

func (a *app) printActivities(entries []vault.Activity) error {
	if len(entries) == 0 {
		return nil
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WHEN\tPROFILE\tWHAT\tBY\tRESULT")
	for _, e := range entries {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", e.At.Local().Format(time.DateTime), e.Selector, words.Line(string(e.Action)), words.Line(e.Command), words.Line(e.Result))
	}
	_ = w.Flush()
	return a.print("%s", b.String())
}

// activityJSON is an entry as --json shows it.
type activityJSON struct {
	LoggedAt *time.Time `json:"logged_at"`
	profileRef
	Action  string  `json:"action"`
	Command *string `json:"command"`
	Result  string  `json:"result"`
}

func newActivityJSON(e vault.Activity) activityJSON {
	return activityJSON{jsonTime(e.At), refTo(e.Selector), string(e.Action), orNull(e.Command), e.Result}
}
