package cli

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"kitekey/ui/clipboard"
	"kitekey/ui/words"
	"kitekey/vault"
)

func newCopy(a *app) *cobra.Command {
	var (
		flags    mintFlags
		form     string
		clear    string
		withJSON bool
	)
	cmd := &cobra.Command{
		Use:   "copy [SELECTOR…]",
		Short: "Put a token on the clipboard, and take it back in time",
		Long: `Put a token on the clipboard: as the ready-made header line unless --as says
otherwise. It is taken back after 45 s, or when the token dies if that is sooner,
also when kitekey has quit; what you have copied since is left alone.`,
		Example: `  kitekey copy acme                        Authorization: JWT …
  kitekey copy acme --as token --clear-after 20s
  kitekey copy acme --as curl --expires-in 15m`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeSelectors(true),
	}
	flags.register(cmd)
	cmd.Flags().StringVar(&form, "as", "header", "`what` to copy: header, token, curl or json")
	cmd.Flags().BoolVar(&withJSON, "json", false, "the same as --as json; allows several profiles")
	cmd.Flags().StringVar(&clear, "clear-after", "45s", "`time` until it is taken back: 20s, 1m, or \"never\" for at the token's end only")
	cmd.MarkFlagsMutuallyExclusive("as", "json")
	_ = cmd.RegisterFlagCompletionFunc("as", cobra.FixedCompletions([]string{"header", "token", "curl", "json"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if withJSON {
			form = "json"
		}
		switch form {
		case "header", "token", "curl", "json":
		default:
			return usagef("--as: %q is none of header, token, curl and json", form)
		}
		after, err := parseClearAfter(clear)
		if err != nil {
			return err
		}
		out, err := a.tokens(cmd.Context(), args, flags, form)
		if err != nil {
			return err
		}
		clearAt := out.soonest
		if at := a.Now().Add(after); after > 0 && at.Before(clearAt) {
			clearAt = at
		}
		terminal, done := a.terminal()
		defer done()
		// The line break at the end would send a pasted line off at once.
		secret := []byte(strings.TrimSuffix(out.text.Reveal(), "\n"))
		receipt, err := a.clipboard(terminal).Copy(cmd.Context(), secret, clearAt)
		for _, sel := range out.sels {
			out.vault.Record(vault.ActionCopied, sel, err)
		}
		if err != nil {
			return err
		}
		a.note("%s copied (%s); it leaves the clipboard in %s", form, receipt.Way, words.About(receipt.ClearsAt.Sub(a.Now())))
		if receipt.Caveat != "" {
			a.note("%s", receipt.Caveat)
		}
		return nil
	}
	return cmd
}

// clipboard is the user's; terminal is where OSC 52 goes, nil for none.
func (a *app) clipboard(terminal io.Writer) *clipboard.Clipboard {
	return clipboard.New(clipboard.Options{Env: a.getenv, Terminal: terminal})
}
