package vault

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/danieljoos/wincred"
)

const unlockHint = "sign in to Windows again"

func reachable() error { return nil }

// readQuickly finds nothing: there is no quicker way than the library's here.
func readQuickly(string) (value string, found bool, err error) { return "", false, nil }

// abandon has nothing to close: Credential Manager is a library call.
func abandon(time.Duration) bool { return false }

func promptPending(time.Duration) bool { return false }

func disconnected(error) bool { return false }

func classifySystem(_ error, text string, _ time.Duration) (kind error, hint string) {
	return ErrUnavailable, strings.TrimPrefix(fileStoreHint, "or ")
}

// Keys implements [Lister] with Credential Manager's enumeration.
func (k *Keyring) Keys(ctx context.Context) ([]string, error) {
	var keys []string
	err := k.call(ctx, "list", "list", func() error {
		found, err := wincred.FilteredList(KeyringService + ":*")
		if err != nil && !strings.Contains(strings.ToLower(err.Error()), "not found") { // ERROR_NOT_FOUND: none
			return err
		}
		for _, c := range found {
			if key, ok := strings.CutPrefix(c.TargetName, KeyringService+":"); ok {
				keys = append(keys, key)
			}
		}
		return nil
	})
	slices.Sort(keys)
	return keys, err
}
