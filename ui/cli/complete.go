package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

// completeSelectors completes profile names from the index alone. It uses no store,
// asks nothing and prints nothing.
func (a *app) completeSelectors(many bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 && !many {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		profiles, err := a.listed()
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		given := make(map[string]bool, len(args))
		for _, arg := range args {
			if sel, err := vault.ParseSelector(arg); err == nil {
				given[sel.String()] = true
			}
		}
		var names []cobra.Completion
		for _, p := range profiles {
			if name := p.Selector.String(); !given[name] {
				names = append(names, cobra.CompletionWithDesc(name, words.Line(p.Label)))
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeNewSelectors offers accounts that lack an environment.
func (a *app) completeNewSelectors(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	profiles, err := a.listed()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	have := make(map[vault.Selector]bool, len(profiles))
	for _, p := range profiles {
		have[p.Selector] = true
	}
	var names []cobra.Completion
	for _, p := range profiles {
		for _, env := range kite.Environments {
			sel := vault.Selector{Account: p.Account, Environment: env}
			if !have[sel] {
				have[sel] = true
				names = append(names, sel.String())
			}
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeAccounts completes account names for the first argument.
func (a *app) completeAccounts(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	profiles, err := a.listed()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []cobra.Completion
	last := ""
	for _, p := range profiles {
		if p.Account != last {
			names = append(names, cobra.CompletionWithDesc(p.Account, words.Line(p.Label)))
			last = p.Account
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeRename completes accounts, or a profile and the environment that it can
// move to.
func (a *app) completeRename(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 && strings.Contains(toComplete, "/") {
		return a.completeSelectors(false)(cmd, args, toComplete)
	}
	if len(args) == 1 && strings.Contains(args[0], "/") {
		if sel, err := vault.ParseSelector(args[0]); err == nil {
			sel.Environment = sel.Environment.Other()
			return []cobra.Completion{sel.String()}, cobra.ShellCompDirectiveNoFileComp
		}
	}
	return a.completeAccounts(cmd, args, toComplete)
}

// plainUsages removes the back quotes from the descriptions of flags, which name the
// value in the help and mean nothing in a completion.
func plainUsages(cmd *cobra.Command) {
	plain := func(f *pflag.Flag) { _, f.Usage = pflag.UnquoteUsage(f) }
	cmd.Flags().VisitAll(plain)
	cmd.PersistentFlags().VisitAll(plain)
	for _, c := range cmd.Commands() {
		plainUsages(c)
	}
}

// listed returns the profiles of the index, for completion.
func (a *app) listed() ([]vault.Profile, error) {
	v, err := a.openQuietly()
	if err != nil {
		return nil, err
	}
	return v.List()
}

// completeExec completes a profile before the "--", and the command and its files
// after it.
func (a *app) completeExec(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	// cobra adds a "--" of its own when it completes, so ArgsLenAtDash cannot be used.
	dash := slices.Index(a.Args[:max(0, len(a.Args)-1)], "--")
	if dash < 0 {
		return a.completeSelectors(false)(cmd, args, toComplete)
	}
	if len(a.Args)-1 > dash+1 || toComplete == "" || strings.ContainsAny(toComplete, `/\`) {
		return nil, cobra.ShellCompDirectiveDefault // files
	}
	return commandsNamed(filepath.SplitList(a.getenv("PATH")), toComplete), cobra.ShellCompDirectiveDefault
}

// commandsNamed returns the executables in folders whose names begin with prefix.
func commandsNamed(folders []string, prefix string) []cobra.Completion {
	var names []cobra.Completion
	for _, folder := range folders {
		entries, _ := os.ReadDir(folder) // PATH may name folders that do not exist
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), prefix) || slices.Contains(names, e.Name()) {
				continue
			}
			if _, err := exec.LookPath(filepath.Join(folder, e.Name())); err == nil {
				names = append(names, e.Name())
			}
		}
	}
	return names
}
