package keyring

import (
	"context"
	"slices"
	"strings"

	"github.com/danieljoos/wincred"

	"kitekey/vault"
)

// prompts is false: Credential Manager never prompts the user.
const prompts = false

func classifySystem(op string, err error) error {
	return failure(op, vault.ErrUnavailable, "", err)
}

// Keys implements [vault.Lister] with Credential Manager's enumeration.
func (s *Store) Keys(ctx context.Context) ([]string, error) {
	var keys []string
	err := s.call(ctx, vault.OpList, "list", func() error {
		found, err := wincred.FilteredList(Service + ":*")
		if err != nil && !strings.Contains(strings.ToLower(err.Error()), "not found") { // ERROR_NOT_FOUND means that there are none
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
