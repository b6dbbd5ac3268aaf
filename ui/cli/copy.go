package cli

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"kitekey/ui/clipboard"
	"kitekey/ui/handout"
	"kitekey/ui/words"
)

type copyOptions struct {
	tokenOptions
	clearAfter time.Duration // never means until the token expires
}

func newCopy(a *app, run func(context.Context, copyOptions) error) *cobra.Command {
	o := copyOptions{clearAfter: clipboard.DefaultClear}
	o.form = formHeader
	var json bool
	cmd := &cobra.Command{
		Use:   "copy [SELECTOR…]",
		Short: "Copy a token to the clipboard, cleared automatically",
		Long: `Copy a token to the clipboard: as the ready-made header line unless --as says
otherwise. It is cleared after 45 s, or when the token expires if that is sooner,
even if kitekey has quit. What you have copied since is left alone.`,
		Example: `  kitekey copy acme                        Authorization: JWT …
  kitekey copy acme --as token --clear-after 20s
  kitekey copy acme --as curl --expires-in 15m`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeSelectors(true),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.profiles = args; json {
				o.form = formJSON
			}
			return run(cmd.Context(), o)
		},
	}
	o.token.register(cmd, leastForCall)
	choiceFlag(cmd, &o.form, "as", "`what` to copy: header, token, curl or json", formHeader, formToken, formCurl, formJSON)
	cmd.Flags().BoolVar(&json, "json", false, "the same as --as json; allows several profiles")
	durationFlag(cmd, &duration{value: &o.clearAfter, least: time.Second, most: 24 * time.Hour, orNever: true},
		"clear-after", "`time` until it is cleared: 20s, 1m, or \"never\" for when the token expires")
	cmd.MarkFlagsMutuallyExclusive("as", "json")
	return cmd
}

func (a *app) runCopy(ctx context.Context, o copyOptions) error {
	out, err := a.tokens(ctx, o.tokenOptions)
	if err != nil {
		return err
	}
	terminal, done := a.terminal()
	defer done()
	t := a.handOut(out.vault, handout.Copy, out.sels...)
	t.Clipboard = a.clipboard(terminal, false)
	receipt, err := t.Copy(ctx, out.text, out.soonest, max(0, o.clearAfter), out.sels...)
	if err != nil {
		return err
	}
	stays := "it stays on the clipboard"
	if !receipt.ClearsAt.IsZero() {
		stays = "it leaves the clipboard in " + words.About(receipt.ClearsAt.Sub(a.Now()))
	}
	a.note("%s copied (%s); %s", o.form, receipt.Way, stays)
	if receipt.Caveat != "" {
		a.note("%s", receipt.Caveat)
	}
	return nil
}

// clipboard returns the user's clipboard. terminal is where OSC 52 goes, nil for
// none. stays says that this process goes on after a copy and closes the clipboard
// at its end.
func (a *app) clipboard(terminal io.Writer, stays bool) *clipboard.Clipboard {
	return clipboard.New(clipboard.Options{Env: a.getenv, Terminal: terminal, Stays: stays})
}
