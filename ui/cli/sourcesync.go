package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"kitekey/ui/words"
	"kitekey/vault/source"
)

type sourceSyncOptions struct{ sourceOptions }

func newSourceSync(a *app, run func(context.Context, sourceSyncOptions) error) *cobra.Command {
	var o sourceSyncOptions
	cmd := &cobra.Command{
		Use:   "sync [NAME]",
		Short: "Update the list of profiles from a source",
		Long: `Ask a source which profiles it has, and list them. No credential is read. It prints
one line for each profile that is new, renamed or gone; what is gone leaves the list. A
name that a profile kept elsewhere has is reported and left alone.

Without a name every source is asked.`,
		Example: `  kitekey source sync
  kitekey source sync team --json | jq -r '.new[]'`,
		Args:              argCount(0, 1, "one source"),
		ValidArgsFunction: a.completeSources,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = args
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object per source")
	return cmd
}

func (a *app) runSourceSync(ctx context.Context, o sourceSyncOptions) error {
	dir, err := a.home()
	if err != nil {
		return err
	}
	names := o.name
	if len(names) == 0 {
		all, err := source.Load(dir)
		if err != nil {
			return err
		}
		if names = sourceNames(all); len(names) == 0 {
			return usagef(words.NoSources)
		}
	} else if _, err := a.findSource(names); err != nil {
		return err
	}
	var failed error
	for _, name := range names {
		if err := a.syncSource(ctx, name, o.json); err != nil {
			if len(names) == 1 || ctx.Err() != nil {
				return err
			}
			a.tell(err)
			failed = exitSilently(exitCode(err))
		}
	}
	return failed
}

type syncJSON struct {
	Source  string        `json:"source"`
	New     []string      `json:"new"`
	Renamed []renamedJSON `json:"renamed"`
	Gone    []string      `json:"gone"`
	Taken   []takenJSON   `json:"taken"`
	Same    int           `json:"unchanged"`
	Ignored []string      `json:"ignored"`
}

type renamedJSON struct {
	From string `json:"from"`
	To   string `json:"to"`
}

type takenJSON struct {
	profileRef
	Store  string  `json:"store"`
	Source *string `json:"source"`
}

func (a *app) syncSource(ctx context.Context, name string, asJSON bool) error {
	v, err := a.open()
	if err != nil {
		return err
	}
	s, err := v.SyncSource(ctx, name)
	if err != nil {
		return err
	}
	if asJSON {
		row := syncJSON{Source: name, New: []string{}, Renamed: []renamedJSON{}, Gone: []string{}, Taken: []takenJSON{}, Same: s.Same, Ignored: append([]string{}, s.Ignored...)}
		for _, sel := range s.New {
			row.New = append(row.New, sel.String())
		}
		for _, l := range s.Renamed {
			row.Renamed = append(row.Renamed, renamedJSON{l.Was.String(), l.String()})
		}
		for _, sel := range s.Gone {
			row.Gone = append(row.Gone, sel.String())
		}
		for _, p := range s.Taken {
			row.Taken = append(row.Taken, takenJSON{refTo(p.Selector), p.Store, orNull(p.Source)})
		}
		return a.printJSON(row)
	}
	for _, sel := range s.New {
		a.note("%s: new in %s", sel, name)
	}
	for _, l := range s.Renamed {
		a.note("%s: renamed in %s, it was %s", l.Selector, name, l.Was)
	}
	for _, sel := range s.Gone {
		a.note("%s: no longer in %s; removed from this list", sel, name)
	}
	for _, p := range s.Taken {
		a.note("%s: also in %s, but the profile of that name is kept in %s and stays there", p.Selector, name, kept(p))
	}
	if len(s.Ignored) > 0 {
		a.note("%s: not listed: %s; a profile is ACCOUNT/sandbox or ACCOUNT/live, and an account's name has a-z, 0-9, -, _ and .", name, strings.Join(s.Ignored, ", "))
	}
	a.note("%s: %s", name, words.Sync(s))
	return nil
}
