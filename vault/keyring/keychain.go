//go:build !windows && !((dragonfly && cgo) || (freebsd && cgo) || linux || netbsd || openbsd)

package keyring

import (
	"strings"
	"time"

	"kitekey/vault"
)

func reachable() error { return nil }

// readQuickly finds nothing: there is no quicker way than the library's here.
func readQuickly(string) (value string, found bool, err error) { return "", false, nil }

// abandon has nothing to close: on macOS each call is a process of its own, and
// a hanging one waits for a prompt that the person can still see.
func abandon(time.Duration) bool { return false }

// promptPending cannot be asked of security(1): a call that takes long there
// waits for a person.
func promptPending(time.Duration) bool { return true }

func disconnected(error) bool { return false }

func classifySystem(_ error, text string, _ time.Duration) (kind error, reason vault.Reason) {
	// -25308, which is exit status 36: no prompt can be shown, over SSH for example.
	if strings.Contains(text, "25308") || strings.Contains(text, "exit status 36") {
		return vault.ErrLocked, vault.ReasonNoPrompt
	}
	return vault.ErrUnavailable, ""
}
