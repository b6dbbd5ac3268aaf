package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
	"kitekey/vault/dotenv"
)

// Bounds of what is read, in bytes.
const (
	maxImport   = 64 << 20
	maxIdentity = 64 << 10
)

type importOptions struct {
	file     string   // "-" for stdin
	profiles []string // the profiles to import; all if it is empty

	account, environment     string
	onConflict               string // "", onConflictSkip or onConflictReplace
	passphraseFile, identity string
	source                   string
	yes, dryRun, json        bool
	confirm                  string
}

const (
	onConflictSkip    = "skip"
	onConflictReplace = "replace"
)

func newImport(a *app, run func(context.Context, importOptions) error) *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use:   "import FILE [SELECTOR…]",
		Short: "Read credentials from a backup or from what you have",
		Long: `Read credentials from a backup that "kitekey export" wrote, or from what people have:
a .env file, JSON, YAML, TOML, CSV, a Postman, Insomnia or Bruno export, a compose
file, a Kubernetes Secret, a curl command, a piece of a program, a mail, the notes in a
password manager's export. It says what FILE was read as, and leaves the file as it is.
FILE can be - for stdin. SELECTORs choose some of what is in it.

First it says what it would do. A profile that has another credential is never
replaced silently: it asks, or does what --on-conflict says. The replaced credential
becomes the previous one, and "kitekey rotate --rollback" brings it back. Without a
terminal --yes is needed, and --confirm to replace a live credential.

Names are read as people write them: KITE_API_KEY and KITE_API_SECRET, api_key and
api_secret, LIVE_API_KEY, KITEGATEWAY_SANDBOX_SECRET_KEY, KITE_ACME_LIVE_API_KEY,
{"acme": {"live": {"api_key": "…", "api_secret": "…"}}}. A table names its columns in
the first line: account, environment, api_key, api_secret. Without an environment
sandbox is assumed, unless --environment says otherwise. Placeholders, masked values
and values that programs read in different ways are refused.`,
		Example: `  kitekey import backup.age --dry-run
  kitekey import backup.age acme/live
  kitekey import .env --account acme
  kitekey import backup.age --yes --on-conflict skip --backup-passphrase-file pass.txt`,
		Args: argCount(1, -1, "a file"),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return nil, cobra.ShellCompDirectiveDefault // files
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.file, o.profiles = args[0], args[1:]
			return run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.account, "account", "", "the `account`, where FILE does not say")
	choiceFlag(cmd, &o.environment, "environment", "`where` it belongs, sandbox or live, when FILE does not say", "sandbox", "live")
	choiceFlag(cmd, &o.onConflict, "on-conflict", "`what` to do when another credential is stored: skip or replace; default: ask", onConflictSkip, onConflictReplace)
	f.StringVar(&o.passphraseFile, backupPassphraseFlag, "", "`file` or pipe that holds the backup's passphrase")
	f.StringVarP(&o.identity, "identity", "i", "", "`file` with the age private key that opens the backup, in place of a passphrase")
	a.registerSource(cmd, &o.source, "the `source` that new credentials are written to, in place of the store")
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask whether to go ahead")
	a.confirmFlag(cmd, &o.confirm)
	f.BoolVar(&o.dryRun, "dry-run", false, "say what would be done, and change nothing")
	f.BoolVar(&o.json, "json", false, "print one JSON object per profile")
	cmd.MarkFlagsMutuallyExclusive("identity", backupPassphraseFlag)
	return cmd
}

func (a *app) runImport(ctx context.Context, o importOptions) error {
	chosen, err := chosenProfiles(o.profiles)
	if err != nil {
		return err
	}
	if o.source != "" {
		if _, err := a.findSource([]string{o.source}); err != nil {
			return err
		}
	}
	data, err := a.readImport(ctx, o.file)
	if err != nil {
		return err
	}
	if o.file == "-" {
		o.file = "stdin" // for messages
	}
	entries, err := a.entriesIn(ctx, data, o)
	if err != nil {
		return err
	}
	if entries, err = selectEntries(entries, chosen, o.file); err != nil {
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
		return a.printPlan(steps, o)
	}
	if !o.json {
		for _, s := range steps {
			a.note("%s: %s", s.Entry.Selector, planWords(s, o.onConflict))
		}
	}
	skipped, err := a.confirmImport(ctx, steps, o)
	if err != nil {
		return err
	}
	return a.importSteps(ctx, v, steps, skipped, o)
}

