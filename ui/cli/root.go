package cli

import (
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kitekey/kite"
)

// Help lists commands in the order of the table. cobra has one setting for all of them.
func init() { cobra.EnableCommandSorting = false }

// newRoot returns the command tree. If args name a command or are
// "--version", or if there are no args, it has only what they need: making every command
// takes longer than most commands. Help lists the commands of a group in the order in which they are added.
func newRoot(a *app, args []string) *cobra.Command {
	root := &cobra.Command{
		Use:   "kitekey",
		Short: "Credentials and access tokens for the Kitegateway payment API",
		Long: `kitekey keeps your Kitegateway API keys in the operating system's keyring, mints
short-lived access tokens from them, counts them down, and puts the ready-made
Authorization header where you need it.

Run without a command to open the interactive screen.

A SELECTOR names a profile: "acme/live", or "acme", which means "acme/sandbox".
Live is never implied.`,
		Example: `  kitekey demo                        try it, nothing is stored
  kitekey add acme                    add acme's sandbox credential
  kitekey token acme --curl | sh      call the API with a token that ps does not show
  kitekey exec acme -- npm test       a token in the environment of a command`,
		Version:       a.Version,
		Args:          noSuchCommand,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	screen := newScreenFlags(root)
	root.RunE = func(cmd *cobra.Command, args []string) error { return a.runScreen(cmd, screen) }
	root.CompletionOptions.DisableDefaultCmd = true // newCompletion replaces it
	root.SetVersionTemplate("kitekey {{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	a.globalFlags(root)
	root.AddGroup(
		&cobra.Group{ID: groupTokens, Title: "Tokens:"},
		&cobra.Group{ID: groupProfiles, Title: "Profiles:"},
		&cobra.Group{ID: groupTry, Title: "Trying it:"},
		&cobra.Group{ID: groupCare, Title: "Looking after it:"},
	)
	commands := a.commands()
	add := func(c maker) {
		cmd := c.make()
		cmd.GroupID, cmd.SuggestFor = c.group, otherNames(c.name)
		root.AddCommand(cmd)
	}
	switch i := slices.IndexFunc(commands, func(c maker) bool { return len(args) > 0 && c.name == args[0] }); {
	case i >= 0:
		add(commands[i])
	case len(args) > 0 && !slices.Equal(args, []string{"--version"}):
		for _, c := range commands {
			add(c)
		}
		// These two are about the whole tree.
		add(maker{groupCare, "man", func() *cobra.Command { return newMan(a, a.runMan) }})
		add(maker{groupCare, "completion", func() *cobra.Command { return newCompletion(a, a.runCompletion) }})
		root.AddCommand(newTopics()...)
	}
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		plainUsages(root)
	}
	root.SetHelpCommand(newHelp())
	root.SetHelpCommandGroupID(groupCare)
	a.watch(root)
	return root
}

// globalFlags adds the flags of every command.
func (a *app) globalFlags(root *cobra.Command) {
	f := root.PersistentFlags()
	f.StringVar(&a.storeFlag, "store", "", "`where` secrets are kept: "+either(storeNames())+" (KITEKEY_STORE)")
	f.StringVar(&a.reason, "reason", "", "`text` for the activity log: why this is done (KITEKEY_REASON)")
	f.IntVar(&a.passphraseFD, "passphrase-fd", -1, "`descriptor` to read the file store's passphrase from (KITEKEY_PASSPHRASE_FILE)")
	f.Lookup("passphrase-fd").DefValue = "0" // help shows a default unless it is 0; -1 means none
	_ = root.RegisterFlagCompletionFunc("store", cobra.FixedCompletions(storeNames(), cobra.ShellCompDirectiveNoFileComp))
}

// maker makes a command. Only the command that runs is made, to start quickly.
type maker struct {
	group, name string
	make        func() *cobra.Command
}

// commands lists the commands in the order of the help.
func (a *app) commands() []maker {
	return []maker{
		{groupTokens, "token", func() *cobra.Command { return newToken(a, a.runToken) }},
		{groupTokens, "copy", func() *cobra.Command { return newCopy(a, a.runCopy) }},
		{groupTokens, "exec", func() *cobra.Command { return newExec(a, a.runExec) }},
		{groupTokens, "env", func() *cobra.Command { return newEnv(a, a.runEnv) }},
		{groupTokens, "api", func() *cobra.Command { return newAPI(a, a.runAPI) }},
		{groupTokens, "proxy", func() *cobra.Command { return newProxy(a, a.runProxy) }},
		{groupTokens, "forget", func() *cobra.Command { return newForget(a, a.runForget) }},
		{groupTokens, "inspect", func() *cobra.Command { return newInspect(a, a.runInspect) }},
		{groupProfiles, "add", func() *cobra.Command { return newAdd(a, a.runAdd) }},
		{groupProfiles, "list", func() *cobra.Command { return newList(a, a.runList) }},
		{groupProfiles, "verify", func() *cobra.Command { return newVerify(a, a.runVerify) }},
		{groupProfiles, "edit", func() *cobra.Command { return newEdit(a, a.runEdit) }},
		{groupProfiles, "rotate", func() *cobra.Command { return newRotate(a, a.runRotate) }},
		{groupProfiles, "rename", func() *cobra.Command { return newRename(a, a.runRename) }},
		{groupProfiles, "remove", func() *cobra.Command { return newRemove(a, a.runRemove) }},
		{groupTry, "demo", func() *cobra.Command { return newDemo(a, a.runDemo) }},
		{groupTry, "simulator", func() *cobra.Command { return newSimulator(a, a.runSimulator) }},
		{groupCare, "doctor", func() *cobra.Command { return newDoctor(a, a.runDoctor) }},
		{groupCare, "network", func() *cobra.Command { return newNetwork(a, a.runNetwork, a.runNetworkCA) }},
		{groupCare, "status", func() *cobra.Command { return newStatus(a, a.runStatus) }},
		{groupCare, "unlock", func() *cobra.Command { return newUnlock(a, a.runUnlock) }},
		{groupCare, "lock", func() *cobra.Command { return newLock(a, a.runLock) }},
		{groupCare, "store", func() *cobra.Command { return newStore(a) }},
		{groupCare, "source", func() *cobra.Command { return newSource(a) }},
		{groupCare, "export", func() *cobra.Command { return newExport(a, a.runExport) }},
		{groupCare, "import", func() *cobra.Command { return newImport(a, a.runImport) }},
		{groupCare, "log", func() *cobra.Command { return newLog(a, a.runLog) }},
	}
}

// watch makes cmd and its subcommands record in a that they have begun, and their
// names.
func (a *app) watch(cmd *cobra.Command) {
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			a.running, a.command = true, commandName(cmd)
			return run(cmd, args)
		}
	}
	for _, child := range cmd.Commands() {
		a.watch(child)
	}
}

