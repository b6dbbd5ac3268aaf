package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

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