func (a *app) readImport(ctx context.Context, path string) ([]byte, error) {
	var data []byte
	var err error
	switch {
	case path != "-":
		data, err = readFile(ctx, path, maxImport)
	case isTerminal(a.Stdin):
		return nil, usagef("- is stdin, and that is a terminal: name a file, or pipe one in")
	default:
		data, err = a.readStdin(ctx, maxImport)
	}
	var unreadable *fs.PathError
	switch {
	case errors.Is(err, errTooLarge), errors.As(err, &unreadable):
		return nil, usagef("cannot read %s: %w", path, pathCause(err))
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return data, nil
}

// entriesIn reads a file in any of the formats.
func (a *app) entriesIn(ctx context.Context, data []byte, o importOptions) ([]vault.Entry, error) {
	path := o.file
	if vault.IsAge(data) {
		if o.account != "" || o.environment != "" {
			return nil, usagef("--account and --environment are for .env files and JSON; a backup names its profiles. To take some of them: kitekey import FILE acme/live")
		}
		return a.openBackup(ctx, data, o)
	}
	if o.passphraseFile != "" || o.identity != "" {
		return nil, usagef("%s is not encrypted with age: there is nothing to open", path)
	}
	return a.foreignEntries(ctx, data, o)
}

// foreignEntries reads credentials from a .env file, JSON and the like. If neither
// the file nor --account says which account they are for, it asks.
func (a *app) foreignEntries(ctx context.Context, data []byte, o importOptions) ([]vault.Entry, error) {
	environment := kite.Environment(o.environment) // "" or one of the two; the flag accepts nothing else
	found, err := dotenv.Read(string(data))
	if err != nil {
		return nil, usagef("%s: %w", o.file, err)
	}
	entries, assumed, err := found.Assign(o.account, environment)
	if errors.Is(err, dotenv.ErrNoAccount) {
		if !a.canAsk() {
			return nil, usagef("%s: %w; name it with --account", o.file, err)
		}
		account, askErr := a.ask(ctx, "Which account is it for? ")
		if askErr != nil {
			return nil, askErr
		}
		entries, assumed, err = found.Assign(strings.TrimSpace(account), environment)
	}
	if err != nil {
		return nil, usagef("%s: %w", o.file, err)
	}
	a.note("%s is read as %s", o.file, found.Form)
	if len(found.Ignored) > 0 {
		a.note("ignored in %s: %s", o.file, words.Line(strings.Join(found.Ignored, ", ")))
	}
	if found.Trimmed {
		a.note("spaces around a credential were removed")
	}
	if assumed {
		a.note("%s does not name an environment for every credential: sandbox is assumed (--environment live for live)", o.file)
	}
	return entries, nil
}

// openBackup decrypts a backup with an identity or a passphrase.
func (a *app) openBackup(ctx context.Context, data []byte, o importOptions) ([]vault.Entry, error) {
	path := o.file
	if o.identity != "" {
		key, err := readFile(ctx, o.identity, maxIdentity)
		if err != nil {
			return nil, usagef("--identity: %w", err)
		}
		defer clear(key)
		with, err := age.ParseIdentities(bytes.NewReader(key))
		if err != nil { // the error may quote the file
			return nil, usagef("--identity: %s is not an age identity (AGE-SECRET-KEY-1…); if it is passphrase-protected, decrypt it first with age -d", o.identity)
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
				break // an empty passphrase
			}
			with.SetMaxWorkFactor(20) // four times kitekey's own
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

// chosenProfiles reads the names of the profiles to import, which need not exist.
func chosenProfiles(args []string) ([]vault.Selector, error) {
	if environmentApart(args) {
		return nil, usagef("%s", slashHint)
	}
	var chosen []vault.Selector
	for _, arg := range args {
		sel, err := parseSelector(arg)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, sel)
	}
	return chosen, nil
}

// selectEntries returns the chosen profiles of a file.
func selectEntries(entries []vault.Entry, chosen []vault.Selector, path string) ([]vault.Entry, error) {
	if len(chosen) == 0 {
		return entries, nil
	}
	var out []vault.Entry
	for _, sel := range chosen {
		i := slices.IndexFunc(entries, func(e vault.Entry) bool { return e.Selector == sel })
		if i < 0 {
			return nil, &codeError{code: exitNoProfile, text: fmt.Sprintf("%s: %s is not in it; without a name, --dry-run lists what is", path, sel)}
		}
		out = append(out, entries[i])
	}
	return out, nil
}
