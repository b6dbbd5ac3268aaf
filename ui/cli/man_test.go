package cli

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// roff accepts the page of every command and topic without a warning, and every
// command has an example.
func TestMan_EveryCommandHasAPage(t *testing.T) {
	root := newRoot(&app{System: System{Version: "1.2.3"}}, []string{"help"})
	root.InitDefaultHelpCmd()
	var each func(*cobra.Command)
	each = func(c *cobra.Command) {
		if !hasPage(c) {
			return
		}
		page := manPage(c, "1.2.3")
		if c.Runnable() && (c.Example == "" || c.Long == "") && !c.HasSubCommands() {
			t.Errorf("%s has no example or no description", c.CommandPath())
		}
		if groff, err := exec.LookPath("groff"); err == nil && !testing.Short() {
			cmd := exec.Command(groff, "-man", "-Tutf8", "-ww", "-Kutf8")
			cmd.Stdin = strings.NewReader(page)
			var complaints strings.Builder
			cmd.Stderr = &complaints
			out, err := cmd.Output()
			if err != nil || complaints.Len() > 0 {
				t.Errorf("%s: %v\n%s", c.CommandPath(), err, complaints.String())
			}
			if !strings.Contains(string(out), strings.Fields(c.Short)[0]) {
				t.Errorf("%s: the page is empty:\n%s", c.CommandPath(), out)
			}
		}
		for _, child := range c.Commands() {
			each(child)
		}
	}
	each(root)
	if got, want := roff("-x \\ y\n.TH\n'z"), `\-x \e y`+"\n"+`\&.TH`+"\n"+`\&'z`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := roffText("one\ntwo\n\n  a  b\n  c\n\nthree"), "one\ntwo\n.PP\n.nf\n  a  b\n  c\n.PP\n.fi\nthree\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
