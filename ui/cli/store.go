package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/ui/handout"
	"kitekey/ui/words"
	"kitekey/vault"
	"kitekey/vault/agefile"
)

func newStore(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "store",
		Short: "See and change where secrets are kept",
		Long: `Secrets are kept in the operating system's keyring, or in a file encrypted with age
and opened with a passphrase, for machines without a keyring. One data folder uses
one store: the first "kitekey add" makes the choice with --store or KITEKEY_STORE,
and it holds from then on. kitekey never falls back from one to the other by itself.

The passphrase of the file store is read from the descriptor named by
--passphrase-fd, else from the file named by KITEKEY_PASSPHRASE_FILE, else it is
asked for. See also "kitekey help storage".`,
		Example: `  kitekey add acme --store file            choose the file store
  kitekey store show
  kitekey store migrate --to file --dry-run`,
	}
	cmd.RunE = onlySubcommands
	cmd.AddCommand(newStoreShow(a, a.runStoreShow), newStorePassphrase(a, a.runStorePassphrase), newStoreMigrate(a, a.runStoreMigrate))
	return cmd
}

// storeJSON is the output of "store show --json".
type storeJSON struct {
	Store     string  `json:"store"`
	Chosen    string  `json:"chosen_by"`
	Place     string  `json:"place"`
	Profiles  int     `json:"profiles"`
	Elsewhere int     `json:"profiles_in_another_store"`
	Answers   *bool   `json:"answers"`
	Problem   *string `json:"problem"`
	Migration *string `json:"interrupted_migration"`
}

type storeShowOptions struct {
	json bool
}

func newStoreShow(a *app, run func(context.Context, storeShowOptions) error) *cobra.Command {
	var o storeShowOptions
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show which store is in use, and why",
		Long: `Show which store is in use, what chose it, and how many profiles are in it. Nothing
is unlocked and no passphrase is asked for; "kitekey doctor" looks closer.`,
		Example: `  kitekey store show
  kitekey store show --json | jq -r .store`,
		Args:              argCount(0, 0, "no arguments"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), o) },
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func (a *app) runStoreShow(ctx context.Context, o storeShowOptions) error {
	s, err := a.describeStore(ctx)
	if err != nil {
		return err
	}
	if o.json {
		return a.printJSON(s)
	}
	answers := "opened with a passphrase when it is needed"
	switch {
	case s.Problem != nil:
		answers = "no: " + *s.Problem
	case s.Answers != nil:
		answers = "yes"
	}
	rows := [][]string{
		{"store", s.Store}, {"chosen by", s.Chosen}, {"kept in", s.Place},
		{"profiles", fmt.Sprint(s.Profiles)}, {"answers", answers},
	}
	if s.Elsewhere > 0 {
		rows = append(rows, []string{"elsewhere", fmt.Sprintf("%d in another store: see \"kitekey doctor\"", s.Elsewhere)})
	}
	if s.Migration != nil {
		rows = append(rows, []string{"migration", *s.Migration})
	}
	return a.print("%s\n", table(rows))
}

func (a *app) describeStore(ctx context.Context) (storeJSON, error) {
	dir, err := a.home()
	if err != nil {
		return storeJSON{}, err
	}
	v, err := a.openQuietly()
	if err != nil {
		return storeJSON{}, err
	}
	profiles, err := v.List()
	if err != nil {
		return storeJSON{}, err
	}
	s := storeJSON{Store: v.StoreName()}
	switch {
	case a.storeFlag != "":
		s.Chosen = "--store"
	case a.getenv(varStore) != "":
		s.Chosen = varStore
	case storeInUse(dir) != "":
		s.Chosen = "what the data folder holds"
	default:
		s.Chosen = "default"
	}
	for _, p := range profiles {
		if p.Store == s.Store {
			s.Profiles++
		} else {
			s.Elsewhere++
		}
	}
	if from, to, pending := vault.MigrationPending(dir); pending {
		text := fmt.Sprintf("from %s to %s, interrupted: \"kitekey store migrate --to %s\" finishes it", words.Store(from), words.Store(to), to)
		s.Migration = &text
	}
	kind, _ := storeKindOf(s.Store)
	s.Place = kind.place(dir)
	if kind.inDir != nil {
		if !kind.inDir(dir) {
			s.Place += " (created with the first profile)"
			return s, nil
		}
	}
	if v.NeedsPassphrase() {
		return s, nil // asking the store would ask for the passphrase
	}
	err = v.Reach(ctx)
	answers := err == nil
	s.Answers = &answers
	if err != nil {
		s.Problem = orNull(err.Error())
	}
	return s, ctx.Err()
}

