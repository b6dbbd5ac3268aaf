package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

// token gets a token and tells what the user should know about it. One with less
// life than was demanded is not handed out.
func (a *app) token(ctx context.Context, v *vault.Vault, sel vault.Selector, m vault.TokenRequest) (vault.Token, error) {
	if m.MinRemaining > 0 {
		life := m.ExpiresIn
		if life == 0 {
			p, err := v.Lookup(sel)
			if err != nil {
				return vault.Token{}, about(sel, err)
			}
			life = p.ExpiresIn
		}
		if life.Duration() <= m.MinRemaining {
			return vault.Token{}, usagef("%s: a token that lives %s cannot have %s left; ask for a longer life with --expires-in", sel, words.About(life.Duration()), words.About(m.MinRemaining))
		}
	}
	tok, err := v.Token(ctx, sel, m)
	if err != nil {
		return vault.Token{}, about(sel, err)
	}
	if tok.Minted {
		a.tellSkew(tok.Skew)
	}
	if left := tok.Remaining(a.Now()); left < m.MinRemaining {
		return vault.Token{}, &codeError{code: exitUnreachable, text: fmt.Sprintf("%s: the gateway gave a token that lives %s only, less than --min-remaining %s", sel, words.About(left), words.About(m.MinRemaining))}
	}
	return tok, nil
}

// tellSkew tells of a wrong clock.
func (a *app) tellSkew(skew time.Duration) {
	if warning := words.ClockWarning(skew); warning != "" {
		a.note("%s", warning)
	}
}

func newToken(a *app) *cobra.Command {
	var (
		flags                  mintFlags
		header, curl, withJSON bool
	)
	cmd := &cobra.Command{
		Use:   "token [SELECTOR…]",
		Short: "Print an access token",
		Long: `Print a token: the kept one while it has life enough, otherwise a new one. What is
printed goes to the right of "Authorization: ", the "JWT " prefix included.

With --json several profiles can be named; each gives one line.`,
		Example: `  kitekey token acme
  kitekey token acme --expires-in 90s --header | curl -H @- https://sandbox.kitegateway.com/v1/data/wallets/balances
  kitekey token acme --curl                a command that keeps the token out of ps
  kitekey token acme coral --json | jq -r .header`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeSelectors(true),
	}
	flags.register(cmd)
	cmd.Flags().BoolVar(&header, "header", false, `print the whole line, "Authorization: JWT …"`)
	cmd.Flags().BoolVar(&curl, "curl", false, "print a curl command that reads the header from its stdin")
	cmd.Flags().BoolVar(&withJSON, "json", false, "print JSON, one object per profile")
	cmd.MarkFlagsMutuallyExclusive("header", "curl", "json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		form := "token"
		switch {
		case header:
			form = "header"
		case curl:
			form = "curl"
		case withJSON:
			form = "json"
		}
		out, err := a.tokens(cmd.Context(), args, flags, form)
		if printErr := a.print("%s", out.text.Reveal()); err == nil {
			err = printErr
		}
		return err
	}
	return cmd
}

// tokenText is tokens as they are handed out.
type tokenText struct {
	text    kite.Secret // in the form asked for, each with a line break at the end
	soonest time.Time   // when the first of them dies
	sels    []vault.Selector
	vault   *vault.Vault // they came from
}

// tokens gets a token for each profile and writes it in the form asked for. One
// profile's failure does not keep the others back: it is told, and decides the
// exit code.
func (a *app) tokens(ctx context.Context, args []string, flags mintFlags, form string) (out tokenText, err error) {
	m := flags.mint()
	if len(args) > 1 && form != "json" {
		return out, usagef("several profiles need --json, one object per line")
	}
	sels, err := a.selectors(args)
	if err != nil {
		return out, err
	}
	out.sels = sels
	v, err := a.open()
	out.vault = v
	if err != nil {
		return out, err
	}
	var b strings.Builder
	worst := exitDone
	for _, sel := range sels {
		tok, err := a.token(ctx, v, sel, m)
		if err != nil && (len(sels) == 1 || ctx.Err() != nil) {
			return out, err
		}
		if err != nil {
			a.tell(err)
			worst = max(worst, exitCode(err))
			if exitCode(err) == exitStore {
				break // what does not answer once does not answer for the others either
			}
			continue
		}
		if d := tok.Deadline(); out.soonest.IsZero() || d.Before(out.soonest) {
			out.soonest = d
		}
		line, err := a.format(sel, tok, form)
		if err != nil {
			return out, err
		}
		b.WriteString(line.Reveal())
	}
	out.text = kite.NewSecret(b.String())
	if worst != exitDone {
		return out, exitSilently(worst)
	}
	return out, nil
}

// format writes a token in one of the forms token, header, curl and json.
func (a *app) format(sel vault.Selector, tok vault.Token, form string) (kite.Secret, error) {
	switch form {
	case "header":
		return kite.NewSecret(tok.Header().Reveal() + "\n"), nil
	case "curl":
		return kite.NewSecret(strings.TrimRight(tok.Curl(a.baseURL(sel.Environment)+"/data/wallets/balances").Reveal(), "\n") + "\n"), nil
	case "json":
		line, err := json.Marshal(a.tokenJSON(sel, tok))
		if err != nil {
			return kite.Secret{}, fmt.Errorf("write JSON: %w", err)
		}
		return kite.NewSecret(string(line) + "\n"), nil
	}
	return kite.NewSecret(tok.Value.Reveal() + "\n"), nil
}

// tokenJSON is a token as --json shows it: here the secret is what was asked for.
type tokenJSON struct {
	Profile          string     `json:"profile"`
	Account          string     `json:"account"`
	Environment      string     `json:"environment"`
	BaseURL          string     `json:"base_url"`
	Token            string     `json:"token"`
	Header           string     `json:"header"`
	Minted           bool       `json:"minted"`
	MintedAt         *time.Time `json:"minted_at"`
	ExpiresAt        *time.Time `json:"expires_at"`
	ExpiresIn        int64      `json:"expires_in"`
	RemainingSeconds int64      `json:"remaining_seconds"`
	SkewSeconds      int64      `json:"skew_seconds"`
}

func (a *app) tokenJSON(sel vault.Selector, tok vault.Token) tokenJSON {
	return tokenJSON{
		Profile:          sel.String(),
		Account:          sel.Account,
		Environment:      string(sel.Environment),
		BaseURL:          a.baseURL(sel.Environment),
		Token:            tok.Value.Reveal(),
		Header:           tok.Header().Reveal(),
		Minted:           tok.Minted,
		MintedAt:         jsonTime(tok.Token.Minted),
		ExpiresAt:        jsonTime(tok.Deadline()),
		ExpiresIn:        int64(tok.Requested),
		RemainingSeconds: seconds(tok.Remaining(a.Now())),
		SkewSeconds:      seconds(tok.Skew),
	}
}
