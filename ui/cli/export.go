package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/spf13/cobra"

	"kitekey/ui/handout"
	"kitekey/ui/words"
	"kitekey/vault"
)

const backupPassphraseFlag = "backup-passphrase-file"

type exportOptions struct {
	profiles, accounts     []string // all profiles if both are empty
	output, passphraseFile string
	recipients             []string
	armor, force           bool
	confirm                string
}

func newExport(a *app, run func(context.Context, exportOptions) error) *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export [SELECTOR…]",
		Short: "Write an encrypted backup of credentials",
		Long: `Write credentials to one file, encrypted with age: all of them, or those of the
profiles named, or of whole accounts with --account. Previous and staged credentials,
labels and default token lives are in it; tokens and verdicts are not.

The file is opened by a passphrase, which is asked for twice, or by the private key
of each --recipient. There is no other way to open it, and no way to write it
unencrypted. "kitekey import" reads it, here or on another machine, and so does stock
age.

For live credentials it asks for the profile's name, or for "live" if there are
several; without a terminal --confirm gives it.`,
		Example: `  kitekey export -o backup.age
  kitekey export acme/live --account coral -o two.age
  kitekey export --recipient age1… --confirm live > backup.age      for a nightly job`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeSelectors(true),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.profiles = args
			return run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.output, "output", "o", "", "the `file` to write; default: stdout, unless it is a terminal")
	f.StringVar(&o.passphraseFile, backupPassphraseFlag, "", "`file` or pipe that holds the backup's passphrase")
	f.StringArrayVarP(&o.recipients, "recipient", "r", nil, "age public `key` that can open the backup, in place of a passphrase; may be repeated")
	f.StringArrayVar(&o.accounts, "account", nil, "an `account`, in both environments; may be repeated")
	f.BoolVar(&o.armor, "armor", false, "write text in place of binary")
	f.BoolVar(&o.force, "force", false, "replace the file if it exists")
	a.confirmFlag(cmd, &o.confirm)
	cmd.MarkFlagsMutuallyExclusive("recipient", backupPassphraseFlag)
	_ = cmd.RegisterFlagCompletionFunc("account", a.completeAccounts)
	return cmd
}

func (a *app) runExport(ctx context.Context, o exportOptions) error {
	if o.output == "-" { // as everywhere
		o.output = ""
	}
	if err := a.checkExport(o); err != nil {
		return err
	}
	to, err := parseRecipients(o.recipients)
	if err != nil {
		return err
	}
	v, err := a.open()
	if err != nil {
		return err
	}
	sels, err := a.exported(v, o.profiles, o.accounts)
	if err != nil {
		return err
	}
	if len(to) == 0 && o.passphraseFile == "" && !a.canAsk() {
		return noTerminal("the backup's passphrase", "give --"+backupPassphraseFlag+" or --recipient")
	}
	if err := a.confirmLive(ctx, handout.Export, o.confirm, sels...); err != nil {
		return err
	}
	entries, lost := v.Entries(ctx, sels)
	if len(entries) == 0 {
		return lost
	}
	if len(to) == 0 {
		recipient, err := a.passphraseRecipient(ctx, o.passphraseFile)
		if err != nil {
			return err
		}
		to = []age.Recipient{recipient}
	}
	err = a.writeBackup(o, entries, to)
	for _, e := range entries {
		v.Log(vault.Activity{Selector: e.Selector, Action: vault.ActionExported, Recipients: recipientNames(o)}, err)
	}
	if err != nil {
		return err
	}
	if lost != nil {
		a.note("%d of %d profiles are in the backup; left out:", len(entries), len(sels))
		return lost
	}
	a.note("%s in the backup", words.Count(len(entries), "profile"))
	return nil
}

// recipientNames returns who can open the backup, for the activity log.
func recipientNames(o exportOptions) []string {
	if len(o.recipients) == 0 {
		return []string{"passphrase"}
	}
	return o.recipients
}

// checkExport refuses an export that cannot succeed, before it asks or reads
// anything.
func (a *app) checkExport(o exportOptions) error {
	if o.output == "" && isTerminal(a.Stdout) && !o.armor {
		return usagef("a backup is binary and stdout is a terminal: name a file with -o, or write text with --armor")
	}
	return checkOutput(o.output, o.force)
}

func parseRecipients(keys []string) ([]age.Recipient, error) {
	var to []age.Recipient
	for _, key := range keys {
		list, err := age.ParseRecipients(strings.NewReader(key))
		if err != nil || len(list) != 1 {
			return nil, usagef("--recipient: not an age public key (age1…)")
		}
		to = append(to, list...)
	}
	return to, nil
}

