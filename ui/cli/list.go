package cli

import (
	"cmp"
	"context"
	"slices"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

type listOptions struct {
	json bool
}

func newList(a *app, run func(context.Context, listOptions) error) *cobra.Command {
	var o listOptions
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List profiles, verdicts and unexpired tokens",
		Long: `List the profiles. Only the index is read: nothing is unlocked, no question is
asked and no secret is touched.`,
		Example: `  kitekey list
  kitekey list --json | jq -r '.[] | select(.verdict != "ok") | .profile'`,
		Args:              argCount(0, 0, "no arguments"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), o) },
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print a JSON array")
	return cmd
}

func (a *app) runList(_ context.Context, o listOptions) error {
	v, err := a.open()
	if err != nil {
		return err
	}
	profiles, err := v.List()
	if err != nil {
		return err
	}
	if o.json {
		return a.printJSONRows(len(profiles), func(i int) any { return a.profileJSON(profiles[i]) })
	}
	if len(profiles) == 0 {
		a.note(`no profiles yet; "kitekey add acme" adds the first, "kitekey demo" shows what it is like`)
		return nil
	}
	return a.printProfiles(profiles)
}

func (a *app) printProfiles(profiles []vault.Profile) error {
	now := a.Now()
	inSource := slices.ContainsFunc(profiles, func(p vault.Profile) bool { return p.Source != "" })
	row := func(selector, verdict, verified, token, key, source, label string) []string {
		if !inSource {
			return []string{selector, verdict, verified, token, key, label}
		}
		return []string{selector, verdict, verified, token, key, source, label}
	}
	rows := [][]string{row("PROFILE", "VERDICT", "VERIFIED", "TOKEN", "KEY", "SOURCE", "LABEL")}
	for _, p := range profiles {
		verified, token, key := "-", "-", "-"
		if !p.VerdictAt.IsZero() {
			verified = words.Age(p.VerdictAt, now)
		}
		if p.Token.Unexpired(now) {
			token = words.About(p.Token.Remaining(now)) + " left"
		}
		if p.KeyHint != "" {
			key = hint(p.KeyHint)
		}
		word := words.Verdict(p.Verdict, p.Store).Word
		if p.State != "" {
			word = string(p.State)
		}
		if p.Staged {
			word += ", replacement staged"
		}
		rows = append(rows, row(p.Selector.String(), word, verified, token, key, cmp.Or(p.Source, "-"), words.Line(p.Label)))
	}
	if w, _ := a.terminalSize(); w > 0 {
		cutRows(rows, w)
	}
	return a.print("%s\n", unindented(table(rows)))
}

// profileJSON is a profile in --json.
type profileJSON struct {
	profileRef
	Label            *string          `json:"label"`
	KeyHint          *string          `json:"key_hint"`
	DefaultExpiresIn int64            `json:"default_expires_in"`
	Verdict          *string          `json:"verdict"`
	VerifiedAt       *string          `json:"verified_at"`
	CachedToken      *cachedTokenJSON `json:"cached_token"`
	LastUsedAt       *string          `json:"last_used_at"`
	State            *string          `json:"state"`
	Store            string           `json:"store"`
	Source           *string          `json:"source"`
	Origin           *string          `json:"origin"`
	Staged           bool             `json:"staged"`
	Previous         bool             `json:"previous"`
}

// cachedTokenJSON is an unexpired cached token in the index.
type cachedTokenJSON struct {
	MintedAt           *string `json:"minted_at"`
	ExpiresAt          *string `json:"expires_at"`
	ExpiresIn          int64   `json:"expires_in"`
	RequestedExpiresIn *int64  `json:"requested_expires_in"`
	RemainingSeconds   int64   `json:"remaining_seconds"`
}

func (a *app) profileJSON(p vault.Profile) profileJSON {
	row := profileJSON{
		profileRef:       refTo(p.Selector),
		Label:            orNull(p.Label),
		KeyHint:          orNull(p.KeyHint),
		DefaultExpiresIn: int64(p.ExpiresIn),
		Verdict:          orNull(string(p.Verdict)),
		VerifiedAt:       jsonTime(p.VerdictAt),
		LastUsedAt:       jsonTime(p.LastUsed),
		State:            orNull(string(p.State)),
		Store:            p.Store,
		Source:           orNull(p.Source),
		Origin:           orNull(string(p.Origin)),
		Staged:           p.Staged,
		Previous:         p.Previous,
	}
	if now := a.Now(); p.Token.Unexpired(now) {
		given := kite.Token{Expires: p.Token.Deadline, Minted: p.Token.Minted, Requested: p.Token.ExpiresIn}.ExpiresIn()
		row.CachedToken = &cachedTokenJSON{
			MintedAt:           jsonTime(p.Token.Minted),
			ExpiresAt:          jsonTime(p.Token.Deadline),
			ExpiresIn:          int64(given),
			RequestedExpiresIn: lifetimeOrNull(p.Token.ExpiresIn),
			RemainingSeconds:   seconds(p.Token.Remaining(now)),
		}
	}
	return row
}
