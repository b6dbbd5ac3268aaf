package cli

import (
	"io"
	"slices"
	"strconv"
	"strings"
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

func TestRoot_SuggestsTheFlagThatIsMeant(t *testing.T) {
	for line, want := range map[string]string{
		"token acme --expire 5m":       "token has no flag --expire; did you mean --expires-in?",
		"copy acme --clearafter=5s":    "copy has no flag --clearafter; did you mean --clear-after?",
		"list -json":                   "list has no flag -j; did you mean --json?",
		"source add team --adress x":   "source add has no flag --adress; did you mean --address?",
		"--json list":                  `write it after the command, as in "kitekey token --json"`,
		"list --columns 3":             `list has no flag --columns; see "kitekey list --help"`,
		"list -x":                      `list has no flag -x; see "kitekey list --help"`,
		"add acme --api-secret=hidden": `add has no flag --api-secret; see "kitekey add --help"`,
	} {
		args := strings.Fields(line)
		root := newRoot(&app{}, args)
		root.SetArgs(args)
		if err := root.Execute(); err == nil || !strings.Contains(err.Error(), want) || exitCode(err) != exitUsage {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}

// Without the refusal, "forget acme live" forgot the sandbox's token.
func TestRoot_RefusesAnEnvironmentApartFromItsAccount(t *testing.T) {
	for _, line := range []string{
		"token acme live", "copy acme live", "verify acme LIVE", "forget acme sandbox", "remove acme live",
		"add acme live", "log acme live", "env acme live", "exec acme live -- true", "api acme live /data/wallets/balances",
	} {
		args := strings.Fields(line)
		a := &app{System: System{Stdout: io.Discard, Stderr: io.Discard, Stdin: strings.NewReader("")}}
		root := newRoot(a, args)
		root.SetArgs(args)
		if err := root.Execute(); err == nil || !strings.Contains(err.Error(), slashHint) || exitCode(err) != exitUsage {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestRoot_CompletesFlagsWithoutTheQuotesOfTheHelp(t *testing.T) {
	args := []string{"__complete", "token", "--"}
	root := newRoot(&app{}, args)
	root.SetArgs(args)
	var out strings.Builder
	root.SetOut(&out)
	root.SetErr(io.Discard)
	if err := root.Execute(); err != nil || !strings.Contains(out.String(), "--expires-in\tlife to mint with") || strings.Contains(out.String(), "`") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestRoot_SuggestsTheCommandThatIsMeant(t *testing.T) {
	for typed, want := range map[string]string{
		"mint": "kitekey token", "delete": "kitekey remove", "test": "kitekey verify", "run": "kitekey exec", "backup": "kitekey export",
		"tokn": "kitekey token", "lsit": "kitekey list", "ver": "kitekey verify", "version": "kitekey --version", "acme/live": "kitekey token acme/live",
		"tui": "kitekey --help", "acme": "kitekey --help",
	} {
		root := newRoot(&app{}, []string{typed})
		root.SetArgs([]string{typed})
		if err := root.Execute(); err == nil || !strings.Contains(err.Error(), strconv.Quote(want)) || exitCode(err) != exitUsage {
			t.Errorf("%s: %v, want %s", typed, err, want)
		}
	}
}
