package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

type manOptions struct {
	page *cobra.Command // the command or topic to print, or the root for --dir
	dir  string         // the folder for all pages
}

func newMan(a *app, run func(context.Context, manOptions) error) *cobra.Command {
	var o manOptions
	cmd := &cobra.Command{
		Use:   "man [COMMAND]",
		Short: "Print a manual page, or write all of them",
		Long: `Print the manual page of kitekey, of a command or of a help topic; with --dir write
all of them into a folder, for packagers and for people who like man.`,
		Example: `  kitekey man | man -l -
  kitekey man exec | man -l -
  kitekey man --dir ~/.local/share/man/man1`,
		Args:              argCount(0, -1, "a command"),
		ValidArgsFunction: completePages,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.page = cmd.Root(); len(args) > 0 {
				if o.dir != "" {
					return usagef("--dir writes all pages; it takes no command")
				}
				found, rest, err := o.page.Find(args)
				if err != nil || len(rest) > 0 || !hasPage(found) {
					return usagef(`there is no command %q; "kitekey --help" lists them`, strings.Join(args, " "))
				}
				o.page = found
			}
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&o.dir, "dir", "", "`folder` to write all pages into, as kitekey.1, kitekey-add.1 and so on")
	_ = cmd.MarkFlagDirname("dir")
	return cmd
}

func completePages(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var names []cobra.Completion
	for _, c := range cmd.Root().Commands() {
		if len(args) == 0 && hasPage(c) {
			names = append(names, cobra.CompletionWithDesc(c.Name(), c.Short))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) runMan(_ context.Context, o manOptions) error {
	if o.dir == "" {
		return a.print("%s", manPage(o.page, a.Version))
	}
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return usagef("--dir: %w", err)
	}
	n, err := writePages(o.page, o.dir, a.Version)
	if err != nil {
		return fmt.Errorf("write the manual pages: %w", err)
	}
	a.note("%d pages written to %s", n, o.dir)
	return nil
}

// hasPage reports whether a command has a page: commands that can be run, and
// topics.
func hasPage(c *cobra.Command) bool {
	return !c.Hidden && c.Name() != "help" && (c.IsAvailableCommand() || c.IsAdditionalHelpTopicCommand())
}

func writePages(c *cobra.Command, dir, version string) (n int, err error) {
	file := filepath.Join(dir, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1")
	if err := os.WriteFile(file, []byte(manPage(c, version)), 0o644); err != nil {
		return 0, err
	}
	n = 1
	for _, child := range c.Commands() {
		if hasPage(child) {
			more, err := writePages(child, dir, version)
			if n += more; err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// manPage returns a command's help as roff. cobra/doc does this too, by way of
// Markdown, but its parsers would cost every command half a millisecond at the
// start.
func manPage(c *cobra.Command, version string) string {
	var b strings.Builder
	name := strings.ReplaceAll(c.CommandPath(), " ", "-")
	fmt.Fprintf(&b, ".TH %q \"1\" \"\" %q \"kitekey\"\n", strings.ToUpper(name), "kitekey "+version)
	fmt.Fprintf(&b, ".nh\n.ad l\n.SH NAME\n%s \\- %s\n", roff(name), roff(c.Short))
	if c.Runnable() {
		fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", roff(c.UseLine()))
	}
	b.WriteString(".SH DESCRIPTION\n" + roffText(c.Long))
	roffFlags(&b, "OPTIONS", c.NonInheritedFlags())
	roffFlags(&b, "GLOBAL OPTIONS", c.InheritedFlags())
	if c.Example != "" {
		b.WriteString(".SH EXAMPLES\n.nf\n" + roff(c.Example) + "\n.fi\n")
	}
	var see []string
	if c.HasParent() {
		see = append(see, strings.ReplaceAll(c.Parent().CommandPath(), " ", "-"))
	}
	for _, child := range c.Commands() {
		if hasPage(child) {
			see = append(see, strings.ReplaceAll(child.CommandPath(), " ", "-"))
		}
	}
	b.WriteString(".SH SEE ALSO\n")
	for i, page := range see {
		comma := ","
		if i == len(see)-1 {
			comma = ""
		}
		fmt.Fprintf(&b, ".BR %s (1)%s\n", roff(page), comma)
	}
	return b.String()
}

func roffFlags(b *strings.Builder, heading string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	fmt.Fprintf(b, ".SH %s\n", heading)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		kind, usage := pflag.UnquoteUsage(f)
		line := "--" + f.Name
		if f.Shorthand != "" {
			line = "-" + f.Shorthand + ", " + line
		}
		if kind != "" {
			line += " " + kind
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "-1" {
			usage += " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(line), roff(usage))
	})
}

// roffText writes paragraphs. Indented lines are tables and stay as they are.
func roffText(text string) string {
	var b strings.Builder
	asIs := false
	for line := range strings.Lines(text + "\n") {
		line = strings.TrimRight(line, "\n")
		if indented := strings.HasPrefix(line, " "); line != "" && indented != asIs {
			asIs = indented
			b.WriteString(map[bool]string{true: ".nf\n", false: ".fi\n"}[asIs])
		}
		if line == "" {
			line = ".PP"
		} else {
			line = roff(line)
		}
		b.WriteString(line + "\n")
	}
	if asIs {
		b.WriteString(".fi\n")
	}
	return b.String()
}

// roff escapes backslashes, hyphens that must stay hyphens when they are copied,
// and characters that would begin a request.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
