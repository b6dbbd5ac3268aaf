package source

import (
	"errors"

	"kitekey/vault"
)

// readForeign reads what a .env or a JSON file would hold.
func readForeign(out []byte, sel vault.Selector) (vault.SourceItem, error) {
	found, err := vault.ParseForeign(out, vault.ForeignDefaults{Account: sel.Account, Environment: sel.Environment})
	if err != nil {
		return vault.SourceItem{}, err
	}
	for _, e := range found.Entries {
		if e.Selector == sel {
			return vault.SourceItem{Entry: e}, nil
		}
	}
	return vault.SourceItem{}, errors.New("it holds no credential of " + sel.String())
}
