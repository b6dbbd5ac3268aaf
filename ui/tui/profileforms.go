package tui

import (
	"context"
	"errors"
	"fmt"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/ui/handout"
	"kitekey/ui/words"
	"kitekey/vault"
)

// environments returns a form's choices.
func environments(sandboxOnly bool) []string {
	names := []string{words.Environment(kite.Sandbox)}
	if !sandboxOnly {
		names = append(names, words.Environment(kite.Live))
	}
	return names
}

func (d *formDialog) selector() vault.Selector {
	s := vault.Selector{Account: d.field(fieldAccount).value(), Environment: kite.Sandbox}
	if d.liveChosen() {
		s.Environment = kite.Live
	}
	return s
}

// checkExpiresIn checks a default life; an empty text means the default.
func checkExpiresIn(s string) error {
	if s == "" {
		return nil
	}
	_, err := kite.ParseLifetime(s)
	return err
}

// lifeField is the default life of tokens, with a word about a long one.
func lifeField(value, placeholder string) *field {
	f := textField(fieldExpiresIn, value, placeholder, checkExpiresIn)
	f.help = func(*formDialog) string {
		life, _ := kite.ParseLifetime(f.value())
		return words.LongLife(life)
	}
	return f
}

// changedLife is the default life that the form asks for, 0 when it leaves it as it is.
func (d *formDialog) changedLife() kite.Lifetime {
	f := d.field(fieldExpiresIn)
	if f == nil {
		return 0
	}
	if life, err := kite.ParseLifetime(f.value()); err == nil && life != d.lifeWas {
		return life
	}
	return 0
}

// credentialFields returns the fields for api_key and api_secret, which are checked
// while typing.
func credentialFields() (key, secret *field) {
	key, secret = secretField(fieldAPIKey), secretField(fieldAPISecret)
	something := kite.NewSecret("x")
	checkKey := func() (hint string, trimmed bool, err error) {
		c, trimmed, err := typedCredential(key.secret.secret(), something.Clone())
		defer c.Erase()
		return c.Hint(), trimmed, err
	}
	checkSecret := func() (trimmed bool, err error) {
		c, trimmed, err := typedCredential(something.Clone(), secret.secret.secret())
		c.Erase()
		return trimmed, err
	}
	key.check = func(*formDialog) error {
		_, _, err := checkKey()
		return err
	}
	key.help = func(*formDialog) string {
		hint, trimmed, err := checkKey()
		switch {
		case err != nil:
			return ""
		case hint == "":
			return trimmedNote("", trimmed)
		}
		return trimmedNote("ends in "+hint, trimmed)
	}
	secret.check = func(*formDialog) error {
		_, err := checkSecret()
		return err
	}
	secret.help = func(*formDialog) string {
		trimmed, err := checkSecret()
		if err != nil {
			return ""
		}
		return trimmedNote("", trimmed)
	}
	return key, secret
}

// typedCredential makes a credential of two inputs and erases them.
func typedCredential(key, secret kite.Secret) (c kite.Credential, trimmed bool, err error) {
	defer key.Erase()
	defer secret.Erase()
	return kite.NewCredential(key, secret)
}

func trimmedNote(text string, trimmed bool) string {
	switch {
	case !trimmed:
		return text
	case text == "":
		return "spaces around it are left out"
	}
	return text + "; spaces around it are left out"
}

func (d *formDialog) credential() (kite.Credential, error) {
	c, _, err := typedCredential(d.field(fieldAPIKey).secret.secret(), d.field(fieldAPISecret).secret.secret())
	return c, err
}

// openAdd asks for a new profile. It suggests the account of the chosen profile if
// its other environment is free.
func (a *app) openAdd() {
	var suggested vault.Selector
	if p := a.chosen(); p != nil && !a.o.SandboxOnly && a.list.environments(p.Account) == 1 && (a.notices.offers("a") || !a.list.filtered() && a.detail.open) {
		suggested = p.Elsewhere()
	}
	a.push(a.addForm(suggested, ""))
}

// addForm returns the form for a new profile, with what is known of it. For one that
// is there already it offers the form that replaces its credential.
func (a *app) addForm(known vault.Selector, label string) *formDialog {
	env := 0
	if known.Environment == kite.Live {
		env = 1
	}
	key, secret := credentialFields()
	d := &formDialog{head: "Add a credential", action: "verify and save", save: saveNew, filled: known.Account != ""}
	name := textField(fieldAccount, known.Account, "such as acme", vault.ValidAccount)
	d.fields = []*field{
		name,
		choiceField(fieldEnvironment, environments(a.o.SandboxOnly), env, 1),
		textField(fieldLabel, label, "optional: Acme Stores Ltd", nil),
		key, secret,
		lifeField("", "5m if left empty"),
	}
	name.check = func(d *formDialog) error {
		if err := vault.ValidAccount(name.value()); err != nil {
			return err
		}
		if a.list.named(d.selector()) != nil {
			return fmt.Errorf("%s is here already: ctrl+r replaces its credential", d.selector())
		}
		return nil
	}
	d.other = func(a *app) (string, func() tea.Cmd) {
		there := a.list.named(d.selector())
		if there == nil {
			return "", nil
		}
		p := *there
		return "replace its credential", func() tea.Cmd {
			return a.confirm(handout.Rotate, func() tea.Cmd {
				a.list.reach(p.ID, a.now)
				d.passTo(a, rotateForm(p))
				return nil
			}, p.Selector)
		}
	}
	return d
}

