//go:build !windows && !((dragonfly && cgo) || (freebsd && cgo) || linux || netbsd || openbsd)

package keyring

import (
	"strings"

	"kitekey/vault"
)

// prompts: a call that takes long on macOS waits for a person, whom security(1)
// has asked.
const prompts = true

func classifySystem(op string, err error) error {
	// -25308, which is exit status 36: no prompt can be shown, over SSH for example.
	if text := err.Error(); strings.Contains(text, "25308") || strings.Contains(text, "exit status 36") {
		return failure(op, vault.ErrLocked, vault.ReasonNoPrompt, err)
	}
	return failure(op, vault.ErrUnavailable, "", err)
}
