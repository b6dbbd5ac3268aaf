package cli

import (
	"context"
	"fmt"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
)

// The syntaxes that env can write. Several shells share a syntax.
const (
	syntaxSh         = "sh"
	syntaxFish       = "fish"
	syntaxPowerShell = "powershell"
)

var shellSyntax = map[string]string{
	"sh": syntaxSh, "bash": syntaxSh, "zsh": syntaxSh, "dash": syntaxSh, "ksh": syntaxSh,
	"fish":       syntaxFish,
	"powershell": syntaxPowerShell, "pwsh": syntaxPowerShell,
}

type envOptions struct {
	profile []string // at most one
	token   tokenFlags
	shell   string
	unset   bool
}

func newEnv(a *app, run func(context.Context, envOptions) error) *cobra.Command {
	o := envOptions{shell: defaultShell()}
	cmd := &cobra.Command{
		Use:   "env [SELECTOR]",
		Short: "Print exec's variables as shell commands",
		Long: `Print shell commands that set the variables of "kitekey exec". Every program that the
shell starts from then on sees the token; exec gives it to one program only.

If it fails it prints commands that unset the variables and fail, so that the shell
does not go on with those of an earlier call.`,
		Example: `  eval "$(kitekey env acme)"
  kitekey env acme --shell fish | source
  kitekey env acme --shell pwsh | Invoke-Expression
  eval "$(kitekey env --unset)"`,
		Args:              argCount(0, 1, "one profile"),
		ValidArgsFunction: a.completeSelectors(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.profile = args
			return run(cmd.Context(), o)
		},
	}
	o.token.register(cmd, leastForProgram)
	choiceFlag(cmd, &o.shell, "shell", "`shell` whose commands to print: sh, bash, zsh, fish, pwsh …",
		"sh", "bash", "zsh", "dash", "ksh", "fish", "pwsh", "powershell")
	cmd.Flags().BoolVar(&o.unset, "unset", false, "print commands that unset the variables")
	return cmd
}

func (a *app) runEnv(ctx context.Context, o envOptions) error {
	syntax := shellSyntax[o.shell]
	if o.unset {
		if len(o.profile) > 0 {
			return usagef("--unset takes no profile")
		}
		return a.print("%s", unsetLines(syntax))
	}
	sel, err := a.selector(o.profile)
	if err != nil {
		return err
	}
	tok, err := a.programToken(ctx, sel, o.token)
	if err != nil {
		return err
	}
	if isTerminal(a.Stdout) {
		a.note(`only printed; to set them run: eval "$(kitekey env …)"`)
	}
	var b strings.Builder
	for _, kv := range a.variables(sel, tok.Token) {
		b.WriteString(setLine(syntax, kv.name, kv.value.Reveal()) + "\n")
	}
	return a.print("%s", b.String())
}

// meantEnv reports whether a command line was meant for env, and for which syntax,
// even if its flags are wrong. If env fails for any reason, the shell that evaluates
// the output must not keep the variables of an earlier call.
func meantEnv(args []string) (syntax string, ok bool) {
	shell := defaultShell()
	var words []string
	for i, arg := range args {
		if arg == "--" {
			break
		}
		value, isShell := strings.CutPrefix(arg, "--shell=")
		switch {
		case !isShell && arg == "--shell" && i+1 < len(args):
			value, isShell = args[i+1], true
		case !strings.HasPrefix(arg, "-"):
			words = append(words, arg)
		}
		if isShell && shellSyntax[value] != "" {
			shell = value
		}
	}
	// A flag before the command may have a value.
	for i, word := range words {
		if i > 0 && (i > 1 || args[0] == words[0]) {
			break
		}
		ok = ok || word == "env"
	}
	return shellSyntax[shell], ok
}

func defaultShell() string {
	if runtime.GOOS == "windows" {
		return "powershell"
	}
	return "sh"
}

// setLine returns the line that sets a variable. The value is quoted so that the
// shell interprets nothing in it.
func setLine(syntax, name, value string) string {
	switch syntax {
	case syntaxFish:
		value = strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value)
		return fmt.Sprintf("set -gx %s '%s';", name, value)
	case syntaxPowerShell:
		return fmt.Sprintf("$Env:%s = '%s'", name, strings.ReplaceAll(value, "'", "''"))
	}
	return fmt.Sprintf("export %s='%s';", name, strings.ReplaceAll(value, "'", `'\''`))
}

func unsetLine(syntax, name string) string {
	switch syntax {
	case syntaxFish:
		return "set -e " + name + ";"
	case syntaxPowerShell:
		return "Remove-Item Env:" + name + " -ErrorAction SilentlyContinue"
	}
	// fish knows export, but not unset: its users may have left --shell out.
	return "export " + name + "=; unset " + name + ";"
}

// unsetLines returns lines that unset every variable that env sets.
func unsetLines(syntax string) string {
	var b strings.Builder
	for _, name := range []string{varAuthorization, varExpiresAt, varBaseURL, varEnvironment, varAccount} {
		b.WriteString(unsetLine(syntax, name) + "\n")
	}
	return b.String()
}

// failLines returns lines that unset the variables and make the shell fail, so that
// a command after && does not run.
func failLines(syntax string) string {
	if syntax == syntaxPowerShell {
		return unsetLines(syntax) + "Write-Error 'kitekey env failed'\n"
	}
	return unsetLines(syntax) + "false\n"
}
