package cli

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/ui/words"
)

type inspectOptions struct {
	token []string // the words of a token; none, or "-", means stdin
	json  bool
}

func newInspect(a *app, run func(context.Context, inspectOptions) error) *cobra.Command {
	var o inspectOptions
	cmd := &cobra.Command{
		Use:   "inspect [TOKEN | -]",
		Short: "Show what a token says, offline",
		Long: `Decode a JWT and show its header, its claims and its times. Nothing is sent
anywhere, and the signature is not checked: only the gateway can say whether a token
is good ("kitekey verify --deep" asks it).

The token may have its "JWT " prefix or be a whole "Authorization: …" line. Pipe it
in: an argument is seen by ps and kept in the shell's history. At a terminal and
without an argument it asks for the token, hidden.`,
		Example: `  kitekey token acme | kitekey inspect
  kitekey inspect --json < token.txt | jq .claims`,
		Args:              cobra.ArbitraryArgs, // "Authorization: JWT …" without quotes is three arguments
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.token = args
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func (a *app) runInspect(ctx context.Context, o inspectOptions) error {
	text, err := a.tokenToInspect(ctx, o.token)
	if err != nil {
		return err
	}
	t, err := decodeJWT(text.Reveal())
	if err != nil {
		return usagef("%w", err)
	}
	if o.json {
		return a.printJSON(t.json(a.Now()))
	}
	return a.print("%s", t.text(a.Now()))
}

// tokenToInspect reads the token from the arguments, a hidden prompt or stdin.
func (a *app) tokenToInspect(ctx context.Context, args []string) (kite.Secret, error) {
	if len(args) > 0 && !slices.Equal(args, []string{"-"}) {
		a.note(`a token in an argument is seen by ps and kept in the shell's history; pipe it in instead`)
		return kite.NewSecret(strings.Join(args, " ")), nil
	}
	if a.canAsk() {
		return a.askSecret(ctx, "Token (hidden): ")
	}
	data, err := a.readStdin(ctx, maxStdin)
	switch {
	case errors.Is(err, errTooLarge):
		return kite.Secret{}, usagef("stdin: %w; not a token", err)
	case err != nil:
		return kite.Secret{}, fmt.Errorf("read stdin: %w", err)
	}
	return kite.NewSecret(string(data)), nil
}

// decodedJWT is the contents of a token.
type decodedJWT struct {
	header, claims map[string]any
	signed         bool
}

// decodeJWT decodes a token without verifying its signature. Its errors are for the
// user and quote nothing of the text.
func decodeJWT(text string) (decodedJWT, error) {
	text = strings.TrimPrefix(strings.TrimSpace(text), "\ufeff")
	text = strings.Trim(text, "\"' \t\r\n") // it may have been copied with its quotes
	if name, value, ok := strings.Cut(text, ":"); ok && strings.EqualFold(strings.TrimSpace(name), "Authorization") {
		text = strings.TrimSpace(value)
	}
	for _, scheme := range []string{"JWT", "Bearer"} {
		if len(text) > len(scheme) && strings.EqualFold(text[:len(scheme)], scheme) && strings.ContainsAny(text[len(scheme):][:1], " \t") {
			text = strings.TrimSpace(text[len(scheme):])
		}
	}
	parts := strings.Split(text, ".")
	switch {
	case text == "":
		return decodedJWT{}, errors.New("no token given")
	case strings.ContainsAny(text, " \t\r\n"):
		return decodedJWT{}, errors.New("more than one token: a JWT has no spaces in it")
	case len(parts) == 5:
		return decodedJWT{}, errors.New("that is an encrypted token (JWE): it cannot be read without its key")
	case len(parts) != 3:
		return decodedJWT{}, fmt.Errorf("not a JWT: it should have three parts separated by dots (got %d)", len(parts))
	}
	t := decodedJWT{signed: parts[2] != ""}
	var err error
	if t.header, err = decodeSegment(parts[0]); err != nil {
		return decodedJWT{}, fmt.Errorf("its header cannot be read: %w; the gateway may accept it anyway", err)
	}
	if t.claims, err = decodeSegment(parts[1]); err != nil {
		return decodedJWT{}, fmt.Errorf("its claims cannot be read: %w; the gateway may accept it anyway", err)
	}
	return t, nil
}

// decodeSegment reads a JSON object in base64. It accepts padding and both
// alphabets, because the result is only shown, not trusted.
func decodeSegment(s string) (map[string]any, error) {
	s = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(s, "="))
	data, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil, errors.New("it is not base64url")
	}
	var object map[string]any
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&object); err != nil || object == nil {
		return nil, errors.New("it is not a JSON object")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more after its JSON object")
	}
	return object, nil
}

