package cli

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
)

func newEnv(a *app) *cobra.Command {
	var (
		flags mintFlags
		shell string
		unset bool
	)
	cmd := &cobra.Command{
		Use:   "env [SELECTOR]",
		Short: "Print what exec sets, for a shell to take over",
		Long: `Print the variables that "kitekey exec" sets as commands of a shell. Every program
that the shell starts from then on sees the token; exec gives it to one.

--shell is sh (bash, zsh, dash), fish or powershell.`,
		Example: `  eval "$(kitekey env acme)"
  kitekey env acme --shell fish | source
  kitekey env acme --shell powershell | Invoke-Expression
  eval "$(kitekey env --unset)"`,
		Args:              argCount(0, 1, "one profile"),
		ValidArgsFunction: a.completeSelectors(false),
	}
	flags.register(cmd)
	cmd.Flags().StringVar(&shell, "shell", defaultShell(), "`shell` whose commands to print: sh, fish or powershell")
	cmd.Flags().BoolVar(&unset, "unset", false, "print what takes the variables away again")
	_ = cmd.RegisterFlagCompletionFunc("shell", cobra.FixedCompletions([]string{"sh", "fish", "powershell"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch shell {
		case "sh", "fish", "powershell":
		default:
			return usagef("--shell: %q is none of sh, fish and powershell", shell)
		}
		if unset {
			if len(args) > 0 {
				return usagef("--unset takes no profile")
			}
			for _, name := range []string{varAuthorization, varExpiresAt, varBaseURL, varEnvironment, varAccount} {
				if err := a.print("%s\n", unsetLine(shell, name)); err != nil {
					return err
				}
			}
			return nil
		}
		m := flags.mint()
		sel, err := a.selector(args)
		if err != nil {
			return err
		}
		v, err := a.open()
		if err != nil {
			return err
		}
		tok, err := a.token(cmd.Context(), v, sel, m)
		if err != nil {
			return err
		}
		if isTerminal(a.Stdout) {
			a.note("printed, not set: a shell takes them over as the examples of %q show", "kitekey env --help")
		}
		for _, kv := range a.variables(sel, tok.Token) {
			if err := a.print("%s\n", setLine(shell, kv.name, kv.value.Reveal())); err != nil {
				return err
			}
		}
		return nil
	}
	return cmd
}

func defaultShell() string {
	if runtime.GOOS == "windows" {
		return "powershell"
	}
	return "sh"
}

// setLine sets a variable in a shell. The values are quoted so that the shell
// reads nothing into them.
func setLine(shell, name, value string) string {
	switch shell {
	case "fish":
		value = strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value)
		return fmt.Sprintf("set -gx %s '%s';", name, value)
	case "powershell":
		return fmt.Sprintf("$Env:%s = '%s'", name, strings.ReplaceAll(value, "'", "''"))
	}
	return fmt.Sprintf("export %s='%s';", name, strings.ReplaceAll(value, "'", `'\''`))
}

func unsetLine(shell, name string) string {
	switch shell {
	case "fish":
		return "set -e " + name + ";"
	case "powershell":
		return "Remove-Item Env:" + name + " -ErrorAction SilentlyContinue"
	}
	return "unset " + name + ";"
}
