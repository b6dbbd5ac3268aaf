package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"kitekey/kite"
	"kitekey/ui/prompt"
	"kitekey/vault"
)

// maxStdin limits what is read from stdin for a credential or a token, in bytes.
const maxStdin = 64 << 10

const (
	stdinForm         = `{"api_key": "…", "api_secret": "…"}`
	credentialOnStdin = "give it as JSON with --stdin"
)

// credentialFromStdin reads a credential as JSON: exactly the two fields, each
// once, and nothing after them.
func (a *app) credentialFromStdin(ctx context.Context) (kite.Credential, error) {
	data, err := a.readStdin(ctx, maxStdin)
	switch {
	case errors.Is(err, errTooLarge):
		return kite.Credential{}, usagef("stdin: %w; it takes %s", err, stdinForm)
	case err != nil:
		return kite.Credential{}, fmt.Errorf("read stdin: %w", err)
	}
	defer clear(data)
	key, secret, err := decodeCredential(data)
	if err != nil {
		return kite.Credential{}, usagef("stdin: %w; it takes %s", err, stdinForm)
	}
	return a.parseCredential(key, secret)
}

// decodeCredential reads the two fields. It is stricter than encoding/json, which
// accepts duplicate fields, other spellings and invalid characters: a secret that
// is changed while it is read is lost. Its errors repeat nothing of data.
func decodeCredential(data []byte) (key, secret string, err error) {
	if !utf8.Valid(data) {
		return "", "", fmt.Errorf("not UTF-8 text")
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return "", "", fmt.Errorf("empty")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return "", "", fmt.Errorf("not a JSON object")
	}
	got := make(map[string]string, 2)
	for dec.More() {
		if err := decodeHalf(dec, got); err != nil {
			return "", "", err
		}
	}
	if t, err := dec.Token(); err != nil || t != json.Delim('}') {
		return "", "", fmt.Errorf("not valid JSON")
	}
	if _, err := dec.Token(); err != io.EOF {
		return "", "", fmt.Errorf("there is more after the JSON object")
	}
	for _, field := range []string{"api_key", "api_secret"} {
		if _, ok := got[field]; !ok {
			return "", "", fmt.Errorf("%s is missing", field)
		}
	}
	return got["api_key"], got["api_secret"], nil
}

// decodeHalf reads one of the two fields into got.
func decodeHalf(dec *json.Decoder, got map[string]string) error {
	name, err := dec.Token()
	if err != nil {
		return fmt.Errorf("not valid JSON")
	}
	field, _ := name.(string)
	if field != "api_key" && field != "api_secret" {
		return fmt.Errorf("a field that is neither api_key nor api_secret")
	}
	if _, twice := got[field]; twice {
		return fmt.Errorf("%s appears twice", field)
	}
	value, err := dec.Token()
	if err != nil {
		return fmt.Errorf("not valid JSON")
	}
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("%s is not a string", field)
	}
	if strings.ContainsRune(text, utf8.RuneError) {
		return fmt.Errorf("%s contains a character that is not valid text", field)
	}
	got[field] = text
	return nil
}

// askCredential asks until it has a credential. The user can paste it in any form
// that they have.
func (a *app) askCredential(ctx context.Context, sel vault.Selector) (kite.Credential, error) {
	return prompt.Questions{
		Hidden: func(ctx context.Context, what string) (kite.Secret, error) {
			return a.answer(ctx, fmt.Sprintf("%s of %s (hidden): ", what, sel), prompt.Text)
		},
		Say: func(text string) { a.note("%s", text) },
		Yes: a.confirm,
	}.Credential(ctx, sel)
}

// parseCredential checks a credential, and says so if it removed spaces around it.
func (a *app) parseCredential(key, secret string) (kite.Credential, error) {
	cred, trimmed, err := kite.ParseCredential(key, secret)
	if err != nil {
		return kite.Credential{}, usagef("%w", err)
	}
	if trimmed {
		a.note("spaces around the pasted credential were removed")
	}
	return cred, nil
}
