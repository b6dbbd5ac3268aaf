package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/ui/handout"
	"kitekey/vault"
)

// The forms in which a token is handed out.
const (
	formToken  = string(handout.Token)
	formHeader = string(handout.Header)
	formCurl   = string(handout.Curl)
	formJSON   = "json"
)

type tokenOptions struct {
	profiles []string
	token    tokenFlags
	form     string
}

func newToken(a *app, run func(context.Context, tokenOptions) error) *cobra.Command {
	var (
		o                  tokenOptions
		header, curl, json bool
	)
	cmd := &cobra.Command{
		Use:   "token [SELECTOR…]",
		Short: "Print an access token",
		Long: `Print a token: the cached one if it has enough life left, otherwise a new one. What
is printed goes to the right of "Authorization: ", the "JWT " prefix included.

With --json several profiles can be named; each gives one line.`,
		Example: `  kitekey token acme
  kitekey token acme --expires-in 90s --header | curl -H @- https://sandbox.kitegateway.com/v1/data/wallets/balances
  kitekey token acme --curl                a command that keeps the token out of ps
  kitekey token acme coral --json | jq -r .header`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeSelectors(true),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.profiles, o.form = args, formToken
			switch {
			case header:
				o.form = formHeader
			case curl:
				o.form = formCurl
			case json:
				o.form = formJSON
			}
			return run(cmd.Context(), o)
		},
	}
	o.token.register(cmd, leastForCall)
	cmd.Flags().BoolVar(&header, "header", false, `print the whole line, "Authorization: JWT …"`)
	cmd.Flags().BoolVar(&curl, "curl", false, "print a curl command that reads the header from its stdin")
	cmd.Flags().BoolVar(&json, "json", false, "print JSON, one object per profile")
	cmd.MarkFlagsMutuallyExclusive("header", "curl", "json")
	return cmd
}

func (a *app) runToken(ctx context.Context, o tokenOptions) error {
	out, err := a.tokens(ctx, o)
	if out.text.IsZero() {
		return err
	}
	if printErr := a.print("%s\n", out.text.Reveal()); err == nil {
		err = printErr
	}
	return err
}

// tokenText has tokens in the form in which they are handed out.
type tokenText struct {
	text    kite.Secret // in the form that was asked for, one per line, without the last line break
	soonest time.Time   // when the first of them expires
	sels    []vault.Selector
	vault   *vault.Vault // the vault that they came from
}

// tokens gets a token for each profile and writes it in the form that was asked
// for. If one of several fails, the others are still written; the failure is
// reported and decides the exit code.
func (a *app) tokens(ctx context.Context, o tokenOptions) (out tokenText, err error) {
	if out.sels, err = a.selectors(o.profiles); err != nil {
		return out, err
	}
	if len(o.profiles) > 1 && o.form != formJSON {
		return out, usagef("several profiles need --json, one object per line")
	}
	if out.vault, err = a.open(); err != nil {
		return out, err
	}
	var lines []string
	worst := exitDone
	for _, sel := range out.sels {
		tok, err := a.token(ctx, out.vault, sel, o.token.request())
		if err != nil && (len(out.sels) == 1 || ctx.Err() != nil) {
			return out, err
		}
		if err != nil {
			a.tell(err)
			worst = max(worst, exitCode(err))
			if exitCode(err) == exitStore {
				break // if a store fails, it fails for the others too
			}
			continue
		}
		if d := tok.Deadline(); out.soonest.IsZero() || d.Before(out.soonest) {
			out.soonest = d
		}
		line, err := a.formatToken(sel, tok, o.form)
		if err != nil {
			return out, err
		}
		lines = append(lines, line.Reveal())
	}
	out.text = kite.NewSecret(strings.Join(lines, "\n"))
	if worst != exitDone {
		return out, exitSilently(worst)
	}
	return out, nil
}

// formatToken writes a token in one of the forms.
func (a *app) formatToken(sel vault.Selector, tok vault.Token, form string) (kite.Secret, error) {
	if form != formJSON {
		text := handout.Form(form).Render(tok.Token, a.baseURL(sel.Environment)).Reveal()
		return kite.NewSecret(strings.TrimRight(text, "\n")), nil
	}
	line, err := json.Marshal(a.tokenJSON(sel, tok))
	if err != nil {
		return kite.Secret{}, fmt.Errorf("write JSON: %w", err)
	}
	return kite.NewSecret(string(line)), nil
}

// tokenJSON is a token in --json. The token was asked for, so it is shown.
type tokenJSON struct {
	profileRef
	BaseURL            string  `json:"base_url"`
	Token              string  `json:"token"`
	Header             string  `json:"header"`
	Minted             bool    `json:"minted"`
	MintedAt           *string `json:"minted_at"`
	ExpiresAt          *string `json:"expires_at"`
	ExpiresIn          int64   `json:"expires_in"`
	RequestedExpiresIn *int64  `json:"requested_expires_in"`
	RemainingSeconds   int64   `json:"remaining_seconds"`
	SkewSeconds        int64   `json:"skew_seconds"`
}

func (a *app) tokenJSON(sel vault.Selector, tok vault.Token) tokenJSON {
	return tokenJSON{
		profileRef:         refTo(sel),
		BaseURL:            a.baseURL(sel.Environment),
		Token:              tok.Value.Reveal(),
		Header:             tok.Header().Reveal(),
		Minted:             tok.Minted,
		MintedAt:           jsonTime(tok.Token.Minted),
		ExpiresAt:          jsonTime(tok.Deadline()),
		ExpiresIn:          int64(tok.ExpiresIn()),
		RequestedExpiresIn: lifetimeOrNull(tok.Requested),
		RemainingSeconds:   seconds(tok.Remaining(a.Now())),
		SkewSeconds:        seconds(tok.Skew),
	}
}