// passphraseRecipient asks for the passphrase that opens a backup.
func (a *app) passphraseRecipient(ctx context.Context, file string) (age.Recipient, error) {
	passphrase, err := a.passphrase(ctx, passphraseSource{fd: -1, file: file, what: "the backup"}, vault.Ask{New: true})
	if err == nil {
		err = vault.CheckPassphrase(passphrase)
	}
	if err != nil {
		return nil, err
	}
	r, err := age.NewScryptRecipient(vault.ComposedPassphrase(passphrase).Reveal())
	if err != nil {
		return nil, err
	}
	if a.WorkFactor > 0 {
		r.SetWorkFactor(a.WorkFactor)
	}
	return r, nil
}

// writeBackup encrypts entries and writes them to the file, or to stdout.
func (a *app) writeBackup(o exportOptions, entries []vault.Entry, to []age.Recipient) error {
	var sealed bytes.Buffer
	if err := a.sealBackup(&sealed, o.armor, entries, to); err != nil {
		return fmt.Errorf("write the backup: %w", err)
	}
	if o.output != "" {
		return writeNew(o.output, sealed.Bytes(), o.force)
	}
	_, err := a.Stdout.Write(sealed.Bytes())
	return writeError(err)
}

// exported returns the profiles to export: those named, those of the accounts
// named, or all.
func (a *app) exported(v *vault.Vault, args, accounts []string) ([]vault.Selector, error) {
	var sels []vault.Selector
	if len(args) > 0 {
		var err error
		if sels, err = a.selectors(args); err != nil {
			return nil, err
		}
	}
	profiles, err := v.List()
	if err != nil {
		return nil, err
	}
	have := map[vault.Selector]bool{}
	for _, sel := range sels {
		if _, err := v.Lookup(sel); err != nil {
			return nil, vault.About(sel, err)
		}
		have[sel] = true
	}
	for _, account := range accounts {
		found := false
		for _, p := range profiles {
			if p.Account == account {
				found = true
				if !have[p.Selector] {
					have[p.Selector], sels = true, append(sels, p.Selector)
				}
			}
		}
		if !found {
			return nil, &codeError{code: exitNoProfile, text: fmt.Sprintf("--account: there is no account %q; \"kitekey list\" shows those there are", account)}
		}
	}
	if len(args) == 0 && len(accounts) == 0 {
		for _, p := range profiles {
			sels = append(sels, p.Selector)
		}
		if len(sels) == 0 {
			return nil, &codeError{code: exitNoProfile, text: "there are no profiles to export"}
		}
	}
	return sels, nil
}

func (a *app) sealBackup(w io.Writer, armored bool, entries []vault.Entry, to []age.Recipient) error {
	if !armored {
		return vault.WriteBackup(w, a.Now(), entries, to...)
	}
	text := armor.NewWriter(w)
	if err := vault.WriteBackup(text, a.Now(), entries, to...); err != nil {
		return err
	}
	return text.Close()
}

// checkOutput refuses a file that cannot be written or replaced. A device or a pipe
// must not be replaced by a file: as root that would take /dev/null away.
func checkOutput(path string, force bool) error {
	if path == "" {
		return nil
	}
	if dir, err := os.Stat(filepath.Dir(path)); err != nil || !dir.IsDir() {
		return usagef("cannot write %s: there is no folder %s", path, filepath.Dir(path))
	}
	switch info, err := os.Stat(path); {
	case err == nil && info.IsDir():
		return usagef("%s is a folder: name a file in it", path)
	case err == nil && !info.Mode().IsRegular():
		return usagef("%s is not a file: to write to a pipe or a device, leave -o out and redirect stdout", path)
	}
	if _, err := os.Lstat(path); err == nil && !force {
		return existsAlready(path)
	}
	return nil
}

func existsAlready(path string) error {
	return usagef("%s exists already; --force replaces it", path)
}

// writeNew writes a file that only its owner can read, as a whole or not at all. It
// replaces an existing file only with force.
func writeNew(path string, data []byte, force bool) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".tmp-*") // 0600
	if err != nil {
		return cannotWrite(path, err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil && force {
		err = os.Rename(f.Name(), path)
	} else if err == nil {
		// Unlike a renaming, a link never replaces another file.
		if err = os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
			if _, there := os.Lstat(path); there != nil {
				err = os.Rename(f.Name(), path) // the file system has no links
			}
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return existsAlready(path)
	}
	if err != nil {
		return cannotWrite(path, err)
	}
	return nil
}

// cannotWrite names the file that was asked for, and not the temporary one.
func cannotWrite(path string, err error) error {
	var inner *fs.PathError
	if errors.As(err, &inner) {
		err = inner.Err
	}
	return fmt.Errorf("cannot write the backup to %s: %w", path, err)
}
