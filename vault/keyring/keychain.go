//go:build !windows && !((dragonfly && cgo) || (freebsd && cgo) || linux || netbsd || openbsd)

package keyring

import (
	"strings"

	"kitekey/vault"
)

// prompts is true: a call that takes long on macOS waits for the user, whom
// security(1) has asked.
const prompts = true

func classifySystem(op string, err error) error {
	// -25308, exit status 36, means that no prompt can be shown, for example over
	// SSH.
	if text := err.Error(); strings.Contains(text, "25308") || strings.Contains(text, "exit status 36") {
		return failure(op, vault.ErrLocked, vault.ReasonNoPrompt, err)
	}
	return failure(op, vault.ErrUnavailable, "", err)
}