type storePassphraseOptions struct {
	file string // the file with the new passphrase; "" asks for it
}

func newStorePassphrase(a *app, run func(context.Context, storePassphraseOptions) error) *cobra.Command {
	var o storePassphraseOptions
	cmd := &cobra.Command{
		Use:   "passphrase",
		Short: "Change the passphrase of the file store",
		Long: `Change the passphrase of the file store. The current one is asked for first; the new
one is asked for twice. The store is encrypted anew with another key, in steps: if
they are interrupted, it opens with one of the two.

A copy of the data folder made earlier still opens with the previous passphrase. It
opens nothing that is stored after the change.`,
		Example: `  kitekey store passphrase
  kitekey store passphrase --passphrase-fd 3 --new-passphrase-file new.txt 3< old.txt`,
		Args:              argCount(0, 0, "no arguments"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), o) },
	}
	cmd.Flags().StringVar(&o.file, "new-passphrase-file", "", "`file` or pipe that holds the new passphrase")
	return cmd
}

// fileStoreFolder returns the data folder, or an error if it has no file store.
func (a *app) fileStoreFolder() (string, error) {
	dir, err := a.home()
	if err == nil && !agefile.Exists(dir) {
		err = usagef(`there is no file store in %s; "kitekey store show" says what is in use`, dir)
	}
	return dir, err
}

func (a *app) runStorePassphrase(ctx context.Context, o storePassphraseOptions) error {
	dir, err := a.fileStoreFolder()
	if err != nil {
		return err
	}
	if o.file == "" && !a.canAsk() {
		return noTerminal("the new passphrase", "give it with --new-passphrase-file")
	}
	next := passphraseSource{fd: -1, file: o.file, what: "the file store"}
	err = a.fileStore(dir).ChangePassphrase(ctx, func(ctx context.Context, ask vault.Ask) (kite.Secret, error) {
		return a.passphrase(ctx, next, ask)
	})
	return a.noteOnSuccess(err, "the passphrase of the file store is changed")
}

type migrateOptions struct {
	to          string
	dryRun      bool
	json        bool
	moveOptions // to or from a source
}

