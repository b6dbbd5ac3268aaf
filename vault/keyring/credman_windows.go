package keyring

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/danieljoos/wincred"

	"kitekey/vault"
)

func reachable() error { return nil }

// readQuickly finds nothing: there is no quicker way than the library's here.
func readQuickly(string) (value string, found bool, err error) { return "", false, nil }

// abandon has nothing to close: Credential Manager is a library call.
func abandon(time.Duration) bool { return false }

func promptPending(time.Duration) bool { return false }

func disconnected(error) bool { return false }

func classifySystem(error, string, time.Duration) (kind error, reason vault.Reason) {
	return vault.ErrUnavailable, ""
}

// Keys implements [vault.Lister] with Credential Manager's enumeration.
func (k *Store) Keys(ctx context.Context) ([]string, error) {
	var keys []string
	err := k.call(ctx, vault.OpList, "list", func() error {
		found, err := wincred.FilteredList(Service + ":*")
		if err != nil && !strings.Contains(strings.ToLower(err.Error()), "not found") { // ERROR_NOT_FOUND: none
			return err
		}
		for _, c := range found {
			if key, ok := strings.CutPrefix(c.TargetName, Service+":"); ok {
				keys = append(keys, key)
			}
		}
		return nil
	})
	slices.Sort(keys)
	return keys, err
}