// saveNew verifies the credential and stores it if it works.
func saveNew(a *app, d *formDialog) tea.Cmd {
	n, err := d.newProfile()
	if err != nil {
		d.fail(err.Error(), "")
		return nil
	}
	v := a.o.Vault
	t, cmd := a.start(task{kind: taskAdd, doing: "verifying and saving", quiet: true, form: true}, func(ctx context.Context) func(*app) tea.Cmd {
		r := v.VerifyCredential(ctx, n.Environment, n.Credential, false)
		r.Selector = n.Selector
		if r.Err != nil {
			return func(a *app) tea.Cmd {
				d.failWith("not saved", r.Err)
				d.anyway, d.anywayText = saveUnverified(r), "saves it unverified"
				return nil
			}
		}
		n.Report = r
		return addTo(ctx, v, n, d)
	})
	d.task = t
	return cmd
}

// saveUnverified stores a credential that the gateway did not accept, with the
// report.
func saveUnverified(r vault.Report) func(*app, *formDialog) tea.Cmd {
	return func(a *app, d *formDialog) tea.Cmd {
		n, err := d.newProfile()
		if err != nil {
			d.fail(err.Error(), "")
			return nil
		}
		n.Report = r
		v := a.o.Vault
		t, cmd := a.start(task{kind: taskAdd, doing: "saving", quiet: true, form: true}, func(ctx context.Context) func(*app) tea.Cmd {
			return addTo(ctx, v, n, d)
		})
		d.task = t
		return cmd
	}
}

func (d *formDialog) newProfile() (n vault.NewProfile, err error) {
	n = vault.NewProfile{Selector: d.selector(), Label: d.field(fieldLabel).value()}
	if text := d.field(fieldExpiresIn).value(); text != "" {
		if n.ExpiresIn, err = kite.ParseLifetime(text); err != nil {
			return n, err
		}
	}
	n.Credential, err = d.credential()
	return n, err
}

func addTo(ctx context.Context, v *vault.Vault, n vault.NewProfile, d *formDialog) func(*app) tea.Cmd {
	p, err := v.Add(ctx, n)
	n.Credential.Erase()
	return func(a *app) tea.Cmd {
		if err != nil {
			d.failWith("not saved", err)
			return a.reload()
		}
		if n.Environment == kite.Live && !d.filled {
			a.guard.TypedInFull(handout.Mint, n.Selector) // its name was typed in the form
		}
		d.wipe()
		a.drop(d)
		text := n.Selector.String() + " added"
		switch n.Report.Verdict {
		case vault.VerdictOK:
			text += "; it works"
		default:
			text += ", not verified: " + words.Verdict(n.Report.Verdict, a.o.Vault.StoreName()).Word
		}
		a.notify(done, text)
		return a.reloadAndChoose(p.ID)
	}
}

// openEdit changes the settings that are not secret: the account's name, the label,
// the default life.
func (a *app) openEdit() {
	p := *a.chosen()
	d := &formDialog{head: "Edit " + selWords(p.Selector), action: "save", isLive: p.Environment == kite.Live, lifeWas: p.ExpiresIn}
	name := textField(fieldAccount, p.Account, "", func(name string) error {
		if name != p.Account && a.list.environments(name) > 0 {
			return fmt.Errorf("%s is here already", name)
		}
		return vault.ValidAccount(name)
	})
	if a.list.environments(p.Account) > 1 {
		name.help = func(*formDialog) string {
			if name.value() == p.Account {
				return ""
			}
			return "renames both its environments"
		}
	}
	d.fields = []*field{
		textField(fieldLabel, p.Label, "optional", nil),
		lifeField(words.Duration(p.ExpiresIn.Duration()), "5m"),
		name,
	}
	d.save = func(a *app, d *formDialog) tea.Cmd { return saveEdit(a, d, p) }
	a.push(d)
}

// saveEdit stores what was changed. Renaming a live account asks for its name.
func saveEdit(a *app, d *formDialog, p vault.Profile) tea.Cmd {
	label, account, life := d.field(fieldLabel).value(), d.field(fieldAccount).value(), vault.DefaultExpiresIn
	lifeText := d.field(fieldExpiresIn).value()
	if lifeText != "" {
		life, _ = kite.ParseLifetime(lifeText) // the form has checked it
	}
	v := a.o.Vault
	save := func() tea.Cmd {
		t, cmd := a.start(task{kind: taskEdit, doing: "saving", quiet: true, form: true}, func(ctx context.Context) func(*app) tea.Cmd {
			_, err := v.Edit(ctx, p.Selector, vault.ProfileUpdate{Label: &label, ExpiresIn: &life})
			what, renaming := "not saved", err == nil && account != p.Account
			if renaming {
				what = "not renamed, the rest is saved"
				err = v.Rename(ctx, p.Account, account)
			}
			return func(a *app) tea.Cmd {
				var renamed *vault.RenamedError
				switch {
				case errors.As(err, &renamed): // it is saved, and there is more to say
					a.drop(d)
					a.reportError(p.ID, "renaming", err)
					return a.reloadAndChoose(p.ID)
				case err != nil:
					if renaming {
						d.field(fieldLabel).was, d.field(fieldExpiresIn).was = label, lifeText
					}
					d.failWith(what, err)
					return a.reload()
				}
				a.drop(d)
				a.notify(done, account+"/"+string(p.Environment)+" saved")
				return a.reloadAndChoose(p.ID)
			}
		})
		d.task = t
		return cmd
	}
	if account == p.Account {
		return save()
	}
	renamed := []vault.Selector{p.Selector}
	if other := a.list.named(p.Elsewhere()); other != nil {
		renamed = append(renamed, other.Selector)
	}
	return a.confirm(handout.Rename, save, renamed...)
}
