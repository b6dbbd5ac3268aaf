package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

type addOptions struct {
	profile   string
	label     string
	expiresIn kite.Lifetime
	stdin     bool
	noVerify  bool
	source    string
	json      bool
}

func newAdd(a *app, run func(context.Context, addOptions) error) *cobra.Command {
	var o addOptions
	cmd := &cobra.Command{
		Use:   "add SELECTOR",
		Short: "Add a credential",
		Long: `Add the api_key and api_secret of an account in one environment. Both are typed at
hidden prompts, or come as JSON on stdin with --stdin. At the prompts you can also
paste what you have: lines of a .env file, JSON, YAML, a curl command, a mail.

The credential is verified first, by minting a token that lives a minute and is
thrown away. If the gateway refuses it nothing is stored; at a terminal you can enter
it again or save it anyway. If the gateway cannot be reached it is stored without a
verdict, because Kitegateway never shows a secret again; "kitekey verify" tries it
later.

With --source the credential is written to a team's secret manager and not kept on
this machine. If the source has it already, it is only listed.`,
		Example: `  kitekey add acme                          the sandbox credential of acme
  kitekey add acme/live --label "Acme Ltd"
  kitekey add acme --stdin < acme.json      {"api_key": "…", "api_secret": "…"}`,
		Args:              argCount(1, 1, "one profile"),
		ValidArgsFunction: a.completeNewSelectors,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.profile = args[0]
			return run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.label, "label", "", "free `text` shown beside the account")
	lifetimeFlag(cmd, &o.expiresIn, "the profile's default token `life`: 300, 90s, 1h30m, 2d (default 5m)")
	f.BoolVar(&o.stdin, "stdin", false, "read "+stdinForm+" from stdin")
	f.BoolVar(&o.noVerify, "no-verify", false, "store the credential without verifying it")
	a.registerSource(cmd, &o.source, "the `source` to write it to, or that has it already")
	f.BoolVar(&o.json, "json", false, "print the new profile as JSON")
	return cmd
}

func (a *app) runAdd(ctx context.Context, o addOptions) error {
	sel, err := parseSelector(o.profile)
	if err != nil {
		return err
	}
	if err := vault.ValidAccount(sel.Account); err != nil {
		return usagef("%w", err)
	}
	v, err := a.open()
	if err != nil {
		return err
	}
	if err := checkNew(v, sel); err != nil {
		return err
	}
	if !o.stdin && !a.canAsk() && o.source == "" {
		return noTerminal("the credential", credentialOnStdin)
	}
	a.noteLongLife(o.expiresIn)
	p := vault.NewProfile{Selector: sel, Label: o.label, ExpiresIn: o.expiresIn, Source: o.source}
	if o.source == "" {
		err = v.Reach(ctx) // a locked keyring is reported before a secret is typed
	} else {
		var listed vault.Profile
		if listed, err = a.addFromSource(ctx, v, p, o.stdin); listed.ID != "" && err == nil {
			return a.printNew(listed, o)
		}
	}
	if err != nil {
		return vault.About(sel, err)
	}
	return a.addTyped(ctx, v, p, o)
}

// checkNew returns an error if the profile is listed already, or if profiles are
// kept in another store than the one in use.
func checkNew(v *vault.Vault, sel vault.Selector) error {
	if _, err := v.Lookup(sel); err == nil {
		return vault.About(sel, vault.ErrExists)
	} else if !errors.Is(err, vault.ErrNoProfile) {
		return vault.About(sel, err)
	}
	return v.CheckStore()
}

// addTyped reads a credential, verifies it and stores it.
func (a *app) addTyped(ctx context.Context, v *vault.Vault, p vault.NewProfile, o addOptions) (err error) {
	if o.stdin {
		p.Credential, err = a.credentialFromStdin(ctx)
	} else {
		p.Credential, err = a.askCredential(ctx, p.Selector)
	}
	if err == nil && !o.noVerify {
		p, err = a.verifyNew(ctx, v, p, !o.stdin)
	}
	if err != nil {
		return err
	}
	stored, err := a.storeNew(ctx, v, p, !o.stdin)
	if err != nil {
		return vault.About(p.Selector, err)
	}
	if !o.json {
		works := ""
		if stored.Verdict == vault.VerdictOK {
			works = "it works and is "
		}
		a.note("%s: %sstored in %s", p.Selector, works, kept(stored))
		if facts, err := v.StoreFacts(ctx); err == nil && len(facts.Rivals) > 0 {
			a.note("%s; \"kitekey doctor\" says more", words.Rivals(facts.Rivals))
		}
	}
	return a.printNew(stored, o)
}

