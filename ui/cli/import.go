package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
	"kitekey/vault/dotenv"
)

// maxImport bounds what is read of a file to import, in bytes.
const maxImport = 64 << 20

// importFlags are what "kitekey import" is told.
type importFlags struct {
	account, environment     string
	onConflict               string
	passphraseFile, identity string
	source                   string
	yes, dryRun, json        bool
}

func newImport(a *app) *cobra.Command {
	var o importFlags
	cmd := &cobra.Command{
		Use:   "import FILE [SELECTOR…]",
		Short: "Read key pairs from a backup, a .env file or JSON",
		Long: `Read key pairs from a backup that "kitekey export" wrote, or from a .env file or JSON
that holds them, and leave that file as it is. FILE can be - for stdin. SELECTORs
choose some of what is in it.

First it says what it would do. A profile that has another key pair is never
replaced silently: it asks, or does what --on-conflict says, and then keeps the
present pair as the previous one, so that "kitekey rotate --rollback" brings it
back. Without a terminal it wants --yes.

In a .env file or JSON the names are read as people write them: KITE_API_KEY and
KITE_API_SECRET, api_key and api_secret, LIVE_API_KEY, KITEGATEWAY_SANDBOX_SECRET_KEY,
KITE_ACME_LIVE_API_KEY, {"acme": {"live": {"api_key": "…", "api_secret": "…"}}}. What
names no environment is the sandbox's, unless --environment says otherwise.`,
		Example: `  kitekey import backup.age --dry-run
  kitekey import backup.age acme/live
  kitekey import .env --account acme
  kitekey import backup.age --yes --on-conflict skip --backup-passphrase-file pass.txt`,
		Args: argCount(1, -1, "a file"),
	}
	f := cmd.Flags()
	f.StringVar(&o.account, "account", "", "the `account`, where a .env file or JSON does not say")
	f.StringVar(&o.environment, "environment", "", "`where` it belongs, sandbox or live, when a .env file or JSON does not say")
	f.StringVar(&o.onConflict, "on-conflict", "", "`what` to do when another key pair is there: skip or replace; default: ask")
	f.StringVar(&o.passphraseFile, backupPassphraseFlag, "", "`file` or pipe that holds the backup's passphrase")
	f.StringVarP(&o.identity, "identity", "i", "", "`file` with the age private key that opens the backup, instead of a passphrase")
	a.registerSource(cmd, &o.source, "the `source` that new credentials are written to, instead of the store")
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask whether to go ahead")
	f.BoolVar(&o.dryRun, "dry-run", false, "say what would be done, and change nothing")
	f.BoolVar(&o.json, "json", false, "print one JSON object per profile")
	cmd.MarkFlagsMutuallyExclusive("identity", backupPassphraseFlag)
	_ = cmd.RegisterFlagCompletionFunc("environment", cobra.FixedCompletions([]string{"sandbox", "live"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("on-conflict", cobra.FixedCompletions([]string{"skip", "replace"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch o.onConflict {
		case "", "skip", "replace":
		default:
			return usagef("--on-conflict: %q is neither skip nor replace", o.onConflict)
		}
		return a.importFile(cmd.Context(), o, args[0], args[1:])
	}
	return cmd
}

func (a *app) importFile(ctx context.Context, o importFlags, path string, chosen []string) error {
	data, err := a.readImport(path)
	if err != nil {
		return err
	}
	entries, err := a.entriesIn(ctx, data, o, path)
	if err != nil {
		return err
	}
	if entries, err = selectEntries(entries, chosen, path); err != nil {
		return err
	}
	v, err := a.open()
	if err != nil {
		return err
	}
	steps, err := v.PlanImport(ctx, entries)
	if err != nil {
		return err
	}
	if o.dryRun {
		return a.tellPlan(steps, o)
	}
	if !o.json {
		for _, s := range steps {
			a.note("%s: %s", s.Entry.Selector, planWords(s, o.onConflict))
		}
	}
	skipped, err := a.settleImport(ctx, steps, o)
	if err != nil {
		return err
	}
	return a.carryOut(ctx, v, steps, skipped, o)
}

func (a *app) readImport(path string) ([]byte, error) {
	var r io.Reader = a.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, usagef("cannot read the file: %w", err)
		}
		defer f.Close()
		r = f
	} else if isTerminal(a.Stdin) {
		return nil, usagef("- is stdin, and that is a terminal: name a file, or pipe one in")
	}
	data, err := io.ReadAll(io.LimitReader(r, maxImport+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if len(data) > maxImport {
		return nil, usagef("%s is larger than %d MiB", path, maxImport>>20)
	}
	return data, nil
}

// entriesIn reads a file of whatever kind.
func (a *app) entriesIn(ctx context.Context, data []byte, o importFlags, path string) ([]vault.Entry, error) {
	if vault.IsAge(data) {
		if o.account != "" || o.environment != "" {
			return nil, usagef("--account and --environment are for .env files and JSON; a backup says whose its key pairs are. To take some of them name them: kitekey import FILE acme/live")
		}
		return a.openBackup(ctx, data, o, path)
	}
	if o.passphraseFile != "" || o.identity != "" {
		return nil, usagef("%s is not encrypted with age: there is nothing to open", path)
	}
	account, environment := o.account, kite.Environment("")
	var err error
	if o.environment != "" {
		if environment, err = kite.ParseEnvironment(o.environment); err != nil {
			return nil, usagef("--environment: %w", err)
		}
	}
	found, err := dotenv.Read(string(data))
	if err != nil {
		return nil, usagef("%s: %w", path, err)
	}
	entries, assumed, err := found.Assign(account, environment)
	if errors.Is(err, dotenv.ErrNoAccount) {
		if !a.canAsk() {
			return nil, usagef("%s: %w; name it with --account", path, err)
		}
		if account, err = a.ask(ctx, "Which account is it for? "); err != nil {
			return nil, err
		}
		entries, assumed, err = found.Assign(strings.TrimSpace(account), environment)
	}
	if err != nil {
		return nil, usagef("%s: %w", path, err)
	}
	if len(found.Ignored) > 0 {
		a.note("left alone in %s: %s", path, words.Line(strings.Join(found.Ignored, ", ")))
	}
	if found.Trimmed {
		a.note("blanks around a key or secret were dropped")
	}
	if assumed {
		a.note("%s does not name an environment everywhere: taken as the sandbox's (--environment live for live)", path)
	}
	return entries, nil
}

// openBackup decrypts a backup with an identity or a passphrase.
func (a *app) openBackup(ctx context.Context, data []byte, o importFlags, path string) ([]vault.Entry, error) {
	if o.identity != "" {
		f, err := os.Open(o.identity)
		if err != nil {
			return nil, usagef("--identity: %w", err)
		}
		defer f.Close()
		with, err := age.ParseIdentities(f)
		if err != nil { // its text may quote the file
			return nil, usagef("--identity: %s holds no age private key (AGE-SECRET-KEY-1…) as it is; one with a passphrase of its own is opened first: age -d", o.identity)
		}
		entries, err := vault.ReadBackup(data, with...)
		return entries, backupError(path, err, "the private key in "+o.identity)
	}
	from := passphraseSource{fd: -1, file: o.passphraseFile, what: "the backup", how: "give it with --" + backupPassphraseFlag + ", or a private key with --identity"}
	for attempt := 0; ; attempt++ {
		passphrase, err := a.passphrase(ctx, from, vault.Ask{Attempt: attempt})
		switch {
		case errors.Is(err, vault.ErrWrongPassphrase):
			return nil, &codeError{exitFailure, fmt.Sprintf("%s: %v", path, err), err}
		case err != nil:
			return nil, err
		}
		for _, form := range vault.PassphraseForms(passphrase) {
			with, err := age.NewScryptIdentity(form.Reveal())
			if err != nil {
				break // an empty one
			}
			with.SetMaxWorkFactor(20) // four times what kitekey writes with
			entries, err := vault.ReadBackup(data, with)
			if errors.Is(err, age.ErrIncorrectIdentity) && strings.Contains(err.Error(), "incorrect passphrase") {
				continue
			}
			return entries, backupError(path, err, "a passphrase: give the private key with --identity")
		}
	}
}

func backupError(path string, err error, with string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, age.ErrIncorrectIdentity):
		return &codeError{exitFailure, fmt.Sprintf("%s does not open with %s", path, with), err}
	}
	return &codeError{exitUsage, fmt.Sprintf("%s: %v", path, err), err}
}

// selectEntries takes the chosen profiles out of what a file holds.
func selectEntries(entries []vault.Entry, chosen []string, path string) ([]vault.Entry, error) {
	if len(chosen) == 0 {
		return entries, nil
	}
	var out []vault.Entry
	for _, arg := range chosen {
		sel, err := parseSelector(arg)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(entries, func(e vault.Entry) bool { return e.Selector == sel })
		if i < 0 {
			return nil, &codeError{code: exitNoProfile, text: fmt.Sprintf("%s: %s is not in it", sel, path)}
		}
		out = append(out, entries[i])
	}
	return out, nil
}

// planWords says what a step would do.
func planWords(s vault.ImportStep, onConflict string) string {
	switch s.Finding {
	case vault.ImportNew:
		return "new, will be added"
	case vault.ImportSame:
		return "the same key pair is here already"
	case vault.ImportLost:
		return "here without its key pair, will get this one"
	}
	differ := fmt.Sprintf("another key pair is here (%s; the file has %s)", hint(s.Present.KeyHint), hint(s.Entry.Current.Hint()))
	switch onConflict {
	case "skip":
		return differ + ", stays as it is"
	case "replace":
		return differ + ", will be replaced and kept as the previous one"
	}
	return differ
}

// settleImport gets the confirmations, and says which conflicts are to be
// skipped.
func (a *app) settleImport(ctx context.Context, steps []vault.ImportStep, o importFlags) (skipped map[vault.Selector]bool, err error) {
	skipped = map[vault.Selector]bool{}
	var changes int
	var open []vault.ImportStep
	for _, s := range steps {
		switch {
		case s.Finding == vault.ImportSame:
		case s.Finding == vault.ImportConflict && o.onConflict == "skip":
			skipped[s.Entry.Selector] = true
		case s.Finding == vault.ImportConflict && o.onConflict == "":
			open = append(open, s)
		default:
			changes++
		}
	}
	if len(open) > 0 && !a.canAsk() {
		return nil, unconfirmedf("nothing was imported: say with --on-conflict skip or --on-conflict replace what is to become of %s", words.Count(len(open), "conflict"))
	}
	for _, s := range open {
		answer, err := a.choose(ctx, fmt.Sprintf("%s: replace the key pair that is here (it is kept as the previous one), or skip? [r/s] ", s.Entry.Selector), "rs")
		if err != nil {
			return nil, err
		}
		if answer == 's' {
			skipped[s.Entry.Selector] = true
		} else {
			changes++
		}
	}
	if changes == 0 || o.yes {
		return skipped, nil
	}
	if !a.canAsk() {
		return nil, unconfirmedf("nothing was imported: confirm with --yes")
	}
	ok, err := a.confirm(ctx, fmt.Sprintf("Import %s?", words.Count(changes, "key pair")))
	if err == nil && !ok {
		err = unconfirmedf("nothing was imported")
	}
	return skipped, err
}

// carryOut does what was planned. What fails stops it; running the same again
// goes on from there, because what is done is the same by then.
func (a *app) carryOut(ctx context.Context, v *vault.Vault, steps []vault.ImportStep, skipped map[vault.Selector]bool, o importFlags) error {
	counts := map[string]int{}
	for _, s := range steps {
		s.Source = o.source
		done := map[vault.ImportFinding]string{vault.ImportNew: "added", vault.ImportSame: "kept", vault.ImportConflict: "replaced", vault.ImportLost: "restored"}[s.Finding]
		if skipped[s.Entry.Selector] {
			done = "skipped"
		} else if err := v.Import(ctx, s); err != nil {
			a.note("%s", importSummary(counts))
			return about(s.Entry.Selector, err)
		}
		counts[done]++
		if o.json {
			if err := a.printStep(s, done); err != nil {
				return err
			}
		}
	}
	a.note("%s", importSummary(counts))
	if counts["added"]+counts["replaced"]+counts["restored"] > 0 {
		a.note(`nothing was tried against the gateway; "kitekey verify --all" does`)
	}
	return nil
}

func importSummary(counts map[string]int) string {
	var parts []string
	for _, word := range []string{"added", "replaced", "restored", "skipped", "kept"} {
		if n := counts[word]; n > 0 {
			text := fmt.Sprintf("%d %s", n, word)
			if word == "kept" {
				text = fmt.Sprintf("%d already here", n)
			}
			parts = append(parts, text)
		}
	}
	if len(parts) == 0 {
		return "nothing was imported"
	}
	return strings.Join(parts, ", ")
}

// tellPlan is --dry-run's output.
func (a *app) tellPlan(steps []vault.ImportStep, o importFlags) error {
	for _, s := range steps {
		if o.json {
			if err := a.printStep(s, "none"); err != nil {
				return err
			}
		} else if err := a.print("%s: %s\n", s.Entry.Selector, planWords(s, o.onConflict)); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) printStep(s vault.ImportStep, done string) error {
	return a.printJSON(struct {
		Profile     string  `json:"profile"`
		Finding     string  `json:"finding"`
		Done        string  `json:"done"`
		KeyHint     string  `json:"key_hint"`
		PresentHint *string `json:"present_key_hint"`
	}{s.Entry.Selector.String(), string(s.Finding), done, s.Entry.Current.Hint(), orNull(s.Present.KeyHint)})
}
