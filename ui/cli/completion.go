package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"
)

type completionOptions struct {
	shell string
	root  *cobra.Command // what the script completes
}

// completionShells are the shells for which cobra writes scripts.
var completionShells = map[string]func(*cobra.Command, io.Writer) error{
	"bash":       func(root *cobra.Command, w io.Writer) error { return root.GenBashCompletionV2(w, true) },
	"zsh":        (*cobra.Command).GenZshCompletion,
	"fish":       func(root *cobra.Command, w io.Writer) error { return root.GenFishCompletion(w, true) },
	"powershell": (*cobra.Command).GenPowerShellCompletionWithDesc,
}

func newCompletion(a *app, run func(context.Context, completionOptions) error) *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print a completion script for bash, zsh, fish or powershell",
		Long: `Print a script that teaches a shell to complete kitekey's commands, flags and
profile names. Names come from the index: completing never touches the keyring.`,
		Example: `  kitekey completion bash > ~/.local/share/bash-completion/completions/kitekey
  kitekey completion zsh > "${fpath[1]}/_kitekey"
  kitekey completion fish > ~/.config/fish/completions/kitekey.fish
  kitekey completion powershell >> $PROFILE`,
		Args:              argCount(1, 1, "the name of a shell"),
		ValidArgsFunction: cobra.FixedCompletions(shells, cobra.ShellCompDirectiveNoFileComp),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, ok := completionShells[args[0]]; !ok {
				return usagef("unknown shell; use %s", either(shells))
			}
			return run(cmd.Context(), completionOptions{args[0], cmd.Root()})
		},
	}
}

func (a *app) runCompletion(_ context.Context, o completionOptions) error {
	return writeError(completionShells[o.shell](o.root, a.Stdout))
}