// printNew prints a new profile if JSON was asked for.
func (a *app) printNew(p vault.Profile, o addOptions) error {
	if !o.json {
		return nil
	}
	return a.printJSON(a.profileJSON(p))
}

// addFromSource lists a profile whose credential is in the source already. The
// result is zero if there is none and one can be written.
func (a *app) addFromSource(ctx context.Context, v *vault.Vault, n vault.NewProfile, stdin bool) (vault.Profile, error) {
	p, err := v.Link(ctx, n.Source, n.Selector)
	switch {
	case err == nil:
		a.note("%s: the source %s has its credential (%s); it is listed now", n.Selector, n.Source, hint(p.KeyHint))
		if stdin {
			a.note("%s: nothing was read from stdin, and nothing was changed", n.Selector)
		}
		return p, nil
	case !errors.Is(err, vault.ErrNoCredential):
		return p, err
	}
	src, srcErr := v.Source(n.Source)
	if srcErr != nil {
		return vault.Profile{}, srcErr
	}
	if _, ok := src.(vault.SourceWriter); !ok {
		return vault.Profile{}, err
	}
	if !stdin && !a.canAsk() {
		return vault.Profile{}, usagef("the source %s has no credential for %s; %w", n.Source, n.Selector, noTerminal("it", credentialOnStdin))
	}
	return vault.Profile{}, nil
}

// kept returns where a profile's credential is kept.
func kept(p vault.Profile) string {
	return words.KeptIn(p.Store, p.Source)
}

// verifyNew verifies a new credential. It returns the profile to store, with its
// verdict and with another credential if one was entered instead, or an error that
// ends the command.
func (a *app) verifyNew(ctx context.Context, v *vault.Vault, p vault.NewProfile, ask bool) (vault.NewProfile, error) {
	for {
		r := v.VerifyCredential(ctx, p.Environment, p.Credential, false)
		if ctx.Err() != nil {
			return p, ctx.Err()
		}
		a.tellSkew(r.Skew)
		p.Verdict = r.Verdict
		switch {
		case r.Verdict == vault.VerdictOK:
			return p, nil
		case !r.Verdict.Refused():
			a.note(`%s: %v; stored, not verified: "kitekey verify %s" tries it again`, p.Selector, r.Err, p.Selector)
			return p, nil
		case !ask:
			return p, &codeError{exitRefused, fmt.Sprintf("%s: %v; nothing was stored (--no-verify stores it unverified)", p.Selector, r.Err), r.Err}
		}
		a.note("%s: %v", p.Selector, r.Err)
		choice, err := a.choose(ctx, "Re-enter, save anyway, or discard? [r/s/d] ", "rsd")
		switch {
		case err != nil:
			return p, err
		case choice == 's':
			return p, nil
		case choice == 'd':
			return p, &codeError{exitRefused, fmt.Sprintf("%s: nothing was stored", p.Selector), r.Err}
		}
		if p.Credential, err = a.askCredential(ctx, p.Selector); err != nil {
			return p, err
		}
	}
}

// storeNew stores a profile. If that fails at a terminal, it holds the credential
// in memory until it is stored or the user gives up: it may exist nowhere else.
func (a *app) storeNew(ctx context.Context, v *vault.Vault, p vault.NewProfile, ask bool) (vault.Profile, error) {
	for {
		stored, err := v.Add(ctx, p)
		if err == nil || !ask || ctx.Err() != nil || errors.Is(err, vault.ErrExists) {
			return stored, err
		}
		a.tell(vault.About(p.Selector, err))
		choice, askErr := a.choose(ctx, "What you entered is not stored yet. Retry, or discard it? [r/d] ", "rd")
		if askErr != nil || choice == 'd' {
			return stored, errors.Join(err, askErr)
		}
	}
}