// commandName returns the name of a command in the activity log: "store migrate",
// or "screen" for kitekey without a command.
func commandName(cmd *cobra.Command) string {
	if !cmd.HasParent() {
		return "screen"
	}
	return nameOf(cmd)
}

// nameOf returns a command's name in a message: "store migrate", "kitekey".
func nameOf(cmd *cobra.Command) string {
	return strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
}

// onlySubcommands returns the run function of a command that has subcommands and
// does nothing itself.
func onlySubcommands(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	return usagef("%s has no command %q; it has %s", nameOf(cmd), args[0], strings.Join(names, ", "))
}

// wrongUsage turns an error that cobra returns before a command begins into a usage
// error, and rewords what cobra says about groups of flags. It recognizes those by
// the texts in cobra's flag_groups.go.
func wrongUsage(err error) error {
	var coded *codeError
	var writing *fs.PathError // from writing the help or the version
	switch {
	case errors.As(err, &coded):
		return err
	case errors.As(err, &writing):
		return writeError(err)
	}
	text := err.Error()
	_, group, _ := strings.Cut(text, "in the group [")
	group, _, _ = strings.Cut(group, "]")
	names := "--" + strings.Join(strings.Fields(group), ", --")
	switch {
	case strings.HasPrefix(text, "if any flags in the group"):
		return usagef("only one of %s can be given", names)
	case strings.HasPrefix(text, "at least one of the flags"):
		return usagef("give at least one of %s", names)
	}
	return usagef("%w", err)
}

const (
	groupTokens   = "tokens"
	groupProfiles = "profiles"
	groupTry      = "try"
	groupCare     = "care"
)

// otherNames returns what a command is called elsewhere.
func otherNames(command string) []string {
	switch command {
	case "token":
		return []string{"mint", "get", "header", "auth"}
	case "exec":
		return []string{"run", "with"}
	case "api":
		return []string{"call", "curl", "request"}
	case "list":
		return []string{"show", "profiles", "accounts"}
	case "verify":
		return []string{"test", "check", "validate"}
	case "edit":
		return []string{"set", "label", "update"}
	case "rotate":
		return []string{"replace", "renew"}
	case "rename":
		return []string{"move", "mv"}
	case "remove":
		return []string{"delete", "del"}
	case "export":
		return []string{"backup"}
	case "import":
		return []string{"restore", "load"}
	case "log":
		return []string{"activity", "history", "audit"}
	}
	return nil
}

