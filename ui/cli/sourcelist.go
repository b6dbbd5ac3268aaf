package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"kitekey/ui/words"
	"kitekey/vault/source"
)

func newSourceList(a *app, run func(context.Context, sourceOptions) error) *cobra.Command {
	var o sourceOptions
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "Show the sources that are set up",
		Long: `Show the sources that are set up, and how many of the listed profiles are in each. No
source is asked.`,
		Example: `  kitekey source list
  kitekey source list --json | jq -r '.[].source'`,
		Args:              argCount(0, 0, "no arguments"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), o) },
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print a JSON array")
	return cmd
}

func (a *app) runSourceList(_ context.Context, o sourceOptions) error {
	dir, err := a.home()
	if err != nil {
		return err
	}
	all, err := source.Load(dir)
	if err != nil {
		return err
	}
	counts, err := a.inSources()
	if err != nil {
		return err
	}
	if o.json {
		rows := make([]sourceJSON, 0, len(all))
		for _, c := range all {
			rows = append(rows, a.sourceJSON(c, counts[c.Name]))
		}
		return a.printJSON(rows)
	}
	if len(all) == 0 {
		a.note(words.NoSources)
		return nil
	}
	rows := [][]string{{"SOURCE", "KIND", "PROFILES", "PLACE"}}
	for _, c := range all {
		rows = append(rows, []string{c.Name, c.Kind, fmt.Sprint(counts[c.Name]), words.Line(c.Place())})
	}
	return a.print("%s\n", unindented(table(rows)))
}

// unindented returns a table without the spaces before its lines.
func unindented(table string) string {
	return strings.ReplaceAll(strings.TrimPrefix(table, "  "), "\n  ", "\n")
}
