package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"kitekey/ui/words"
	"kitekey/vault/source"
)

func newSourceTest(a *app, run func(context.Context, sourceOptions) error) *cobra.Command {
	var o sourceOptions
	cmd := &cobra.Command{
		Use:   "test [NAME]",
		Short: "Test each step on the way to a source",
		Long: `Test everything that can be wrong with a source: the server, the sign-in, the mount,
the list, and what the policies allow. No credential is read and nothing is changed.
What a policy forbids is reported, and is not a failure.`,
		Example: `  kitekey source test
  kitekey source test team --json`,
		Args:              argCount(0, 1, "one source"),
		ValidArgsFunction: a.completeSources,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = args
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object per step")
	return cmd
}

type sourceFindingJSON struct {
	Source  string  `json:"source"`
	Check   string  `json:"check"`
	Result  string  `json:"result"` // "ok", "denied", "failed"
	Text    string  `json:"text"`
	Next    *string `json:"fix"`
	Status  *int    `json:"status"`
	Path    *string `json:"policy_path"`
	Ability *string `json:"policy_capability"`
}

func (a *app) runSourceTest(ctx context.Context, o sourceOptions) error {
	c, err := a.findSource(o.name)
	if err != nil {
		return err
	}
	v, err := a.open()
	if err != nil {
		return err
	}
	src, err := v.Source(c.Name)
	if err != nil {
		return err
	}
	tester, ok := src.(source.Tester)
	if !ok {
		return usagef("%s cannot be tested without reading a credential", c.Name)
	}
	profiles, err := v.List()
	if err != nil {
		return err
	}
	found := tester.Test(ctx, keptIn(profiles, c.Name)...)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	code := exitDone
	rows := [][]string{}
	for _, f := range found {
		row := findingRow(c.Name, f)
		if row.Result == "failed" {
			code = exitStore
		}
		if o.json {
			if err := a.printJSON(row); err != nil {
				return err
			}
			continue
		}
		text := row.Text
		if row.Next != nil {
			text += "; " + *row.Next
		}
		rows = append(rows, []string{row.Result, row.Check, text})
	}
	if !o.json {
		if err := a.print("%s\n", unindented(table(rows))); err != nil {
			return err
		}
	}
	if code != exitDone {
		return exitSilently(code)
	}
	return nil
}

// findingRow returns the row of a finding. What a policy forbids is "denied".
func findingRow(name string, f source.Finding) sourceFindingJSON {
	row := sourceFindingJSON{Source: name, Check: f.Check, Result: "ok", Text: f.Text}
	if f.OK {
		return row
	}
	row.Result, row.Text, row.Next = "failed", f.Err.Error(), orNull(words.NextStep(f.Err, words.Commands("")))
	if errors.Is(f.Err, source.ErrDenied) {
		row.Result = "denied"
	}
	var fault *source.Error
	if errors.As(f.Err, &fault) {
		if fault.Status != 0 {
			row.Status = &fault.Status
		}
		row.Path, row.Ability = orNull(fault.Path), orNull(fault.Capability)
	}
	return row
}
