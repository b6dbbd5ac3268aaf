package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"kitekey/vault"
)

// Sources returns the function that opens the sources of a data folder.
func Sources(dir string) func(string) (vault.Source, error) {
	a := &app{System: System{Version: "1.2.3"}}
	return a.sources(dir, vault.NewMemory())
}

// JSONCommands lists the commands that have --json: "source add".
func JSONCommands() (names []string) {
	var each func(*cobra.Command)
	each = func(c *cobra.Command) {
		if c.Flags().Lookup("json") != nil {
			names = append(names, strings.TrimPrefix(c.CommandPath(), "kitekey "))
		}
		for _, child := range c.Commands() {
			each(child)
		}
	}
	each(newRoot(&app{System: System{Version: "1.2.3"}}, []string{"help"}))
	return names
}
