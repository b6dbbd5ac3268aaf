package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"kitekey/kite"
	"kitekey/vault"
)

// The fields of a secret, simple enough for Terraform, the engine's own screen and
// an agent to read and write. All values are text, because the engine's screen
// shows a secret that holds anything else as JSON.
const (
	fieldKey            = "api_key"
	fieldSecret         = "api_secret"
	fieldLabel          = "label"
	fieldExpiresIn      = "expires_in" // seconds
	fieldOrigin         = "origin"
	fieldPreviousKey    = "previous_api_key"
	fieldPreviousSecret = "previous_api_secret"
	fieldReplacedAt     = "previous_replaced_at" // RFC 3339
	fieldStagedKey      = "staged_api_key"
	fieldStagedSecret   = "staged_api_secret"
)

// rest is the fields of a secret that kitekey does not know or cannot read, which it
// must not drop.
type rest map[string]json.RawMessage

// readFields returns the item that a secret's fields describe. It sets the item's
// Rest even if the fields hold no credential.
func readFields(fields map[string]json.RawMessage) (item vault.SourceItem, err error) {
	others := rest{}
	for name, value := range fields { // reading a secret overwrites it
		others[name] = bytes.Clone(value)
	}
	for name := range readOptional(fields, &item) {
		clear(others[name])
		delete(others, name)
	}
	item.Rest = others
	if err := readCurrent(fields, &item); err != nil {
		return item, err
	}
	if origin := textOf(fields[fieldOrigin]); origin != "" {
		if item.Origin, err = kite.ParseOrigin(origin); err != nil {
			item.Current = kite.Credential{}
			return item, fmt.Errorf("%s: %w", fieldOrigin, err)
		}
	}
	return item, nil
}

// readCurrent reads the credential in use.
func readCurrent(fields map[string]json.RawMessage, item *vault.SourceItem) error {
	key, secret := secretOf(fields[fieldKey]), secretOf(fields[fieldSecret])
	switch {
	case key.IsZero() && secret.IsZero() && fields[fieldKey] == nil && fields[fieldSecret] == nil && similar(fields, fieldKey) == "":
		if within := inside(fields); within != "" {
			return fmt.Errorf("%s and %s are inside the field %q: they must be fields of the secret itself", fieldKey, fieldSecret, kite.CleanText(within))
		}
		return fmt.Errorf("%s and %s are missing", fieldKey, fieldSecret)
	case key.IsZero():
		return missing(fields, fieldKey)
	case secret.IsZero():
		return missing(fields, fieldSecret)
	}
	current := kite.Credential{APIKey: key, APISecret: secret}
	if err := checkCredential(current); err != nil {
		current.Erase()
		return err
	}
	item.Current = current
	return nil
}

// readOptional reads the fields that a secret may have beside the credential in use,
// and returns the names of those that Put writes from the item. The others are kept
// as they are.
func readOptional(fields map[string]json.RawMessage, item *vault.SourceItem) map[string]bool {
	read := map[string]bool{fieldKey: true, fieldSecret: true, fieldOrigin: true}
	if item.Previous = optional(fields, fieldPreviousKey, fieldPreviousSecret); item.Previous.Complete() {
		read[fieldPreviousKey], read[fieldPreviousSecret] = true, true
	}
	if item.Staged = optional(fields, fieldStagedKey, fieldStagedSecret); item.Staged.Complete() {
		read[fieldStagedKey], read[fieldStagedSecret] = true, true
	}
	if item.Label = kite.CleanText(textOf(fields[fieldLabel])); item.Label != "" {
		read[fieldLabel] = true
	}
	if life, err := kite.ParseLifetime(textOf(fields[fieldExpiresIn])); err == nil {
		item.ExpiresIn, read[fieldExpiresIn] = life, true
	}
	if at, err := time.Parse(time.RFC3339, textOf(fields[fieldReplacedAt])); err == nil {
		item.ReplacedAt, read[fieldReplacedAt] = at, true
	}
	return read
}

