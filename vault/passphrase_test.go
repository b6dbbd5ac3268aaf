package vault_test

import (
	"errors"
	"strings"
	"testing"

	"kitekey/kite"
	. "kitekey/vault"
)

func TestCheckPassphrase_RefusesWhatCannotBeTypedAgain(t *testing.T) {
	for text, words := range map[string]string{
		"correct horse": "", "pässwörter": "",
		"": "at least", "short": "at least", "two\nlines of it": "more than one line",
		"arrow\x1b[D keys": "control character", "suspended\x1a": "control character", "latin\xe91 text": "UTF-8",
	} {
		err := CheckPassphrase(kite.NewSecret(text))
		if words == "" && err != nil || words != "" && (!errors.Is(err, ErrBadInput) || !strings.Contains(err.Error(), words)) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
