package source

import (
	"errors"

	"kitekey/vault"
	"kitekey/vault/dotenv"
)

// readForeign reads a .env or a JSON file. If it names no account and no
// environment, it is that of the profile that was asked for.
func readForeign(out []byte, sel vault.Selector) (vault.SourceItem, error) {
	found, err := dotenv.Read(string(out))
	if err != nil {
		return vault.SourceItem{}, err
	}
	entries, _, err := found.Assign(sel.Account, sel.Environment)
	if err != nil {
		return vault.SourceItem{}, err
	}
	for _, e := range entries {
		if e.Selector == sel {
			return vault.SourceItem{Entry: e}, nil
		}
	}
	return vault.SourceItem{}, errors.New("it holds no credential of " + sel.String())
}
