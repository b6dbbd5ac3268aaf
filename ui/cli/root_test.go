package cli

import (
	"slices"
	"testing"

	"github.com/spf13/cobra"
)

// help returns the help of a command and its subcommands.
func help(c *cobra.Command) string {
	text := c.UsageString() + c.Long + c.GroupID
	for _, child := range c.Commands() {
		text += help(child)
	}
	return text
}

func TestRoot_MakesOnlyTheCommandThatIsNamed(t *testing.T) {
	all := newRoot(&app{}, []string{"help"}).Commands()
	for _, c := range all {
		if slices.Contains([]string{"man", "completion"}, c.Name()) || c.IsAdditionalHelpTopicCommand() {
			continue // they need the others, or are not commands
		}
		alone := newRoot(&app{}, []string{c.Name(), "x", "--help"}).Commands()
		if len(alone) != 1 || help(alone[0]) != help(c) {
			t.Errorf("%s: %d commands, or another one", c.Name(), len(alone))
		}
	}
	for _, args := range [][]string{nil, {"--version"}} {
		if n := len(newRoot(&app{}, args).Commands()); n > 0 {
			t.Errorf("%q: %d commands", args, n)
		}
	}
	for _, args := range [][]string{{"--version", "token"}, {"--store", "file", "token"}, {"man"}, {"completion", "bash"}, {"__complete", "to"}, {"tokn"}, {"-h"}} {
		if n := len(newRoot(&app{}, args).Commands()); n != len(all) {
			t.Errorf("%q: %d commands of %d", args, n, len(all))
		}
	}
}
