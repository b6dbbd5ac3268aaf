package cli_test

import (
	"errors"
	"testing"

	"kitekey/ui/cli"
	"kitekey/vault/source"
)

// A screen stays open while another command changes or removes a source.
func TestSources_FollowTheSettings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	set := func(addresses ...string) {
		err := source.Change(t.Context(), dir, func([]source.Config) (configs []source.Config, err error) {
			for _, address := range addresses {
				configs = append(configs, source.Config{Name: "team", Kind: source.KindVault, Address: address}.WithDefaults())
			}
			return configs, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	sources := cli.Sources(dir)
	set("https://old.example")
	first, err := sources("team")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := sources("team"); err != nil || again != first {
		t.Errorf("opened twice, %v", err)
	}
	set("https://new.example")
	second, err := sources("team")
	if err != nil || second == first {
		t.Errorf("the old address is in use, %v", err)
	}
	set()
	if _, err := sources("team"); !errors.Is(err, source.ErrNoSource) {
		t.Errorf("removed: %v", err)
	}
}
