package cli

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"kitekey/ui/tui"
)

var updateReadme = flag.Bool("update-readme", false, "rewrite the README's tables from the code")

// The README's tables are made from the program's own. To update them:
//
//	go test ./ui/cli -run README -update-readme
func TestREADME_TablesMatchTheCode(t *testing.T) {
	const path = "../../README.md"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	readme := string(raw)
	for name, table := range readmeTables() {
		begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
		before, rest, ok := strings.Cut(readme, begin)
		have, after, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			t.Errorf("the README has no %s…%s", begin, end)
			continue
		}
		if have != table {
			if !*updateReadme {
				t.Errorf("the README's table of %s is not what the code says; run: go test ./ui/cli -run README -update-readme\nwant:\n%s", name, table)
			}
			readme = before + begin + table + end + after
		}
	}
	if *updateReadme {
		if err := os.WriteFile(path, []byte(readme), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func readmeTables() map[string]string {
	var codes, settings, given, commands, keys strings.Builder
	codes.WriteString("| exit | meaning |\n|---|---|\n")
	for _, c := range ExitCodes() {
		fmt.Fprintf(&codes, "| %d | %s |\n", c.Code, c.Meaning)
	}
	variables := func(b *strings.Builder, rows []Variable) {
		b.WriteString("| variable | meaning |\n|---|---|\n")
		for _, v := range rows {
			fmt.Fprintf(b, "| `%s` | %s |\n", strings.ReplaceAll(v.Name, ", ", "`, `"), v.Meaning)
		}
	}
	variables(&settings, Settings())
	variables(&given, ExecVariables())

	root := newRoot(&app{}, []string{"help"})
	commands.WriteString("| command | what it does |\n|---|---|\n| `kitekey` | The screen |\n")
	for _, group := range root.Groups() {
		for _, c := range root.Commands() {
			if c.GroupID == group.ID && c.Name() != "help" {
				fmt.Fprintf(&commands, "| `%s` | %s |\n", strings.ReplaceAll(usageOf(c), "|", `\|`), c.Short)
			}
		}
	}

	keys.WriteString("| key | what it does |\n|---|---|\n")
	for _, k := range tui.Keys() {
		fmt.Fprintf(&keys, "| `%s` | %s |\n", strings.Join(strings.Fields(k.Keys), "` `"), k.Does)
	}
	return map[string]string{
		"commands": commands.String(), "keys": keys.String(), "exit-codes": codes.String(),
		"settings": settings.String(), "given": given.String(),
	}
}

// usageOf returns the command with its arguments, and with its subcommands if it
// has any.
func usageOf(c *cobra.Command) string {
	var names []string
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			names = append(names, sub.Name())
		}
	}
	if len(names) > 0 && !strings.Contains(c.Use, " ") { // a command with arguments does something alone
		return c.CommandPath() + " " + strings.Join(names, "|")
	}
	return strings.TrimSuffix(c.UseLine(), " [flags]")
}
