package cli

import (
	"github.com/spf13/cobra"
)

func newCompletion(a *app) *cobra.Command {
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
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.Stdout, true)
			case "zsh":
				return root.GenZshCompletion(a.Stdout)
			case "fish":
				return root.GenFishCompletion(a.Stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.Stdout)
			}
			return usagef("%q is not one of bash, zsh, fish and powershell", args[0])
		},
	}
}