func newStoreMigrate(a *app, run func(context.Context, migrateOptions) error) *cobra.Command {
	var o migrateOptions
	cmd := &cobra.Command{
		Use:                   "migrate --to " + strings.Join(storeNames(), "|") + "|SOURCE [SELECTOR…] [flags]",
		DisableFlagsInUseLine: true,
		Short:                 "Move credentials to the other store, or to or from a source",
		Long: `Move every profile's secrets to the other store. Each is read back from there, and
nothing is deleted from the old store before all of them are in the new one. It can
be interrupted at any moment and run again: nothing is lost and nothing is doubled.
For live profiles it asks for the name; without a terminal --confirm gives it.

With --to and the name of a source, credentials move from the store to a team's secret
manager: each is written there, read back, and deleted here. With --from they move from
a source to the store; the source keeps them, for everyone else. Both take profiles, or
move all.`,
		Example: `  kitekey store migrate --to file --dry-run
  kitekey store migrate --to keyring
  kitekey store migrate --to team acme
  kitekey store migrate --from team acme/live`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeSelectors(true),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.profiles = args
			return run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.to, "to", "", strings.Join(storeNames(), ", ")+", or a source's `name`")
	f.StringVar(&o.from, "from", "", "`name` of the source to move from")
	a.confirmFlag(cmd, &o.confirm)
	f.BoolVar(&o.dryRun, "dry-run", false, "say what would be moved, and change nothing")
	f.BoolVar(&o.json, "json", false, "print what was moved as JSON")
	_ = cmd.RegisterFlagCompletionFunc("to", cobra.FixedCompletions(storeNames(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) runStoreMigrate(ctx context.Context, o migrateOptions) error {
	_, isStore := storeKindOf(o.to)
	switch {
	case o.from != "" || o.to != "" && !isStore:
		move := o.moveOptions
		move.to, move.dryRun, move.json = o.to, o.dryRun, o.json
		return a.runMoveSourced(ctx, move)
	case len(o.profiles) > 0:
		return usagef("a store moves as a whole; single profiles move only to or from a source")
	case !isStore:
		return usagef("--to is missing: name %s or a source", strings.Join(storeNames(), ", "))
	}
	return a.migrate(ctx, o)
}

func (a *app) migrate(ctx context.Context, o migrateOptions) error {
	to, dryRun, asJSON := o.to, o.dryRun, o.json
	dir, err := a.home()
	if err != nil {
		return err
	}
	from := cmp.Or(storeInUse(dir), a.storeFlag, a.getenv(varStore), storeKinds[0].name)
	a.storeFlag = from // the credentials are in this store, whichever was chosen for later
	v, err := a.openQuietly()
	if err != nil {
		return err
	}
	profiles, err := v.List()
	if err != nil {
		return err
	}
	var m vault.Migration
	switch {
	case from == to:
		return a.finishMigration(ctx, v, dir, to, dryRun, asJSON)
	case len(profiles) == 0:
		a.note("there are no profiles to move; choose the store with the first one: \"kitekey add SELECTOR --store %s\"", to)
		return nil
	}
	if !dryRun {
		// The other store may be a file with a passphrase that a script has chosen.
		if err := a.confirmLive(ctx, handout.Migrate, o.confirm, keptIn(profiles, "")...); err != nil {
			return err
		}
	}
	target, err := a.openStore(to, dir)
	if err != nil {
		return err
	}
	if dryRun {
		m, err = v.PlanMigration(ctx, target)
	} else {
		progress := a.progress("moved")
		m, err = v.Migrate(ctx, target, progress.show)
		progress.clear()
	}
	if err != nil && len(m.Moved) == 0 {
		return err
	}
	if err == nil || !dryRun {
		if err := a.tellMigration(m, dryRun, asJSON); err != nil {
			return err
		}
	}
	return err
}

// keptIn returns the profiles whose credentials are in a source; of "", in the store.
func keptIn(profiles []vault.Profile, source string) (sels []vault.Selector) {
	for _, p := range profiles {
		if p.Source == source {
			sels = append(sels, p.Selector)
		}
	}
	return sels
}

func (a *app) tellMigration(m vault.Migration, dryRun, asJSON bool) error {
	if asJSON {
		moved, empty := []string{}, []string{}
		for _, sel := range m.Moved {
			moved = append(moved, sel.String())
		}
		for _, sel := range m.Empty {
			empty = append(empty, sel.String())
		}
		return a.printJSON(struct {
			From   string   `json:"from"`
			To     string   `json:"to"`
			DryRun bool     `json:"dry_run"`
			Moved  []string `json:"moved"`
			Empty  []string `json:"without_credential"`
		}{m.From, m.To, dryRun, moved, empty})
	}
	if dryRun {
		for _, sel := range m.Moved {
			if err := a.print("%s\n", sel); err != nil {
				return err
			}
		}
	}
	for _, sel := range m.Empty {
		a.note("%s: %s has no credential for it", sel, words.Store(m.From))
	}
	verb := "moved"
	if dryRun {
		verb = "would be moved"
	}
	a.note("%d of %d profiles %s from %s to %s", len(m.Moved), len(m.Moved)+len(m.Empty), verb, words.Store(m.From), words.Store(m.To))
	return nil
}

// finishMigration removes what an interrupted migration has left in the other
// store, if everything is in the right store already.
func (a *app) finishMigration(ctx context.Context, v *vault.Vault, dir, to string, dryRun, asJSON bool) error {
	m := vault.Migration{From: to, To: to}
	from, noted, pending := vault.MigrationPending(dir)
	if pending {
		if m.From = from; from == to {
			m.From = noted
		}
	}
	if pending && !dryRun {
		other, err := a.openStore(m.From, dir)
		if err != nil {
			return err
		}
		n, err := v.ClearMigration(ctx, other)
		if err != nil {
			return err
		}
		a.note("completed the interrupted migration (%d profiles)", n)
	}
	if asJSON {
		return a.tellMigration(m, dryRun, true)
	}
	a.note("everything is in %s", words.Store(to))
	return nil
}
