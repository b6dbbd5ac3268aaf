package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"kitekey/ui/handout"
	"kitekey/ui/words"
	"kitekey/vault"
	"kitekey/vault/source"
)

type sourceRemoveOptions struct {
	sourceOptions
	yes     bool
	confirm string
}

func newSourceRemove(a *app, run func(context.Context, sourceRemoveOptions) error) *cobra.Command {
	var o sourceRemoveOptions
	cmd := &cobra.Command{
		Use:     "remove NAME",
		Aliases: []string{"rm"},
		Short:   "Remove a source and its profiles from this machine",
		Long: `Remove a source from this machine: its settings, the token that "kitekey source
login" has stored, and its profiles with their cached tokens. The source itself is
not changed. With live profiles it asks for the name.`,
		Example:           `  kitekey source remove team`,
		Args:              argCount(1, 1, "one source"),
		ValidArgsFunction: a.completeSources,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = args
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask (live needs --confirm)")
	a.confirmFlag(cmd, &o.confirm)
	cmd.Flags().BoolVar(&o.json, "json", false, "print what was removed as JSON")
	return cmd
}

func (a *app) runSourceRemove(ctx context.Context, o sourceRemoveOptions) error {
	c, err := a.findSource(o.name)
	if err != nil {
		return err
	}
	v, store, dir, err := a.openWithStore()
	if err != nil {
		return err
	}
	profiles, err := v.List()
	if err != nil {
		return err
	}
	listed := keptIn(profiles, c.Name)
	why := fmt.Sprintf("%s of %s leave this list; the source keeps their credentials", words.Count(len(listed), "profile"), c.Name)
	switch {
	case anyLive(listed):
		a.note("%s", why)
		err = a.confirmLive(ctx, handout.Remove, o.confirm, listed...)
	case len(listed) > 0 && !o.yes:
		err = a.confirmYes(ctx, why+". Go on?", why)
	}
	if err != nil {
		return err
	}
	for _, sel := range listed {
		if err := v.Remove(ctx, sel); err != nil {
			return vault.About(sel, err)
		}
	}
	if c.Login {
		if err := source.Logout(ctx, store, c.Name); err != nil {
			return err
		}
	}
	err = source.Change(ctx, dir, func(all []source.Config) ([]source.Config, error) { return without(all, c.Name), nil })
	if err != nil {
		return err
	}
	if o.json {
		return a.printJSON(a.sourceJSON(c, len(listed)))
	}
	a.note("%s: removed, with %s; nothing was changed in it", c.Name, words.Count(len(listed), "profile"))
	return nil
}

func without(all []source.Config, name string) (left []source.Config) {
	for _, c := range all {
		if c.Name != name {
			left = append(left, c)
		}
	}
	return left
}
