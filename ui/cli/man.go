package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func newMan(a *app) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "man",
		Short: "Write the manual pages",
		Long: `Write the manual pages of kitekey and of each command, for packagers and for
people who like man.`,
		Example: `  kitekey man --dir ~/.local/share/man/man1
  kitekey man | man -l -                   read the first page now`,
		Args:              takes(0, 0, "no arguments"),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().StringVar(&dir, "dir", "", "folder to write all pages into; without it the main page goes to stdout")
	_ = cmd.MarkFlagDirname("dir")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		root := cmd.Root()
		root.DisableAutoGenTag = true // the same pages from the same source
		header := &doc.GenManHeader{Title: "KITEKEY", Section: "1", Source: "kitekey " + a.Version, Manual: "kitekey"}
		if dir == "" {
			return doc.GenMan(root, header, a.Stdout)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return usagef("--dir: %w", err)
		}
		header.Title = ""
		if err := doc.GenManTree(root, header, dir); err != nil {
			return fmt.Errorf("write the manual pages: %w", err)
		}
		pages, _ := filepath.Glob(filepath.Join(dir, "kitekey*.1"))
		a.note("%d pages written to %s", len(pages), dir)
		return nil
	}
	return cmd
}
