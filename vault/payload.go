package vault

import (
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"kitekey/kite"
)

// This file has the format of items and their names. Here, and in the stores,
// secrets become bytes.

const payloadVersion = 1

// credentials is a profile's item: its current, previous and staged credential.
// They are in one item so that a rotation is one write. The account and the
// environment are there so that an index can be rebuilt from the store alone.
type credentials struct {
	Selector
	Current    kite.Credential
	Previous   kite.Credential // zero if there is none
	ReplacedAt time.Time       // when Current replaced Previous
	Staged     kite.Credential // zero if there is none
	ProxyURL   kite.Secret     // zero if none is kept: see [Vault.KeepProxyURL]
	Origin     kite.Origin     // "" in items from before origins were recorded
	Outdated   bool            // Current was imported after Staged was staged

	item *SourceItem // the source's item, if it came from a source
}

// credentialJSON and tokenJSON hold Secrets, so that reading them makes no copies.
// [encodePayload] inserts their values.
type credentialJSON struct {
	APIKey    kite.Secret `json:"api_key"`
	APISecret kite.Secret `json:"api_secret"`
}

type credentialsJSON struct {
	V           int             `json:"v"`
	Account     string          `json:"account"`
	Environment string          `json:"environment"`
	Current     credentialJSON  `json:"current"`
	Previous    *credentialJSON `json:"previous,omitempty"`
	ReplacedAt  int64           `json:"replaced_at,omitempty"` // Unix seconds
	Staged      *credentialJSON `json:"staged,omitempty"`
	ProxyURL    kite.Secret     `json:"proxy_url,omitzero"`
	Origin      string          `json:"origin,omitempty"`
	Outdated    bool            `json:"staged_outdated,omitempty"`
}

type tokenJSON struct {
	V           int         `json:"v"`
	Account     string      `json:"account"`
	Environment string      `json:"environment"`
	Host        string      `json:"host"` // the gateway that minted it; others do not accept it
	Value       kite.Secret `json:"value"`
	Expires     int64       `json:"expires"`    // Unix seconds, the gateway's clock
	MintedMS    int64       `json:"minted_ms"`  // Unix milliseconds, local clock
	ExpiresIn   int64       `json:"expires_in"` // seconds
	SkewMS      int64       `json:"skew_ms"`
}

func toJSON(c kite.Credential) credentialJSON { return credentialJSON(c) }

func (p *credentialJSON) credential() kite.Credential {
	if p == nil {
		return kite.Credential{}
	}
	return kite.Credential(*p)
}

func optionalJSON(c kite.Credential) *credentialJSON {
	if !c.Complete() {
		return nil
	}
	p := toJSON(c)
	return &p
}

// erase overwrites every credential of the item.
func (c credentials) erase() {
	c.Current.Erase()
	c.Previous.Erase()
	c.Staged.Erase()
}

func (c credentials) encode() ([]byte, error) {
	raw := credentialsJSON{
		V: payloadVersion, Account: c.Account, Environment: string(c.Environment),
		Current: toJSON(c.Current), Previous: optionalJSON(c.Previous), Staged: optionalJSON(c.Staged),
		ProxyURL: c.ProxyURL, Origin: string(c.Origin), Outdated: c.Outdated && c.Staged.Complete(),
	}
	if raw.Previous != nil {
		raw.ReplacedAt = c.ReplacedAt.Unix()
	}
	secrets := []kite.Secret{raw.Current.APIKey, raw.Current.APISecret}
	for _, p := range []*credentialJSON{raw.Previous, raw.Staged} {
		if p != nil {
			secrets = append(secrets, p.APIKey, p.APISecret)
		}
	}
	if !c.ProxyURL.IsZero() {
		secrets = append(secrets, c.ProxyURL)
	}
	return encodePayload(raw, secrets...)
}

func decodeCredentials(data []byte) (credentials, error) {
	var raw credentialsJSON
	if err := decodePayload(data, &raw, &raw.V); err != nil {
		return credentials{}, err
	}
	env, err := kite.ParseEnvironment(raw.Environment)
	if err != nil {
		return credentials{}, errors.New("it names no environment")
	}
	if knownAccount(raw.Account) != nil {
		return credentials{}, errors.New("it names no account")
	}
	c := credentials{
		Selector: Selector{raw.Account, env},
		Current:  raw.Current.credential(), Previous: raw.Previous.credential(), Staged: raw.Staged.credential(),
		ProxyURL: raw.ProxyURL,
	}
	if raw.Origin != "" {
		if c.Origin, err = kite.ParseOrigin(raw.Origin); err != nil {
			return credentials{}, errors.New("it names no usable origin")
		}
	}
	if !c.Current.Complete() {
		return credentials{}, errors.New("its credential is not complete")
	}
	c.Outdated = raw.Outdated
	if raw.Previous != nil {
		c.ReplacedAt = time.Unix(raw.ReplacedAt, 0)
	}
	return c, nil
}