// timeClaims are the registered claims with times (RFC 7519, section 4.1).
var timeClaims = []string{"iat", "nbf", "exp"}

// time returns a claim with a time. ok is false if it is missing or not a time.
func (t decodedJWT) time(claim string) (at time.Time, ok bool) {
	return kite.ParseUnixTime(fmt.Sprint(t.claims[claim]))
}

type inspectJSON struct {
	SignatureChecked bool           `json:"signature_checked"`
	Signed           bool           `json:"signed"`
	Header           map[string]any `json:"jwt_header"`
	Claims           map[string]any `json:"claims"`
	IssuedAt         *string        `json:"issued_at"`
	NotBefore        *string        `json:"not_before"`
	ExpiresAt        *string        `json:"expires_at"`
	Expired          *bool          `json:"expired"`
	RemainingSeconds *int64         `json:"remaining_seconds"`
}

func (t decodedJWT) json(now time.Time) inspectJSON {
	out := inspectJSON{Signed: t.signed, Header: t.header, Claims: t.claims}
	for claim, field := range map[string]**string{"iat": &out.IssuedAt, "nbf": &out.NotBefore, "exp": &out.ExpiresAt} {
		if at, ok := t.time(claim); ok {
			*field = jsonTime(at)
		}
	}
	if at, ok := t.time("exp"); ok {
		expired, left := !at.After(now), seconds(max(0, at.Sub(now)))
		out.Expired, out.RemainingSeconds = &expired, &left
	}
	return out
}

// text describes a token for the user. Nothing in it can move a terminal's cursor.
func (t decodedJWT) text(now time.Time) string {
	var b strings.Builder
	b.WriteString("The signature is NOT checked: what follows proves nothing.\n")
	if alg, _ := t.header["alg"].(string); !t.signed || strings.EqualFold(alg, "none") {
		b.WriteString("This token is not signed at all.\n")
	}
	writeObject(&b, "header", t.header, nil)
	writeObject(&b, "claims", t.claims, func(name string) string {
		at, ok := t.time(name)
		if !ok || !slices.Contains(timeClaims, name) {
			return ""
		}
		when := "in " + words.About(at.Sub(now))
		if !at.After(now) {
			when = words.About(now.Sub(at)) + " ago"
		}
		return fmt.Sprintf("  %s · %s · %s", at.UTC().Format("2006-01-02 15:04:05 UTC"), at.Local().Format("15:04:05 -07:00 (local)"), when)
	})
	switch at, ok := t.time("exp"); {
	case !ok:
		b.WriteString("\nIt does not say when it expires.\n")
	case !at.After(now):
		fmt.Fprintf(&b, "\nEXPIRED %s ago, by this computer's clock.\n", words.About(now.Sub(at)))
	default:
		fmt.Fprintf(&b, "\nExpires in %s, by this computer's clock.\n", words.About(at.Sub(now)))
	}
	return b.String()
}

// writeObject lists an object's fields under a title, sorted by name, with the text
// that more adds to each.
func writeObject(b *strings.Builder, title string, object map[string]any, more func(name string) string) {
	fmt.Fprintf(b, "\n%s\n", title)
	names := slices.Sorted(maps.Keys(object))
	width := 0
	for _, name := range names {
		width = max(width, min(20, len([]rune(kite.CleanText(name)))))
	}
	for _, name := range names {
		value, isText := object[name].(string)
		if !isText {
			data, _ := json.Marshal(object[name]) // it was decoded from JSON
			value = string(data)
		}
		fmt.Fprintf(b, "  %-*s  %s", width, kite.CleanText(name), kite.CleanText(value))
		if more != nil {
			b.WriteString(more(name))
		}
		b.WriteByte('\n')
	}
}
