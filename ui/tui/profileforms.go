package tui

import (
	"context"
	"fmt"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

// environments are a form's choices; LIVE is written as everywhere on the screen.
func environments(sandboxOnly bool) []string {
	if sandboxOnly {
		return []string{"sandbox"}
	}
	return []string{"sandbox", "LIVE"}
}

func (d *formDialog) selector() vault.Selector {
	s := vault.Selector{Account: d.field("account").value(), Environment: kite.Sandbox}
	if d.field("environment").value() == "LIVE" {
		s.Environment = kite.Live
	}
	return s
}

// checkExpiresIn accepts an empty text: the default.
func checkExpiresIn(s string) error {
	if s == "" {
		return nil
	}
	_, err := kite.ParseLifetime(s)
	return err
}

// credentialFields are api_key and api_secret, judged as they come.
func credentialFields() (key, secret *field) {
	key, secret = secretField("api_key"), secretField("api_secret")
	key.check = func(*formDialog) error {
		_, _, err := kite.ParseCredential(key.secret.secret().Reveal(), "x")
		return err
	}
	key.help = func(*formDialog) string {
		c, trimmed, err := kite.ParseCredential(key.secret.secret().Reveal(), "x")
		switch {
		case err != nil:
			return ""
		case c.Hint() == "":
			return trimmedNote("", trimmed)
		}
		return trimmedNote("ends in "+c.Hint(), trimmed)
	}
	secret.check = func(*formDialog) error {
		_, _, err := kite.ParseCredential("x", secret.secret.secret().Reveal())
		return err
	}
	secret.help = func(*formDialog) string {
		_, trimmed, err := kite.ParseCredential("x", secret.secret.secret().Reveal())
		if err != nil {
			return ""
		}
		return trimmedNote("", trimmed)
	}
	return key, secret
}

func trimmedNote(text string, trimmed bool) string {
	switch {
	case !trimmed:
		return text
	case text == "":
		return "blanks around it are left out"
	}
	return text + "; blanks around it are left out"
}

func (d *formDialog) credential() (kite.Credential, error) {
	c, _, err := kite.ParseCredential(d.field("api_key").secret.secret().Reveal(), d.field("api_secret").secret.secret().Reveal())
	return c, err
}

// openAdd asks for a new profile. The account of the chosen one is offered when
// its other environment is still free.
func (a *app) openAdd() tea.Cmd {
	choices, env, account := environments(a.o.SandboxOnly), 0, ""
	if p := a.chosen(); p != nil && len(choices) > 1 && !a.hasBoth(p.Account) && a.filter.Value() == "" && a.detail {
		account = p.Account
		if p.Environment == kite.Sandbox {
			env = 1
		}
	}
	key, secret := credentialFields()
	d := &formDialog{head: "Add a credential", verb: "verify and save", save: saveNew, isLive: isLiveForm}
	name := textField("account", account, "such as acme", vault.ValidAccount)
	d.fields = []*field{
		name,
		choiceField("environment", choices, env),
		textField("label", "", "optional: Acme Stores Ltd", nil),
		key, secret,
		textField("expires_in", "", "5m unless you say otherwise", checkExpiresIn),
	}
	name.check = func(d *formDialog) error {
		if err := vault.ValidAccount(name.value()); err != nil {
			return err
		}
		for i := range a.profiles {
			if a.profiles[i].Selector == d.selector() {
				return fmt.Errorf("%s is here already: esc, then r replaces its credential", d.selector())
			}
		}
		return nil
	}
	return a.push(d)
}

func isLiveForm(d *formDialog) bool { return d.field("environment").value() == "LIVE" }

func (a *app) hasBoth(account string) bool {
	n := 0
	for i := range a.profiles {
		if a.profiles[i].Account == account {
			n++
		}
	}
	return n > 1
}

// saveNew tries the credential first and stores it when it works.
func saveNew(a *app, d *formDialog) tea.Cmd {
	n, err := d.newProfile()
	if err != nil {
		d.fail(err.Error(), "")
		return nil
	}
	v := a.o.Vault
	cmd := a.start(task{verb: "add", doing: "trying the key pair", quiet: true, form: true}, func(ctx context.Context) func(*app) tea.Cmd {
		r := v.VerifyCredential(ctx, n.Environment, n.Credential, false)
		r.Selector = n.Selector
		if r.Err != nil {
			return func(a *app) tea.Cmd {
				d.failWith("not saved", r.Err)
				d.anyway, d.anywayText = saveUnverified(r.Verdict), "saves it all the same"
				return nil
			}
		}
		n.Verdict = r.Verdict
		return addTo(ctx, v, n, d)
	})
	d.task = a.tasks[a.seq]
	return cmd
}

// saveUnverified stores what the gateway did not confirm, with what it said.
func saveUnverified(verdict vault.Verdict) func(*app, *formDialog) tea.Cmd {
	return func(a *app, d *formDialog) tea.Cmd {
		n, err := d.newProfile()
		if err != nil {
			d.fail(err.Error(), "")
			return nil
		}
		n.Verdict = verdict
		v := a.o.Vault
		cmd := a.start(task{verb: "add", doing: "saving", quiet: true, form: true}, func(ctx context.Context) func(*app) tea.Cmd {
			return addTo(ctx, v, n, d)
		})
		d.task = a.tasks[a.seq]
		return cmd
	}
}

func (d *formDialog) newProfile() (n vault.NewProfile, err error) {
	n = vault.NewProfile{Selector: d.selector(), Label: d.field("label").value()}
	if text := d.field("expires_in").value(); text != "" {
		if n.ExpiresIn, err = kite.ParseLifetime(text); err != nil {
			return n, err
		}
	}
	n.Credential, err = d.credential()
	return n, err
}

func addTo(ctx context.Context, v *vault.Vault, n vault.NewProfile, d *formDialog) func(*app) tea.Cmd {
	p, err := v.Add(ctx, n)
	return func(a *app) tea.Cmd {
		if err != nil {
			d.failWith("not saved", err)
			return a.reload()
		}
		if n.Environment == kite.Live {
			a.gates[n.Account] = a.now.Add(gateTime) // its name has just been typed
		}
		d.wipe()
		a.drop(d)
		text := n.Selector.String() + " added"
		switch n.Verdict {
		case vault.VerdictOK:
			text += "; it works"
		default:
			text += ", not verified: " + words.Verdict(n.Verdict, a.o.Vault.StoreName()).Word
		}
		a.say(done, text)
		return a.reloadAndChoose(p.ID)
	}
}

// reloadAndChoose reads the index again and puts the cursor on a profile.
func (a *app) reloadAndChoose(id string) tea.Cmd {
	v := a.o.Vault
	return a.start(task{verb: "reload", quiet: true}, func(context.Context) func(*app) tea.Cmd {
		profiles, err := v.List()
		return func(a *app) tea.Cmd {
			if err != nil {
				return a.fail("", "reading the list of profiles", err)
			}
			a.setProfiles(profiles)
			if !a.choose(id) {
				a.filter.SetValue("")
				a.board = false
				a.refilter()
				a.choose(id)
			}
			return nil
		}
	})
}

// openEdit changes what is not secret: the account's name, the label, the
// default life.
func (a *app) openEdit() tea.Cmd {
	p := *a.chosen()
	d := &formDialog{head: "Edit " + selWords(p.Selector), verb: "save", isLive: func(*formDialog) bool { return p.Environment == kite.Live }}
	name := textField("account", p.Account, "", vault.ValidAccount)
	if a.hasBoth(p.Account) {
		name.help = func(*formDialog) string {
			if name.value() == p.Account {
				return ""
			}
			return "renames both its environments"
		}
	}
	d.fields = []*field{
		textField("label", p.Label, "optional", nil),
		textField("expires_in", words.Duration(p.ExpiresIn.Duration()), "5m", checkExpiresIn),
		name,
	}
	d.save = func(a *app, d *formDialog) tea.Cmd {
		label, life := d.field("label").value(), vault.DefaultExpiresIn
		if text := d.field("expires_in").value(); text != "" {
			life, _ = kite.ParseLifetime(text) // checked before
		}
		account, v := name.value(), a.o.Vault
		cmd := a.start(task{verb: "edit", doing: "saving", quiet: true, form: true}, func(ctx context.Context) func(*app) tea.Cmd {
			_, err := v.Edit(ctx, p.Selector, vault.ProfileUpdate{Label: &label, ExpiresIn: &life})
			if err == nil && account != p.Account {
				err = v.Rename(ctx, p.Account, account)
			}
			return func(a *app) tea.Cmd {
				if err != nil {
					d.failWith("not saved", err)
					return a.reload()
				}
				a.drop(d)
				if until, ok := a.gates[p.Account]; ok && account != p.Account {
					delete(a.gates, p.Account)
					a.gates[account] = until
				}
				a.say(done, account+"/"+string(p.Environment)+" saved")
				return a.reloadAndChoose(p.ID)
			}
		})
		d.task = a.tasks[a.seq]
		return cmd
	}
	return a.push(d)
}

// openDelete asks before a credential is gone for good. On live it always asks
// for the name, whether the gate is open or not.
func (a *app) openDelete() tea.Cmd {
	p := *a.chosen()
	v := a.o.Vault
	q := &question{
		head: "Delete " + selWords(p.Selector), isLive: p.Environment == kite.Live, yes: "delete",
		text: "This takes the credential out of " + words.Store(v.StoreName()) + ". Kitegateway does not show its api_secret again. At the gateway the key pair goes on working until you revoke it there.",
		then: func(a *app) tea.Cmd {
			return a.start(task{id: p.ID, verb: "delete", doing: "deleting"}, func(ctx context.Context) func(*app) tea.Cmd {
				err := v.Remove(ctx, p.Selector)
				return func(a *app) tea.Cmd {
					if err != nil {
						a.fail(p.ID, "deleting", err)
						return a.reload()
					}
					delete(a.reports, p.ID)
					a.say(done, p.Selector.String()+" deleted")
					return a.reload()
				}
			})
		},
	}
	if q.isLive {
		q.want, q.input = p.Account, focused(newTextInput(""))
		q.text += " Type the account's name."
	}
	return a.push(q)
}
