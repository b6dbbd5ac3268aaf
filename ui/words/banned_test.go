package words_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"kitekey/ui/words/wordstest"
)

const root = "../.."

// Text for people (help, messages and manual pages, which are string literals, the
// screens, and the README) uses kitekey's own words. The list is in wordstest.
func TestWords_NothingPeopleReadUsesABannedWord(t *testing.T) {
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != root && (strings.HasPrefix(name, ".") || strings.HasSuffix(name, "test")) {
				return filepath.SkipDir
			}
			return nil
		}
		switch {
		case strings.HasSuffix(name, "_test.go"):
		case strings.HasSuffix(name, ".go"):
			checkLiterals(t, path)
		case strings.HasSuffix(name, ".golden"), strings.HasSuffix(name, ".md"):
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for i, line := range strings.Split(string(text), "\n") {
				report(t, path, i+1, line)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// checkLiterals checks every string of a Go file except import paths and tags.
func checkLiterals(t *testing.T, path string) {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.Field:
			n.Tag = nil
		case *ast.BasicLit:
			if n.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(n.Value)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(text, " ") { // a single word may be a name in a file
				report(t, path, set.Position(n.Pos()).Line, text)
			}
		}
		return true
	})
}

func report(t *testing.T, path string, line int, text string) {
	t.Helper()
	for _, what := range wordstest.Find(text) {
		t.Errorf("%s:%d: %s", strings.TrimPrefix(path, root+"/"), line, what)
	}
}

// The list finds banned words, and allows other meanings of them.
func TestBannedWords_FindsThemAndNoOthers(t *testing.T) {
	for _, bad := range []string{
		"Keep a key pair for an account", "the pair is stored but not proven", "Drop kept tokens", "3 tokens alive",
		"the former one is kept", "each line with the mend", "take it back in time", "that is no method",
		"for nobody", "is none of these", "deletes the profile", "drop the previous credential", "the credential was not judged",
		"blanks were removed", "taken for the sandbox's", "save it all the same",
	} {
		if len(wordstest.Find(bad)) == 0 {
			t.Errorf("%q is let through", bad)
		}
	}
	for _, good := range []string{
		"keep a token alive", "keep-alive on", "there is no such profile", "it is no longer there", "the previous credential",
		"delete the previous credential", "rotate --drop-previous", "delete it at Kitegateway too", "spare", "the sandbox and its live profile",
	} {
		if found := wordstest.Find(good); len(found) > 0 {
			t.Errorf("%q is not: %v", good, found)
		}
	}
}