func encodeToken(sel Selector, host string, t kite.Token) ([]byte, error) {
	return encodePayload(tokenJSON{
		V: payloadVersion, Account: sel.Account, Environment: string(sel.Environment), Host: host,
		Value: t.Value, Expires: t.Expires.Unix(), MintedMS: t.Minted.UnixMilli(),
		ExpiresIn: int64(t.Requested), SkewMS: t.Skew.Milliseconds(),
	}, t.Value)
}

// decodeToken returns the token, the profile that it was minted for, and the host that
// minted it.
func decodeToken(data []byte) (tok kite.Token, of Selector, host string, err error) {
	var raw tokenJSON
	if err := decodePayload(data, &raw, &raw.V); err != nil {
		return kite.Token{}, Selector{}, "", err
	}
	if raw.Value.IsZero() || raw.Expires <= 0 {
		return kite.Token{}, Selector{}, "", errors.New("its token is not complete")
	}
	return kite.Token{
		Value: raw.Value, Expires: time.Unix(raw.Expires, 0), Minted: time.UnixMilli(raw.MintedMS),
		Requested: lifetime(raw.ExpiresIn), Skew: time.Duration(raw.SkewMS) * time.Millisecond,
	}, Selector{raw.Account, kite.Environment(raw.Environment)}, raw.Host, nil
}

// encodePayload returns v as JSON. encoding/json writes each Secret in v as
// redacted; encodePayload replaces these with the values of secrets, which must be
// in the same order.
func encodePayload(v any, secrets ...kite.Secret) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false) // six bytes for each & would count against MaxPayload
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	text := bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	if len(secrets) == 0 {
		return text, nil
	}
	redacted, err := json.Marshal(kite.Secret{})
	if err != nil {
		return nil, err
	}
	parts := bytes.Split(text, redacted)
	if len(parts) != len(secrets)+1 {
		return nil, errors.New("the item has text that stands for a secret")
	}
	out := make([]byte, 0, MaxPayload) // large enough never to grow, which would leave copies behind
	for i, s := range secrets {
		out = append(out, parts[i]...)
		from := len(out)
		out = escapeBraces(s.RevealJSON(out), from)
	}
	return append(out, parts[len(secrets)]...), nil
}

// escapeBraces writes each { of text[from:], a JSON string, as \u007b. KeePassXC takes
// {URL} or {REF:…} in a secret for a placeholder and gives what it stands for.
func escapeBraces(text []byte, from int) []byte {
	const escaped = `\u007b`
	n := bytes.Count(text[from:], []byte("{"))
	if n == 0 {
		return text
	}
	end := len(text)
	for range n {
		text = append(text, escaped[1:]...)
	}
	to := len(text)
	for at := end - 1; at >= from; at-- { // from the end, so that nothing is overwritten before it is read
		if text[at] == '{' {
			to -= len(escaped)
			copy(text[to:], escaped)
			continue
		}
		to--
		text[to] = text[at]
	}
	return text
}

// decodePayload decodes a payload. Its errors never quote the payload, as those of
// encoding/json do.
func decodePayload(data []byte, v any, version *int) error {
	if len(data) == 0 {
		return errors.New("it is empty")
	}
	var newer *NewerError
	if errors.As(CheckVersion(data, payloadVersion), &newer) {
		newer.What = "its item"
		return newer
	}
	if json.Unmarshal(data, v) != nil || *version != payloadVersion {
		return errors.New("it is not what kitekey writes")
	}
	return nil
}

// newID returns a profile's name in the store: 80 random bits, in lower case
// without ":", because Windows ignores case and treats ":" specially.
func newID() string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

func validID(id string) bool {
	if len(id) != 16 {
		return false
	}
	for _, r := range id {
		if (r < 'a' || r > 'z') && (r < '2' || r > '7') {
			return false
		}
	}
	return true
}

const tokenSuffix = "-token"

// tokenKey returns the key of the item with a profile's cached token.
func tokenKey(id string) string { return id + tokenSuffix }
