package cli

import (
	"bytes"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault/source"
)

type sourceLoginOptions struct {
	sourceOptions
	stdin  bool
	forget bool
}

func newSourceLogin(a *app, run func(context.Context, sourceLoginOptions) error) *cobra.Command {
	var o sourceLoginOptions
	cmd := &cobra.Command{
		Use:   "login [NAME]",
		Short: "Sign in to a source with a token, which is stored",
		Long: `Ask for a token of the engine, try it, and store it in the keyring or the file store.
It is renewed in the second half of its life if the engine allows that.`,
		Example: `  kitekey source login team
  bao login -method=oidc -field=token | kitekey source login team --stdin
  kitekey source login team --forget`,
		Args:              argCount(0, 1, "one source"),
		ValidArgsFunction: a.completeSources,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = args
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.stdin, "stdin", false, "read the token from stdin")
	cmd.Flags().BoolVar(&o.forget, "forget", false, "forget the stored token")
	cmd.Flags().BoolVar(&o.json, "json", false, "print what is known about the token as JSON")
	cmd.MarkFlagsMutuallyExclusive("stdin", "forget")
	return cmd
}

// loginJSON is the output of "source login --json".
type loginJSON struct {
	Source    string  `json:"source"`
	SignedIn  bool    `json:"signed_in"`
	ExpiresAt *string `json:"expires_at"`
	Renewable bool    `json:"renewable"`
}

func (a *app) runSourceLogin(ctx context.Context, o sourceLoginOptions) error {
	c, err := a.findSource(o.name)
	if err != nil {
		return err
	}
	if c.Kind != source.KindVault {
		return usagef("%s is a command, which signs in by itself", c.Name)
	}
	if c.RoleID != "" && !o.forget {
		return usagef("%s signs in with an AppRole", c.Name)
	}
	_, store, dir, err := a.openWithStore()
	if err != nil {
		return err
	}
	if o.forget {
		if err := source.Logout(ctx, store, c.Name); err != nil {
			return err
		}
		if err := rememberLogin(ctx, dir, c.Name, false); err != nil {
			return err
		}
		if o.json {
			return a.printJSON(loginJSON{Source: c.Name})
		}
		a.note("%s: no token is stored", c.Name)
		return nil
	}
	token, err := a.sourceToken(ctx, c, o.stdin)
	if err != nil {
		return err
	}
	defer token.Erase()
	l, err := source.SignIn(ctx, c, a.sourceSystem(store), token)
	if err != nil {
		return err
	}
	if err := rememberLogin(ctx, dir, c.Name, true); err != nil {
		return err
	}
	if o.json {
		return a.printJSON(loginJSON{c.Name, true, jsonTime(l.Expires), l.Renewable})
	}
	life := "which does not expire"
	if !l.Expires.IsZero() {
		life = "which expires in " + words.About(l.Expires.Sub(a.Now()))
	}
	a.note("%s: signed in with a token %s; it is stored in %s", c.Name, life, words.Store(store.Name()))
	return nil
}

// rememberLogin keeps in a source's settings whether it signs in with a token that is
// in the store.
func rememberLogin(ctx context.Context, dir, name string, login bool) error {
	return source.Change(ctx, dir, func(all []source.Config) ([]source.Config, error) {
		for i := range all {
			if all[i].Name == name {
				all[i].Login = login
			}
		}
		return all, nil
	})
}

// maxSourceToken limits what is read as a token, in bytes.
const maxSourceToken = 16 << 10

// sourceToken asks for a token of the engine, or reads it from stdin.
func (a *app) sourceToken(ctx context.Context, c source.Config, stdin bool) (kite.Secret, error) {
	var token kite.Secret
	if stdin {
		data, err := a.readStdin(ctx, maxSourceToken)
		if err != nil {
			return token, fmt.Errorf("read stdin: %w", err)
		}
		token = kite.SecretFromBytes(bytes.TrimSpace(data))
	} else {
		if !a.canAsk() {
			return token, noTerminal("the token", "give it with --stdin")
		}
		var err error
		if token, err = a.askSecret(ctx, fmt.Sprintf("token of %s (%s, hidden): ", c.Name, c.Address)); err != nil {
			return token, err
		}
	}
	bad := token.IsZero()
	token.RevealTo(func(b []byte) {
		bad = bad || bytes.ContainsFunc(b, func(r rune) bool { return r <= ' ' || r > '~' })
	})
	if bad {
		return token, usagef("that is not a token: a token is one line without spaces")
	}
	return token, nil
}