// missing says why a field holds no text.
func missing(fields map[string]json.RawMessage, name string) error {
	value, there := fields[name]
	switch other := similar(fields, name); {
	case there && len(value) > 0 && (value[0] == '{' || value[0] == '['):
		return fmt.Errorf("%s is an object or a list: it must be text", name)
	case there && len(value) > 0 && value[0] != '"' && value[0] != 'n':
		return fmt.Errorf("%s is not text: put it in quotes", name)
	case there:
		return fmt.Errorf("%s is empty", name)
	case other != "":
		return fmt.Errorf("%s is missing, and %s is there: the field must be called %s", name, other, name)
	}
	return fmt.Errorf("%s is missing", name)
}

// similar returns the name of a field that differs from name in case, spaces or
// hyphens alone, "" if there is none.
func similar(fields map[string]json.RawMessage, name string) string {
	plain := strings.NewReplacer("_", "", "-", "", " ", "")
	for other := range fields {
		if other != name && strings.EqualFold(plain.Replace(other), plain.Replace(name)) {
			return other
		}
	}
	return ""
}

// inside returns the name of a field whose value is an object that has the credential,
// "" if there is none.
func inside(fields map[string]json.RawMessage) string {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		var object map[string]json.RawMessage
		there := json.Unmarshal(fields[name], &object) == nil && object[fieldKey] != nil
		for _, value := range object { // copies of what may be secret
			clear(value)
		}
		if there {
			return name
		}
	}
	return ""
}

// checkCredential refuses a credential that cannot be sent to the gateway, with an
// error that repeats nothing of it.
func checkCredential(c kite.Credential) error {
	_, trimmed, err := kite.ParseCredential(c.APIKey.Reveal(), c.APISecret.Reveal())
	if err == nil && trimmed {
		err = errors.New("there is a space or a line break before or after the api_key or the api_secret")
	}
	return err
}

func optional(fields map[string]json.RawMessage, key, secret string) kite.Credential {
	c := kite.Credential{APIKey: secretOf(fields[key]), APISecret: secretOf(fields[secret])}
	if !c.Complete() || checkCredential(c) != nil {
		c.Erase()
		return kite.Credential{}
	}
	return c
}

// writeFields returns the fields of a secret for an item.
func writeFields(item vault.SourceItem) map[string]json.RawMessage {
	fields := map[string]json.RawMessage{}
	if others, ok := item.Rest.(rest); ok {
		for name, value := range others {
			fields[name] = bytes.Clone(value)
		}
	}
	text := func(name, value string) {
		if value != "" {
			fields[name], _ = json.Marshal(value) // a string always can be
		}
	}
	put := func(key, secret string, c kite.Credential) {
		if c.Complete() {
			fields[key], fields[secret] = c.APIKey.RevealJSON(nil), c.APISecret.RevealJSON(nil)
		}
	}
	text(fieldOrigin, string(item.Origin))
	put(fieldKey, fieldSecret, item.Current)
	put(fieldPreviousKey, fieldPreviousSecret, item.Previous)
	put(fieldStagedKey, fieldStagedSecret, item.Staged)
	text(fieldLabel, item.Label)
	if item.ExpiresIn > 0 {
		text(fieldExpiresIn, fmt.Sprint(uint32(item.ExpiresIn)))
	}
	if item.Previous.Complete() && !item.ReplacedAt.IsZero() {
		text(fieldReplacedAt, item.ReplacedAt.UTC().Format(time.RFC3339))
	}
	return fields
}

// secretOf moves a JSON string into a Secret. If it has no escapes, as keys do not,
// no copy stays behind.
func secretOf(raw json.RawMessage) kite.Secret {
	raw = bytes.TrimSpace(raw)
	if len(raw) < 2 || raw[0] != '"' {
		return kite.Secret{}
	}
	if inner := raw[1 : len(raw)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return kite.SecretFromBytes(inner)
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return kite.Secret{}
	}
	return kite.NewSecret(s)
}

// textOf returns a JSON string or number as text, "" for anything else.
func textOf(raw json.RawMessage) string {
	var s string
	var n json.Number
	switch {
	case json.Unmarshal(raw, &s) == nil:
		return s
	case json.Unmarshal(raw, &n) == nil:
		return n.String()
	}
	return ""
}