// nearest returns the command of parent that a name means: another name of it, or a
// mistyped one. It returns "" if none is near. In a short name two changed letters
// make another word, so the first letter must be right then.
func nearest(parent *cobra.Command, typed string) string {
	typed = strings.ToLower(typed)
	for _, c := range parent.Commands() {
		if slices.Contains(c.SuggestFor, typed) {
			return c.Name()
		}
	}
	for _, distance := range []int{1, 2} {
		parent.SuggestionsMinimumDistance = distance
		for _, name := range parent.SuggestionsFor(typed) {
			if distance == 1 || strings.HasPrefix(typed, name[:1]) {
				return name
			}
		}
	}
	return ""
}

// noSuchCommand refuses arguments to kitekey itself: they are mistyped commands.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	near := nearest(cmd, args[0])
	if args[0] == "version" {
		near = "--version"
	}
	_, env, _ := strings.Cut(args[0], "/")
	_, notProfile := kite.ParseEnvironment(env)
	switch {
	case near != "":
		return usagef("there is no command %q; did you mean %q?", args[0], "kitekey "+near)
	case notProfile == nil:
		return usagef("there is no command %q; a profile's name follows the command, as in %q", args[0], "kitekey token "+args[0])
	}
	return usagef(`there is no command %q; "kitekey --help" lists them`, args[0])
}

// flagError rewords pflag's error about a flag. It names an unknown flag without
// its value, which may be a secret.
func flagError(cmd *cobra.Command, err error) error {
	help := cmd.CommandPath() + " --help"
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	var value *pflag.InvalidValueError
	switch {
	case errors.As(err, &missing):
		return usagef("--%s needs a value; see %q", missing.GetFlag().Name, help)
	case errors.As(err, &unknown):
		switch short := unknown.GetSpecifiedShortnames(); {
		case cmd.Flags().Lookup(short) != nil:
			return usagef("%s has no flag -%s; did you mean --%s?", nameOf(cmd), unknown.GetSpecifiedName(), short)
		case short != "":
			return usagef("%s has no flag -%s; see %q", nameOf(cmd), unknown.GetSpecifiedName(), help)
		}
		return noSuchFlag(cmd, unknown.GetSpecifiedName())
	case errors.As(err, &value):
		f := value.GetFlag()
		kind := ""
		switch f.Value.Type() {
		case "bool":
			kind = "true or false"
		case "int":
			kind = "a whole number"
		case "duration":
			if _, ours := f.Value.(*duration); !ours {
				kind = "a time such as 250ms, 90s or 5m"
			}
		}
		if kind == "" { // the flag's own error says what is wrong
			return usagef("--%s: %w; see %q", f.Name, value.Unwrap(), help)
		}
		return usagef("%s: --%s takes %s; see %q", nameOf(cmd), f.Name, kind, help)
	}
	return usagef("%w; see %q", err, help)
}

// noSuchFlag refuses a flag that cmd does not have, and says which one may be meant.
func noSuchFlag(cmd *cobra.Command, name string) error {
	// A command for each flag, so that flags are suggested as commands are.
	flags := &cobra.Command{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		flags.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
	})
	if near := nearest(flags, name); near != "" {
		return usagef("%s has no flag --%s; did you mean --%s?", nameOf(cmd), name, near)
	}
	for _, c := range cmd.Commands() {
		if c.Flags().Lookup(name) != nil {
			return usagef("%s itself has no flag --%s; write it after the command, as in %q", nameOf(cmd), name, c.CommandPath()+" --"+name)
		}
	}
	return usagef("%s has no flag --%s; see %q", nameOf(cmd), name, cmd.CommandPath()+" --help")
}

// newHelp returns the help command. Unlike cobra's, it fails for an unknown name.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show what a command does, or a topic",
		Args:  cobra.ArbitraryArgs,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			at, _, err := cmd.Root().Find(args)
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var names []cobra.Completion
			for _, c := range at.Commands() {
				if c.IsAvailableCommand() || c.IsAdditionalHelpTopicCommand() {
					names = append(names, cobra.CompletionWithDesc(c.Name(), c.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err != nil || found == cmd.Root() && len(args) > 0 || found.HasSubCommands() && len(rest) > 0 {
				return usagef(`there is no command and no topic %q; "kitekey help" lists them`, strings.Join(args, " "))
			}
			found.InitDefaultHelpFlag() // so that the help lists --help
			return found.Help()
		},
	}
}
